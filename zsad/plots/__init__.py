"""Every figure's drawing, in one style that follows the page's light or dark theme."""

from zsad.plots.bars import plot_drops
from zsad.plots.forest import plot_forest
from zsad.plots.gallery import gallery
from zsad.plots.histogram import plot_histograms
from zsad.plots.pictures import outline, picture_row, to_uint8, worst_rows
from zsad.plots.scale import heat_scale
from zsad.plots.scatter import Cloud, plot_clouds
from zsad.plots.search import plot_search
from zsad.plots.segments import draw_boxes, with_masks
from zsad.plots.series import plot_dots, plot_severity
from zsad.plots.style import INK, PALETTE, new_figure, to_svg
from zsad.plots.sweep import METRIC_NAMES, SETTINGS, plot_sweep

__all__ = [
    "INK",
    "METRIC_NAMES",
    "PALETTE",
    "SETTINGS",
    "Cloud",
    "draw_boxes",
    "gallery",
    "heat_scale",
    "new_figure",
    "outline",
    "picture_row",
    "plot_clouds",
    "plot_dots",
    "plot_drops",
    "plot_forest",
    "plot_histograms",
    "plot_search",
    "plot_severity",
    "plot_sweep",
    "to_svg",
    "to_uint8",
    "with_masks",
    "worst_rows",
]
