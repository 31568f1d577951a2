"""A training that was stopped goes on where it was last kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from training.schedule import Trainer


@dataclass(frozen=True)
class Kept:
    """What of a training its file holds; `training` says which it is: another one's file is not gone on from, but one
    of another length is, along its own schedule.
    """

    path: Path
    training: dict[str, Any]
    sam: nn.Module
    head: nn.Module
    trainer: Trainer
    rng: np.random.Generator

    def read(self) -> tuple[int, float]:
        """The next step and the seconds spent so far; 0 of both where no such training was kept."""
        if not self.path.is_file():
            return 0, 0.0
        found = torch.load(self.path, weights_only=True)
        if _anyhow(found["training"]) != _anyhow(self.training):
            return 0, 0.0
        self.sam.load_state_dict(found["sam"])
        self.head.load_state_dict(found["head"])
        self.trainer.restore(found["trainer"])
        self.rng.bit_generator.state = found["rng"]
        return found["step"], found["seconds"]

    def write(self, step: int, seconds: float) -> None:
        state = {"training": self.training, "step": step, "seconds": seconds, "rng": self.rng.bit_generator.state}
        state |= {"sam": self.sam.state_dict(), "head": self.head.state_dict(), "trainer": self.trainer.state()}
        partial = self.path.with_suffix(".partial")
        partial.parent.mkdir(parents=True, exist_ok=True)
        torch.save(state, partial)
        partial.replace(self.path)


def _anyhow(training: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in training.items() if name != "steps"}
