"""What the trainers of the segmenters have in common: optimiser, schedule, and pictures under other lights."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from training.checkpoint import Spent, keep, kept

KEPT_EVERY = 25  # steps


@dataclass(frozen=True)
class Recipe:
    """One training: steps of AdamW with `batch` pictures, a short warm-up and one cosine from `peak` to 0."""

    steps: int
    batch: int
    peak: float
    seed: int


class Trainer:
    """Steps an optimiser along a recipe's schedule, and keeps what the next step depends on.

    Args:
        modules: what learns, by name; parameters that need no gradient stay as they are.
        recipe: the schedule.
        rng: what the steps draw from.
        path, said: a training that was kept in `path` under the same plain values goes on.
    """

    def __init__(
        self,
        modules: Mapping[str, nn.Module],
        recipe: Recipe,
        rng: np.random.Generator,
        path: Path,
        said: Mapping[str, Any],
    ) -> None:
        self.modules, self.recipe, self.rng, self.path, self.said = modules, recipe, rng, path, said
        chosen = [p for module in modules.values() for p in module.parameters() if p.requires_grad]
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
        self.done, self.spent = 0, Spent()
        self.history: list[dict[str, float]] = []
        if (state := kept(path, said)) is not None:
            for name, module in modules.items():
                module.load_state_dict(state["modules"][name])
            self.optimiser.load_state_dict(state["optimiser"])
            self.schedule.load_state_dict(state["schedule"])
            rng.bit_generator.state = state["rng"]
            self.done, self.spent, self.history = state["done"], Spent(*state["spent"]), state["history"]

    def run(self, terms: Callable[[], dict[str, Tensor]]) -> dict[str, Any]:
        """Goes down the sum of the terms that each step draws; returns what a card says of the training."""
        steps = range(self.done, self.recipe.steps)
        for _ in (bar := tqdm(steps, initial=self.done, total=self.recipe.steps, unit="step", mininterval=5)):
            bar.set_postfix(self._step(terms()))
            if self.done % KEPT_EVERY == 0 or self.done == self.recipe.steps:
                self._keep()
        return {**self.said, **self.spent.card(), "history": self.history}

    def _step(self, terms: dict[str, Tensor]) -> dict[str, float]:
        self.optimiser.zero_grad(set_to_none=True)
        sum(terms.values(), torch.zeros(())).backward()
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimiser.step()
        self.schedule.step()
        values = {name: round(value.item(), 4) for name, value in terms.items()}
        if self.done % 20 == 0:
            self.history.append({"step": self.done, **values})
        self.done += 1
        return values

    def _keep(self) -> None:
        keep(self.path, self.said, {
            "done": self.done, "spent": self.spent.kept(), "history": self.history,
            "modules": {name: module.state_dict() for name, module in self.modules.items()},
            "optimiser": self.optimiser.state_dict(), "schedule": self.schedule.state_dict(),
            "rng": self.rng.bit_generator.state,
        })  # fmt: skip


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
