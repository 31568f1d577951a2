"""Photographs with their masks and heat maps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, UInt8
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.colors import ListedColormap, LogNorm, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from scipy.ndimage import binary_dilation
from torch import Tensor

from book.tools.plots.style import new_figure, style

HEAT = ListedColormap(colormaps["magma"](np.linspace(0.2, 1, 256)))
"""Colour map of every heat map: even in lightness, so it also reads in grey and for colour-blind readers, and without
magma's black end, so that the map of a picture in which nothing is found is no black square.
"""

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
            _colour_bar(figure, axes, scale).set_label(scale_label)
    return figure


@dataclass(frozen=True)
class WorstCase:
    """An image beside its worst case: the rule that chose it; titles of the image, its worst case and the map of each;
    what `book.tools.probes.maps.worst_map` gives; and the ends of the maps' scale.
    """

    rule: str
    titles: tuple[str, str, str, str]
    found: Mapping[str, np.ndarray]
    scale: tuple[float, float]


def worst_rows(cases: Sequence[WorstCase], width: float = 7.6) -> Figure:
    """A row a worst case: image, worst case and both maps, on the scale of their category, with its colour bar.

    Raises ValueError for a scale that is not 0 < low < high.
    """
    figure, axes = new_figure(len(cases), 4, width=width, height=len(cases) * (width / 4 * 0.92 + 0.28))
    with style():
        for row, case in enumerate(cases):
            found, truth = case.found, case.found["mask"]
            shown = (to_uint8(found["image"]), to_uint8(found["shifted"]), found["clean_map"], found["map"])
            outlines = (truth, None, truth, truth)  # the defect of the worst case has been turned
            for axis, image, title, mask in zip(axes[4 * row :], shown, case.titles, outlines, strict=False):
                axis.set_title(title, fontsize=10)
                _draw(axis, image, mask, case.scale)
                axis.set_axis_off()
            _colour_bar(figure, axes[4 * row : 4 * row + 4], case.scale)
        _label_rows(axes, 4, [case.rule.replace(" of", "\nof", 1) for case in cases])
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


def _colour_bar(figure: Figure, axes: list[Axes], scale: tuple[float, float]) -> Colorbar:
    """The scale of the maps in `axes`, with its two ends in numbers."""
    bar = figure.colorbar(ScalarMappable(LogNorm(*scale), HEAT), ax=axes, shrink=0.85, pad=0.015, aspect=24)
    bar.set_ticks([*scale], labels=[f"{end:.2g}" for end in scale])
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.outline.set_visible(False)
    return bar


def _label_rows(axes: list[Axes], columns: int, labels: list[str]) -> None:
    for row, label in enumerate(labels):
        first = axes[row * columns]
        first.text(-0.08, 0.5, label, rotation=90, va="center", ha="right", transform=first.transAxes)
