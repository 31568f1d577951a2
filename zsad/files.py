"""Files and folders that appear under their name complete or not at all, and the removal of what killed writers leave.

Whatever is being written is called `.<name>.<node>-<process>.tmp`, beside its final place: one scheme for records,
checkpoints, caches, demo suites and pages, and one sweeper, `remove_stale`, for all of them.
"""

import errno
import hashlib
import os
import platform
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_TEMPORARY = re.compile(r"\..+\.(?P<node>[0-9a-f]{8})-(?P<process>\d+)\.tmp", re.DOTALL)
_STALE_SECONDS = 24 * 3600
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class FullDiskError(OSError):
    """There is no room to write; the message names the folder."""


def write_atomically(path: Path, write: Callable[[Path], Any]) -> None:
    """Let `write` fill a temporary file beside `path`, then give it its final name.

    On failure the temporary file is removed, and a file that was there before stays as it was.

    Raises:
        FullDiskError: no room; naming the folder and what to do.
        OSError: as `write` raises it.
    """
    temporary = temporary_path(path)
    try:
        with no_room_named(path.parent):
            write(temporary)
            os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def temporary_folder(path: Path) -> Iterator[Path]:
    """A new folder beside `path`, to be filled and then renamed or emptied; what is left of it at the end is removed.

    Raises:
        FullDiskError: no room; naming the folder and what to do.
    """
    temporary = temporary_path(path)
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        with no_room_named(path.parent):
            temporary.mkdir(parents=True)
            yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def temporary_path(path: Path) -> Path:
    """What `path` is called while this process writes it."""
    return path.with_name(f".{path.name}.{_node()}-{os.getpid()}.tmp")


def remove_stale(folder: Path, deep: bool = False) -> None:
    """Remove what is called as `temporary_path` does and whose writer is gone: a dead process of this machine, or one
    of another machine that has written nothing for a day. `deep` looks into the folders below, too.
    """
    for path in folder.glob("**/.*.tmp" if deep else ".*.tmp"):
        named = _TEMPORARY.fullmatch(path.name)
        if named is None or not _gone(path, named["node"], int(named["process"])):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """See, before work starts, that a file can be written at `path`: its folder is made and tried, and what killed
    writers left there is removed.

    Raises:
        OSError: it cannot; the message says which path, why, and what to do.
    """
    if path.is_dir():
        raise IsADirectoryError(f"cannot write {path}: it is a folder; name a file in it")
    check_writable_folder(path.parent)


def check_writable_folder(folder: Path) -> None:
    """As `check_writable`, for files in `folder`."""
    probe = temporary_path(folder / "writable")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_stale(folder)  # first: where the disk is full, this may be what fills it
        probe.write_bytes(b"?")
        probe.unlink()
    except OSError as error:
        with suppress(OSError):
            probe.unlink(missing_ok=True)
        raise type(error)(f"cannot write to {folder}: {_cause(folder, error)}; choose another folder") from None


@contextmanager
def no_room_named(folder: Path) -> Iterator[None]:
    """Raises FullDiskError, naming the folder and what to do, where the disk or a quota is full."""
    try:
        yield
    except FullDiskError:
        raise
    except OSError as error:
        if error.errno not in _NO_SPACE:
            raise
        raise FullDiskError(
            f"no room to write in {folder} ({os.strerror(error.errno)}): free some space there and run again; what was "
            "finished is kept"
        ) from error


def sha256_of(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes. Raises OSError where it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cause(folder: Path, error: OSError) -> str:
    """What is wrong, in words."""
    file = next((path for path in (folder, *folder.parents) if path.is_file()), None)
    if file is not None:
        return f"{file} is a file"
    return (os.strerror(error.errno) if error.errno else str(error)).lower()


def _gone(path: Path, node: str, process: int) -> bool:
    if node == _node():
        return not _alive(process)
    try:
        return time.time() - path.stat().st_mtime > _STALE_SECONDS
    except FileNotFoundError:
        return False


def _node() -> str:
    """Tells machines that share a folder apart, without naming them."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
