"""The project's own files agree with each other, and the rooms of the package depend on each other one way."""

import ast
import re
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import yaml
from longest import LONGEST
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import zsad

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements.lock").read_text()

# What each room may import besides itself: only rooms that stand above it.
# What every room may use, and which uses nothing of the project.
COMMON = {"devices", "files", "leagues", "limits", "optional", "paths", "progress", "wording"}
_STUDY = {"data", "clip", "mae", "perturb", "metrics", "tiling", "detectors", "robustness"}
MAY_IMPORT: dict[str, set[str]] = {
    **{room: set() for room in COMMON},
    "optional": {"wording"},
    **dict.fromkeys(("data", "clip", "perturb", "metrics", "arguments", "heatmap"), COMMON),
    "tiling": COMMON | {"clip"},
    "mae": COMMON | {"clip"},
    "detectors": COMMON | {"clip", "mae", "perturb", "tiling"},
    "robustness": COMMON | {"clip", "data", "perturb", "metrics", "detectors"},
    "auxiliary": COMMON | {"clip", "data", "detectors"},
    "image_files": COMMON | {"data"},
    "predict": COMMON | {"data", "detectors", "heatmap", "image_files", "robustness"},
    "study": COMMON | _STUDY,
    "analysis": COMMON | {"metrics", "study"},
    "book": COMMON | _STUDY | {"study", "analysis"},
    "commands": COMMON
    | {"arguments", "auxiliary", "clip", "data", "detectors", "image_files", "perturb"}
    | {"predict", "robustness", "study"},
    "cli": {"commands", "progress", "wording"},
}


def locked() -> dict[str, str]:
    """Package names of the lock with their versions."""
    return {canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==(\S+)", LOCK, re.MULTILINE)}


def declared() -> list[Requirement]:
    groups = [PYPROJECT["dependencies"], *PYPROJECT["optional-dependencies"].values()]
    return [Requirement(text) for group in groups for text in group]


@pytest.mark.parametrize("requirement", declared(), ids=str)
def test_lock_satisfies_what_the_project_declares(requirement):
    version = locked()[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(version, prereleases=True)


def test_every_locked_package_has_a_hash():
    for package in re.split(r"^(?=\S+==)", LOCK, flags=re.MULTILINE)[1:]:
        assert "--hash=sha256:" in package, package.splitlines()[0]


def test_lock_names_no_host_or_index():
    assert re.findall(r"\S*://\S*|^\s*-\S*(?:index|find-links)\S*", LOCK, re.MULTILINE) == []


def test_environment_yml_agrees_with_the_project():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["name"] == PYPROJECT["name"]
    python, pip, from_pip = environment["dependencies"]
    assert SpecifierSet(python.removeprefix("python ")) == SpecifierSet(PYPROJECT["requires-python"])
    assert pip == "pip"
    assert from_pip == {"pip": ["-r requirements.lock"]}


def pythons() -> list[str]:
    """Those that the classifiers name."""
    return [text.rpartition(" ")[2] for text in PYPROJECT["classifiers"] if "Python :: 3." in text]


def test_one_range_of_pythons_everywhere():
    range_ = SpecifierSet(PYPROJECT["requires-python"])
    assert [f"3.{minor}" for minor in range(30) if range_.contains(f"3.{minor}.5")] == pythons()
    assert workflow("ci")["jobs"]["pythons"]["strategy"]["matrix"]["python"] == pythons()
    setup = (ROOT / "tools/setup.sh").read_text()
    least, past = re.search(r"not \(3, (\d+)\) <= .+ < \(3, (\d+)\)", setup).groups()
    assert [f"3.{minor}" for minor in range(int(least), int(past))] == pythons()
    names = re.search(r"PYTHON:-(.+?)\}", setup)[1].split()
    assert {name.removeprefix("python") for name in names} == {*pythons(), "3", ""}


def workflow(name: str) -> dict:
    # BaseLoader: "on" is a word there, and 3.10 no number.
    return yaml.load((ROOT / f".github/workflows/{name}.yml").read_text(), yaml.BaseLoader)


def steps(job: dict) -> list[str]:
    """The commands of a job."""
    return [step["run"] for step in job["steps"] if "run" in step]


def test_a_public_host_runs_what_ci_runs():
    lines = [line.strip() for line in (ROOT / ".ci/run").read_text().splitlines()]
    ours = [line.replace("$pytest_args", "") for line in lines if line.startswith("make ")]
    assert ours[0] == "make lint"
    assert ours[-1].startswith("make test")
    assert steps(workflow("ci")["jobs"]["everything"]) == ours, "real data are on no public host"
    assert steps(workflow("ci")["jobs"]["pythons"])[0] == "make setup"


def test_a_release_is_tried_out_as_a_wheel_before_it_is_published_without_a_token():
    release = workflow("release")
    build, publish = release["jobs"]["build"], release["jobs"]["publish"]
    tried, built = (next(i for i, s in enumerate(steps(build)) if part in s) for part in ("test_wheel.py", "uv build"))
    assert tried < built
    assert publish["needs"] == "build"
    assert publish["permissions"] == {"id-token": "write"}
    assert "secrets." not in (ROOT / ".github/workflows/release.yml").read_text()
    assert release["env"]["PROJECT_URL"], "setup.py puts it into the metadata"


def test_one_version_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {zsad.__version__, citation["version"]} == {PYPROJECT["version"]}
    assert citation["license"] == PYPROJECT["license"]
    assert f"## {zsad.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def documents() -> list[Path]:
    return [*ROOT.glob("*.md"), *(ROOT / "book").rglob("*.md"), *(ROOT / "training").glob("*.md")]


def commands(document: Path, program: str) -> list[str]:
    """First words after a program's name where a document shows it as code."""
    text = document.read_text()
    code = [*re.findall(r"```\w*\n(.*?)```", text, re.DOTALL), *re.findall(r"`([^`\n]+)`", text)]
    return [word for piece in code for word in re.findall(rf"^{program} ([a-z][a-z-]*)", piece, re.MULTILINE)]


def test_documented_make_targets_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    used = {(path.name, target) for path in documents() for target in commands(path, "make")}
    assert {target for _, target in used} >= {"book", "test", "lint"}
    assert {(name, target) for name, target in used if target not in targets} == set()


def test_documented_zsad_commands_exist():
    sources = "".join(path.read_text() for path in sorted((ROOT / "zsad/commands").glob("*.py")))
    known = set(re.findall(r'add_parser\(\s*"([a-z-]+)"', sources))
    used = {(path.name, command) for path in documents() for command in commands(path, "zsad")}
    assert used
    assert {(name, command) for name, command in used if command not in known} == set()


def test_files_that_documents_link_to_exist():
    for path in ROOT.glob("*.md"):
        for link in re.findall(r"\]\((?!\w+:|#)([^)#]+)", path.read_text()):
            assert (path.parent / link).exists(), f"{path.name} links to {link}"


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for folder in ("zsad", "book/tools") for path in (ROOT / folder).rglob("*.py")}


def imports_of(module: str) -> set[str]:
    """The package's modules that a module imports anywhere, functions included; the root counts for nothing."""
    found = set()
    for node in run_time_nodes(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else str(node.module) for name in names}
    return {name for name in found if name in MODULES} - {"zsad", module}


def run_time_nodes(node: ast.AST):
    """All nodes but those below `if TYPE_CHECKING`."""
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from run_time_nodes(child)


def room(module: str) -> str:
    first, second = module.split(".")[:2]
    return second if first == "zsad" else first


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"zsad"}))
def test_rooms_depend_one_way(module):
    used = {room(name) for name in imports_of(module)} - {room(module)}
    assert used <= MAY_IMPORT[room(module)], f"{module} imports {sorted(used - MAY_IMPORT[room(module)])}"


def test_no_import_cycles():
    graph = {module: imports_of(module) for module in MODULES}
    assert len(list(TopologicalSorter(graph).static_order())) == len(MODULES)


def test_public_names_exist():
    for name in zsad.__all__:
        assert getattr(zsad, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'; it has "):
        _ = zsad.nothing


def test_files_that_start_first_are_there():
    there = [path.name for folder in ("test_*.py", "*.ipynb") for path in (ROOT / "tests").rglob(folder)]
    assert {name for name in LONGEST if there.count(name) != 1} == set()


def test_no_two_test_files_have_one_name():
    """Pytest imports each by its name alone, so that a run of both would collect neither."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
