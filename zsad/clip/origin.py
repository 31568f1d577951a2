"""Which weights a file holds: known by their checksum, or unknown; what is not pinned says so."""

from __future__ import annotations

import hashlib
import logging
import re
from pathlib import Path

from huggingface_hub import try_to_load_from_cache

log = logging.getLogger(__name__)


def file_digest(path: Path) -> str:
    """SHA-256 (hex) of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hub_file(repository: str, revision: str | None, folder: str | Path | None = None) -> Path | None:
    """The file of weights that transformers reads of a repository: in the Hugging Face cache, or in a `folder` of its
    files; None where neither holds one under the usual names.
    """
    for name in ("model.safetensors", "pytorch_model.bin"):  # in the order in which transformers looks for them
        found = try_to_load_from_cache(repository, name, revision=revision) if folder is None else Path(folder, name)
        if isinstance(found, str | Path) and Path(found).is_file():
            return Path(found)
    return None


def check_pinned(path: Path, name: str, sha256: str) -> str:
    """The SHA-256 of a file. Raises a ValueError for one that is not the one which is pinned, by its checksum or by the
    first digits of that.
    """
    if not (found := file_digest(path)).startswith(sha256):
        raise ValueError(
            f"{path} has sha256 {found}, but the weights of {name} are pinned as {sha256}: the file is damaged or was "
            "replaced; delete it and load it again"
        )
    return found


def say_downloaded(path: Path, name: str, source: str, sha256: str) -> None:
    """Check downloaded weights against their pin, and say of what has none, an empty one, which file it is."""
    digest = check_pinned(path, name, sha256)
    if sha256:
        log.info("%s: %s, sha256 %s as pinned", name, source, digest)
        return
    # A file of the hub's cache lies in snapshots/<revision>/.
    at = re.search(r"/snapshots/([0-9a-f]{40})/", path.as_posix())
    log.warning(
        "%s: %s at %s, sha256 %s; not pinned: no checksum of this file is known here to compare it with",
        *(name, source, at[1] if at else "an unknown revision", digest),
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
