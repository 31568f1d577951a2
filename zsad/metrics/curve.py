"""The one representation behind every metric: what lies above each threshold.

Only the scores of anomalous items matter as thresholds. Between two of them a lower threshold adds normal items alone:
ROC and PRO run flat, precision and F1 fall. So normal scores need sorting but no labels, which is fast and small.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Num

BLOCK = 1024  # thresholds looked up together: the values among which they lie fit into a cache
PerReplicate = Float[np.ndarray, "*replicate"] | np.float64


@dataclass(frozen=True)
class Curve:
    """Counts at each threshold, from the highest to the lowest, for one test set or one in each row (replicate).

    Attributes:
        above: normal items that score higher than the threshold.
        at_least: normal items that score the threshold or more.
        hits: anomalous items that score exactly the threshold (all of a tied group).
        normals: all normal items.
        overlap: share of the ground-truth regions gained at the threshold, averaged over regions, for pixels only.
    """

    above: Num[np.ndarray, "*replicate threshold"]
    at_least: Num[np.ndarray, "*replicate threshold"]
    hits: Num[np.ndarray, "*replicate threshold"]
    normals: Num[np.ndarray, "*replicate"]
    overlap: Float[np.ndarray, "*replicate threshold"] | None = None


def rank(
    anomalies: Num[np.ndarray, " anomaly"],
    normals: Num[np.ndarray, " normal"],
    overlap: Float[np.ndarray, " anomaly"] | None = None,
) -> Curve:
    """Sort the scores of anomalous and of normal items into a curve; every metric of these items reads from it.

    Args:
        anomalies, normals: any real type; compared as they are, never rounded. Those of the normal items, which may be
            many, are sorted where they lie.
        overlap: for pixels, what each anomalous one adds to the mean overlap with the regions.
    """
    normals.sort()
    thresholds, group = np.unique(anomalies, return_inverse=True)
    count = len(thresholds)
    first, behind = places(normals, thresholds)
    return Curve(
        above=len(normals) - behind[::-1],
        at_least=len(normals) - first[::-1],
        hits=np.bincount(group, minlength=count)[::-1],
        normals=np.asarray(len(normals)),
        overlap=None if overlap is None else np.bincount(group, weights=overlap, minlength=count)[::-1],
    )


def places(
    values: Num[np.ndarray, " value"], thresholds: Num[np.ndarray, " threshold"]
) -> tuple[Int[np.ndarray, " threshold"], Int[np.ndarray, " threshold"]]:
    """Where in rising values each of rising thresholds belongs: before all that equal it, and behind them."""
    first, behind = np.empty(len(thresholds), np.int64), np.empty(len(thresholds), np.int64)
    for start in range(0, len(thresholds), BLOCK):
        block = thresholds[start : start + BLOCK]
        low, high = np.searchsorted(values, block[0], side="left"), np.searchsorted(values, block[-1], side="right")
        first[start : start + BLOCK] = low + np.searchsorted(values[low:high], block, side="left")
        behind[start : start + BLOCK] = low + np.searchsorted(values[low:high], block, side="right")
    return first, behind


def roc_area(curve: Curve) -> PerReplicate:
    """Area under the ROC; a tied group is one straight piece."""
    return _area(curve, curve.hits / curve.hits.sum(-1, keepdims=True), limit=1.0)


def pro_area(curve: Curve, fpr_limit: float) -> PerReplicate:
    """Area under the per-region overlap up to a false positive rate, divided by it."""
    assert curve.overlap is not None, "a curve of pixels"
    return _area(curve, curve.overlap, fpr_limit)


def average_precision(curve: Curve) -> PerReplicate:
    """Sum over thresholds of the recall gained times the precision there."""
    found = curve.hits.cumsum(-1)
    precision = found / np.maximum(found + curve.at_least, 1)
    value: PerReplicate = (curve.hits * precision).sum(-1) / found[..., -1]
    return value


def f1max(curve: Curve) -> PerReplicate:
    """The largest F1 over all thresholds."""
    found = curve.hits.cumsum(-1)
    value: PerReplicate = (2 * found / (found + curve.at_least + found[..., -1:])).max(-1)
    return value


def f1_floor(curve: Curve) -> PerReplicate:
    """F1 of calling every item anomalous."""
    anomalous = curve.hits.sum(-1)
    value: PerReplicate = 2 * anomalous / (2 * anomalous + curve.normals)
    return value


def _area(curve: Curve, gain: Float[np.ndarray, "*replicate threshold"], limit: float) -> PerReplicate:
    """Area under a rising curve over the false positive rate, from 0 to the limit, divided by the limit.

    What is gained at rate f counts from there to the limit: (limit - f), or 0 beyond it. What a tied group gains
    between the rates a and b is spread evenly over them, and counts with the mean of that.
    """
    a = curve.above / curve.normals[..., None]
    b = curve.at_least / curve.normals[..., None]
    width = b - a
    for rate in (a, b):  # from here on what is left of the limit
        np.maximum(np.subtract(limit, rate, out=rate), 0, out=rate)
    within = np.divide(a - b, width, out=np.ones_like(width), where=width > 0)  # share of [a, b] below the limit
    within *= gain
    within *= np.add(a, b, out=a)
    area = (within / 2).sum(-1) / limit
    value: PerReplicate = np.clip(area, 0, 1)  # the gains sum to 1 within rounding only
    return value
