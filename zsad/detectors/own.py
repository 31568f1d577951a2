"""Detectors of one's own: a class in any module that Python can import, named `module:Class`."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_type_hints

from zsad.detectors.base import Detector

FORM = "module:Class, such as my_detector:MyDetector"


@dataclasses.dataclass(frozen=True)
class NoOptions:
    """Of a class whose constructor takes the backbone alone."""


def is_own(name: str) -> bool:
    """Whether a name is that of a class, and none of `zsad.detectors.DETECTORS`."""
    return ":" in name


def find_class(name: str) -> tuple[Any, Any]:
    """The class that `module:Class` names, and the dataclass of its options: what the parameter `options` of its
    constructor is annotated with.

    The module is looked for where Python looks, and in the working directory.

    Raises:
        ValueError: no such module or class, a module that cannot be imported, or a class that is built otherwise; the
            message says what is expected.
    """
    module_name, _, class_name = name.partition(":")
    if not all(part.isidentifier() for part in [*module_name.split("."), class_name]):
        raise ValueError(f"detector {name!r} is not {FORM}")
    with _working_directory():
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name is None or not module_name.startswith(error.name):
                raise ValueError(f"detector {name!r}: its module needs {error.name}, which is not installed") from None
            raise ValueError(
                f"detector {name!r}: no module {module_name} in {Path.cwd()}, beside the study's file or where Python "
                "looks; start where it lies, or put its folder into PYTHONPATH"
            ) from None
        except Exception as error:
            raise ValueError(
                f"detector {name!r}: its module cannot be imported: {type(error).__name__}: {error}"
            ) from error
    found = getattr(module, class_name, None)
    if not inspect.isclass(found):
        classes = [n for n, thing in vars(module).items() if inspect.isclass(thing) and thing.__module__ == module_name]
        raise ValueError(f"detector {name!r}: {module_name} has no such class; it has {', '.join(classes) or 'none'}")
    return found, _options_class(name, found)


def check_fits(detector: Any, name: str) -> None:
    """Raise a ValueError that names what a detector in hand lacks (see `zsad.detectors.base.Detector`)."""
    needed = ("name", "league", "options", "fingerprint", "predict")
    lacking = [attribute for attribute in needed if not hasattr(detector, attribute)]
    if lacking or not isinstance(detector, Detector):
        raise ValueError(f"detector {name!r} lacks {', '.join(lacking)}; a detector has {', '.join(needed)}")


def _options_class(name: str, found: type) -> Any:
    parameters = [*inspect.signature(found).parameters.values()]
    if not parameters:
        raise ValueError(f"detector {name!r}: its constructor must take a backbone, and may take options")
    if "options" not in [parameter.name for parameter in parameters]:
        return NoOptions
    try:
        hint = get_type_hints(found.__init__).get("options")  # type: ignore[misc]
    except NameError as error:
        raise ValueError(f"detector {name!r}: the type of its options cannot be found: {error}") from None
    kinds = [kind for kind in getattr(hint, "__args__", (hint,)) if dataclasses.is_dataclass(kind)]
    if not kinds:
        raise ValueError(f"detector {name!r}: the parameter options of its constructor needs a dataclass as its type")
    return kinds[0]


@contextmanager
def _working_directory() -> Iterator[None]:
    """The module is found as by `python`, where the command `zsad` is run too."""
    here = str(Path.cwd())
    if here in sys.path or "" in sys.path:
        yield
        return
    sys.path.append(here)
    try:
        yield
    finally:
        sys.path.remove(here)
