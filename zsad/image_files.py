"""Which image files are meant, what is written for each, and what must be said of them."""

import glob
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from zsad.data.demo.stamp import STAMP
from zsad.data.files import SUFFIXES, images_and_masks_in

HEATMAP = "_heatmap"

logger = logging.getLogger(__name__)


def find_images(given: Iterable[Path], out: Path | None = None) -> list[Path]:
    """The image files that paths stand for: files, folders (what lies directly in them) and patterns such as `*.png`.

    Each file is taken once. Heat maps of an earlier run that lie in `out` are left out of folders and patterns.

    Raises:
        FileNotFoundError: no such file or folder, or nothing that fits a pattern.
        ValueError: a folder without images.
    """
    found: dict[Path, Path] = {}
    for path in given:
        for image in _standing_for(path, out):
            found.setdefault(image.resolve(), image)
    return list(found.values())


def _standing_for(path: Path, out: Path | None) -> list[Path]:
    if path.is_file():
        return [path]
    if path.is_dir():
        images = _without_heatmaps(images_and_masks_in(path).images, out)
        if not images:
            raise ValueError(f"{path}: no images in this folder")
        return images
    matches = [Path(name) for name in sorted(glob.glob(str(path), recursive=True))]
    images = [match for match in matches if match.is_file() and match.suffix.lower() in SUFFIXES]
    if not matches:
        raise FileNotFoundError(f"{path}: no such file or folder")
    if not images:
        raise FileNotFoundError(f"{path}: no images fit this pattern")
    return _without_heatmaps(images, out)


def _without_heatmaps(images: list[Path], out: Path | None) -> list[Path]:
    there = out and out.resolve()
    own = [image for image in images if image.stem.endswith(HEATMAP) and image.parent.resolve() == there]
    if own:
        logger.warning("%d heat maps of an earlier run in %s are left out, such as %s", len(own), out, own[0].name)
    return [image for image in images if image not in own]


def output_paths(images: Sequence[Path], folder: Path, ending: str) -> list[Path]:
    """One file an image, called by its stem; images of the same name in different folders are told apart by a number.

    Raises ValueError where one of them is an image itself.
    """
    paths: dict[Path, None] = {}
    for image in images:
        path, copy = folder / f"{image.stem}{ending}", 2
        while path in paths:
            path, copy = folder / f"{image.stem}_{copy}{ending}", copy + 1
        paths[path] = None
    inputs = {image.resolve() for image in images}
    if lost := [path for path in paths if path.resolve() in inputs]:
        raise ValueError(f"{lost[0]}: this would be written over an image itself; choose another folder with --out")
    return list(paths)


def demo_note(backbone: str, images: Sequence[Path], way_out: str) -> str | None:
    """What must be said where a demo backbone meets anything but the demo world's images, and the way out; None where
    it does not.
    """
    others = [image for image in images if not _is_demo(image)]
    if not backbone.startswith("demo-") or not others:
        return None
    return (
        f"{backbone} has seen rendered products alone: its scores of the {len(others)} images here that are not of the "
        f"demo world, such as {others[0]}, mean nothing; {way_out}"
    )


def _is_demo(image: Path) -> bool:
    return any((folder / STAMP).is_file() for folder in image.resolve().parents)
