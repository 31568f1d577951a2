"""Reads the MVTec AD layout (Bergmann et al., CVPR 2019 and IJCV 2021)."""

from pathlib import Path

from zsad.data.files import by_stem, describe, folders_in, images_in
from zsad.data.sample import GOOD, Entry

LAYOUT = "<root>/<category>/{train,test}/{good,<defect>}/*.png with ground_truth/<defect>/<stem>_mask.png"
SPLITS = ("train", "test")


def find(root: Path, category: str, split: str) -> list[Entry]:
    """Finds one category's pictures of one split.

    Masks are paired with pictures by stem, with or without the suffix `_mask`.

    Raises:
        ValueError: the layout is another one, the category is unknown or the split is empty.
        FileNotFoundError: an anomalous picture has no mask.
    """
    check_category(root, category)
    folder = root / category / split
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder. Expected {LAYOUT}; found {describe(root / category)}.")
    if stray := images_in(folder):
        raise ValueError(
            f"{stray[0]}: pictures belong into a folder named after their defect, or {GOOD!r}. Expected {LAYOUT}."
        )
    entries = [entry for kind in folders_in(folder) for entry in _entries(root / category, kind)]
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
        raise ValueError(f"{root}: not the MVTec AD layout. Expected {LAYOUT}; found {describe(root)}.{hint}")
    if category not in known:
        raise ValueError(f"unknown category {category!r} in {root}; known: {', '.join(known)}.")


def _entries(category_root: Path, kind: Path) -> list[Entry]:
    images = images_in(kind)
    if kind.name == GOOD:
        return [Entry(image, None, label=False, defect=GOOD) for image in images]
    mask_folder = category_root / "ground_truth" / kind.name
    masks = by_stem(images_in(mask_folder), suffix="_mask") if mask_folder.is_dir() else {}
    for image in images:
        if image.stem not in masks:
            raise FileNotFoundError(
                f"{image}: its mask {mask_folder / (image.stem + '_mask.png')} is missing; restore it from the data "
                "set's archive, or read the pictures with the reader 'folder', where masks are optional."
            )
    return [Entry(image, masks[image.stem], label=True, defect=kind.name) for image in images]
