"""A training that was stopped goes on where it was last kept."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

logger = logging.getLogger(__name__)


def keep(path: Path, recipe: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Everything that the next step depends on, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save({"recipe": dict(recipe), **state}, partial)
    partial.replace(path)


def kept(path: Path, recipe: Mapping[str, Any]) -> dict[str, Any] | None:
    """What was kept of a training of this recipe, if anything was; `recipe` holds plain values."""
    if not path.is_file():
        return None
    state: dict[str, Any] = torch.load(path, weights_only=True)
    if state.pop("recipe") != dict(recipe):
        logger.warning("%s is of another recipe: training begins anew", path)
        return None
    return state


class Spent:
    """Time that a training has taken over all its calls: seconds that passed, and seconds of processor cores, which
    other work on the machine does not lengthen.
    """

    def __init__(self, seconds: float = 0.0, core_seconds: float = 0.0) -> None:
        self._since = time.time() - seconds, time.process_time() - core_seconds

    def kept(self) -> tuple[float, float]:
        return time.time() - self._since[0], time.process_time() - self._since[1]

    def card(self) -> dict[str, int]:
        seconds, core_seconds = self.kept()
        return {"seconds": round(seconds), "core_seconds": round(core_seconds)}
