"""Several series side by side, each value with its interval: over the severity of a corruption, or over groups."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from book.tools.plots.style import INK, PALETTE, new_figure, style

MARKERS = "osD^vPX*"
LEGEND_WIDTH = 60  # letters of all names that one row holds


def plot_severity(curves: pd.DataFrame, corruptions: dict[str, str], height: float = 2.5) -> Figure:
    """Image AUROC over the severity: a line a detector, a row of panels a suite, a column a kind of corruption.

    Args:
        curves: detector, suite, corruption, severity (0 is no corruption) and estimate, low, high in percent; detectors
            and suites are shown in the order in which they come.
        corruptions: names in the table, and the words shown for them; a single one is not titled.
        height: of a row, in inches.
    """
    rows, columns = list(dict.fromkeys(curves["suite"])), list(corruptions)
    figure, axes = new_figure(
        len(rows),
        len(columns),
        height=0.6 + height * len(rows),
        sharex=True,
        sharey="row",
        gridspec_kw={"wspace": 0.05},
    )
    detectors = list(dict.fromkeys(curves["detector"]))
    with style():
        for index, panel in enumerate(axes):
            row, column = rows[index // len(columns)], columns[index % len(columns)]
            shown = curves[(curves["suite"] == row) & (curves["corruption"] == column)]
            for number, name in enumerate(detectors):
                of_detector = shown[shown["detector"] == name].sort_values("severity")
                aside = 0.07 * (number - (len(detectors) - 1) / 2)
                _line(panel, of_detector["severity"].to_numpy(float) + aside, of_detector, number, name, line=True)
            panel.xaxis.set_major_locator(MaxNLocator(integer=True))
            if index % len(columns) == 0:
                panel.set_ylabel(f"{row}\nimage AUROC [%]")
            if index < len(columns) and len(columns) > 1:
                panel.set_title(corruptions[column])
            if index >= len(axes) - len(columns):
                panel.set_xlabel("severity")
        _legend(figure, axes[0])
    return figure


def plot_dots(
    table: pd.DataFrame, series: Sequence[str], groups: dict[str, str], label: str, chance: float | None = None
) -> Figure:
    """Points side by side in each group, a column of points a series, with their intervals.

    Args:
        table: series, group and estimate, low, high in the unit of the axis.
        series: in the order shown.
        groups: names in the table, and the words shown for them.
        label: of the vertical axis, with its unit.
        chance: where a dotted line is drawn.
    """
    figure, (panel,) = new_figure(1, 1, height=3.4)
    with style():
        for number, name in enumerate(series):
            rows = table[table["series"] == name].set_index("group").reindex(list(groups))
            aside = (number - (len(series) - 1) / 2) * 0.7 / len(series)
            _line(panel, np.arange(len(groups)) + aside, rows, number, name, line=False)
        if chance is not None:
            panel.axhline(chance, color=INK, linewidth=1, linestyle=":", alpha=0.7)
        panel.set_xticks(range(len(groups)), list(groups.values()))
        panel.set_xlim(-0.5, len(groups) - 0.5)
        panel.grid(visible=False, axis="x")
        panel.set_ylabel(label)
        _legend(figure, panel)
    return figure


def _line(panel: Axes, x: np.ndarray, rows: pd.DataFrame, number: int, name: str, line: bool) -> None:
    colour = PALETTE[number % len(PALETTE)]
    panel.vlines(x, rows["low"], rows["high"], color=colour, linewidth=1.2, alpha=0.8)
    panel.plot(
        x, rows["estimate"], color=colour, marker=MARKERS[number % len(MARKERS)], markersize=4.5, label=name,
        linewidth=1.3 if line else 0,
    )  # fmt: skip


def _legend(figure: Figure, panel: Axes) -> None:
    handles, labels = panel.get_legend_handles_labels()
    columns = min(len(labels), 6)
    if sum(map(len, labels)) > LEGEND_WIDTH:  # two rows: one would leave the figure
        columns = -(-len(labels) // 2)
    figure.legend(handles, labels, loc="outside upper center", ncols=columns, handlelength=1.6)
