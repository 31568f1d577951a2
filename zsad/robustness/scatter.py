"""Baselines that look at nothing they find: random points, and the evenly spread ones of a scrambled Sobol sequence."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.quasirandom import SobolEngine

from zsad.robustness.attack import Attack

Draw = Callable[[int, int, torch.Generator], Float[Tensor, "evaluation parameter"]]


def random(attack: Attack, budget: int, generators: Sequence[torch.Generator]) -> None:
    """Try 0, then points drawn uniformly in the bounds, for each image its own."""
    _scatter(attack, budget, generators, _uniform)


def sobol(attack: Attack, budget: int, generators: Sequence[torch.Generator]) -> None:
    """Try 0, then a Sobol sequence scrambled for each image (Owen, "Scrambling Sobol' and Niederreiter-Xing Points",
    1998), which leaves no large hole wherever it stops.
    """
    _scatter(attack, budget, generators, _scrambled)


def _uniform(count: int, parameters: int, generator: torch.Generator) -> Float[Tensor, "evaluation parameter"]:
    return torch.rand(count, parameters, generator=generator, dtype=torch.float64)


def _scrambled(count: int, parameters: int, generator: torch.Generator) -> Float[Tensor, "evaluation parameter"]:
    seed = int(torch.randint(2**31, (), generator=generator))
    return SobolEngine(parameters, scramble=True, seed=seed).draw(count, dtype=torch.float64)


def _scatter(attack: Attack, budget: int, generators: Sequence[torch.Generator], draw: Draw) -> None:
    space = attack.space
    share = torch.stack([draw(budget - 1, len(space.names), generator) for generator in generators])
    clean = torch.zeros(len(attack), 1, len(space.names), dtype=torch.float64)
    points = torch.cat((clean, space.low + share * (space.high - space.low)), 1)
    samples = torch.arange(len(attack)).repeat_interleave(budget)
    attack.values(samples, points.flatten(0, 1))
