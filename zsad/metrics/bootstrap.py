"""Bootstrap intervals over images."""

from collections.abc import Mapping

import numpy as np
import scipy.stats
from jaxtyping import Bool, Float, Int, Num, Shaped

from zsad.limits import check_number
from zsad.metrics.curve import Curve
from zsad.metrics.inputs import Labels, Maps, Masks, Pixels, Scores
from zsad.metrics.pixel import region_overlap
from zsad.metrics.summary import all_metrics, checked, metrics_of

BINS = 4096
SMALL = 60  # images; below that percentiles of a bootstrap cover too little


def bootstrap_intervals(
    scores: Scores,
    labels: Labels,
    maps: Maps | None = None,
    masks: Masks | None = None,
    replicates: int = 200,
    *,
    generator: np.random.Generator,
    level: float = 0.95,
    fpr_limit: float = 0.3,
) -> dict[str, tuple[float, float]]:
    """Intervals of every metric of `all_metrics`, made as `intervals` says.

    See `bootstrap_replicates` for the arguments before `level`, the share of test sets whose interval is to hold the
    truth, in (0, 1).

    Returns (low, high) for each name in `all_metrics`. Raises ValueError as `bootstrap_replicates`, and for a level out
    of (0, 1).
    """
    if not 0 < level < 1:
        raise ValueError(f"level is {level}: it must lie between 0 and 1")
    arguments = (scores, labels, maps, masks)
    drawn, left_out = resampled(*arguments, replicates, generator=generator, fpr_limit=fpr_limit)
    return intervals(all_metrics(*arguments, fpr_limit=fpr_limit), drawn, left_out, level)


def intervals(
    estimates: Mapping[str, float],
    drawn: Mapping[str, Float[np.ndarray, " replicate"]],
    left_out: Mapping[str, Float[np.ndarray, " image"]],
    level: float = 0.95,
) -> dict[str, tuple[float, float]]:
    """(low, high) of each metric of one test set: `small_sample_interval` where it is also known without each of the
    images, as `resampled` gives it for few, else percentiles of the replicates.
    """
    return {
        name: small_sample_interval(estimate, left_out[name], level)
        if name in left_out
        else interval(drawn[name], level)
        for name, estimate in estimates.items()
    }


def interval(values: Float[np.ndarray, " replicate"], level: float = 0.95) -> tuple[float, float]:
    """The percentile interval that holds the share `level` of the replicates."""
    low, high = np.quantile(values, ((1 - level) / 2, (1 + level) / 2)).tolist()
    return low, high


def expanded(
    drawn: Float[np.ndarray, "replicate category"], images: Int[np.ndarray, " category"], level: float = 0.95
) -> Float[np.ndarray, "replicate category"]:
    """Replicates as far from their mean as an interval of few images needs; percentiles of their means over categories
    are such intervals, also of differences of metrics, which have no logit.

    A bootstrap of m values has (m - 1) / m of the variance of their mean, and percentiles take it for known (Davison &
    Hinkley, "Bootstrap Methods and their Application", 1997, chapters 2 and 5). So deviations grow by
    sqrt(m / (m - 1)) and, as in a studentised interval, by the quantile of Student's t with m - 1 degrees of freedom
    over the normal's. Where m is the number of images in the smaller class, which decides how uncertain a metric is,
    paired differences of AUROCs of 0.9 and 0.8 (binormal, correlated by 0.5 to 0.9) lie inside in 93 to 97 % of test
    sets of 16 to 59 images, where percentiles of the draws as they are hold them in 89 to 95 %; means over three
    categories in 96 % and more. Of 12 images it is 86 to 92 %: in up to a tenth of such sets all draws agree, because
    either side ranks all images right, and the interval is a point.

    Args:
        images: how many of the smaller class each category has, or how many values in a mean; one counts as two.
    """
    m = np.maximum(images, 2)
    growth = np.sqrt(m / (m - 1)) * scipy.stats.t.ppf((1 + level) / 2, m - 1) / scipy.stats.norm.ppf((1 + level) / 2)
    centre = drawn.mean(axis=0)
    wider: Float[np.ndarray, "replicate category"] = centre + growth * (drawn - centre)
    return wider


def small_sample_interval(
    estimate: float, left_out: Float[np.ndarray, " image"], level: float = 0.95
) -> tuple[float, float]:
    """A studentised interval on the logit scale, for a metric in [0, 1] of fewer than `SMALL` images.

    Percentiles of a bootstrap cover too little there: at a true AUROC of 0.9, 81 % of 16 and 90 % of 30 binormal
    images, where this covers 99 and 94 %. And they hold nothing but 1 where all images are ranked right. Here the
    standard error comes from leaving images out, one at a time; half an image counts for either end, so that neither 0
    nor 1 is ever taken for certain, and no error is below half an image. The estimate itself is always inside.

    Args:
        left_out: the metric without each of the images.
    """
    count = len(left_out)
    centre = (estimate * count + 0.5) / (count + 1)
    error = np.sqrt((count - 1) / count * ((left_out - left_out.mean()) ** 2).sum())
    reach = scipy.stats.t.ppf((1 + level) / 2, max(count - 2, 1)) * max(error, 0.5 / count) / (centre * (1 - centre))
    ends = 1 / (1 + np.exp(-(np.log(centre / (1 - centre)) + np.array([-reach, reach]))))
    return min(float(ends[0]), estimate), max(float(ends[1]), estimate)


def bootstrap_replicates(
    scores: Scores,
    labels: Labels,
    maps: Maps | None = None,
    masks: Masks | None = None,
    replicates: int = 200,
    *,
    generator: np.random.Generator,
    fpr_limit: float = 0.3,
    valid_mask: Masks | None = None,
) -> dict[str, Float[np.ndarray, " replicate"]]:
    """Every metric of `all_metrics` in test sets made by drawing images with replacement.

    Generators in the same state draw the same images for the same labels and masks, so replicates of two detectors, or
    of two shifts, can be subtracted one by one: the difference then has its own interval.

    An image brings its score, pixels and ground-truth regions along. The draw is not stratified: the share of
    anomalous images, which AP and F1 depend on, varies as it would in another test set of the same size. A draw
    without a normal or without an anomalous image (or pixel) has no metrics and is drawn again.

    Image metrics are exact. For pixel metrics each image is counted once into 4096 bins of the pooled values, half of
    them quantiles of the normal and half of the anomalous pixels, so that a replicate is a weighted sum of histograms;
    values that share a bin count as tied. On maps of continuous values that moves an estimate by less than 0.001,
    far less than the width of an interval; where no class has more distinct values than its bins it moves nothing.

    Args:
        scores, labels, maps, masks, fpr_limit, valid_mask: as in `all_metrics`.
        replicates: how many draws.
        generator: source of the draws.

    Returns:
        The replicates of each name in `all_metrics`.

    Raises:
        ValueError: as `all_metrics`; replicates beyond `zsad.limits`.
    """
    arguments = (scores, labels, maps, masks, replicates)
    return resampled(*arguments, generator=generator, fpr_limit=fpr_limit, valid_mask=valid_mask)[0]


def resampled(
    scores: Scores,
    labels: Labels,
    maps: Maps | None = None,
    masks: Masks | None = None,
    replicates: int = 200,
    *,
    generator: np.random.Generator,
    fpr_limit: float = 0.3,
    valid_mask: Masks | None = None,
) -> tuple[dict[str, Float[np.ndarray, " replicate"]], dict[str, Float[np.ndarray, " image"]]]:
    """`bootstrap_replicates`, which see, and every metric without each of the images in turn.

    The second is empty for `SMALL` images and more, which do not need it, and where an image is the only one of its
    class, or the only one with pixels of theirs.
    """
    check_number("replicates", replicates)
    test_set = checked(scores, labels, maps, masks, fpr_limit, valid_mask)
    has_anomalous, has_normal = test_set.labels, ~test_set.labels
    if test_set.pixels:
        parts = test_set.pixels.parts
        has_anomalous = np.array([test_set.pixels.anomalous[part].any() for part in parts])
        has_normal = np.array([test_set.pixels.normal[part].any() for part in parts])
    counts = draw_counts(test_set.labels, has_anomalous, has_normal, replicates, generator)
    classes = (test_set.labels, ~test_set.labels, has_anomalous, has_normal)
    if len(test_set.labels) < SMALL and all(members.sum() > 1 for members in classes):
        counts = np.concatenate([counts, 1 - np.eye(len(test_set.labels), dtype=np.int64)])
    by_image = image_curve(counts, test_set.scores, test_set.labels)
    by_pixel = pixel_curve(counts, test_set.pixels) if test_set.pixels else None
    found = {name: np.asarray(values) for name, values in metrics_of(by_image, by_pixel, fpr_limit).items()}
    drawn = {name: values[:replicates] for name, values in found.items()}
    return drawn, {n: v[replicates:] for n, v in found.items() if len(v) > replicates}


def draw_counts(
    labels: Bool[np.ndarray, " image"],
    has_anomalous: Bool[np.ndarray, " image"],
    has_normal: Bool[np.ndarray, " image"],
    replicates: int,
    generator: np.random.Generator,
) -> Int[np.ndarray, "replicate image"]:
    """How often each image is drawn in each replicate; replicates with one class only, of images or of the pixels that
    these have, are drawn again.
    """
    count = len(labels)
    counts = np.zeros((replicates, count), dtype=np.int64)
    missing = np.arange(replicates)
    while len(missing):
        counts[missing] = generator.multinomial(count, np.full(count, 1 / count), size=len(missing))
        drawn = counts[missing] > 0
        both_labels = (drawn & labels).any(1) & (drawn & ~labels).any(1)
        both_pixels = (drawn & has_anomalous).any(1) & (drawn & has_normal).any(1)
        missing = missing[~(both_labels & both_pixels)]
    return counts


def image_curve(
    counts: Int[np.ndarray, "replicate image"], scores: Num[np.ndarray, " image"], labels: Bool[np.ndarray, " image"]
) -> Curve:
    """The exact curve of each replicate: the bins are the distinct scores."""
    bins, group = np.unique(scores, return_inverse=True)
    member = group[:, None] == np.arange(len(bins))
    return _curve(counts, member & ~labels[:, None], member & labels[:, None])


def pixel_curve(counts: Int[np.ndarray, "replicate image"], pixels: Pixels) -> Curve:
    """The curve of each replicate with values in bins; see `bootstrap_replicates` for what that costs."""
    values, half = pixels.values, BINS // 2
    edges = np.union1d(_quantiles(values[pixels.normal], half), _quantiles(values[pixels.anomalous], half))
    share, regions = region_overlap(pixels)
    ends = np.cumsum([pixels.anomalous[part].sum() for part in pixels.parts])
    shares = np.split(share, ends[:-1])

    # A value that is an edge itself opens the bin, so equal values always share one.
    normal, anomalous, overlap = [], [], []
    for part, own in zip(pixels.parts, shares, strict=True):
        # Of the many normal pixels, edges are looked up in the values: a third of the time of values in the edges.
        below = np.searchsorted(np.sort(values[part][pixels.normal[part]]), edges, side="left")
        normal.append(np.diff(below, prepend=0, append=pixels.normal[part].sum()))
        found = np.searchsorted(edges, values[part][pixels.anomalous[part]], side="right")
        anomalous.append(np.bincount(found, minlength=len(edges) + 1))
        overlap.append(np.bincount(found, own, minlength=len(edges) + 1))
    return _curve(counts, np.stack(normal), np.stack(anomalous), (np.stack(overlap), regions))


def _quantiles(values: Num[np.ndarray, " pixel"], count: int) -> Num[np.ndarray, " quantile"]:
    """Values at equal steps of rank, taken from the data, each once."""
    ranks = np.unique(np.linspace(0, len(values) - 1, count).astype(np.int64))
    return np.unique(np.sort(values)[ranks])


def _curve(
    counts: Int[np.ndarray, "replicate image"],
    normal: Shaped[np.ndarray, "image bin"],
    anomalous: Shaped[np.ndarray, "image bin"],
    overlap: tuple[Float[np.ndarray, "image bin"], Int[np.ndarray, " image"]] | None = None,
) -> Curve:
    """The curve of each replicate from histograms of each image over rising values.

    The overlap comes as the sum over an image's regions, and their number.
    """
    weights = counts.astype(np.float64)  # a product of floats is BLAS, and exact for counts below 2^53
    in_bin = (weights @ normal)[:, ::-1]
    at_least = in_bin.cumsum(1)
    return Curve(
        above=at_least - in_bin,
        at_least=at_least,
        hits=(weights @ anomalous)[:, ::-1],
        normals=at_least[:, -1],
        overlap=None if overlap is None else (weights @ overlap[0])[:, ::-1] / (weights @ overlap[1])[:, None],
    )
