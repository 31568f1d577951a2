"""A row a variant: differences from a whole, with their intervals."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from book.tools.plots.style import BETWEEN, INK, PALETTE, new_figure, style


def plot_forest(table: pd.DataFrame, rows: Sequence[str], panels: dict[str, str], label: str) -> Figure:
    """A panel a metric, side by side; in each a row a variant, its difference from the whole, and the line of none.

    Args:
        table: row, panel and estimate, low, high in the unit of the axis. What is missing leaves its place empty.
        rows: in the order shown, from the top.
        panels: names in the table, and the words shown for them as titles.
        label: of all horizontal axes, with their unit.
    """
    figure, axes = new_figure(1, len(panels), height=0.9 + 0.3 * len(rows), sharey=True, between=BETWEEN)
    place = np.arange(len(rows))
    with style():
        for axis, (panel, words) in zip(axes, panels.items(), strict=True):
            found = table[table["panel"] == panel].set_index("row").reindex(list(rows))
            clear = (found["low"] > 0) | (found["high"] < 0)
            for sure, colour in ((False, PALETTE[7]), (True, PALETTE[0])):
                chosen = np.asarray(clear == sure)
                some = found[chosen]
                axis.hlines(place[chosen], some["low"], some["high"], color=colour, linewidth=1.4)
                axis.plot(some["estimate"], place[chosen], "o", color=colour, markersize=4.5)
            axis.axvline(0, color=INK, linewidth=0.9)
            axis.grid(visible=False, axis="y")
            axis.set_title(words)
        figure.supxlabel(label, fontsize="medium", color=INK)
        axes[0].set_yticks(place, list(rows))
        axes[0].set_ylim(len(rows) - 0.5, -0.5)
    return figure
