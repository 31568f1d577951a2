"""What the trainers of the segmenters have in common: optimiser, schedule, and pictures under other lights."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Recipe:
    """One training: steps of AdamW with `batch` pictures, a short warm-up and one cosine from `peak` to 0."""

    steps: int
    batch: int
    peak: float
    seed: int


class Trainer:
    """Steps an optimiser along a recipe's schedule and keeps the loss curve."""

    def __init__(self, parameters: Iterable[nn.Parameter], recipe: Recipe) -> None:
        chosen = [p for p in parameters if p.requires_grad]
        groups = [
            {"params": [p for p in chosen if p.ndim > 1], "weight_decay": 0.02},
            {"params": [p for p in chosen if p.ndim <= 1], "weight_decay": 0.0},
        ]
        self.parameters = chosen
        self.optimiser = torch.optim.AdamW(groups, lr=recipe.peak, betas=(0.9, 0.98))
        warm, steps = max(1, recipe.steps // 15), recipe.steps
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimiser, lambda s: min(1, (s + 1) / warm) * 0.5 * (1 + math.cos(math.pi * min(1, s / steps)))
        )
        self.history: list[dict[str, float]] = []

    def state(self) -> dict[str, Any]:
        """What `restore` goes on from."""
        parts = {"optimiser": self.optimiser.state_dict(), "schedule": self.schedule.state_dict()}
        return parts | {"history": self.history}

    def restore(self, state: dict[str, Any]) -> None:
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        self.history = state["history"]

    def step(self, number: int, terms: dict[str, Tensor]) -> dict[str, float]:
        """Go down the sum of the terms; returns their values, rounded."""
        self.optimiser.zero_grad(set_to_none=True)
        sum(terms.values(), torch.zeros(())).backward()
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimiser.step()
        self.schedule.step()
        values = {name: round(value.item(), 4) for name, value in terms.items()}
        if number % 20 == 0:
            self.history.append({"step": number, **values})
        return values


def relit(pictures: np.ndarray, rng: np.random.Generator) -> Tensor:
    """Pictures (picture, height, width, 3) as tensors in [0, 1] under lights of other strength, colour and contrast.

    Where an object ends does not depend on the light, and the suites' tables are darker than those of training.
    """
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    draws = rng.uniform(size=(3, len(pictures), 1, 1, 1))
    tint = rng.uniform(0.85, 1.15, (len(pictures), 3, 1, 1))
    gamma, strength = torch.from_numpy(0.7 + 0.9 * draws[0]).float(), torch.from_numpy(0.55 + 0.55 * draws[1]).float()
    return ((x**gamma) * strength * torch.from_numpy(tint).float()).clamp(0, 1)


def overlap_loss(logits: Tensor, target: Tensor) -> Tensor:
    """1 - soft intersection over union, one value for each map; logits and target end in (rows, columns)."""
    p = logits.sigmoid()
    both = (p * target).sum((-2, -1))
    return 1 - (both + 1) / (p.sum((-2, -1)) + target.sum((-2, -1)) - both + 1)
