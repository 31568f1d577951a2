"""Lists images, folders and masks on disk: one order, one idea of what is read, and a word on what is not."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from zsad.data.names import masked_stem

SUFFIXES = frozenset(
    f".{name}"
    for names in (
        "png apng jpg jpeg jpe jfif mpo bmp dib tif tiff webp gif avif",
        "ppm pgm pbm pnm tga pcx sgi jp2 j2k jpx jpf",
    )
    for name in names.split()
)
JUNK = frozenset({"thumbs.db", "desktop.ini", "__macosx"})

logger = logging.getLogger(__name__)


class ImagesAndMasks(NamedTuple):
    """The images of one folder, sorted by name, and the masks that lie beside them, by the image's stem."""

    images: list[Path]
    masks: dict[str, tuple[Path, ...]]


def images_and_masks_in(folder: Path, deeper: bool = False) -> ImagesAndMasks:
    """The images of a folder, none of which is left out without a word.

    Files that are no images are counted and named in a warning. Files named like masks (`000_mask.png`, `000_GT.png`)
    are the masks of the images beside them.

    Args:
        deeper: whether folders inside may hold images of their own.

    Raises:
        ValueError: two images have the same stem, a mask has no image beside it, or images lie deeper.
    """
    files = images_in(folder)
    _tell_left_out(folder)
    if not deeper and (lost := [path for inside in _further(folder) for path in listed_below(inside)]):
        raise ValueError(
            f"{folder}: {len(lost)} pictures that lie deeper, such as {lost[0].name} in {lost[0].parent} would be left "
            "out: move them up."
        )
    named_masks = [path for path in files if masked_stem(path.stem)]
    images = [path for path in files if not masked_stem(path.stem)]
    by_stem(images)
    masks, unpaired = pair(images, named_masks, folder)
    if unpaired:
        stem = (masked_stem(unpaired[0].stem) or ("", ""))[0]
        raise ValueError(
            f"{unpaired[0]}: named like the mask of a picture {stem!r}, which is not beside it; add the picture, put "
            "the masks into a folder of their own, or rename it if it is a picture."
        )
    return ImagesAndMasks(images, masks)


def pair(images: Iterable[Path], masks: Iterable[Path], folder: Path) -> tuple[dict[str, tuple[Path, ...]], list[Path]]:
    """Masks by the stem of their image, and those that belong to none of the images.

    A mask in `folder` has its image's stem, or that with `_mask`, `_GT` and the like. Several masks of one image
    are numbered (`000_mask_1.png`), or lie in a folder inside that has the image's stem.

    Raises:
        ValueError: two masks have an equal claim to an image, so that a pairing would be a guess.
    """
    stems = {image.stem for image in images}
    found: dict[str, dict[str, Path]] = {}
    unpaired = []
    for mask in masks:
        if mask.parent != folder:
            stem, number = mask.parent.name, mask.name
        elif mask.stem in stems:
            stem, number = mask.stem, ""
        else:
            stem, number = masked_stem(mask.stem) or (mask.stem, "")
        if stem not in stems:
            unpaired.append(mask)
            continue
        of_image = found.setdefault(stem, {})
        if number in of_image or (of_image and "" in (number, *of_image)):
            raise ValueError(
                f"{next(iter(of_image.values()))} and {mask.name} stand for the same picture; remove one of them."
            )
        of_image[number] = mask
    return {stem: tuple(numbered.values()) for stem, numbered in found.items()}, unpaired


def joined(beside: dict[str, tuple[Path, ...]], apart: dict[str, tuple[Path, ...]]) -> dict[str, tuple[Path, ...]]:
    """Masks that lie beside their images and those of a folder of masks.

    Raises:
        ValueError: an image has both.
    """
    for stem in beside.keys() & apart.keys():
        raise ValueError(f"{beside[stem][0]} and {apart[stem][0]} stand for the same picture; remove one of them.")
    return beside | apart


def listed_below(folder: Path) -> list[Path]:
    """`images_below` of a folder, none if it is not there; other files there are counted and named in a warning."""
    if not folder.is_dir():
        return []
    _tell_left_out(folder)
    return [*images_in(folder), *(path for inside in _further(folder) for path in listed_below(inside))]


def images_in(folder: Path) -> list[Path]:
    """The files of a folder with an image's suffix, in any case, sorted by name; dot-files (macOS `._*`) ignored."""
    return [path for path in _visible(folder) if path.suffix.lower() in SUFFIXES and path.is_file()]


def images_below(folder: Path) -> list[Path]:
    """`images_in` of a folder and of all folders in it."""
    return [*images_in(folder), *(path for inside in _further(folder) for path in images_below(inside))]


def folders_in(folder: Path) -> list[Path]:
    """The sub-folders of a folder, sorted by name; hidden ones and `__MACOSX` ignored."""
    return [path for path in _visible(folder) if path.is_dir()]


def by_stem(paths: Iterable[Path]) -> dict[str, Path]:
    """Files by stem.

    Raises:
        ValueError: two files have the same stem: an image that is there twice, or a pairing that would be a guess.
    """
    found: dict[str, Path] = {}
    for path in paths:
        if path.stem in found:
            raise ValueError(
                f"{found[path.stem]} and {path.name} stand for the same picture; remove one of them, or rename it."
            )
        found[path.stem] = path
    return found


def existing_root(root: str | Path) -> Path:
    """The root as a path.

    Raises:
        FileNotFoundError, NotADirectoryError: there is no such folder.
    """
    root = Path(root).expanduser()
    if not root.exists():
        raise FileNotFoundError(f"{root}: no such folder; pass the folder that holds the data set as root.")
    if not root.is_dir():
        raise NotADirectoryError(f"{root}: a file, but root must be the folder that holds the data set.")
    return root


def describe(folder: Path, limit: int = 8) -> str:
    """What lies in a folder, in words, for error messages."""
    names = [path.name + "/" * path.is_dir() for path in _visible(folder)]
    return in_words(names, limit) if names else "nothing"


def in_words(names: Sequence[str], limit: int = 8) -> str:
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")


def _further(folder: Path) -> list[Path]:
    """The folders in a folder, without links that lead back up."""
    return [inside for inside in folders_in(folder) if not folder.resolve().is_relative_to(inside.resolve())]


def _tell_left_out(folder: Path) -> None:
    read = set(images_in(folder))
    if lost := [path.name for path in _visible(folder) if path not in read and not path.is_dir()]:
        names = in_words(lost, 5)
        logger.warning("%s: %d files are no pictures that can be read: %s.", folder, len(lost), names)


def _visible(folder: Path) -> list[Path]:
    try:
        paths = list(folder.iterdir())
    except PermissionError as error:
        raise PermissionError(f"{folder}: permission denied; make the folder readable for you (chmod u+rx).") from error
    hidden = (path for path in paths if not path.name.startswith(".") and path.name.lower() not in JUNK)
    return sorted(hidden, key=lambda path: path.name)
