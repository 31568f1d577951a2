"""Lists pictures, folders and masks on disk, in one order and with one idea of what to ignore."""

from collections.abc import Iterable
from pathlib import Path

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})


def images_in(folder: Path) -> list[Path]:
    """The picture files of a folder, sorted by name; extensions in any case, dot-files (macOS `._*`) ignored."""
    return [path for path in _visible(folder) if path.suffix.lower() in SUFFIXES and path.is_file()]


def folders_in(folder: Path) -> list[Path]:
    """The sub-folders of a folder, sorted by name; hidden ones and `__MACOSX` ignored."""
    return [path for path in _visible(folder) if path.is_dir() and path.name != "__MACOSX"]


def by_stem(paths: Iterable[Path], suffix: str = "") -> dict[str, Path]:
    """Files by stem, without `suffix` where a stem ends with it.

    Raises:
        ValueError: two files have the same stem, so that a pairing by stem would be a guess.
    """
    found: dict[str, Path] = {}
    for path in paths:
        stem = path.stem.removesuffix(suffix)
        if stem in found:
            raise ValueError(f"{found[stem]} and {path.name} stand for the same picture; remove one of them.")
        found[stem] = path
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
    if not names:
        return "nothing"
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")


def _visible(folder: Path) -> list[Path]:
    return sorted((path for path in folder.iterdir() if not path.name.startswith(".")), key=lambda path: path.name)
