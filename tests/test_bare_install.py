"""Every module of the package imports where nothing is installed but what `pip install zsad` brings along."""

import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, packages_distributions, requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from zsad.study.project import project_root

IMPORT_ALL = """
import importlib, pkgutil, sys

class Bare:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {refused!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Bare())
for name in ("matplotlib", "IPython", "papermill", "jupytext", "transformers", "pytest"):
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        continue
    sys.exit(f"{{name}} is there")
import zsad
modules = [module.name for module in pkgutil.walk_packages(zsad.__path__, "zsad.")]
for name in modules:
    importlib.import_module(name)
print(len(modules))
"""


def installed_with(requirements: list[str]) -> set[str]:
    """Canonical names of the distributions that some requirements bring along, themselves included."""
    found: set[tuple[str, str]] = set()
    waiting = [(requirement, "") for requirement in requirements]
    while waiting:
        text, extra = waiting.pop()
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        for wanted in {"", *requirement.extras}:
            name = (canonicalize_name(requirement.name), wanted)
            if name not in found:
                found.add(name)
                try:
                    waiting += [(needed, wanted) for needed in requires(requirement.name) or []]
                except PackageNotFoundError:
                    continue  # of another platform
    return {name for name, _ in found}


def test_every_module_imports_without_the_extras():
    project = tomllib.loads((project_root() / "pyproject.toml").read_text())["project"]
    core = installed_with(project["dependencies"])
    refused = {
        module
        for module, distributions in packages_distributions().items()
        if not {canonicalize_name(name) for name in distributions} & core and not module.startswith(("_", "zsad"))
    }
    code = IMPORT_ALL.format(refused=refused)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=project_root())
    assert run.returncode == 0, run.stderr[-2000:]
    assert int(run.stdout) > 100
