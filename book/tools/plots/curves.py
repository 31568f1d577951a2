"""Curves against a dose, a panel each kind of dose, with the interval of every point."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from book.tools.plots.series import LEGEND_WIDTH, MARKERS
from book.tools.plots.style import INK, PALETTE, new_figure, style


def plot_curves(
    table: pd.DataFrame, panels: Mapping[str, tuple[str, str]], label: str, columns: int = 2, zero: bool = False
) -> Figure:
    """A panel each, in reading order, with a line a series.

    Args:
        table: panel, series, x, and estimate, low, high in the unit of the vertical axes, which are shared.
        panels: names in the table, with the title and the label of the horizontal axis, with its unit, of each.
        label: of the vertical axes, with its unit.
        columns: panels side by side.
        zero: whether a line is drawn at 0.
    """
    rows = -(-len(panels) // columns)
    figure, axes = new_figure(rows, columns, height=0.7 + 2.5 * rows, sharey=True)
    names = list(dict.fromkeys(table["series"]))
    with style():
        for axis in axes[len(panels) :]:
            axis.set_axis_off()
        for index, (axis, (panel, (title, below))) in enumerate(zip(axes, panels.items(), strict=False)):
            of_panel = table[table["panel"] == panel]
            for number, name in enumerate(names):
                line, colour = of_panel[of_panel["series"] == name].sort_values("x"), PALETTE[number % len(PALETTE)]
                axis.vlines(line["x"], line["low"], line["high"], color=colour, linewidth=1.1, alpha=0.7)
                marker = MARKERS[number % len(MARKERS)]
                how = {"color": colour, "marker": marker, "markersize": 4, "linewidth": 1.3, "label": name}
                axis.plot(line["x"], line["estimate"], **how)
            if zero:
                axis.axhline(0, color=INK, linewidth=0.9)
            axis.set_title(title)
            axis.set_xlabel(below)
            if index % columns == 0:
                axis.set_ylabel(label)
        handles, labels = axes[0].get_legend_handles_labels()
        many = sum(map(len, labels)) > LEGEND_WIDTH
        ncols = -(-len(labels) // 2) if many else len(labels)
        figure.legend(handles, labels, loc="outside upper center", ncols=max(ncols, 1), handlelength=1.6)
    return figure
