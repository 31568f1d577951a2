"""The default search, Bayesian optimisation: even coverage first, then each evaluation where a Gaussian process through
those before, one for each image, expects the largest improvement.

One to three parameters make a small world: after a coarse survey most of it is hopeless, and a model of what was seen
says so without another evaluation. What remains is refined around the best, and where little is known. It needs no
gradient.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.quasirandom import SobolEngine

from zsad.robustness.attack import Attack
from zsad.robustness.grid import grid_values
from zsad.robustness.search_space import SearchSpace
from zsad.robustness.surrogate import GaussianProcess, probable_lengths

# Evaluations of the survey; then the model leads.
SURVEY = 12
# Candidates: over the whole space, others for each evaluation; around the best evaluation at these widths; and along
# each parameter through the best evaluation. Then around the most promising one, closer and closer.
GLOBAL, LOCAL, LINE = 256, 48, 33
WIDTHS = (0.2, 0.07, 0.02, 0.007)
CLOSER = (0.05, 0.02, 0.007)
# No evaluation closer than this to an earlier one: it would tell nothing new.
APART = 2e-3
# The model's lengths are chosen anew whenever there are so many times as many evaluations.
ANEW = 1.1


def bayes_opt(attack: Attack, budget: int, starts: Float[Tensor, "image start parameter"] | None = None) -> None:
    """Evaluations that cover the space, the first of them 0, then one at a time up to `budget`, each image for itself.

    Every round evaluates one point on each image, so that images fill the batches. Nothing is random, and the
    evaluations of a smaller budget are the first ones of a larger one.

    Args:
        starts: points to evaluate right after the first one, for each image its own.
    """
    space, everyone = attack.space, torch.arange(len(attack))
    begin = _survey(space)[:budget].expand(len(attack), -1, -1)
    if starts is not None:
        begin = torch.cat((begin[:, :1], starts, begin[:, 1:]), 1)[:, :budget]
    values = attack.values(everyone.repeat_interleave(begin.shape[1]), begin.flatten(0, 1)).view(len(attack), -1)
    # The model runs beside the detector on a GPU that has 64 bits.
    device = attack.victim.device if torch.device(attack.victim.device).type == "cuda" else "cpu"
    tried, values = ((begin - space.low) / (space.high - space.low)).to(device), values.to(device)
    periodic = torch.tensor(space.periodic, device=device)
    lengths, judged = torch.empty(0), 0
    while tried.shape[1] < budget:
        if tried.shape[1] >= ANEW * judged:
            lengths, judged = probable_lengths(tried, values, periodic), tried.shape[1]
        chosen = next_points(tried, values, periodic, lengths)
        new = attack.values(everyone, space.low + chosen.cpu() * (space.high - space.low)).to(device)
        tried, values = torch.cat((tried, chosen[:, None]), 1), torch.cat((values, new[:, None]), 1)


def _survey(space: SearchSpace) -> Float[Tensor, "evaluation parameter"]:
    """0, then points all over the space: evenly spaced for one parameter, else a Sobol sequence."""
    if len(space.names) == 1:
        values = grid_values(space, SURVEY)
        return values[(values != 0).argsort(stable=True)][:, None]
    points = space.low + _cover(SURVEY, torch.tensor(space.periodic)) * (space.high - space.low)
    points[0] = 0
    return points


def next_points(
    tried: Float[Tensor, "image evaluation parameter"],
    values: Float[Tensor, "image evaluation"],
    periodic: Bool[Tensor, " parameter"],
    lengths: Float[Tensor, "image parameter"],
) -> Float[Tensor, "image parameter"]:
    """For each image the point of the unit cube that is worth trying most."""
    model = GaussianProcess(tried, values, periodic, lengths)

    def most_promising(candidates: Float[Tensor, "image candidate parameter"]) -> Float[Tensor, "image parameter"]:
        gain = model.expected_improvement(candidates)
        apart = (candidates[:, :, None] - tried[:, None]).abs()
        near = torch.where(periodic, apart.minimum(1 - apart), apart).amax(3) < APART
        # In 32 bits: the last digits of 64 depend on how many images there are, and must not decide between equals.
        share = (gain / gain.amax(1, keepdim=True).clamp(min=1e-300)).float()
        chosen = share.masked_fill(near.any(2), -1).argmax(1)
        return candidates[torch.arange(len(candidates), device=candidates.device), chosen]

    best = tried.gather(1, values.argmin(1)[:, None, None].expand(-1, 1, tried.shape[2]))[:, 0]
    chosen = most_promising(_candidates(best, periodic, tried.shape[1]))
    for width in CLOSER:
        chosen = most_promising(torch.cat((chosen[:, None], _around(chosen, periodic, width)), 1))
    return chosen


def _candidates(
    best: Float[Tensor, "image parameter"], periodic: Bool[Tensor, " parameter"], evaluations: int
) -> Float[Tensor, "image candidate parameter"]:
    """Those after so many evaluations: with points of a Sobol sequence that none before had."""
    images, count = best.shape
    local = torch.cat([_around(best, periodic, width) for width in WIDTHS], 1)
    lines = best[:, None, None].repeat(1, count, LINE, 1)
    for parameter in range(count):
        lines[:, parameter, :, parameter] = torch.linspace(0, 1, LINE).to(best)
    everywhere = _cover(GLOBAL, periodic, GLOBAL * evaluations)
    return torch.cat((everywhere.expand(images, -1, -1), local, lines.flatten(1, 2)), 1)


def _around(
    centre: Float[Tensor, "image parameter"], periodic: Bool[Tensor, " parameter"], width: float
) -> Float[Tensor, "image candidate parameter"]:
    """`LOCAL` points, normally distributed about each centre; none beyond a bound that is no circle's."""
    cloud = torch.special.ndtri(SobolEngine(centre.shape[1]).draw(LOCAL + 1, dtype=torch.float64)[1:]).to(centre)
    around = centre[:, None] + width * cloud
    return torch.where(periodic, around.remainder(1), around.clamp(0, 1))


def _cover(count: int, periodic: Bool[Tensor, " parameter"], skipped: int = 0) -> Float[Tensor, "point parameter"]:
    """Sobol points, stretched so that some lie on the bounds, where the worst case often is."""
    engine = SobolEngine(len(periodic)).fast_forward(skipped)
    points = engine.draw(count, dtype=torch.float64).to(periodic.device)
    return torch.where(periodic, points, (0.5 + 1.2 * (points - 0.5)).clamp(0, 1))
