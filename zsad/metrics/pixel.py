"""Metrics of anomaly maps: all pixels of all images, normal ones too, in one pool."""

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage

from zsad.metrics import curve
from zsad.metrics.inputs import Maps, Masks, Unchecked, check_maps, require_both


def pixel_auroc(maps: Maps, masks: Masks) -> float:
    """Area under the receiver operating characteristic of all pixels, equal values counted half.

    Args:
        maps: one an image, growing with abnormality.
        masks: one an image, True where anomalous; empty for a normal image.

    Raises:
        ValueError: no anomalous or no normal pixel, shapes that differ, NaN or infinite values, nothing at all.
    """
    return float(curve.roc_area(_ranked("pixel_auroc", maps, masks)))


def pixel_ap(maps: Maps, masks: Masks) -> float:
    """Average precision of all pixels, step-wise. Arguments and errors as `pixel_auroc`."""
    return float(curve.average_precision(_ranked("pixel_ap", maps, masks)))


def pixel_f1max(maps: Maps, masks: Masks) -> float:
    """The largest F1 of all pixels over all distinct thresholds. Arguments and errors as `pixel_auroc`."""
    return float(curve.f1max(_ranked("pixel_f1max", maps, masks)))


def aupro(maps: Maps, masks: Masks, fpr_limit: float = 0.3) -> float:
    """Area under the per-region overlap (PRO) over the false positive rate from 0 to a limit, divided by the limit.

    At each threshold PRO is the share of a ground-truth region that is found, averaged over all regions of the test set
    (8-connected components, each with the same weight), and the false positive rate is over the normal pixels of all
    images (Bergmann et al., "The MVTec Anomaly Detection Dataset", IJCV 2021). Exact: every distinct value is a
    threshold. The curve is straight between thresholds and at the limit, so that equal values share what they gain and
    a constant map has the area below the diagonal, 0.15 at the limit 0.3.

    Args:
        maps, masks: as in `pixel_auroc`.
        fpr_limit: in (0, 1].

    Raises:
        ValueError: as `pixel_auroc`; a limit out of (0, 1].
    """
    check_limit(fpr_limit)
    return float(curve.pro_area(_ranked("aupro", maps, masks, regions=True), fpr_limit))


def check_limit(fpr_limit: float) -> None:
    """Raises: ValueError for a false positive rate out of (0, 1]."""
    if not 0 < fpr_limit <= 1:
        raise ValueError(f"fpr_limit is {fpr_limit}: it must lie in (0, 1]")


def region_overlap(
    masks: Bool[np.ndarray, "image height width"],
) -> tuple[Float[np.ndarray, " anomaly"], Int[np.ndarray, " image"]]:
    """For each anomalous pixel, in memory order, the share it has of its region; and the number of regions an image.

    Regions are 8-connected within an image and never reach into the next one.
    """
    neighbours = np.zeros((3, 3, 3), dtype=bool)
    neighbours[1] = True
    labelled, count = ndimage.label(masks, structure=neighbours)
    region = labelled[masks] - 1
    sizes = np.bincount(region, minlength=count)
    image = np.repeat(np.arange(len(masks)), masks.sum((1, 2)))
    first = np.unique(region, return_index=True)[1]
    return 1 / sizes[region], np.bincount(image[first], minlength=len(masks))


def _ranked(metric: str, maps: Unchecked, masks: Unchecked, regions: bool = False) -> curve.Curve:
    values, positive = check_maps(maps, masks)
    require_both(metric, "pixels", positive)
    if not regions:
        return curve.rank(values[positive], values[~positive])
    share, count = region_overlap(positive)
    return curve.rank(values[positive], values[~positive], share / count.sum())
