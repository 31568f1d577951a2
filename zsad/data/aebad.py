"""Reads the AeBAD-S layout (Zhang et al., Computers in Industry 2023, arXiv 2304.02216): one part, several domains.

The test domains are "same" (as in training), "background", "illumination" and "view"; each shifts what its name says.
"""

from pathlib import Path

from zsad.data.files import describe, folders_in, images_and_masks_in, images_in, joined, listed_below, pair
from zsad.data.mvtec_ad import tell_unused
from zsad.data.names import GOOD, is_normal
from zsad.data.sample import Entry

LAYOUT = (
    "<root>/<category>/{train,test}/{good,<defect>}/<domain>/*.png, ground_truth/<defect>/<domain>/<same name>.png; "
    "the published category is AeBAD_S (AeBAD_V, video frames without masks, is another layout)"
)


def find(root: Path, category: str, split: str) -> list[Entry]:
    """Finds the images of one split in every domain; masks are paired by stem.

    Raises:
        ValueError: the layout is another one, the category is unknown or the split is empty.
        FileNotFoundError: an anomalous image has no mask.
    """
    _check_category(root, category)
    folder = root / category / split
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder. Expected {LAYOUT}; found {describe(root / category)}.")
    kinds = folders_in(folder)
    if stray := [path for place in (folder, *kinds) for path in images_in(place)]:
        raise ValueError(
            f"{stray[0]}: pictures belong into a folder named after their domain, below one named after their defect, "
            f"or {GOOD!r}. Expected {LAYOUT}."
        )
    entries = [
        entry for kind in kinds for domain in folders_in(kind) for entry in _entries(root / category, kind, domain)
    ]
    if not entries:
        raise ValueError(f"{folder}: the split {split!r} is empty (no picture in the domains of {describe(folder)}).")
    return entries


def categories(root: Path) -> list[str]:
    """The folders below root that hold a category: those with undamaged test images."""
    return [folder.name for folder in folders_in(root) if _is_category(folder)]


def _is_category(folder: Path) -> bool:
    test = folder / "test"
    return test.is_dir() and any(is_normal(kind.name) for kind in folders_in(test))


def _check_category(root: Path, category: str) -> None:
    known = categories(root)
    if not known:
        hint = f" Pass {root.parent} as root?" if _is_category(root) else ""
        raise ValueError(f"{root}: not the AeBAD-S layout. Expected {LAYOUT}; found {describe(root)}.{hint}")
    if category not in known:
        raise ValueError(f"unknown category {category!r} in {root}; known: {', '.join(known)}.")


def _entries(category_root: Path, kind: Path, domain: Path) -> list[Entry]:
    found, normal = images_and_masks_in(domain), is_normal(kind.name)
    mask_folder = category_root / "ground_truth" / kind.name / domain.name
    apart, unused = pair(found.images, listed_below(mask_folder), mask_folder)
    tell_unused(unused, domain)
    masks = joined(found.masks, apart)
    for image in found.images:
        if not normal and image.stem not in masks:
            raise FileNotFoundError(
                f"{image}: its mask {mask_folder / (image.stem + '.png')} is missing; restore it from the data set's "
                "archive."
            )
    defect = GOOD if normal else kind.name
    return [
        Entry(image, masks.get(image.stem, ()), label=not normal, defect=defect, domain=domain.name)
        for image in found.images
    ]
