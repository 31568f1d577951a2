"""Paths as people write them: `~` is the home folder, and a relative path starts where it was given."""

from pathlib import Path

CACHES = ("text_cache", "cache")
"""Options of detectors that are folders in which results are kept between runs."""

OPTION_FOLDERS = (*CACHES, "weights_folder")
"""Options of detectors that are folders."""


def expanded(path: str | Path) -> Path:
    """The path with `~` and `~name` replaced.

    Raises ValueError for a user who has no home folder here.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ValueError(f"{path}: there is no such user here; write the folder out") from None


def given_in(path: str | Path, folder: Path) -> Path:
    """The path, where it is relative, from `folder`."""
    return folder / expanded(path)
