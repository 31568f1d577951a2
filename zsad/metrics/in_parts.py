"""The pixel metrics of more maps than memory holds: exactly what they are of all maps at once."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from zsad.metrics import curve
from zsad.metrics.inputs import Maps, Masks, Pixels, check_maps
from zsad.metrics.pixel import check_limit, region_overlap

Parts = Callable[[], Iterable[tuple[Maps, Masks]]]


def pixel_metrics_in_parts(parts: Parts, fpr_limit: float = 0.3) -> dict[str, float]:
    """The pixel metrics of `all_metrics`, from maps that are read part by part, twice.

    The first reading gathers the anomalous pixels, whose values are the thresholds; the second counts the normal ones
    between them. In memory are one part, sorted, and about 50 bytes an anomalous pixel.

    Args:
        parts: called twice; each time it gives the same (maps, masks) in the same order, each part as in `pixel_auroc`.
            A function that opens files does; a generator that runs out does not.
        fpr_limit: where AUPRO ends, in (0, 1].

    Returns:
        pixel_auroc, pixel_ap, pixel_f1max, aupro; in [0, 1].

    Raises:
        ValueError: as `pixel_auroc` for a part or for all together; a second reading with other images than the first.
    """
    check_limit(fpr_limit)
    values, shares, regions, images = [], [], 0, 0
    for pixels in _checked(parts):
        share, counts = region_overlap(pixels)
        values.append(pixels.values[pixels.anomalous])
        shares.append(share)
        regions, images = regions + int(counts.sum()), images + len(pixels)
    if not images:
        raise ValueError("there are no images: the parts hold none")
    anomalies = np.concatenate(values)
    thresholds, group = np.unique(anomalies, return_inverse=True)
    above, at_least = np.zeros(len(thresholds), np.int64), np.zeros(len(thresholds), np.int64)
    normals, found, again = 0, 0, 0
    for pixels in _checked(parts):
        ordered = pixels.values[pixels.normal]
        ordered.sort()
        first, behind = curve.places(ordered, thresholds)
        above += len(ordered) - behind
        at_least += len(ordered) - first
        normals, found, again = normals + len(ordered), found + int(pixels.anomalous.sum()), again + len(pixels)
    if (again, found) != (images, len(anomalies)):
        raise ValueError(
            f"the first reading had {images} images with {len(anomalies)} anomalous pixels, the second {again} with "
            f"{found}: give a function that begins anew each time it is called"
        )
    if not (found and normals):
        raise ValueError(
            f"the pixel metrics compare normal with anomalous pixels, but of {images} images {found} pixels are "
            f"anomalous and {normals} normal: evaluate a test split that has both"
        )
    ranked = curve.Curve(
        above=above[::-1],
        at_least=at_least[::-1],
        hits=np.bincount(group)[::-1],
        normals=np.asarray(normals),
        overlap=np.bincount(group, weights=np.concatenate(shares) / regions)[::-1],
    )
    return {
        "pixel_auroc": float(curve.roc_area(ranked)),
        "pixel_ap": float(curve.average_precision(ranked)),
        "pixel_f1max": float(curve.f1max(ranked)),
        "aupro": float(curve.pro_area(ranked, fpr_limit)),
    }


def _checked(parts: Parts) -> Iterator[Pixels]:
    for maps, masks in parts():
        yield check_maps(maps, masks)
