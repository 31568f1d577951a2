"""The precision that a training multiplies in; weights, losses and what is added up are float32 either way."""

from __future__ import annotations

import torch

DTYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32}


def multiplying_in(dtype: str, device: str = "cpu") -> torch.autocast:
    """A context for the products of a tower or net: in bfloat16, or as they are.

    A processor without instructions for bfloat16 emulates it, several times as slowly as float32.
    """
    reduced = dtype != "float32"
    return torch.autocast(device, DTYPES[dtype] if reduced else None, enabled=reduced)
