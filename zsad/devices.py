"""Devices by their names: which names there are, and whether this machine has one."""

import re

KNOWN = "cpu, cuda, cuda:0 (1, 2, ...), mps"
_NAME = re.compile(r"cpu|(cuda|xpu)(:\d+)?|mps")


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
