"""The search of the semantic robustness paper's released code: Adam on the loss, restarted from random places."""

from collections.abc import Sequence

import torch

from zsad.robustness.attack import Attack

STEPS = 20
# A base rate of 5, times 1 for degrees and 0.02 for the others.
RATES = {"angle": 5.0, "hue": 0.1, "saturation": 0.1}


def adam(attack: Attack, budget: int, generators: Sequence[torch.Generator]) -> None:
    """Runs of 20 steps each until the budget is spent (the released code has 5 runs), every image for itself.

    The first run starts at 0, each later one uniformly in the bounds, with a fresh optimiser. Parameters are clipped to
    the bounds for the forward pass alone: the gradient passes straight through to the raw variable, which is not
    clipped. Settings of the code released with Stangl et al. (arXiv 2405.07969).
    """
    space, everyone = attack.space, torch.arange(len(attack))
    for done in range(0, budget, STEPS):
        start = torch.zeros(len(attack), len(space.names), dtype=torch.float64)
        if done:
            share = torch.stack([torch.rand(len(space.names), generator=g, dtype=torch.float64) for g in generators])
            start = space.low + share * (space.high - space.low)
        variables = {name: column.clone() for name, column in zip(space.names, start.unbind(1), strict=True)}
        optimiser = torch.optim.Adam([{"params": [column], "lr": RATES[name]} for name, column in variables.items()])
        for _ in range(min(STEPS, budget - done)):
            clipped = torch.stack(list(variables.values()), 1).clamp(space.low, space.high)
            gradient = attack.gradients(everyone, clipped)
            for column, slope in zip(variables.values(), gradient.unbind(1), strict=True):
                column.grad = slope
            optimiser.step()
