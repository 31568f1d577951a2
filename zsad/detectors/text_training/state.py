"""Where training stands, in a small file that says what it belongs to."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from zsad.clip.store import DamagedFileError, read_tensors, write_tensors

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Purpose:
    """What a training belongs to. `options` are those that decide its outcome, as JSON."""

    detector: str
    object_words: str
    options: str
    backbone: str

    def file_in(self, folder: str | Path) -> Path:
        """A name of its own for each purpose."""
        digest = hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()[:24]
        words = re.sub(r"[^a-z0-9]+", "-", self.object_words.lower())
        return Path(folder) / f"{self.detector}-{words}-{digest}.safetensors"


def purpose_of(detector: str, object_words: str, options: dict[str, Any], backbone: str) -> Purpose:
    """A purpose; `options` are plain JSON values, `backbone` is a fingerprint."""
    return Purpose(detector, object_words, json.dumps(options, sort_keys=True), backbone)


def save_state(path: str | Path, tensors: dict[str, Tensor], purpose: Purpose) -> None:
    """Write the state of a training; the file appears complete or not at all."""
    write_tensors(Path(path), tensors, asdict(purpose))


def load_state(path: str | Path, purpose: Purpose) -> dict[str, Tensor]:
    """Read the state of a training, on the CPU.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is damaged, or belongs to another backbone, object, detector or other options.
    """
    tensors, found = read_tensors(Path(path))
    for field, wanted in asdict(purpose).items():
        if found.get(field) != wanted:
            raise ValueError(
                f"{path} was trained for another {field.replace('_', ' ')}: {found.get(field)!r}, not {wanted!r}; "
                "use one that belongs, or train anew"
            )
    return tensors


def kept_state(path: Path | None, purpose: Purpose) -> dict[str, Tensor] | None:
    """The state in a cache, or None where there is none or it is damaged.

    Raises:
        ValueError: it belongs to something else, as only a file that was renamed does.
    """
    if path is None or not path.is_file():
        return None
    try:
        return load_state(path, purpose)
    except DamagedFileError as error:
        log.warning("%s: training anew", error)
        return None
