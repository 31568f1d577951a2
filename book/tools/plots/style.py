"""One style for all figures, and SVG that takes its text colour from the page it stands in.

Axes, ticks and words are drawn in the placeholder colour `INK`; `to_svg` turns that into CSS `currentColor`, and
`PAPER` into the page's background, so the same picture is dark on a light page and light on a dark one. Data colours
are Okabe and Ito's, told apart by colour-blind readers.
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

INK = "#010203"
"""Placeholder for the page's own text colour; any other colour but `PAPER` is left as it is."""

PAPER = "#fefdfc"
"""Placeholder for the page's background, where words stand on a picture."""

PALETTE = ("#1f82c0", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#b8a800", "#7f7f7f")

BETWEEN = 0.1
"""Inches on either side of panels beside each other: the last number of one axis stays apart from the first of the
next.
"""

_RC: Any = {
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "font.size": 10.5,
    "axes.titlesize": 11,
    "axes.labelsize": 10.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.titlecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "grid.color": INK,
    "grid.alpha": 0.14,
    "grid.linewidth": 0.7,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "axes.prop_cycle": cycler(color=PALETTE),
}


@contextmanager
def style() -> Iterator[None]:
    """The study's drawing style, for the lines inside the block only."""
    with mpl.rc_context(_RC):
        yield


def new_figure(
    rows: int, columns: int, width: float = 7.6, height: float = 3.2, between: float = 3 / 72, **options: Any
) -> tuple[Figure, list[Axes]]:
    """An empty figure of `width` by `height` inches and its axes in reading order, `between` inches on either side of
    each. Options go to `Figure.subplots`.
    """
    with style():
        figure = Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=between))
        axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, list(axes.flat)


def to_svg(figure: Figure, name: str, description: str = "") -> str:
    """The figure as an `<svg>` element for a page: no fixed size, text as text, the same bytes every time.

    `name` makes the element's internal ids its own (several figures share a page); `description` is read aloud by
    screen readers. What the figure holds keeps the places that it was given here: its files show it as the page does,
    and it is not laid out again for each.
    """
    target = io.StringIO()
    with style(), mpl.rc_context({"svg.hashsalt": name}):
        FigureCanvasSVG(figure).print_svg(target, metadata={"Date": None, "Creator": None})
    figure.set_layout_engine("none")
    svg = target.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = svg.replace(INK, "currentColor").replace(PAPER, "var(--pst-color-background, white)")
    svg = re.sub(r"font(-family)?: ?([^;\"]*?)'DejaVu Sans'[^;\"]*", lambda m: _page_font(m.group(1), m.group(2)), svg)
    label = description.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    width = float(re.search(r'width="([\d.]+)pt"', svg).group(1))  # type: ignore[union-attr]
    header = f'<svg role="img" aria-label="{label}" style="width: 100%; max-width: {width * 4 / 3:.0f}px; height: auto"'
    return re.sub(
        r'<svg[^>]*?(viewBox="[^"]*")[^>]*>',
        rf'{header} \1 xmlns="http://www.w3.org/2000/svg" '
        r'xmlns:xlink="http://www.w3.org/1999/xlink">',
        svg,
        count=1,
    )


def save(figure: Figure, path: Path) -> None:
    """The figure as a file of its own, SVG or PNG by its suffix: dark on white, the same bytes every time."""
    with style(), mpl.rc_context({"svg.hashsalt": path.stem, "svg.fonttype": "path"}):
        metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
        figure.savefig(path, facecolor="white", dpi=200, metadata=metadata)


def _page_font(whole: str | None, size: str) -> str:
    # the page's own font is a little narrower than the one measured with, so nothing can overlap
    return "font-family: inherit" if whole else f"font-size: {size.strip()}; font-family: inherit"
