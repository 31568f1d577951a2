"""Masks and tiles drawn on the picture that they belong to."""

from collections.abc import Iterable, Sequence

import matplotlib.patches as shapes
import numpy as np
from jaxtyping import Bool, UInt8
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from scipy.ndimage import binary_erosion

from book.tools.plots.style import INK, PALETTE, PAPER

SHARE = 0.55  # of a mask's colour in its pixels


def with_masks(
    picture: UInt8[np.ndarray, "height width 3"], masks: Iterable[Bool[np.ndarray, "height width"]]
) -> UInt8[np.ndarray, "height width 3"]:
    """The picture in grey with every mask in a colour of its own and a line inside its edge, large masks below small
    ones. Colours repeat after as many as the palette has.
    """
    grey = picture.mean(axis=2, keepdims=True).repeat(3, axis=2)
    ordered = sorted(masks, key=lambda mask: -int(mask.sum()))
    for number, mask in enumerate(ordered):
        colour = 255 * np.array(to_rgb(PALETTE[number % len(PALETTE)]))
        grey[mask] = (1 - SHARE) * grey[mask] + SHARE * colour
        grey[mask & ~binary_erosion(mask)] = colour
    shades: np.ndarray = np.rint(grey).astype(np.uint8)
    return shades


def draw_boxes(axis: Axes, boxes: Sequence[tuple[int, int, int, int]], labels: Sequence[str]) -> None:
    """Rectangles (top, left, height, width, in pixels) on a picture, with a word in the upper left corner of each."""
    for number, ((top, left, height, width), label) in enumerate(zip(boxes, labels, strict=True)):
        colour = PALETTE[number % len(PALETTE)]
        axis.add_patch(shapes.Rectangle((left, top), width, height, fill=False, edgecolor=colour, lw=1.4))
        axis.text(
            left + 3, top + 4, label, fontsize=9.5, color=INK, va="top",
            bbox={"facecolor": PAPER, "edgecolor": colour, "lw": 1.0, "pad": 1.2},
        )  # fmt: skip
