"""Metrics of image scores: does the detector know which images are anomalous?"""

from zsad.metrics import curve
from zsad.metrics.inputs import Labels, Scores, Unchecked, check_labels, check_scores, require_both


def image_auroc(scores: Scores, labels: Labels) -> float:
    """Area under the receiver operating characteristic, equal scores counted half.

    Args:
        scores: one an image, growing with abnormality.
        labels: one an image, True for anomalous.

    Raises:
        ValueError: one class only, counts that differ, no images, NaN or infinite scores.
    """
    return float(curve.roc_area(_ranked("image_auroc", scores, labels)))


def image_ap(scores: Scores, labels: Labels) -> float:
    """Average precision, step-wise: sum over distinct thresholds of recall gained times precision.

    Arguments and errors as `image_auroc`.
    """
    return float(curve.average_precision(_ranked("image_ap", scores, labels)))


def image_f1max(scores: Scores, labels: Labels) -> float:
    """The largest F1 over all distinct thresholds, chosen on the test set itself: read it beside `f1max_floor`.

    Arguments and errors as `image_auroc`.
    """
    return float(curve.f1max(_ranked("image_f1max", scores, labels)))


def f1max_floor(labels: Labels) -> float:
    """F1 of calling every image anomalous, which no F1-max can fall below: 2a / (2a + g) for a anomalous and g normal.

    Raises:
        ValueError: no images, or labels that are not booleans.
    """
    positive = check_labels(labels)
    anomalous = int(positive.sum())
    return 2 * anomalous / (anomalous + len(positive))


def _ranked(metric: str, scores: Unchecked, labels: Unchecked) -> curve.Curve:
    values, positive = check_scores(scores, labels)
    require_both(metric, "images", positive)
    return curve.rank(values[positive], values[~positive])
