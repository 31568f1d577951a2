"""Every figure's drawing, in one style that follows the page's light or dark theme."""

from book.tools.plots.bars import plot_drops
from book.tools.plots.curves import plot_curves
from book.tools.plots.forest import plot_forest
from book.tools.plots.gallery import gallery
from book.tools.plots.heat import plot_heat
from book.tools.plots.histogram import plot_histograms
from book.tools.plots.leagues import league_levels, league_picture
from book.tools.plots.methods import Method, method_rows
from book.tools.plots.pictures import WorstCase, outline, picture_row, to_uint8, worst_rows
from book.tools.plots.ranked import plot_ranked
from book.tools.plots.scale import heat_scale
from book.tools.plots.scatter import Cloud, plot_clouds
from book.tools.plots.search import plot_search
from book.tools.plots.segments import draw_boxes, with_masks
from book.tools.plots.series import plot_dots, plot_dots_below, plot_severity
from book.tools.plots.style import INK, PALETTE, new_figure, to_svg
from book.tools.plots.sweep import METRIC_NAMES, SETTINGS, plot_sweep

__all__ = [
    "INK",
    "METRIC_NAMES",
    "PALETTE",
    "SETTINGS",
    "Cloud",
    "Method",
    "WorstCase",
    "draw_boxes",
    "gallery",
    "heat_scale",
    "league_levels",
    "league_picture",
    "method_rows",
    "new_figure",
    "outline",
    "picture_row",
    "plot_clouds",
    "plot_curves",
    "plot_dots",
    "plot_dots_below",
    "plot_drops",
    "plot_forest",
    "plot_heat",
    "plot_histograms",
    "plot_ranked",
    "plot_search",
    "plot_severity",
    "plot_sweep",
    "to_svg",
    "to_uint8",
    "with_masks",
    "worst_rows",
]
