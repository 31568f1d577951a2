"""The finished images of a search on disk, so that a killed one goes on where it was."""

import logging
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from zsad.clip.store import DamagedFileError, read_tensors, write_tensors

logger = logging.getLogger(__name__)


def save_checkpoint(path: str | Path, key: str, parts: Sequence[dict[str, Tensor]]) -> None:
    """Write the parts (tensors by name), replacing the file at once; `key` says what they belong to."""
    tensors = {f"{index}/{name}": tensor for index, part in enumerate(parts) for name, tensor in part.items()}
    write_tensors(Path(path), tensors, {"key": key})


def load_checkpoint(path: str | Path, key: str) -> list[dict[str, Tensor]]:
    """The parts that were written under the same key; none where the file is missing, damaged or of another key."""
    try:
        tensors, about = read_tensors(Path(path))
    except FileNotFoundError:
        return []
    except DamagedFileError as error:
        logger.warning("%s: starting anew", error)
        return []
    if about.get("key") != key:
        logger.warning("%s belongs to another search: starting anew", path)
        return []
    parts: dict[int, dict[str, Tensor]] = {}
    for entry, tensor in tensors.items():
        index, name = entry.split("/")
        parts.setdefault(int(index), {})[name] = tensor
    return [parts[index] for index in sorted(parts)]
