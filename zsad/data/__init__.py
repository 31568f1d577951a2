"""Data sets of product images: one `Sample` type, one `load_dataset`, one reader a layout."""

from zsad.data.batch import stack
from zsad.data.decode import ImageError
from zsad.data.image import read_image
from zsad.data.load import READERS, SPLITS, list_categories, load_dataset
from zsad.data.mask import read_mask
from zsad.data.sample import Dataset, Entry, Sample

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
