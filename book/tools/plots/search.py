"""How searches get on: a curve a search, with its interval, against what it has spent."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator, ScalarFormatter

from book.tools.plots.style import INK, PALETTE, new_figure, style

TICKS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_LINES = ("-", "--", "-.", (0, (1, 1)), (0, (5, 1, 1, 1)), (0, (3, 1)))


def plot_search(
    curves: pd.DataFrame,
    xlabel: str,
    ylabel: str,
    colours: Sequence[str] = PALETTE,
    reference: float | None = None,
) -> Figure:
    """A panel a row and column; in each a line a search, ending at the last it has spent, in its 95 % interval.

    Args:
        curves: row, column, search, x, estimate, low, high. Rows and columns of panels are named in words and in the
            order of their first curves; a single row's name is not shown.
        colours: of the searches, in the order of their first rows.
        reference: a height to draw a line at.
    """
    rows, columns = (curves[place].drop_duplicates().tolist() for place in ("row", "column"))
    figure, axes = new_figure(len(rows), len(columns), height=1.0 + 2.3 * len(rows), sharex=True, sharey=True)
    names, last = list(dict.fromkeys(curves["search"])), int(curves["x"].max())
    with style():
        for index, axis in enumerate(axes):
            row, column = rows[index // len(columns)], columns[index % len(columns)]
            panel = curves[(curves["row"] == row) & (curves["column"] == column)]
            for number, name in enumerate(names):
                of_search = panel[panel["search"] == name].sort_values("x")
                if of_search.empty:
                    continue
                colour, x = colours[number % len(colours)], of_search["x"]
                axis.fill_between(x, of_search["low"], of_search["high"], color=colour, alpha=0.15, linewidth=0)
                line = _LINES[number % len(_LINES)]
                axis.plot(x, of_search["estimate"], color=colour, linestyle=line, label=name)
                axis.plot(x.iloc[-1:], of_search["estimate"].iloc[-1:], "o", color=colour, markersize=4)
            if panel.empty:
                axis.text(0.5, 0.5, "none", transform=axis.transAxes, ha="center", color=INK)
            if reference is not None:
                axis.axhline(reference, color=INK, linewidth=0.8, linestyle=":")
            axis.set_xscale("log")
            axis.set_xlim(1, 1.15 * max(last, 2))
            axis.xaxis.set_major_locator(FixedLocator([tick for tick in TICKS if tick <= last]))
            axis.xaxis.set_minor_locator(NullLocator())
            axis.xaxis.set_major_formatter(ScalarFormatter())
            axis.xaxis.set_minor_formatter(NullFormatter())
            if index < len(columns):
                axis.set_title(column)
            if index % len(columns) == 0:
                axis.set_ylabel(ylabel + (f"\n({row})" if len(rows) > 1 else ""))
            if index >= len(axes) - len(columns):
                axis.set_xlabel(xlabel)
        found = {label: h for axis in axes for h, label in zip(*axis.get_legend_handles_labels(), strict=True)}
        if len(found) > 1:
            figure.legend(
                list(found.values()),
                list(found),
                loc="outside upper center",
                ncols=min(len(found), 4),
                handlelength=2.4,
            )
    return figure
