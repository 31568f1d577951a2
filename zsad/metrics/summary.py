"""Every metric of one test set at once."""

import numpy as np
from jaxtyping import Bool, Float, Num

from zsad.metrics import curve
from zsad.metrics.inputs import Labels, Maps, Masks, Scores, check_maps, check_scores, require_both
from zsad.metrics.pixel import check_limit, region_overlap


def all_metrics(scores: Scores, labels: Labels, maps: Maps, masks: Masks, fpr_limit: float = 0.3) -> dict[str, float]:
    """All image and pixel metrics, with a single sort of the pixels.

    Args:
        scores: one an image, growing with abnormality.
        labels: one an image, True for anomalous.
        maps: one an image, growing with abnormality.
        masks: one an image, True where anomalous.
        fpr_limit: where AUPRO ends, in (0, 1].

    Returns:
        image_auroc, image_ap, image_f1max, image_f1max_floor, pixel_auroc, pixel_ap, pixel_f1max, aupro; in [0, 1].

    Raises:
        ValueError: as the single metrics, or another count of maps than of scores.
    """
    scores, labels, maps, masks = check_test_set(scores, labels, maps, masks, fpr_limit)
    share, regions = region_overlap(masks)
    found = metrics_of(curve.rank(scores, labels), curve.rank(maps, masks, share / regions.sum()), fpr_limit)
    return {name: float(value) for name, value in found.items()}


def check_test_set(
    scores: Scores, labels: Labels, maps: Maps, masks: Masks, fpr_limit: float
) -> tuple[
    Num[np.ndarray, " image"],
    Bool[np.ndarray, " image"],
    Num[np.ndarray, "image height width"],
    Bool[np.ndarray, "image height width"],
]:
    """The arguments of `all_metrics` as arrays; raises what it raises."""
    check_limit(fpr_limit)
    values, positive = check_scores(scores, labels)
    pixels, anomalous = check_maps(maps, masks)
    if len(pixels) != len(values):
        raise ValueError(f"there are {len(values)} scores but {len(pixels)} maps: give one each an image")
    require_both("image_auroc, image_ap and image_f1max", "images", positive)
    require_both("pixel_auroc, pixel_ap, pixel_f1max and aupro", "pixels", anomalous)
    return values, positive, pixels, anomalous


def metrics_of(
    images: curve.Curve, pixels: curve.Curve, fpr_limit: float
) -> dict[str, Float[np.ndarray, "*replicate"]]:
    """Every metric from the two curves."""
    return {
        "image_auroc": curve.roc_area(images),
        "image_ap": curve.average_precision(images),
        "image_f1max": curve.f1max(images),
        "image_f1max_floor": curve.f1_floor(images),
        "pixel_auroc": curve.roc_area(pixels),
        "pixel_ap": curve.average_precision(pixels),
        "pixel_f1max": curve.f1max(pixels),
        "aupro": curve.pro_area(pixels, fpr_limit),
    }
