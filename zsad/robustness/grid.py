"""Exhaustive search of one parameter: the reference that says how far any other search is from the worst case."""

import torch
from jaxtyping import Float
from torch import Tensor

from zsad.robustness.attack import Attack
from zsad.robustness.bounds import Box


def grid_values(box: Box, count: int) -> Float[Tensor, " value"]:
    """`count` evenly spaced values from low to high (a circle's end is its start), the one nearest 0 moved onto it."""
    share = torch.arange(count, dtype=torch.float64) / max(1, count if box.periodic[0] else count - 1)
    values = box.low + share * (box.high - box.low)
    values[values.abs().argmin()] = 0
    return values


def grid(attack: Attack, budget: int) -> None:
    """Try `budget` evenly spaced values on each picture, first 0.

    Raises:
        ValueError: more than one parameter.
    """
    if len(attack.box.names) > 1:
        raise ValueError(f"a grid searches one parameter, not {', '.join(attack.box.names)}: choose search='refine'")
    values = grid_values(attack.box, budget)
    values = values[(values != 0).argsort(stable=True)]
    samples = torch.arange(len(attack)).repeat_interleave(budget)
    attack.values(samples, values.repeat(len(attack))[:, None])
