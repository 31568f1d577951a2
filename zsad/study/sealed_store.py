"""A folder of finished results, each of them a few files under its key and a sealed sidecar that names their SHA-256.

Each file is written under a temporary name and renamed. The sidecar comes last, so a result is complete exactly when
its files are those that its sidecar names. The files hold no clock and no machine: the same result, the same bytes.
"""

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from zsad.files import check_writable_folder
from zsad.study.sealed import RecordError, read_sealed, write_sealed

logger = logging.getLogger(__name__)


class SealedStore:
    """One such folder. `again` says in errors how a damaged result is computed again."""

    again: ClassVar[str] = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def prepare(self) -> None:
        """Create the folder, see that it can be written, and remove what a killed run left.

        Raises OSError, saying which folder and what to do, before anything is computed.
        """
        try:
            check_writable_folder(self.folder)
        except OSError as error:
            raise type(error)(f"{error}, with the study's records_root") from None

    def path(self, key: str, suffix: str) -> Path:
        return self.folder / f"{key}{suffix}"

    def has(self, key: str) -> bool:
        """Whether the result is there as it was written. A damaged one is missing: a warning names the file."""
        if not self.path(key, ".json").is_file():
            return False
        try:
            for suffix, stated in self.files(key).items():
                self._content(key, suffix, stated)
        except RecordError as error:
            logger.warning("%s", error)
            return False
        return True

    def sidecar(self, key: str) -> dict[str, Any]:
        """The result's provenance. Raises RecordError for a damaged file."""
        return {name: value for name, value in self._read_sidecar(key).items() if name != "files"}

    def files(self, key: str) -> dict[str, str]:
        """Suffix -> SHA-256 (hex) of the result's files. Raises RecordError for a damaged sidecar."""
        files: dict[str, str] = self._read_sidecar(key)["files"]
        return files

    def content(self, key: str, suffix: str) -> bytes:
        """A file of the result, if it is the one that the sidecar names; else raises RecordError."""
        stated = self.files(key)
        if suffix not in stated:
            raise RecordError(f"{self.path(key, suffix)} does not exist: it was stored without")
        return self._content(key, suffix, stated[suffix])

    def _content(self, key: str, suffix: str, stated: str) -> bytes:
        path = self.path(key, suffix)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise RecordError(f"{path} cannot be read ({error.strerror}); {self.again}") from None
        if hashlib.sha256(content).hexdigest() != stated:
            raise RecordError(f"{path} is damaged (it is not the file that was written); {self.again}")
        return content

    def seal(self, key: str, sidecar: dict[str, Any], files: Mapping[str, str]) -> None:
        """Write the sidecar, which makes the result complete. `files`: as `files` gives them."""
        write_sealed({**sidecar, "files": dict(files)}, self.path(key, ".json"))

    def _read_sidecar(self, key: str) -> dict[str, Any]:
        path = self.path(key, ".json")
        try:
            found = read_sealed(path)
        except RecordError as error:
            raise RecordError(f"{error}; {self.again}") from None
        if found.get("key") != key or "files" not in found:
            raise RecordError(f"{path} is no sidecar of that name; {self.again}")
        return found
