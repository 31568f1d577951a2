"""The finished pictures of a search on disk, so that a killed one goes on where it was."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

logger = logging.getLogger(__name__)


def save_checkpoint(path: str | Path, key: str, parts: Sequence[dict[str, Tensor]]) -> None:
    """Write the parts (tensors by name), replacing the file at once; `key` says what they belong to."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {f"{index}/{name}": tensor for index, part in enumerate(parts) for name, tensor in part.items()}
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(save(tensors, metadata={"key": key}))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def load_checkpoint(path: str | Path, key: str) -> list[dict[str, Tensor]]:
    """The parts that were written under the same key; none where the file is missing, broken or of another key."""
    parts: dict[int, dict[str, Tensor]] = {}
    try:
        with safe_open(path, framework="pt") as file:
            if (file.metadata() or {}).get("key") != key:
                logger.warning("%s belongs to another search: starting anew", path)
                return []
            for entry in file.keys():  # noqa: SIM118 (it is no dictionary)
                index, name = entry.split("/")
                parts.setdefault(int(index), {})[name] = file.get_tensor(entry)
    except FileNotFoundError:
        return []
    except SafetensorError as error:
        logger.warning("%s cannot be read (%s): starting anew", path, error)
        return []
    return [parts[index] for index in sorted(parts)]
