"""Fingerprints of the code that can touch a result, room by room, read from the sources without importing them.

A result depends on the modules that are reached, import after import, from where its computing begins. A name that a
package only hands on leads to the module that defines it, so that a package does not drag in all that it holds; a new
detector is then nobody's code but its own. Hashed is what Python reads: comments, docstrings and layout are left out.
Code that was written anew and seen to compute the same keeps the fingerprint it had (`zsad.study.rewritten`).
"""

import ast
import hashlib
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from zsad.study.rewritten import rewritten

PACKAGE = Path(__file__).parents[1]
# Packages whose code is followed: this one and, beside it in a checkout, the book's tools.
OWN = ("zsad", "book")

# Where the computing of every cell begins, besides its detector: images, texts, and evaluating. Readers and whatever
# loads weights are not among them: what they hand out is fingerprinted itself, as data and as weights.
_GIVEN = ("zsad.data.sample", "zsad.clip.tokenizer")
_ROOTS = ("zsad.study.evaluate", *_GIVEN)
# Not followed: doors that know things by name (who wants one names it himself), what draws the demo suites (their
# images are data), what writes files, what is refused and how errors are worded, and leagues and the
# rest of the study, whose part in a result is the cell's spec.
_DOORS = ("zsad.detectors", "zsad.clip.zoo", "zsad.mae.zoo", "zsad.data.load")
_WRITERS = ("zsad.progress", "zsad.files", "zsad.data.demo")
_APART = (*_WRITERS, "zsad.detectors.given", "zsad.leagues", "zsad.limits", "zsad.study", "zsad.wording")
# The code of a defence, which counts where a cell has one, with all that it leads to.
_DEFENCE = "zsad.detectors.defence"
# Modules that act under some shifts only: what they lead to is left out under any other.
ONLY_UNDER = {
    "zsad.perturb.semantic": ("uniform", "worst"),
    "zsad.perturb.rotation": ("uniform", "worst"),
    "zsad.perturb.light": ("uniform",),
    "zsad.robustness.corruption": ("corruption",),
    "zsad.robustness.search_space": ("worst",),
    "zsad.robustness.worst_case": ("worst",),
}


@cache
def cell_code(detector: str, kind: str, defended: bool = False, package: Path = PACKAGE) -> dict[str, str]:
    """Room -> SHA-256 (hex) of the code there that can touch a cell of a detector, which may be `defended`, under a
    kind of shift.

    Of a detector of one's own, `module:Class`, the room "own" is that of its module and of those beside it that it
    imports. Any other that the package does not have answers for its code with its own fingerprint.
    """
    return by_room(cell_modules(detector, kind, defended, package), package) | _own_room(detector)


def cell_modules(detector: str, kind: str, defended: bool = False, package: Path = PACKAGE) -> set[str]:
    """The modules that `cell_code` hashes."""
    elsewhere = tuple(module for module, kinds in ONLY_UNDER.items() if kind not in kinds)
    found = reached((*_ROOTS, *detector_modules(detector, package)), (*_DOORS, *_APART, *elsewhere), package)
    return found | (reached((_DEFENCE,), (*_DOORS, *_APART), package) if defended else set())


def function_code(*modules: str, apart: Iterable[str] = ()) -> dict[str, str]:
    """Room -> SHA-256 (hex) of the code there that can touch what functions of some modules compute; those that the
    caller knows to stand `apart` are left out.

    A module of another package answers as that of a detector of one's own does (`cell_code`).
    """
    here = [module for module in modules if _file(module, PACKAGE)]
    elsewhere = [f"{module}:" for module in modules if module not in here]
    roots = {*here, *_GIVEN, *(taken for name in elsewhere for taken in detector_modules(name))}
    return by_room(reached(roots, (*_DOORS, *_WRITERS, *apart))) | _own_room(*elsewhere)


def manifest_code(of_cells: Iterable[tuple[str, str, bool]]) -> str:
    """SHA-256 (hex) over the code of some cells (detector, kind of shift, whether it is defended), and over what the
    study itself does with them."""
    running = by_room(reached(("zsad.study.run",), _DOORS))["study"]
    cells = [sorted(cell_code(*cell).items()) for cell in sorted(set(of_cells))]
    return hashlib.sha256(repr([running, cells]).encode()).hexdigest()


def imported_code(source: Path) -> str:
    """SHA-256 (hex) over the modules of the package that a Python source imports, directly or not; not over itself."""
    return module_code(*_taken(ast.parse(source.read_bytes(), str(source)), PACKAGE))


def module_code(*modules: str) -> str:
    """SHA-256 (hex) over some modules and what they import, directly or not."""
    return hashlib.sha256(repr(by_room(reached(modules, _DOORS))).encode()).hexdigest()


def reached(roots: Iterable[str], cut: Iterable[str] = (), package: Path = PACKAGE) -> set[str]:
    """The modules of the package that `roots` import, directly or not, and they themselves.

    `cut` are not followed, nor what lies in them where they are packages; doors are cut alone.
    """
    cut, found, waiting = tuple(cut), set[str](), list(roots)
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += [name for name in _imports(module, package) if not _is_cut(name, cut)]
    return found


def by_room(modules: Iterable[str], package: Path = PACKAGE) -> dict[str, str]:
    """Room (a folder of the package) -> SHA-256 (hex) of its share of some modules."""
    digests: dict[str, Any] = {}
    for module in sorted(modules):
        first, _, rest = module.partition(".")
        room = rest.partition(".")[0] if first == "zsad" and rest else first
        digests.setdefault(room, hashlib.sha256()).update(f"{module} {_digest(module, package)}\n".encode())
    return {room: digest.hexdigest() for room, digest in digests.items()}


def detector_modules(name: str, package: Path = PACKAGE) -> set[str]:
    """The modules that define what `zsad.detectors.DETECTORS` holds under a name, or that the module of
    `module:Class` takes from the package; none for an unknown one.
    """
    door = "zsad.detectors"
    if ":" in name:
        return {home for path in own_sources(name).values() for home in _taken(ast.parse(path.read_bytes()), package)}
    for node in ast.walk(_tree(door, package)):
        for key, value in zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ():
            if isinstance(key, ast.Constant) and key.value == name:
                names = [part.id for part in ast.walk(value) if isinstance(part, ast.Name)]
                return {_home(door, part, package) for part in names}
    return set()


def own_sources(name: str) -> dict[str, Path]:
    """Module -> source, of the module of `module:Class` and of the modules beside it, or in its package, that it
    imports; empty where there is none. Nothing is imported.
    """
    first = name.partition(":")[0]
    root = next((Path(p) for p in (*sys.path, ".") if _source_in(Path(p), first)), None)
    if root is None:
        return {}
    installed = root.name in ("site-packages", "dist-packages")  # beside it lies everything
    found, waiting = dict[str, Path](), [first]
    while waiting:
        module = waiting.pop()
        path = _source_in(root, module)
        if path is None or module in found or (installed and module.split(".")[0] != first.split(".")[0]):
            continue
        found[module] = path
        for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
            waiting += _named_by(node, module if path.name == "__init__.py" else module.rpartition(".")[0])
    return found


def _named_by(node: ast.AST, package: str) -> list[str]:
    """The modules that an import may lead to, in a module of `package`."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    above = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
    module = ".".join(filter(None, [above, node.module]))
    return [module, *(f"{module}.{alias.name}" for alias in node.names)]


def _source_in(root: Path, module: str) -> Path | None:
    parts = module.split(".")
    if not all(part.isidentifier() for part in parts) or parts[0] in OWN:
        return None
    path = root.joinpath(*parts)
    return next((p for p in (path / "__init__.py", path.with_suffix(".py")) if p.is_file()), None)


def _own_room(*detectors: str) -> dict[str, str]:
    sources = {name: path for own in detectors if ":" in own for name, path in own_sources(own).items()}
    said = "".join(f"{module} {_source_digest(path.read_bytes())}\n" for module, path in sorted(sources.items()))
    return {"own": hashlib.sha256(said.encode()).hexdigest()} if sources else {}


def _is_cut(module: str, cut: tuple[str, ...]) -> bool:
    return any(module == name or (name not in _DOORS and module.startswith(f"{name}.")) for name in cut)


@cache
def _imports(module: str, package: Path) -> frozenset[str]:
    return frozenset(_taken(_tree(module, package), package) - {module})


def _taken(tree: ast.Module, package: Path) -> set[str]:
    """The modules of the package that a source takes something from, wherever in it."""
    found, packages = set[str](), dict[str, str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if _file(alias.name, package)}
        elif isinstance(node, ast.ImportFrom) and node.module and _file(node.module, package):
            for alias in node.names:
                home = _home(node.module, alias.name, package)
                if _is_package(home, package):
                    packages[alias.asname or alias.name] = home
                else:
                    found.add(home)
    used: dict[str, set[str]] = {name: set() for name in packages}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in packages:
            used[node.value.id].add(node.attr)
    for name, attributes in used.items():
        found |= {_home(packages[name], attribute, package) for attribute in attributes} or {packages[name]}
    return found


def _home(module: str, name: str, package: Path) -> str:
    """The module that defines what `from module import name` gives."""
    if _file(f"{module}.{name}", package):
        return f"{module}.{name}"
    if _is_package(module, package):
        for node in ast.walk(_tree(module, package)):
            if isinstance(node, ast.ImportFrom) and node.module and _file(node.module, package):
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return _home(node.module, alias.name, package)
    return module


def _file(module: str, package: Path) -> Path | None:
    """The source of a module; None for one that the package does not have."""
    first, *rest = module.split(".")
    path = (package if first == "zsad" else package.parent / first).joinpath(*rest)
    if first not in OWN:
        return None
    return next((p for p in (path / "__init__.py", path.with_suffix(".py")) if p.is_file()), None)


def _is_package(module: str, package: Path) -> bool:
    path = _file(module, package)
    return path is not None and path.name == "__init__.py"


@cache
def _tree(module: str, package: Path) -> ast.Module:
    path = _file(module, package)
    if path is None:
        raise FileNotFoundError(f"the source of {module} is not in {package}: reinstall the package")
    return ast.parse(path.read_bytes(), str(path))


@cache
def _source_digest(source: bytes) -> str:
    return hashlib.sha256(repr(_plain(ast.parse(source))).encode()).hexdigest()


def _digest(module: str, package: Path) -> str:
    """Of the code that a module stands for: its own, unless it was written anew (`zsad.study.rewritten`)."""
    own = digest_of(module, package)
    row = rewritten(package).get((module, own))
    return own if row is None else row.same_as


@cache
def digest_of(module: str, package: Path = PACKAGE) -> str:
    """SHA-256 (hex) of a module's code, as it is written."""
    return hashlib.sha256(repr(_plain(_tree(module, package))).encode()).hexdigest()


def _plain(node: object) -> object:
    """A parsed node without what computes nothing: places, docstrings, and fields that only some Pythons have."""
    if isinstance(node, list):
        return [_plain(item) for item in node if not _is_text(item)]
    if isinstance(node, ast.AST):
        fields = {name: value for name, value in ast.iter_fields(node) if value is not None and value != []}
        return (type(node).__name__, {name: _plain(value) for name, value in fields.items()})
    return node


def _is_text(node: object) -> bool:
    """A statement that is a string alone."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
