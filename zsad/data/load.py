"""`load_dataset`: the one door to every reader."""

import logging
from pathlib import Path

from zsad.data import folder, mvtec_ad, visa
from zsad.data.counts import TEST_COUNTS
from zsad.data.demo.write import STAMP
from zsad.data.files import existing_root
from zsad.data.sample import Dataset

READERS = ("mvtec_ad", "visa", "folder")
SPLITS = ("train", "test")

logger = logging.getLogger(__name__)


def load_dataset(name: str, root: str | Path, *, category: str, split: str = "test") -> Dataset:
    """Finds one category's pictures of one split; pictures are decoded when they are asked for.

    Args:
        name: the reader: "mvtec_ad", "visa" (both of its layouts) or "folder" (see `zsad.data.folder.find`).
        root: the folder that holds the data set: its categories, or, for "folder", the pictures themselves.
        category: the category's folder name; for "folder", any words for the product, such as "metal nut".
        split: "test" or "train"; "folder" has only "test".

    Raises:
        ValueError: unknown reader, category or split, an empty split or a folder in another layout.
        FileNotFoundError: the root, a picture or an anomalous picture's mask is missing.
    """
    if name not in READERS:
        raise ValueError(f"unknown reader {name!r}; known: {', '.join(READERS)}.")
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}; known: {', '.join(SPLITS)}.")
    root = existing_root(root)
    if not category.strip():
        raise ValueError("category is empty; it names the product, and the prompts are made of it.")
    if name == "folder":
        if split != "test":
            raise ValueError(f"the reader 'folder' has no split {split!r}: all of {root} is the test split.")
        entries = folder.find(root)
    else:
        entries = (mvtec_ad if name == "mvtec_ad" else visa).find(root, category, split)
    dataset = Dataset(name, root, category, split, entries)
    _warn_of_other_counts(dataset)
    return dataset


def list_categories(name: str, root: str | Path) -> list[str]:
    """The categories below a data set's root, sorted; the reader "folder" has none of its own.

    Raises:
        ValueError: unknown reader, or one without categories.
        FileNotFoundError: there is no such root.
    """
    readers = {"mvtec_ad": mvtec_ad, "visa": visa}
    if name not in readers:
        raise ValueError(f"no categories to list for the reader {name!r}; it must be one of: {', '.join(readers)}.")
    return readers[name].categories(existing_root(root))


def _warn_of_other_counts(dataset: Dataset) -> None:
    """Incomplete and altered copies circulate; their results cannot be compared with published ones."""
    if (dataset.root / STAMP).exists():  # a demo suite may share the name of a category
        return
    expected = TEST_COUNTS.get(dataset.reader, {}).get(dataset.category)
    found = (dataset.labels.count(False), dataset.labels.count(True))
    if dataset.split == "test" and expected is not None and found != expected:
        logger.warning(
            "%s: the test split of %r has %d normal and %d anomalous pictures, the published data set %d and %d; "
            "results cannot be compared with published ones.",
            *(dataset.root, dataset.category, *found, *expected),
        )
