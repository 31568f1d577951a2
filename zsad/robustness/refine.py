"""The default search: even coverage first, then each try where a model of the picture's landscape expects most of it.

One to three parameters make a small world: after a coarse survey most of it is hopeless, and a model of what was seen
says so without another try. What remains is refined around the best, and where little is known. It needs no gradient.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.quasirandom import SobolEngine

from zsad.robustness.attack import Attack
from zsad.robustness.bounds import Box
from zsad.robustness.grid import grid_values
from zsad.robustness.surrogate import expected_improvement

# Tries of the survey, by the number of parameters: one can be covered evenly; in more the model leads from early on.
SURVEY = {1: 12, 2: 8, 3: 8}
# Candidates: over the whole box; around the best try at these widths; and along each parameter through the best try.
GLOBAL, LOCAL, LINE = 512, 64, 65
WIDTHS = (0.2, 0.07, 0.02, 0.007)
# No try closer than this to an earlier one: it would tell nothing new.
APART = 2e-3


def refine(attack: Attack, budget: int) -> None:
    """A few tries that cover the box, the first of them 0, then one at a time up to `budget`, each picture for itself.

    Every round tries one point on each picture, so that pictures fill the batches. Nothing is random.
    """
    box, count = attack.box, len(attack)
    everyone = torch.arange(count)
    survey = _survey(box, min(budget, SURVEY[len(box.names)]))
    values = attack.values(everyone.repeat_interleave(len(survey)), survey.repeat(count, 1)).view(count, -1)
    tried = ((survey - box.low) / (box.high - box.low)).expand(count, -1, -1)
    periodic = torch.tensor(box.periodic)
    while tried.shape[1] < budget:
        chosen = torch.stack([_next(*known, periodic) for known in zip(tried, values, strict=True)])
        new = attack.values(everyone, box.low + chosen * (box.high - box.low))
        tried, values = torch.cat((tried, chosen[:, None]), 1), torch.cat((values, new[:, None]), 1)


def _survey(box: Box, count: int) -> Float[Tensor, "try parameter"]:
    """0, then points all over the box: evenly spaced for one parameter, else a Sobol sequence."""
    if len(box.names) == 1:
        values = grid_values(box, count)
        return values[(values != 0).argsort(stable=True)][:, None]
    sobol = _cover(count, torch.tensor(box.periodic))
    points = box.low + sobol * (box.high - box.low)
    points[0] = 0
    return points


def _next(
    tried: Float[Tensor, "try parameter"], values: Float[Tensor, " try"], periodic: Bool[Tensor, " parameter"]
) -> Float[Tensor, " parameter"]:
    """The point of the unit cube that is worth trying most."""
    candidates = _candidates(tried[values.argmin()], periodic)
    gain = expected_improvement(tried, values, candidates, periodic)
    near = (candidates[:, None] - tried).abs().amax(2).amin(1) < APART
    return candidates[gain.masked_fill(near, -1).argmax()]


def _candidates(
    best: Float[Tensor, " parameter"], periodic: Bool[Tensor, " parameter"]
) -> Float[Tensor, "candidate parameter"]:
    count = len(best)
    cloud = torch.special.ndtri(SobolEngine(count).draw(LOCAL + 1, dtype=torch.float64)[1:])
    around = torch.cat([best + width * cloud for width in WIDTHS])
    lines = best.repeat(count, LINE, 1)
    for parameter in range(count):
        lines[parameter, :, parameter] = torch.linspace(0, 1, LINE, dtype=torch.float64)
    local = torch.where(periodic, around.remainder(1), around.clamp(0, 1))
    return torch.cat((_cover(GLOBAL, periodic), local, lines.flatten(0, 1)))


def _cover(count: int, periodic: Bool[Tensor, " parameter"]) -> Float[Tensor, "point parameter"]:
    """Sobol points, stretched so that some lie on the bounds, where the worst case often is."""
    points = SobolEngine(len(periodic)).draw(count, dtype=torch.float64)
    return torch.where(periodic, points, (0.5 + 1.2 * (points - 0.5)).clamp(0, 1))
