"""Photographs with their masks and heat maps."""

import numpy as np
from jaxtyping import Bool, UInt8
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, to_rgb
from matplotlib.figure import Figure
from scipy.ndimage import binary_dilation
from torch import Tensor

from book.tools.plots.style import new_figure, style

HEAT = "magma"
"""Colour map of every heat map: even in lightness, so it also reads in grey and for colour-blind readers."""

TRUTH = "#56d4ff"
"""Colour of a true defect's outline: on no part of `HEAT`, and rare on products."""


def to_uint8(image: Tensor | np.ndarray) -> UInt8[np.ndarray, "height width 3"]:
    """A (3, height, width) picture in [0, 1], torch or numpy, as bytes ready for a file or for `imshow`."""
    array = np.asarray(image if isinstance(image, np.ndarray) else image.detach().cpu())
    levels: np.ndarray = np.rint(np.clip(array, 0, 1).transpose(1, 2, 0) * 255).astype(np.uint8)
    return levels


def outline(
    picture: UInt8[np.ndarray, "height width 3"], mask: Bool[np.ndarray, "height width"], gap: int = 2
) -> UInt8[np.ndarray, "height width 3"]:
    """The picture with a line one pixel wide, `gap` pixels outside the mask: the defect is left as it is to be looked
    at.
    """
    result = picture.copy()
    near = binary_dilation(mask, iterations=gap) if gap else mask
    result[binary_dilation(near) & ~near] = np.round(np.multiply(to_rgb(TRUTH), 255))
    return result


def picture_row(
    pictures: list[np.ndarray],
    titles: list[str],
    columns: int | None = None,
    scale: tuple[float, float] | None = None,
    scale_label: str = "anomaly score (logarithmic)",
    width: float = 7.6,
    row_labels: list[str] | None = None,
    outlines: list[np.ndarray | None] | None = None,
) -> Figure:
    """Pictures in a grid, row by row: (height, width, 3) bytes as they are, (height, width) floats as heat maps on
    `scale`.

    `scale` = (low, high) is shared by all heat maps and drawn as one colour bar. Raises ValueError for a heat map
    without scale.
    """
    columns = columns or len(pictures)
    rows = -(-len(pictures) // columns)
    aspect = pictures[0].shape[0] / pictures[0].shape[1]
    height = rows * (width / columns * aspect + 0.28)
    figure, axes = new_figure(rows, columns, width=width, height=height)
    with style():
        outlines = outlines or [None] * len(pictures)
        for axis, picture, title, mask in zip(axes, pictures, titles, outlines, strict=False):
            axis.set_title(title, fontsize=10)
            _draw(axis, picture, mask, scale)
        for axis in axes:
            axis.set_axis_off()
        _label_rows(axes, columns, row_labels or [])
        if scale is not None:
            bar = figure.colorbar(ScalarMappable(LogNorm(*scale), HEAT), ax=axes, shrink=0.85, pad=0.015, aspect=24)
            bar.set_label(scale_label)
            bar.outline.set_visible(False)
    return figure


def worst_rows(
    pictures: list[np.ndarray],
    titles: list[str],
    outlines: list[np.ndarray | None],
    scales: list[tuple[float, float] | None],
    row_labels: list[str],
    width: float = 7.6,
) -> Figure:
    """Rows of pictures and heat maps in which each heat map has a scale of its own, given in `scales`, and no colour
    bar.

    Pictures are (height, width, 3) bytes, heat maps (height, width) floats. Raises ValueError for a heat map without
    scale.
    """
    rows = len(row_labels)
    columns = len(pictures) // rows
    figure, axes = new_figure(rows, columns, width=width, height=rows * (width / columns * 0.92 + 0.28))
    with style():
        everything = zip(axes, pictures, titles, outlines, scales, strict=True)
        for axis, picture, title, mask, scale in everything:
            axis.set_title(title, fontsize=10)
            _draw(axis, picture, mask, scale)
            axis.set_axis_off()
        _label_rows(axes, columns, row_labels)
    return figure


def _draw(axis: Axes, picture: np.ndarray, mask: np.ndarray | None, scale: tuple[float, float] | None) -> None:
    """One picture or heat map, with its true defect outlined."""
    if mask is not None and mask.any() and not mask.all():
        axis.contour(mask, levels=[0.5], colors=TRUTH, linewidths=1.3)
    if picture.ndim == 3:
        axis.imshow(picture, interpolation="none")
    elif scale is None or not 0 < scale[0] < scale[1]:
        raise ValueError(f"a heat map needs a fixed scale=(low, high) with 0 < low < high, not {scale}")
    else:
        axis.imshow(np.maximum(picture, scale[0]), cmap=HEAT, norm=LogNorm(*scale), interpolation="none")


def _label_rows(axes: list[Axes], columns: int, labels: list[str]) -> None:
    for row, label in enumerate(labels):
        first = axes[row * columns]
        first.text(-0.08, 0.5, label, rotation=90, va="center", ha="right", transform=first.transAxes)
