"""A Gaussian process through the tries of one picture: what another try is expected to gain."""

import math
from itertools import product

import torch
from jaxtyping import Bool, Float
from torch import Tensor

# Lengths, in widths of the box, over which a landscape may change along each parameter, and where they usually lie.
LENGTHS = (0.03, 0.08, 0.2, 0.5, 1.25)
USUAL_LENGTH, SPREAD = 0.2, 1.5
# Variance of what a try does not repeat (rounding of a 16-bit detector), relative to that of the ranks.
NOISE = 1e-4


def expected_improvement(
    tried: Float[Tensor, "try parameter"],
    values: Float[Tensor, " try"],
    candidates: Float[Tensor, "candidate parameter"],
    periodic: Bool[Tensor, " parameter"],
) -> Float[Tensor, " candidate"]:
    """By how much each candidate is expected to undercut the lowest value, in ranks rather than in values.

    The ranks are modelled as a Gaussian process with a product of Matérn 3/2 kernels (continuous, not smooth), whose
    lengths are the most probable ones given the ranks (Jones et al., "Efficient Global Optimization", 1998).

    Args:
        tried, candidates: points of the unit cube, float64.
        values: at `tried`; finite.
        periodic: parameters whose 0 and 1 are the same point.
    """
    scaled = _normal_scores(values)
    scaled = scaled / (scaled.std(correction=0) + 1e-12)
    lengths = torch.tensor(list(product(LENGTHS, repeat=tried.shape[1])), dtype=tried.dtype)
    count = len(tried)
    between = _distances(tried, tried, periodic)
    covariance = _matern(between, lengths[:, None, None]) + NOISE * torch.eye(count, dtype=tried.dtype)
    factor = torch.linalg.cholesky(covariance)
    weights = torch.cholesky_solve(scaled[:, None].expand(len(lengths), -1, 1), factor)[..., 0]
    # For each choice of lengths the most probable variance; then the likelihood, and a broad prior over lengths.
    variance = ((weights * scaled).sum(1) / count).clamp(min=1e-6)
    likelihood = -count / 2 * variance.log() - factor.diagonal(dim1=1, dim2=2).log().sum(1)
    prior = -((lengths.log() - math.log(USUAL_LENGTH)) ** 2).sum(1) / (2 * SPREAD**2)
    best = (likelihood + prior).argmax()

    cross = _matern(_distances(candidates, tried, periodic), lengths[best])
    explained = torch.linalg.solve_triangular(factor[best], cross.mT, upper=False).square().sum(0)
    deviation = (variance[best] * (1 - explained).clamp(min=1e-12)).sqrt()
    gain = scaled.min() - cross @ weights[best]
    ratio = gain / deviation
    density = torch.exp(-ratio.square() / 2) / math.sqrt(2 * math.pi)
    return gain * torch.special.ndtr(ratio) + deviation * density


def _normal_scores(values: Float[Tensor, " try"]) -> Float[Tensor, " try"]:
    """Ranks as quantiles of the normal distribution; equal values share one.

    Probabilities are nearly 0 or 1 almost everywhere: small differences there point the way as well as the few large
    ones, beside which they would not count.
    """
    below, at_most = (values < values[:, None]).sum(1), (values <= values[:, None]).sum(1)
    return torch.special.ndtri((below + at_most).to(values.dtype) / (2 * len(values)))


def _distances(
    one: Float[Tensor, "one parameter"], other: Float[Tensor, "other parameter"], periodic: Bool[Tensor, " parameter"]
) -> Float[Tensor, "one other parameter"]:
    """Along each parameter; the chord where it is a circle."""
    straight = (one[:, None] - other).abs()
    return torch.where(periodic, torch.sin(math.pi * straight).abs() / math.pi, straight)


def _matern(distances: Float[Tensor, "*shape parameter"], lengths: Tensor) -> Float[Tensor, "*_out"]:
    ratio = math.sqrt(3) * distances / lengths
    return ((1 + ratio) * torch.exp(-ratio)).prod(-1)
