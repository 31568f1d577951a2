"""A row a thing, in the order of its value, beside a line where a value says nothing."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from book.tools.plots.series import MARKERS
from book.tools.plots.style import INK, PALETTE, style

ROW = 0.2  # inches
WORDS = 9.6  # points, of the words beside the rows
MARGIN = 3.0  # of the axis' unit, percent, beyond its outermost ends
BETWEEN = 4  # rows that two panels below each other stand apart: a title, an axis and its label


def plot_ranked(table: pd.DataFrame, label: str, chance: float) -> Figure:
    """A panel a group of rows, in two columns of about equal length; in each row a dot with its interval. Dots are
    hollow where the interval holds `chance`.

    Args:
        table: panel, row, series (told by colour and shape) and estimate, low, high in percent. Panels,
            series and rows are shown in the order in which they come, from the top.
        label: of the horizontal axes, with their unit, percent.
        chance: where a dotted line is drawn.
    """
    panels = {str(name): rows for name, rows in table.groupby("panel", sort=False)}
    columns = in_columns({name: len(rows) for name, rows in panels.items()})
    series = list(dict.fromkeys(table["series"]))
    ends = min(chance, table["low"].min()), max(chance, table["high"].max())
    last = max(sum(len(panels[name]) + BETWEEN for name in column) for column in columns)
    with style():
        figure = Figure(figsize=(7.6, ROW * last + 0.4), layout="constrained")
        for part, column in zip(figure.subfigures(1, len(columns), squeeze=False)[0], columns, strict=True):
            heights = [len(panels[name]) for name in column]
            axes = part.subplots(len(column), 1, squeeze=False, gridspec_kw={"height_ratios": heights})
            for axis, name in zip(axes[:, 0], column, strict=True):
                _panel(axis, panels[name], series, chance)
                axis.set(title=name, xlabel=label, xlim=(ends[0] - MARGIN, ends[1] + MARGIN))
        handles = [figure.axes[0].plot([], [], _marker(at), color=PALETTE[at], label=words)[0]
                   for at, words in enumerate(series)]  # fmt: skip
        figure.legend(handles=handles, loc="outside upper center", ncols=len(series))
    return figure


def in_columns(lengths: dict[str, int]) -> list[list[str]]:
    """Names in two columns, each where less stands so far; a single one in one."""
    columns: list[list[str]] = [[], []]
    for name in lengths:
        min(columns, key=lambda column: sum(lengths[at] + BETWEEN for at in column)).append(name)
    return [column for column in columns if column]


def _panel(axis: Axes, rows: pd.DataFrame, series: list[str], chance: float) -> None:
    place = np.arange(len(rows))
    clear = (rows["low"] > chance) | (rows["high"] < chance)
    for at, name in enumerate(series):
        for sure in (True, False):
            chosen = np.asarray((rows["series"] == name) & (clear == sure))
            some = rows[chosen]
            axis.hlines(place[chosen], some["low"], some["high"], color=PALETTE[at], linewidth=1.3)
            axis.plot(some["estimate"], place[chosen], _marker(at), color=PALETTE[at], markersize=4.5,
                      markerfacecolor=PALETTE[at] if sure else "none")  # fmt: skip
    axis.axvline(chance, color=INK, linewidth=1, linestyle=":", alpha=0.7)
    axis.grid(visible=False, axis="y")
    axis.set_yticks(place, list(rows["row"]), fontsize=WORDS)
    axis.tick_params(axis="y", length=0)
    axis.set_ylim(len(rows) - 0.5, -0.5)


def _marker(number: int) -> str:
    return MARKERS[number % len(MARKERS)]
