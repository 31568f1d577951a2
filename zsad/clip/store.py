"""Tensors kept on disk: written whole or not at all, and read only as they were written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from zsad.files import write_atomically

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
    texts = dict(metadata or {})
    about = json.dumps({**texts, "sha256": _digest(plain, texts)}, sort_keys=True)
    payload = save(plain, metadata={_ENTRY: about})
    write_atomically(path, lambda temporary: temporary.write_bytes(payload))


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
    if not isinstance(metadata, dict) or metadata.pop("sha256", None) != _digest(tensors, metadata):
        raise DamagedFileError(f"{path} is damaged: its contents do not have the checksum it states")
    return tensors, metadata


def _digest(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """SHA-256 over everything that the file says: texts, names, kinds and shapes as well as values."""
    digest = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        # The bytes themselves: a copy may mend a damaged boolean, and a single number may have an odd stride.
        flat = tensor.contiguous().as_strided((tensor.numel(),), (1,))
        digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()
