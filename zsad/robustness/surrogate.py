"""Gaussian processes through the evaluations of many images at once: what another evaluation of each is expected to
gain.

Images are searched side by side and have equally many evaluations, so that one batched factorisation serves them all.
"""

import math
from functools import reduce
from itertools import product

import torch
from jaxtyping import Bool, Float
from torch import Tensor

# Lengths, in widths of the space, over which a landscape may change along each parameter, and where they usually lie.
LENGTHS = (0.03, 0.08, 0.2, 0.5, 1.25)
USUAL_LENGTH, SPREAD = 0.2, 1.5
# Variance of what a smooth landscape does not explain (steps, rounding of a 16-bit detector), relative to all of it.
NOISE = 1e-2
# Lengths are chosen by at most so many evaluations: there are many choices, and each costs the cube of the evaluations.
JUDGES = 64


def probable_lengths(
    tried: Float[Tensor, "image evaluation parameter"],
    values: Float[Tensor, "image evaluation"],
    periodic: Bool[Tensor, " parameter"],
) -> Float[Tensor, "image parameter"]:
    """Of all combinations of `LENGTHS` the most probable one for each image, given its evaluations.

    Of more than `JUDGES` evaluations every second, third, ... counts, in the order of their values.
    """
    stride = -(-tried.shape[1] // JUDGES)
    judges = values.argsort(dim=1, stable=True)[:, ::stride]
    tried = tried.gather(1, judges[..., None].expand(-1, -1, tried.shape[2]))
    scores = _scores(values.gather(1, judges))
    size = scores.shape[1]
    kernels = [
        [_matern(_distances(column, column, circle), length) for length in LENGTHS]
        for column, circle in zip(tried.unbind(2), periodic.tolist(), strict=True)
    ]
    noise = NOISE * torch.eye(size, dtype=tried.dtype, device=tried.device)
    evidence = []
    for choice in product(range(len(LENGTHS)), repeat=tried.shape[2]):
        covariance = reduce(torch.mul, [kernels[p][c] for p, c in enumerate(choice)]) + noise
        factor = torch.linalg.cholesky(covariance)
        weights = torch.cholesky_solve(scores[..., None], factor)[..., 0]
        # The most probable variance; then the likelihood, and a broad prior over lengths.
        variance = ((weights * scores).sum(1) / size).clamp(min=1e-6)
        likelihood = -size / 2 * variance.log() - factor.diagonal(dim1=1, dim2=2).log().sum(1)
        far = sum((math.log(LENGTHS[c]) - math.log(USUAL_LENGTH)) ** 2 for c in choice)
        evidence.append(likelihood - far / (2 * SPREAD**2))
    combinations = torch.tensor(list(product(LENGTHS, repeat=tried.shape[2])), dtype=tried.dtype, device=tried.device)
    # In 32 bits: the last digits of 64 depend on how many images there are, and must not decide between equals.
    return combinations[torch.stack(evidence, 1).float().argmax(1)]


class GaussianProcess:
    """Models of the landscapes of some images, in the scale of `_scores`: a product of Matérn 3/2 kernels (continuous,
    not smooth) over `lengths`.

    Args:
        tried: points of the unit cube, float64.
        values: at `tried`; finite.
        periodic: parameters whose 0 and 1 are the same point.
    """

    def __init__(
        self,
        tried: Float[Tensor, "image evaluation parameter"],
        values: Float[Tensor, "image evaluation"],
        periodic: Bool[Tensor, " parameter"],
        lengths: Float[Tensor, "image parameter"],
    ) -> None:
        scores = _scores(values)
        count = scores.shape[1]
        covariance = _kernel(tried, tried, periodic, lengths)
        covariance = covariance + NOISE * torch.eye(count, dtype=tried.dtype, device=tried.device)
        self._tried, self._periodic, self._lengths = tried, periodic, lengths
        self._factor = torch.linalg.cholesky(covariance)
        self._weights = torch.cholesky_solve(scores[..., None], self._factor)[..., 0]
        self._variance = ((self._weights * scores).sum(1, keepdim=True) / count).clamp(min=1e-6)
        self._lowest = scores.amin(1, keepdim=True)

    def expected_improvement(
        self, candidates: Float[Tensor, "image candidate parameter"]
    ) -> Float[Tensor, "image candidate"]:
        """By how much each candidate, a point of the unit cube, is expected to undercut the lowest value (Jones et al.,
        "Efficient Global Optimization", 1998).
        """
        cross = _kernel(candidates, self._tried, self._periodic, self._lengths)
        explained = torch.linalg.solve_triangular(self._factor, cross.mT, upper=False).square().sum(1)
        deviation = (self._variance * (1 - explained).clamp(min=1e-12)).sqrt()
        gain = self._lowest - (cross @ self._weights[..., None])[..., 0]
        ratio = gain / deviation
        density = torch.exp(-ratio.square() / 2) / math.sqrt(2 * math.pi)
        expected: Tensor = gain * torch.special.ndtr(ratio) + deviation * density
        return expected


def _scores(values: Float[Tensor, "image evaluation"]) -> Float[Tensor, "image evaluation"]:
    """What is modelled of each image's values: the mean of the values themselves and of their ranks as quantiles of the
    normal distribution, each of them, and then the mean, scaled to mean 0 and variance 1. Equal values stay equal.

    Where probabilities are nearly 0 or 1 almost everywhere, small differences point the way as well as the few large
    ones, beside which they would not count; elsewhere how far a value lies below the others says where to go on.
    """
    values = values.contiguous()
    ordered = values.sort(1).values
    below, at_most = torch.searchsorted(ordered, values), torch.searchsorted(ordered, values, right=True)
    quantiles = torch.special.ndtri((below + at_most).to(values.dtype) / (2 * values.shape[1]))
    return _scaled(_scaled(values) + _scaled(quantiles))


def _scaled(values: Float[Tensor, "image evaluation"]) -> Float[Tensor, "image evaluation"]:
    centred = values - values.mean(1, keepdim=True)
    return centred / (centred.std(1, correction=0, keepdim=True) + 1e-12)


def _kernel(
    one: Float[Tensor, "image one parameter"],
    other: Float[Tensor, "image other parameter"],
    periodic: Bool[Tensor, " parameter"],
    lengths: Float[Tensor, "image parameter"],
) -> Float[Tensor, "image one other"]:
    parts = [
        _matern(_distances(one[..., p], other[..., p], circle), lengths[:, p, None, None])
        for p, circle in enumerate(periodic.tolist())
    ]
    return reduce(torch.mul, parts)


def _distances(
    one: Float[Tensor, "image one"], other: Float[Tensor, "image other"], circle: bool
) -> Float[Tensor, "image one other"]:
    """Along one parameter; the chord where it is a circle."""
    straight = (one[:, :, None] - other[:, None]).abs()
    return torch.sin(math.pi * straight).abs() / math.pi if circle else straight


def _matern(distances: Float[Tensor, "image one other"], lengths: Tensor | float) -> Float[Tensor, "image one other"]:
    ratio = math.sqrt(3) * distances / lengths
    return (1 + ratio) * torch.exp(-ratio)
