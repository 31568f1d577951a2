"""Decisions at a threshold: how many alarms are false and how many anomalies are missed, under many draws at once.

An image raises an alarm where its score reaches the threshold (score >= threshold). Draws are rows of counts: how often
each image was drawn (`zsad.metrics.bootstrap.draw_counts`); one row of ones is the test set itself.
"""

import math

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

SHARE = 0.05
"""How many of the good images may raise a false alarm where the threshold is set, by default."""

Counts = Int[np.ndarray, "replicate image"]


def best_f1_thresholds(
    counts: Counts, scores: Float[np.ndarray, " image"], labels: Bool[np.ndarray, " image"]
) -> Float[np.ndarray, " replicate"]:
    """The score at which each draw has its largest F1; of equally good ones the highest, which raises fewest alarms.

    Optimistic: nobody has the labels of the images that are still to come. Every draw must have an anomalous image.
    """
    order = np.argsort(-scores, kind="stable")
    ranked, drawn = scores[order], counts[:, order]
    found, alarms = (drawn * labels[order]).cumsum(1), drawn.cumsum(1)
    f1 = 2 * found / (alarms + found[:, -1:])
    f1[:, :-1][:, ranked[1:] == ranked[:-1]] = -1.0  # equal scores raise an alarm together
    best: Float[np.ndarray, " replicate"] = ranked[f1.argmax(1)]
    return best


def good_share_thresholds(
    counts: Counts, good: Float[np.ndarray, " image"], share: float = SHARE
) -> Float[np.ndarray, " replicate"]:
    """The lowest threshold that at most the share of some good images reaches, in each draw.

    Of n images k = floor(share * n) may raise an alarm: the threshold is the next number above the score that comes
    (k + 1)-th from the top. Where several images share that score none of them raises an alarm, so that k is never
    exceeded; of fewer than 1 / share images none may raise one, and the threshold lies just above the highest score.

    Args:
        good: scores of images known to be good, which are not among those that are judged.
        share: in [0, 1).

    Raises:
        ValueError: no images, or a share out of [0, 1).
    """
    if not len(good):
        raise ValueError("a threshold by the share of false alarms needs scores of good images, and there are none")
    if not 0 <= share < 1:
        raise ValueError(f"share is {share}: it must lie in [0, 1)")
    order = np.argsort(-good, kind="stable")
    reached = counts[:, order].cumsum(1)
    allowed = np.floor(share * reached[:, -1:] + 1e-9)  # 0.29 * 100 is 28.999999999999996
    first: Float[np.ndarray, " replicate"] = np.nextafter(good[order][(reached > allowed).argmax(1)], math.inf)
    return first


def error_rates(
    counts: Counts,
    scores: Float[np.ndarray, " image"],
    labels: Bool[np.ndarray, " image"],
    thresholds: Float[np.ndarray, " replicate"],
) -> tuple[Float[np.ndarray, " replicate"], Float[np.ndarray, " replicate"]]:
    """False alarms, a share of the good images, and misses, a share of the anomalous ones, at each draw's threshold.

    Every draw must have images of both kinds.
    """
    alarm = scores >= thresholds[:, None]
    good = counts * ~labels
    anomalous = counts - good
    return (good * alarm).sum(1) / good.sum(1), (anomalous * ~alarm).sum(1) / anomalous.sum(1)


def once(images: Shaped[np.ndarray, " image"]) -> Counts:
    """The one draw that is the images themselves."""
    return np.ones((1, len(images)), dtype=np.int64)


def median_shift(before: Float[np.ndarray, " image"], after: Float[np.ndarray, " image"]) -> float:
    """How far the scores of the same images move: the median of after - before, in interquartile ranges of `before`.

    1 means that half of the images have moved by the width of the middle half of what they were. NaN where that is 0.
    """
    low, high = np.quantile(before, (0.25, 0.75))
    return float(np.median(after - before) / (high - low)) if high > low else math.nan
