"""Metrics of anomaly maps: all pixels of all images, normal ones too, in one pool."""

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage

from zsad.metrics import curve
from zsad.metrics.inputs import Maps, Masks, Pixels, Unchecked, check_maps, require_both


def pixel_auroc(maps: Maps, masks: Masks) -> float:
    """Area under the receiver operating characteristic of all pixels, equal values counted half.

    Args:
        maps: one an image, growing with abnormality; an array (image, height, width), or one array an image where sizes
            differ: every pixel counts the same, whatever the size of its image.
        masks: one an image, of the map's size, True where anomalous; empty for a normal image.

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


def region_overlap(pixels: Pixels) -> tuple[Float[np.ndarray, " anomaly"], Int[np.ndarray, " image"]]:
    """For each anomalous pixel, in memory order, the share it has of its region; and the number of regions an image.

    Regions are 8-connected within an image and never reach into the next one.
    """
    shares, counts = [], []
    for part, size in zip(pixels.parts, pixels.sizes, strict=True):
        mask = _box(pixels.anomalous[part].reshape(size))
        labelled, count = ndimage.label(mask, structure=np.ones((3, 3)))
        region = labelled[mask] - 1
        shares.append(1 / np.bincount(region, minlength=count)[region])
        counts.append(count)
    return np.concatenate(shares), np.array(counts)


def _box(mask: Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "_height _width"]:
    """The part of a mask that holds all its anomalous pixels: what lies around it is many times as large."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if len(rows) else mask[:0, :0]


def _ranked(metric: str, maps: Unchecked, masks: Unchecked, regions: bool = False) -> curve.Curve:
    pixels = check_maps(maps, masks)
    require_both(metric, "pixels", pixels.anomalous)
    return ranked(pixels, regions)


def ranked(pixels: Pixels, regions: bool = True) -> curve.Curve:
    """The curve of all pixels, with the overlap with regions where asked for."""
    anomalies, normals = pixels.values[pixels.anomalous], pixels.values[pixels.normal]
    if not regions:
        return curve.rank(anomalies, normals)
    share, count = region_overlap(pixels)
    return curve.rank(anomalies, normals, share / count.sum())
