"""Reads any folder of pictures of one product."""

from pathlib import Path

from zsad.data.files import by_stem, describe, folders_in, images_in
from zsad.data.sample import GOOD, Entry

NORMAL_NAMES = (GOOD, "normal", "ok")
MASK_NAMES = ("masks", "mask", "ground_truth")
UNLABELLED = "unlabelled"
LAYOUT = (
    "pictures directly in <root>, or <root>/good/ and one folder a kind of defect; "
    "masks, if any, in <root>/masks/<defect>/<stem>.png or <root>/masks/<stem>.png"
)


def find(root: Path) -> list[Entry]:
    """Finds the pictures of a folder. There are no splits: everything is the test split.

    - Sub-folders: `good` (or `normal`, `ok`) holds normal pictures, every other sub-folder one kind of defect.
    - Pictures directly in the folder: with a masks folder, those with a mask are anomalous and the others normal;
      without one nothing is known of them, and they get the label False and the defect "unlabelled".
    - Masks (optional) lie in `masks` (or `mask`, `ground_truth`) and are paired by stem, with or without the suffix
      `_mask`, below a folder named after the defect or directly. Where there is a masks folder, every picture in a
      defect folder needs a mask.

    Raises:
        ValueError: no pictures, pictures both directly and in sub-folders, or folders inside the sub-folders.
        FileNotFoundError: a masks folder exists, but an anomalous picture has no mask in it.
    """
    mask_root = next((folder for folder in folders_in(root) if folder.name.lower() in MASK_NAMES), None)
    kinds = [folder for folder in folders_in(root) if folder != mask_root]
    direct = images_in(root)
    _check_layout(root, direct, kinds)
    if direct:
        return _direct_entries(direct, mask_root)
    return [entry for kind in kinds for entry in _kind_entries(kind, mask_root)]


def _check_layout(root: Path, direct: list[Path], kinds: list[Path]) -> None:
    wrong = f"not a layout that the reader 'folder' knows. Expected {LAYOUT}; found {describe(root)}."
    if {"train", "test"} & {kind.name for kind in kinds}:
        raise ValueError(
            f"{root}: {wrong} It looks like a category of MVTec AD: use the reader 'mvtec_ad' on its parent."
        )
    for kind in kinds:
        if direct and images_in(kind):
            raise ValueError(f"{root}: {wrong} Pictures lie in it and in {kind.name}/: keep either.")
        if nested := [folder for folder in folders_in(kind) if images_in(folder)]:
            raise ValueError(f"{root}: {wrong} Pictures in {nested[0]} would be left out: move them up one folder.")
    if not direct and not any(images_in(kind) for kind in kinds):
        raise ValueError(f"{root}: the split 'test' is empty, or {wrong}")


def _direct_entries(images: list[Path], mask_root: Path | None) -> list[Entry]:
    if mask_root is None:
        return [Entry(image, None, label=False, defect=UNLABELLED) for image in images]
    masks = by_stem(images_in(mask_root), suffix="_mask")
    unused = set(masks) - {image.stem for image in images}
    if unused:
        raise FileNotFoundError(f"{masks[min(unused)]}: there is no picture {min(unused)!r} in {mask_root.parent}.")
    return [
        Entry(
            image, masks.get(image.stem), label=image.stem in masks, defect="anomaly" if image.stem in masks else GOOD
        )
        for image in images
    ]


def _kind_entries(kind: Path, mask_root: Path | None) -> list[Entry]:
    images = images_in(kind)
    if kind.name.lower() in NORMAL_NAMES:
        return [Entry(image, None, label=False, defect=GOOD) for image in images]
    if mask_root is None:
        return [Entry(image, None, label=True, defect=kind.name) for image in images]
    mask_folder = mask_root / kind.name if (mask_root / kind.name).is_dir() else mask_root
    masks = by_stem(images_in(mask_folder), suffix="_mask")
    for image in images:
        if image.stem not in masks:
            raise FileNotFoundError(
                f"{image}: no mask {image.stem}.png or {image.stem}_mask.png in {mask_folder}; add it, or move "
                f"{mask_root} away to read the pictures without masks."
            )
    return [Entry(image, masks[image.stem], label=True, defect=kind.name) for image in images]
