"""What the metrics accept, and what they refuse."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Num, Shaped
from numpy.typing import NDArray
from torch import Tensor

Scores = Shaped[np.ndarray, " image"] | Shaped[Tensor, " image"] | Sequence[Any]
Labels = Shaped[np.ndarray, " image"] | Shaped[Tensor, " image"] | Sequence[Any]
# One array where all images have one size, else one an image.
Maps = Shaped[np.ndarray, "image height width"] | Shaped[Tensor, "image height width"] | Sequence[Any]
Masks = Shaped[np.ndarray, "image height width"] | Shaped[Tensor, "image height width"] | Sequence[Any]
Unchecked = np.ndarray | Tensor | Sequence[Any]
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


@dataclass(frozen=True)
class Pixels:
    """The pixels of all images, image after image, each row by row; a pixel that does not count is neither anomalous
    nor normal. `sizes` are the (height, width) of the images.
    """

    values: Num[np.ndarray, " pixel"]
    anomalous: Bool[np.ndarray, " pixel"]
    normal: Bool[np.ndarray, " pixel"]
    sizes: list[tuple[int, int]]

    def __len__(self) -> int:
        """Number of images."""
        return len(self.sizes)

    @property
    def parts(self) -> list[slice]:
        """The pixels of each image."""
        ends = np.cumsum([height * width for height, width in self.sizes]).tolist()
        return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]


def check_maps(maps: Unchecked, masks: Unchecked, valid_mask: Unchecked | None = None) -> Pixels:
    """One finite map an image, and its mask, True where anomalous; sizes may differ from image to image.

    Args:
        maps, masks: arrays of shape (image, height, width), or one of shape (height, width) an image.
        valid_mask: as masks; False for pixels that do not count.

    Raises:
        ValueError: other shapes, shapes that differ, no pixels, a map with NaN or infinite values, masks with values
            other than false and true (0 and 1).
    """
    values, sizes = _flat(maps)
    positive, mask_sizes = _flat(masks)
    if any(len(size) != 2 for size in sizes) or sizes != mask_sizes:
        raise ValueError(
            f"maps have shape {_shapes(maps)}, masks have shape {_shapes(masks)}: both must be (image, height, width), "
            "or (height, width) for each image, of the same sizes"
        )
    if not values.size:
        raise ValueError(f"there are no pixels: maps have shape {_shapes(maps)}")
    anomalous = _binary("masks", positive)
    pixels = Pixels(values, anomalous, ~anomalous, [(size[0], size[1]) for size in sizes])
    if (first := _first_not_finite(values)) is not None:
        image = next(index for index, part in enumerate(pixels.parts) if first < part.stop)
        row, column = divmod(first - pixels.parts[image].start, pixels.sizes[image][1])
        raise ValueError(
            f"the map of image {image} is {values[first]} at row {row}, column {column}: maps must be finite"
        )
    if valid_mask is None:
        return pixels
    there = check_maps(maps, valid_mask).anomalous
    return replace(pixels, anomalous=anomalous & there, normal=~anomalous & there)


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


def _array(values: Unchecked) -> NDArray[Any]:
    if isinstance(values, Tensor):
        values = values.detach().cpu()
        if values.is_floating_point() and values.itemsize < 4:
            values = values.float()  # NumPy has no bfloat16
        return values.numpy()
    return np.asarray(values)


def _flat(images: Unchecked) -> tuple[NDArray[Any], list[tuple[int, ...]]]:
    """All values, and the shape of each image."""
    if isinstance(images, np.ndarray | Tensor):
        array = _array(images)
        return array.reshape(-1), [array.shape[1:]] * (len(array) if array.ndim else 0)
    arrays = [_array(image) for image in images]
    flat = np.concatenate([array.reshape(-1) for array in arrays]) if arrays else np.zeros(0)
    return flat, [array.shape for array in arrays]


def _first_not_finite(values: NDArray[Any]) -> int | None:
    """Where; None where all are finite. One that is not makes the sum so, which takes no room to tell."""
    with np.errstate(all="ignore"):
        if np.isfinite(values.sum()):
            return None
    finite = np.isfinite(values)  # a sum may also be too large
    return None if finite.all() else int(np.flatnonzero(~finite)[0])


def _shapes(images: Unchecked) -> str:
    if isinstance(images, np.ndarray | Tensor):
        return str(tuple(images.shape))
    return ", ".join(dict.fromkeys(str(np.shape(image)) for image in images)) or "()"


def _binary(name: str, array: NDArray[Any]) -> NDArray[np.bool_]:
    if array.dtype == bool:
        return array
    wrong = array[(array != 0) & (array != 1)]
    if len(wrong):
        raise ValueError(f"{name} hold the value {wrong[0]}: they must be booleans, or 0 and 1")
    return array.astype(bool)
