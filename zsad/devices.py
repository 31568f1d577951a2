"""Devices by their names: which names there are, whether this machine has one, and how it is to compute."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

KNOWN = "cpu, cuda, cuda:0 (1, 2, ...), mps"
_NAME = re.compile(r"cpu|cuda(:\d+)?|mps")


def check_device(name: str) -> str:
    """The name. Raises ValueError, naming the choices, for one that no machine has."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"unknown device {name!r}; known: {KNOWN}")
    return name


def is_there(name: str) -> bool:
    """Whether this machine has a device."""
    if name == "cpu":
        return True
    import torch  # seconds, which whoever computes nothing can spare

    kind, _, number = name.partition(":")
    return int(number or 0) < int(torch.get_device_module(kind).device_count())


def require_device(name: str) -> None:
    """Raises ValueError for a device that this machine does not have."""
    if not is_there(name):
        raise ValueError(f"device {name!r} is not available here; use another, such as cpu")


@contextmanager
def whole_floats() -> Iterator[None]:
    """Within it float32 is float32 on a GPU too, whose convolutions would else drop 13 of its 23 bits (TF32)."""
    import torch

    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before
