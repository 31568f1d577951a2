"""`load_dataset`: the one door to every reader."""

import logging
from pathlib import Path

from zsad.data import aebad, folder, mvtec_ad, visa
from zsad.data.counts import TEST_COUNTS
from zsad.data.demo.stamp import STAMP
from zsad.data.files import existing_root
from zsad.data.sample import Dataset

WITH_CATEGORIES = {"mvtec_ad": mvtec_ad, "visa": visa, "aebad": aebad}
READERS = (*WITH_CATEGORIES, "folder")
SPLITS = ("train", "test")

logger = logging.getLogger(__name__)


def load_dataset(
    name: str, root: str | Path, *, category: str, split: str = "test", domain: str | None = None
) -> Dataset:
    """Finds one category's images of one split; images are decoded when they are asked for.

    Args:
        name: the reader: "mvtec_ad", "visa" (both of its layouts), "aebad" (AeBAD-S) or "folder" (see
            `zsad.data.folder.find`).
        root: the folder that holds the data set: its categories, or, for "folder", the images themselves.
        category: the category's folder name; for "folder", any words for the product, such as "metal nut".
        split: "test" or "train"; "folder" has only "test".
        domain: only the images of this domain (of "aebad"; see `Dataset.domains`); by default those of all.

    Raises:
        ValueError: unknown reader, category, split or domain, an empty split or a folder in another layout.
        FileNotFoundError: the root, an image or an anomalous image's mask is missing.
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
        entries = WITH_CATEGORIES[name].find(root, category, split)
    dataset = Dataset(name, root, category, split, entries)
    _warn_of_other_counts(dataset)
    return dataset if domain is None else dataset.in_domain(domain)


def list_categories(name: str, root: str | Path) -> list[str]:
    """The categories below a data set's root, sorted; the reader "folder" has none of its own.

    Raises:
        ValueError: unknown reader, or one without categories.
        FileNotFoundError: there is no such root.
    """
    if name not in WITH_CATEGORIES:
        known = ", ".join(WITH_CATEGORIES)
        raise ValueError(f"no categories to list for the reader {name!r}; it must be one of: {known}.")
    found: list[str] = WITH_CATEGORIES[name].categories(existing_root(root))
    return found


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
