"""Reads a study from its YAML file, by name or by path; every error names the file, the field and the choices."""

import os
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from zsad.paths import OPTION_FOLDERS, expanded, given_in
from zsad.study.checks import check_backbones
from zsad.study.checks import check_models as check_study_models
from zsad.study.config import ROOTS, Study, readable
from zsad.study.overrides import name_given
from zsad.study.own import backbones_from, find_modules
from zsad.study.project import project, project_root
from zsad.study.shifts import StudyError
from zsad.study.shipped import studies_folder
from zsad.study.strict_yaml import DuplicateKeyError, load_yaml

# Options of detectors that name a part which ships, or are the path of a file that ends so.
OPTION_FILES = {"trained_on": (".safetensors", ".pth"), "head": (".safetensors",)}


def load_study(name_or_path: str | Path | int | float, check_models: bool = True) -> Study:
    """Read a study by name (`study/<name>.yaml` of the project or one of the package's) or from a YAML file.

    `check_models=False` leaves the names of detectors and backbones, and the detectors' options, unchecked, which
    spares some seconds of imports.

    It is called as its file says, by default as the file: by that name its results are found, and kept. A file that
    lies elsewhere is no study of the project, and one that is called like one of those is called `own-<name>`.

    Relative paths in a file of the project or the package start at the project's root, in any other file at the folder
    it lies in.

    Raises FileNotFoundError (naming the studies that exist) and StudyError (naming file, field and known choices).
    """
    path = expanded(name_given("study", name_or_path, list) if not isinstance(name_or_path, Path) else name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        folders, found = _folders(), _known(str(name_or_path))
        if found is None:
            places = " or ".join(map(str, folders))
            known = ", ".join(sorted({p.stem for folder in folders for p in folder.glob("*.yaml")})) or "none"
            raise FileNotFoundError(f"no study {str(name_or_path)!r} in {places}; known: {known}")
        path = found
    if path.is_dir():
        raise StudyError(f"{path}: a folder, but a study is a YAML file")
    if not path.is_file():
        raise FileNotFoundError(f"no study file {path}")
    try:
        content = load_yaml(path.read_text(encoding="utf-8"))
    except DuplicateKeyError as error:
        raise StudyError(f"{path}: {error}") from None
    except yaml.YAMLError as error:
        raise StudyError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    except UnicodeDecodeError:
        raise StudyError(f"{path}: not a text file in UTF-8, as YAML is") from None
    if not isinstance(content, dict):
        raise StudyError(f"{path}: expected a mapping of fields, found {type(content).__name__}")
    folder = Path(os.path.abspath(path)).parent  # unlike Path.absolute, without `..`, and unlike resolve, with links
    find_modules(folder, content)
    try:
        study = Study.model_validate({"name": path.stem, **_from(folder, content)})
        if check_models:
            check_study_models(study)
            check_backbones(study)
    except ValidationError as error:
        raise StudyError(f"{path}: {readable(error)}") from None
    except StudyError as error:
        raise StudyError(f"{path}: {error}") from None
    return study.model_copy(update={"name": _own_name(study.name, path)})


def _own_name(name: str, path: Path) -> str:
    """What a study is called whose file lies at `path`: not like one of the project or the package, unless it is, nor
    like a folder of the project's results that is of no study.
    """
    while _is_taken(name, path):
        name = f"own-{name}"
    return name


def _is_taken(name: str, path: Path) -> bool:
    if (known := _known(name)) is not None:
        return known.resolve() != path.resolve()
    results = project_root() / "results" / name
    return results.is_dir() and not (results / "provenance.json").is_file()


def _known(name: str) -> Path | None:
    """The file of a study that may be named without a path."""
    return next((path for folder in _folders() if (path := folder / f"{name}.yaml").is_file()), None)


def _folders() -> list[Path]:
    """Where studies lie that are named without a path."""
    return list(dict.fromkeys((project_root() / "study", studies_folder())))


def _from(folder: Path, content: dict[str, Any]) -> dict[str, Any]:
    """A file's fields with their relative paths from where the file lies; in the project or the package, from the
    project's root."""
    root = project()
    of_project = root is not None and folder.resolve().is_relative_to(root)
    start = project_root() if of_project or folder == studies_folder() else folder
    roots: dict[str, Any] = {
        field: start / expanded(content[field]) for field in ROOTS if isinstance(content.get(field), str)
    }
    detectors = content.get("detectors")
    if isinstance(detectors, list):
        roots["detectors"] = [_detector_from(start, d) if isinstance(d, dict) else d for d in detectors]
    return {**content, **roots, **backbones_from(start, content)}


def _detector_from(folder: Path, detector: dict[str, Any]) -> dict[str, Any]:
    found = dict(detector)
    if isinstance(found.get("options"), dict):
        found["options"] = _options_from(folder, found["options"])
    if isinstance(found.get("suite_options"), dict):
        found["suite_options"] = {
            suite: _options_from(folder, own) if isinstance(own, dict) else own
            for suite, own in found["suite_options"].items()
        }
    return found


def _options_from(folder: Path, options: dict[str, Any]) -> dict[str, Any]:
    paths = {
        name: str(given_in(value, folder))
        for name, value in options.items()
        if isinstance(value, str) and (name in OPTION_FOLDERS or value.lower().endswith(OPTION_FILES.get(name, ())))
    }
    return {**options, **paths}
