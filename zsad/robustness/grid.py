"""Exhaustive search of one parameter: the reference that says how far any other search is from the worst case."""

import torch
from jaxtyping import Float
from torch import Tensor

from zsad.robustness.attack import Attack
from zsad.robustness.search_space import SearchSpace


def grid_values(space: SearchSpace, count: int) -> Float[Tensor, " value"]:
    """`count` evenly spaced values from low to high (a circle's end is its start), the one nearest 0 moved onto it."""
    share = torch.arange(count, dtype=torch.float64) / max(1, count if space.periodic[0] else count - 1)
    values = space.low + share * (space.high - space.low)
    values[values.abs().argmin()] = 0
    return values


def grid(attack: Attack, budget: int) -> None:
    """Try `budget` evenly spaced values on each image, first 0.

    Raises:
        ValueError: more than one parameter.
    """
    if len(attack.space.names) > 1:
        raise ValueError(
            f"a grid searches one parameter, not {', '.join(attack.space.names)}: choose search='bayes_opt'"
        )
    values = grid_values(attack.space, budget)
    values = values[(values != 0).argsort(stable=True)]
    samples = torch.arange(len(attack)).repeat_interleave(budget)
    attack.values(samples, values.repeat(len(attack))[:, None])
