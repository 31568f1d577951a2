"""Which weights a file holds: known by their checksum, or unknown; what is not pinned says so."""

from __future__ import annotations

import hashlib
import logging
import re
from pathlib import Path

log = logging.getLogger(__name__)


def file_digest(path: Path) -> str:
    """SHA-256 (hex) of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_pinned(path: Path, name: str, sha256: str) -> None:
    """Raise a ValueError for a file that is not the one which is pinned."""
    if (found := file_digest(path)) != sha256:
        raise ValueError(
            f"{path} has sha256 {found}, but the weights of {name} are pinned as {sha256}: the file is damaged or was "
            "replaced; delete it and load it again"
        )


def say_downloaded(path: Path, name: str, repository: str, revision: str | None, sha256: str | None) -> None:
    """Check downloaded weights against their pins, and say of what is not pinned which file it is."""
    if sha256 is not None:
        check_pinned(path, name, sha256)
    if revision is not None and sha256 is not None:
        log.info("%s: %s at %s, sha256 %s as pinned", name, repository, revision, sha256)
        return
    # A file of the hub's cache lies in snapshots/<revision>/.
    at = re.search(r"/snapshots/([0-9a-f]{40})/", path.as_posix())
    log.warning(
        "%s: %s at %s, sha256 %s; not pinned: no checksum of this file is known here to compare it with",
        *(name, repository, at[1] if at else "an unknown revision", file_digest(path)),
    )


def say_given(path: Path, name: str, released: tuple[str, ...]) -> None:
    """Say which weights a file of the caller's is: `released` are the SHA-256 of files, or their first digits, that are
    known to hold the weights of that name.
    """
    digest = file_digest(path)
    if any(digest.startswith(known) for known in released):
        log.info("%s: the released weights, sha256 %s (%s)", name, digest, path)
    else:
        log.warning("%s: unknown weights, sha256 %s (%s)", name, digest, path)
