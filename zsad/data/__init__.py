"""Data sets of product images: one `Sample` type, one `load_dataset`, one reader a layout.

Each name is imported when it is first used: what a suite consists of can be asked without the tensors of its images.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zsad.data.batch import stack
    from zsad.data.decode import ImageError
    from zsad.data.image import read_image
    from zsad.data.load import READERS, SPLITS, list_categories, load_dataset
    from zsad.data.mask import read_mask
    from zsad.data.sample import Dataset, Entry, Sample

_HOME = {
    "stack": "batch",
    "ImageError": "decode",
    "read_image": "image",
    **dict.fromkeys(("READERS", "SPLITS", "list_categories", "load_dataset"), "load"),
    "read_mask": "mask",
    **dict.fromkeys(("Dataset", "Entry", "Sample"), "sample"),
}

__all__ = [
    "READERS",
    "SPLITS",
    "Dataset",
    "Entry",
    "ImageError",
    "Sample",
    "list_categories",
    "load_dataset",
    "read_image",
    "read_mask",
    "stack",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"zsad.data.{_HOME[name]}"), name)
    raise AttributeError(f"module 'zsad.data' has no attribute {name!r}")
