"""Reads the MVTec AD layout (Bergmann et al., CVPR 2019 and IJCV 2021), in which many other data sets come.

So do BTAD (`ok` and `ko` folders) and MVTec LOCO AD (a folder of masks an image, which are joined).
"""

import logging
from pathlib import Path

from zsad.data.files import describe, folders_in, images_and_masks_in, images_in, in_words, joined, listed_below, pair
from zsad.data.names import GOOD, is_normal
from zsad.data.sample import Entry

LAYOUT = "<root>/<category>/{train,test}/{good,<defect>}/*.png with ground_truth/<defect>/<stem>_mask.png"
SPLITS = ("train", "test")

logger = logging.getLogger(__name__)


class MissingMaskError(FileNotFoundError):
    """An anomalous image has no mask: which image, and where its mask was looked for."""

    def __init__(self, image: Path, mask: Path) -> None:
        super().__init__(
            f"{image}: its mask {mask} is missing; restore it from the data set's archive, or read the pictures with "
            "the reader 'folder', where masks are optional."
        )
        self.image, self.mask = image, mask


def find(root: Path, category: str, split: str) -> list[Entry]:
    """Finds one category's images of one split.

    Masks are paired with images by stem, with or without a suffix such as `_mask`; a folder of the image's stem
    holds several. A folder called `good`, `ok`, `normal`, ... (see `zsad.data.names`) holds normal images.

    Raises:
        ValueError: the layout is another one, the category is unknown, the split is empty or a part of it would be left
            out.
        MissingMaskError: an anomalous image has no mask.
    """
    check_category(root, category)
    folder = root / category / split
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder. Expected {LAYOUT}; found {describe(root / category)}.")
    if stray := images_in(folder):
        raise ValueError(
            f"{stray[0]}: pictures belong into a folder named after their defect, or {GOOD!r}. Expected {LAYOUT}."
        )
    kinds = folders_in(folder)
    entries = [entry for kind in kinds for entry in _entries(root / category, kind)]
    truth = root / category / "ground_truth"
    if split == "test" and truth.is_dir():
        names = {kind.name for kind in kinds}
        tell_unused([m for f in folders_in(truth) if f.name not in names for m in listed_below(f)], folder)
    if not entries:
        raise ValueError(f"{folder}: the split {split!r} is empty (no picture in {describe(folder)}).")
    return entries


def categories(root: Path) -> list[str]:
    """The folders below root that hold a category, that is, a train or a test folder."""
    return [folder.name for folder in folders_in(root) if any((folder / split).is_dir() for split in SPLITS)]


def check_category(root: Path, category: str) -> None:
    known = categories(root)
    if not known:
        hint = f" Pass {root.parent} as root?" if any((root / split).is_dir() for split in SPLITS) else ""
        hint = hint or next((f" Pass {inside} as root?" for inside in folders_in(root) if categories(inside)), "")
        raise ValueError(f"{root}: not the MVTec AD layout. Expected {LAYOUT}; found {describe(root)}.{hint}")
    if category not in known:
        raise ValueError(f"unknown category {category!r} in {root}; known: {', '.join(known)}.")


def _entries(category_root: Path, kind: Path) -> list[Entry]:
    found, normal = images_and_masks_in(kind), is_normal(kind.name)
    mask_folder = category_root / "ground_truth" / kind.name
    apart, unused = pair(found.images, listed_below(mask_folder), mask_folder)
    tell_unused(unused, kind)
    masks = joined(found.masks, apart)
    for image in found.images:
        if not normal and image.stem not in masks:
            raise MissingMaskError(image, mask_folder / f"{image.stem}_mask.png")
    defect = GOOD if normal else kind.name
    return [Entry(image, masks.get(image.stem, ()), label=not normal, defect=defect) for image in found.images]


def tell_unused(masks: list[Path], folder: Path) -> None:
    """Warns of masks whose images are not in a folder: some of the data set is missing."""
    if masks:
        names = in_words([mask.name for mask in masks], 5)
        logger.warning("%s: there are no pictures for %d masks: %s.", folder, len(masks), names)
