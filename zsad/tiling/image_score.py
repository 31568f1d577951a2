"""Stage 12, image scores: the mean over a component's tiles, then over the most anomalous quarter of the components."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

ROUNDINGS: dict[str, Callable[[float], int]] = {"up": math.ceil, "down": math.floor, "nearest": round}


def component_scores(
    tiles: Float[Tensor, " tile"], of_component: Sequence[Sequence[int]]
) -> Float[Tensor, " component"]:
    """Mean score of each component's tiles; `of_component` lists their numbers."""
    return torch.stack([tiles[list(numbers)].mean() for numbers in of_component])


def top_mean(scores: Float[Tensor, " component"], share: float = 0.25, rounding: str = "up") -> Float[Tensor, ""]:
    """Mean of the highest `share` of scores, at least one of them: 1 is the mean of all, 0 the maximum."""
    number = min(len(scores), max(1, ROUNDINGS[rounding](share * len(scores))))
    return scores.topk(number).values.mean()
