"""Weights read from a file so that nothing in it can run, whoever made it; and what identifies them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn


def read_state(path: str | Path, entry: str = "state_dict") -> dict[str, Tensor]:
    """The tensors of a safetensors file, or of a PyTorch checkpoint that holds nothing else, on the CPU.

    Of a training's checkpoint the `entry` is taken, and names lose the `module.` of parallel training.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is damaged, or a web page or a git-lfs pointer in place of one, or holds more than tensors and
            plain values, which could run as a program.
    """
    path = Path(path)
    _refuse_text(path)
    try:
        found = load_file(path) if _is_safetensors(path) else _unpickled(path)
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    found = found.get(entry, found) if isinstance(found, Mapping) else found
    if not isinstance(found, Mapping) or not found or not all(isinstance(value, Tensor) for value in found.values()):
        raise ValueError(f"{path} is no checkpoint: expected tensors by name")
    return {str(name).removeprefix("module."): tensor for name, tensor in found.items()}


def load_state(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Give a model its weights. Raises ValueError, naming the first tensors at fault, for those of another model."""
    own = model.state_dict()
    faults = [f"{name} is missing" for name in own if name not in state]
    faults += [f"{name} is not the model's" for name in state if name not in own]
    faults += [
        f"{name} is {tuple(state[name].shape)}, not {tuple(tensor.shape)}"
        for name, tensor in own.items()
        if name in state and state[name].shape != tensor.shape
    ]
    if faults:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise ValueError(f"the tensors are those of another model: {'; '.join(faults[:3])}{more}")
    model.load_state_dict(state)


def state_digest(model: nn.Module) -> str:
    """sha256 over a model's weights in name order, and over the kinds of its layers."""
    layers = sorted({type(module).__name__ for module in model.modules()})
    digest = hashlib.sha256(repr(layers).encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _refuse_text(path: Path) -> None:
    """Raise a ValueError for what a failed download leaves in place of weights."""
    with path.open("rb") as file:
        begin = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
    if begin.lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        first = begin.decode(errors="replace").splitlines()[0]
        raise ValueError(
            f"{path} begins with {first!r}: a web page was saved instead of the weights; get the file itself"
        )
    if begin.startswith(b"version https://git-lfs"):
        raise ValueError(f"{path} is a git-lfs pointer, not the weights: run `git lfs pull` where it came from")


def _is_safetensors(path: Path) -> bool:
    """By its first bytes: the length of a header, and the header, which is JSON."""
    with path.open("rb") as file:
        return file.read(9)[8:] == b"{"


def _unpickled(path: Path) -> Any:
    with path.open("rb") as file:
        try:
            # Given explicitly, weights_only holds whatever TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD says.
            return torch.load(file, map_location="cpu", weights_only=True)
        except Exception:  # bytes that are no checkpoint raise whatever they happen to spell
            # What torch says here tells how to run whatever the file holds: that is not the way out.
            raise ValueError(
                f"{path} is no file of tensors alone, or is damaged; nothing in it was run. Get the published file "
                "again, or have whoever made it save it as safetensors"
            ) from None
