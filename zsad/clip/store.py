"""Tensors kept on disk: written whole or not at all, and read only as they were written."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

_ENTRY = "about"


class DamagedFileError(ValueError):
    """A file of tensors is cut, altered or no such file at all."""


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write named tensors and texts about them to a safetensors file, which appears under its name complete. Equal
    contents give equal bytes.

    Raises:
        OSError: the folder cannot be written; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # One entry: several would be written in an order that changes from run to run.
    about = json.dumps({**(metadata or {}), "sha256": _digest(plain)}, sort_keys=True)
    payload = save(plain, metadata={_ENTRY: about})
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(payload)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """What `write_tensors` wrote, on the CPU, without the checksum.

    Raises:
        FileNotFoundError: no such file.
        DamagedFileError: the file is not as it was written.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = json.loads((file.metadata() or {}).get(_ENTRY, "{}"))
            tensors = {name: file.get_tensor(name) for name in sorted(file.keys())}
    except (SafetensorError, OSError, json.JSONDecodeError) as error:
        raise DamagedFileError(f"cannot read {path} ({error})") from error
    if metadata.pop("sha256", None) != _digest(tensors):
        raise DamagedFileError(f"{path} is damaged: its contents do not have the checksum it states")
    return tensors, metadata


def _digest(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for _, tensor in sorted(tensors.items()):
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()
