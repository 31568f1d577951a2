"""Studies: what is evaluated, evaluating it, and the records of it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from zsad.study.config import Study
from zsad.study.load import load_study
from zsad.study.shifts import StudyError

if TYPE_CHECKING:
    from zsad.study.manifest import load_records
    from zsad.study.run import compute

__all__ = ["Study", "StudyError", "compute", "load_records", "load_study"]

_HOME = {"compute": "zsad.study.run", "load_records": "zsad.study.manifest"}


def __getattr__(name: str) -> Any:
    """Evaluating imports the models; reading a study does not."""
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'zsad.study' has no attribute {name!r}")
