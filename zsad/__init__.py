"""How far can CLIP-based zero-shot anomaly detection be trusted when the image changes?

The names below are the whole public surface; each is imported when first used, so that `import zsad` is instant.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from zsad import data, metrics, perturb, robustness, study
    from zsad.clip import Backbone, load_backbone
    from zsad.data import Dataset, Sample, load_dataset
    from zsad.detectors import Prediction, load_detector

_HOME = {
    "Dataset": "zsad.data",
    "Sample": "zsad.data",
    "load_dataset": "zsad.data",
    "Backbone": "zsad.clip",
    "load_backbone": "zsad.clip",
    "Prediction": "zsad.detectors",
    "load_detector": "zsad.detectors",
}
_MODULES = ("data", "metrics", "perturb", "robustness", "study")

__all__ = [
    "Backbone",
    "Dataset",
    "Prediction",
    "Sample",
    "__version__",
    "data",
    "load_backbone",
    "load_dataset",
    "load_detector",
    "metrics",
    "perturb",
    "robustness",
    "study",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"zsad.{name}")
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'zsad' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted(__all__)
