"""Each method in one picture: what it sees, what it learned, what it was never shown, and its map of one image."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from book.tools.plots.pictures import HEAT, TRUTH
from book.tools.plots.style import PALETTE, new_figure, style

BOXES = {"sees": PALETTE[0], "learned": PALETTE[2], "never shown": PALETTE[4]}
LETTERS = 23  # a line of a box
LINES = 5  # of a box in a row of usual height


@dataclass(frozen=True)
class Method:
    """A method's name, the words in each of its `BOXES`, and its anomaly map with the ends of the colour scale of all
    its maps of the category; None where it has none.
    """

    title: str
    words: tuple[str, str, str]
    map: Float[np.ndarray, "height width"] | None = None
    scale: tuple[float, float] | None = None


def method_rows(
    methods: Sequence[Method], image: UInt8[np.ndarray, "height width 3"], mask: Bool[np.ndarray, "height width"]
) -> Figure:
    """A row a method: its boxes of words, and its map of the image on the method's own scale; in the row above, the
    image. The true defect is outlined.
    """
    rows = len(methods) + 1
    longest = max(len(textwrap.wrap(text, LETTERS)) for method in methods for text in method.words)
    height = 1.5 + 0.2 * max(0, longest - LINES)
    figure, axes = new_figure(rows, 2, height=height * rows, gridspec_kw={"width_ratios": [4.2, 1]})
    with style():
        for axis in axes:
            axis.set_axis_off()
        axes[0].text(0.98, 0.5, "the image that all maps are of →", ha="right", va="center")
        axes[1].imshow(image, interpolation="none")
        _outlined(axes[1], mask)
        for left, right, method in zip(axes[2::2], axes[3::2], methods, strict=True):
            left.set_title(method.title, loc="left")
            _boxes(left, method.words)
            if method.map is None or method.scale is None:
                right.text(0.5, 0.5, "no map", ha="center", va="center", transform=right.transAxes)
                continue
            low, high = method.scale
            right.imshow(method.map, cmap=HEAT, vmin=low, vmax=high, interpolation="none")
            _outlined(right, mask)
    return figure


def _boxes(axis: Axes, words: tuple[str, str, str]) -> None:
    axis.set_xlim(0, 3)
    axis.set_ylim(0, 1)
    for place, ((name, colour), text) in enumerate(zip(BOXES.items(), words, strict=True)):
        box = FancyBboxPatch(
            (place + 0.02, 0.04), 0.94, 0.92, boxstyle="round,pad=0,rounding_size=0.05", mutation_aspect=0.4,
            facecolor="none", edgecolor=colour, linewidth=1.4,
        )  # fmt: skip
        axis.add_patch(box)
        axis.text(place + 0.08, 0.88, name, va="top", fontsize=9.5, fontweight="bold")
        axis.text(place + 0.08, 0.68, textwrap.fill(text, LETTERS), va="top", fontsize=9.5, linespacing=1.1)


def _outlined(axis: Axes, mask: np.ndarray) -> None:
    if mask.any() and not mask.all():
        axis.contour(mask, levels=[0.5], colors=TRUTH, linewidths=1.3)
