"""What the metrics accept, and what they refuse."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Num, Shaped
from numpy.typing import NDArray
from torch import Tensor

Scores = Shaped[np.ndarray, " image"] | Shaped[Tensor, " image"] | Sequence
Labels = Shaped[np.ndarray, " image"] | Shaped[Tensor, " image"] | Sequence
Maps = Shaped[np.ndarray, "image height width"] | Shaped[Tensor, "image height width"]
Masks = Shaped[np.ndarray, "image height width"] | Shaped[Tensor, "image height width"]
Unchecked = np.ndarray | Tensor | Sequence
"""What the checks below take: shapes are theirs to judge."""


def check_labels(labels: Unchecked) -> Bool[np.ndarray, " image"]:
    """Labels as booleans, True for anomalous.

    Raises:
        ValueError: empty, not one axis, or values other than false and true (0 and 1).
    """
    array = _binary("labels", _array(labels))
    if array.ndim != 1:
        raise ValueError(f"labels have shape {array.shape}, expected (image,)")
    if not len(array):
        raise ValueError("there are no images: labels are empty")
    return array


def check_scores(scores: Unchecked, labels: Unchecked) -> tuple[Num[np.ndarray, " image"], Bool[np.ndarray, " image"]]:
    """One finite score an image, and its label.

    Raises:
        ValueError: as `check_labels`; another count of scores than of labels; a score that is NaN or infinite.
    """
    values, positive = _array(scores), check_labels(labels)
    if values.shape != positive.shape:
        raise ValueError(
            f"scores have shape {values.shape}, labels have shape {positive.shape}: give one each an image"
        )
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise ValueError(f"the score of image {bad[0]} is {values[bad[0]]}: scores must be finite")
    return values, positive


def check_maps(
    maps: Unchecked, masks: Unchecked
) -> tuple[Num[np.ndarray, "image height width"], Bool[np.ndarray, "image height width"]]:
    """One finite map an image, and its mask, True where anomalous.

    Raises:
        ValueError: another shape than (image, height, width), shapes that differ, no pixels, a map with NaN or infinite
            values, masks with values other than false and true (0 and 1).
    """
    values, positive = _array(maps), _binary("masks", _array(masks))
    if values.ndim != 3 or values.shape != positive.shape:
        raise ValueError(
            f"maps have shape {values.shape}, masks have shape {positive.shape}: "
            "both must be (image, height, width) of the same sizes"
        )
    if not values.size:
        raise ValueError(f"there are no pixels: maps have shape {values.shape}")
    finite = np.isfinite(values)
    if not finite.all():
        image, row, column = (int(index) for index in np.argwhere(~finite)[0])
        value = values[image, row, column]
        raise ValueError(f"the map of image {image} is {value} at row {row}, column {column}: maps must be finite")
    return values, positive


def require_both(metric: str, items: str, positive: NDArray[np.bool_]) -> None:
    """Refuse a metric that compares two classes where only one is there.

    Args:
        metric: name of the metric, or of several.
        items: "images" or "pixels".
        positive: True for each anomalous item.

    Raises:
        ValueError: naming the metric, the class that is missing and the way out.
    """
    if positive.all() or not positive.any():
        there, missing = ("anomalous", "normal") if positive.all() else ("normal", "anomalous")
        raise ValueError(
            f"{metric} compares normal with anomalous {items}, but all {positive.size} {items} are {there}: "
            f"evaluate a test split that also has {missing} {items}"
        )


def _array(values: Unchecked) -> NDArray:
    if isinstance(values, Tensor):
        values = values.detach().cpu()
        if values.is_floating_point() and values.itemsize < 4:
            values = values.float()  # NumPy has no bfloat16
        return values.numpy()
    return np.asarray(values)


def _binary(name: str, array: NDArray) -> NDArray[np.bool_]:
    if array.dtype == bool:
        return array
    wrong = array[(array != 0) & (array != 1)]
    if len(wrong):
        raise ValueError(f"{name} hold the value {wrong[0]}: they must be booleans, or 0 and 1")
    return array.astype(bool)
