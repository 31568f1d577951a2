"""Every metric of one test set at once."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Num

from zsad.metrics import curve
from zsad.metrics.inputs import Labels, Maps, Masks, Pixels, Scores, Unchecked, check_maps, check_scores, require_both
from zsad.metrics.pixel import check_limit, ranked


def all_metrics(
    scores: Scores,
    labels: Labels,
    maps: Maps | None = None,
    masks: Masks | None = None,
    fpr_limit: float = 0.3,
    valid_mask: Masks | None = None,
) -> dict[str, float]:
    """All image and pixel metrics, with a single sort of the pixels.

    Args:
        scores: one an image, growing with abnormality.
        labels: one an image, True for anomalous.
        maps: one an image, growing with abnormality, in one array or each of its own size, see `pixel_auroc`. Without
            maps and masks there are image metrics only.
        masks: one an image, of the map's size, True where anomalous.
        fpr_limit: where AUPRO ends, in (0, 1].
        valid_mask: False where a pixel is left out of every pixel metric, as if it did not exist; a region that is cut
            by such pixels consists of what remains. By default all pixels count.

    Returns:
        image_auroc, image_ap, image_f1max, image_f1max_floor, pixel_auroc, pixel_ap, pixel_f1max, aupro; in [0, 1].

    Raises:
        ValueError: as the single metrics; another count of maps than of scores; only one of maps and masks.
    """
    test_set = checked(scores, labels, maps, masks, fpr_limit, valid_mask)
    pixels = None if test_set.pixels is None else ranked(test_set.pixels)
    values, positive = test_set.scores, test_set.labels
    found = metrics_of(curve.rank(values[positive], values[~positive]), pixels, fpr_limit)
    return {name: float(value) for name, value in found.items()}


@dataclass(frozen=True)
class Checked:
    """What has passed the checks: scores and labels, and pixels where there are any."""

    scores: Num[np.ndarray, " image"]
    labels: Bool[np.ndarray, " image"]
    pixels: Pixels | None


def checked(
    scores: Unchecked,
    labels: Unchecked,
    maps: Unchecked | None,
    masks: Unchecked | None,
    fpr_limit: float,
    valid_mask: Unchecked | None = None,
) -> Checked:
    """The arguments of `all_metrics` as arrays; raises what it raises."""
    check_limit(fpr_limit)
    values, positive = check_scores(scores, labels)
    require_both("image_auroc, image_ap and image_f1max", "images", positive)
    if maps is None and masks is None:
        return Checked(values, positive, None)
    if maps is None or masks is None:
        raise ValueError("pixel metrics need both maps and masks: give both, or neither for image metrics alone")
    pixels = check_maps(maps, masks, valid_mask)
    if len(pixels) != len(values):
        raise ValueError(f"there are {len(values)} scores but {len(pixels)} maps: give one each an image")
    there = pixels.anomalous[pixels.anomalous | pixels.normal]
    require_both("pixel_auroc, pixel_ap, pixel_f1max and aupro", "pixels", there)
    return Checked(values, positive, pixels)


def metrics_of(images: curve.Curve, pixels: curve.Curve | None, fpr_limit: float) -> dict[str, curve.PerReplicate]:
    """Every metric from the two curves."""
    found = {
        "image_auroc": curve.roc_area(images),
        "image_ap": curve.average_precision(images),
        "image_f1max": curve.f1max(images),
        "image_f1max_floor": curve.f1_floor(images),
    }
    if pixels is not None:
        found |= {
            "pixel_auroc": curve.roc_area(pixels),
            "pixel_ap": curve.average_precision(pixels),
            "pixel_f1max": curve.f1max(pixels),
            "aupro": curve.pro_area(pixels, fpr_limit),
        }
    return found
