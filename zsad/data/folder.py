"""Reads any folder of images of one product."""

import logging
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from zsad.data.files import (
    ImagesAndMasks,
    describe,
    folders_in,
    images_and_masks_in,
    images_below,
    images_in,
    in_words,
    joined,
    listed_below,
    pair,
)
from zsad.data.mask import read_mask
from zsad.data.names import GOOD, is_image_folder, is_mask_folder, is_normal
from zsad.data.remarks import Remarks
from zsad.data.sample import Entry

UNLABELLED = "unlabelled"
LAYOUT = (
    "pictures directly in <root> or in <root>/images/, or <root>/good/ and one folder a kind of defect; "
    "masks, if any, in <root>/masks/<defect>/<stem>.png or <root>/masks/<stem>.png, or beside the pictures as "
    "<stem>_mask.png"
)

Masks = dict[str, tuple[Path, ...]]

logger = logging.getLogger(__name__)


def find(root: Path) -> list[Entry]:
    """Finds the images of a folder. There are no splits: everything is the test split.

    - Sub-folders: `good` (or `normal`, `ok`, ...; see `zsad.data.names`) holds normal images, every other sub-folder
      one kind of defect. They may all lie in `images`.
    - Images directly in the folder, or in `images`: where each has a mask, those whose mask marks a pixel are
      anomalous (masks are decoded to see it); where some have one, these are; without masks nothing is known of them,
      and they get the label False and the defect "unlabelled".
    - Masks (optional) lie in `masks` (or `ground_truth`, `labels`, ...) or beside the images, and are paired by stem,
      with or without a suffix such as `_mask`; in `masks`, below a folder named after the defect or directly. Where
      there are masks, every image in a defect folder needs one, and every mask an image.

    Raises:
        ValueError: no images, images in more than one of these layouts, or some that would be left out.
        FileNotFoundError: an anomalous image has no mask although others have, or a mask has no image.
    """
    places = [folder for folder in folders_in(root) if is_image_folder(folder.name) and images_below(folder)]
    home = places[0] if places else root
    mask_root = _mask_root(root) or _mask_root(home)
    kinds = [folder for folder in folders_in(home) if not is_mask_folder(folder.name)]
    _check_layout(root, home, kinds)
    if images_in(home):
        return _direct_entries(root, images_and_masks_in(home, deeper=True), mask_root)
    return _kind_entries(root, kinds, mask_root)


def _mask_root(root: Path) -> Path | None:
    folders = [folder for folder in folders_in(root) if is_mask_folder(folder.name)]
    if len(folders) > 1:
        raise ValueError(f"{root}: masks in {folders[0].name}/ and in {folders[1].name}/: keep either.")
    if folders and not images_below(folders[0]):
        logger.warning("%s: holds no masks, only %s: pictures are read without.", folders[0], describe(folders[0]))
        return None
    return folders[0] if folders else None


def _check_layout(root: Path, home: Path, kinds: list[Path]) -> None:
    wrong = f"not a layout that the reader 'folder' knows. Expected {LAYOUT}; found {describe(root)}."
    if {"train", "test"} & {kind.name.lower() for kind in kinds}:
        raise ValueError(
            f"{root}: {wrong} It looks like a category of MVTec AD: use the reader 'mvtec_ad' on its parent."
        )
    with_images = [kind for kind in kinds if images_below(kind)]
    direct = images_in(home)
    if home != root:
        others = [f for f in folders_in(root) if f != home and not is_mask_folder(f.name) and images_below(f)]
        if others or images_in(root):
            other = f"{others[0].name}/" if others else "it"
            raise ValueError(f"{root}: {wrong} Pictures lie in {home.name}/ and in {other}: keep either.")
    if direct and with_images:
        raise ValueError(f"{root}: {wrong} Pictures lie in {home.name}/ and in {with_images[0].name}/: keep either.")
    if not direct and not with_images:
        raise ValueError(f"{root}: the split 'test' is empty, or {wrong}")


def _direct_entries(root: Path, found: ImagesAndMasks, mask_root: Path | None) -> list[Entry]:
    apart, unused = pair(found.images, listed_below(mask_root), mask_root) if mask_root else ({}, [])
    if unused:
        raise FileNotFoundError(f"{unused[0]}: there is no picture {unused[0].stem!r} for this mask in {root}.")
    masks = joined(found.masks, apart)
    if not masks:
        return [Entry(image, (), label=False, defect=UNLABELLED) for image in found.images]
    if len(masks) == len(found.images):
        return _entries_by_mask(root, found.images, masks)
    return [
        Entry(image, masks.get(image.stem, ()), label=image.stem in masks,
              defect="anomaly" if image.stem in masks else GOOD)
        for image in found.images
    ]  # fmt: skip


def _entries_by_mask(root: Path, images: list[Path], masks: Masks) -> list[Entry]:
    """Each image has a mask, and is anomalous if that marks a pixel."""
    entries, remarks = [], Remarks()
    for image in tqdm(images, desc=f"reading the masks of {root.name}", unit="mask", delay=2, mininterval=1):
        shares = [float(read_mask(mask, remarks=remarks).float().mean()) for mask in masks[image.stem]]
        label = max(shares) > 0
        remarks.saw_mask(masks[image.stem][0], max(shares), len(images))
        entries.append(Entry(image, masks[image.stem], label=label, defect="anomaly" if label else GOOD))
    return entries


def _kind_entries(root: Path, kinds: list[Path], mask_root: Path | None) -> list[Entry]:
    of_kinds = {kind: images_and_masks_in(kind) for kind in kinds}
    masked = mask_root is not None or any(found.masks for found in of_kinds.values())
    every = listed_below(mask_root) if mask_root else []
    flat = [mask for mask in every if mask.parent == mask_root]
    used: dict[Path, Path] = {}
    entries = []
    for kind in sorted(kinds, key=lambda kind: is_normal(kind.name)):  # flat masks go to anomalous images first
        found, normal = of_kinds[kind], is_normal(kind.name)
        own = mask_root / kind.name if mask_root and (mask_root / kind.name).is_dir() else None
        pool = [mask for mask in flat if not normal or mask not in used]
        if own:
            pool = [mask for mask in every if own in mask.parents]
        apart, unused = pair(found.images, pool, own or mask_root or kind)
        if own and unused:
            raise FileNotFoundError(f"{unused[0]}: there is no picture for this mask in {kind}.")
        masks = joined(found.masks, apart)
        for image in found.images:
            of_image = masks.get(image.stem, ())
            if masked and not normal and not of_image:
                raise FileNotFoundError(
                    f"{image}: no mask {image.stem}.png or {image.stem}_mask.png in {own or mask_root or kind}; add "
                    "it, or move all masks away to read the pictures without them."
                )
            for mask in of_image:
                if mask in used:
                    raise ValueError(
                        f"{mask}: the mask of {used[mask]} or of {image}? Put masks into a folder a kind of defect, "
                        f"such as {mask.parent / kind.name}."
                    )
                used[mask] = image
            entries.append(Entry(image, of_image, label=not normal, defect=GOOD if normal else kind.name))
    if lost := [mask for mask in every if mask not in used]:
        raise FileNotFoundError(f"{_named(lost)}: there is no picture for this mask in {root}.")
    return sorted(entries, key=lambda entry: entry.image)


def _named(paths: Sequence[Path]) -> str:
    return f"{paths[0].parent}: {in_words([path.name for path in paths], 3)}"
