"""Several series side by side, each value with its interval: over the severity of a corruption, or over groups."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from book.tools.plots.style import INK, PALETTE, new_figure, style

# One more than there are colours: no two of the first 72 series look alike.
MARKERS = "osD^vPX*<"
LEGEND_WIDTH = 56  # letters of all names that one row holds


def plot_severity(
    curves: pd.DataFrame,
    titles: Mapping[str, str],
    height: float = 2.5,
    label: str = "image AUROC [%]",
    column: str = "corruption",
) -> Figure:
    """A metric over the severity: a line a detector, a row of panels a suite, a column of them a kind of corruption, or
    a metric.

    Args:
        curves: detector, suite, `column`, severity (0 is no corruption) and estimate, low, high in percent; detectors
            and suites are shown in the order in which they come.
        titles: names in the column, and the words shown for them; a single one is not titled.
        height: of a row, in inches.
        label: of the vertical axes, which all panels of a row share, unless these show metrics.
        column: of the table, "corruption" or "metric".
    """
    rows, columns = list(dict.fromkeys(curves["suite"])), list(titles)
    shared = column != "metric"
    figure, axes = new_figure(
        len(rows),
        len(columns),
        height=0.6 + height * len(rows),
        sharex=True,
        sharey="row" if shared else False,
        gridspec_kw={"wspace": 0.05} if shared else {},
    )
    detectors = list(dict.fromkeys(curves["detector"]))
    with style():
        for index, panel in enumerate(axes):
            row, name_of = rows[index // len(columns)], columns[index % len(columns)]
            shown = curves[(curves["suite"] == row) & (curves[column] == name_of)]
            for number, name in enumerate(detectors):
                of_detector = shown[shown["detector"] == name].sort_values("severity")
                aside = 0.07 * (number - (len(detectors) - 1) / 2)
                _line(panel, of_detector["severity"].to_numpy(float) + aside, of_detector, number, name, line=True)
            panel.xaxis.set_major_locator(MaxNLocator(integer=True))
            if index % len(columns) == 0:
                panel.set_ylabel(f"{row}\n{label}")
            if index < len(columns) and len(columns) > 1:
                panel.set_title(titles[name_of])
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
    _dots(panel, table, series, groups, label, chance)
    with style():
        _legend(figure, panel)
    return figure


def plot_dots_below(
    table: pd.DataFrame, series: Sequence[str], groups: dict[str, str], labels: Mapping[str, str]
) -> Figure:
    """The same of several metrics, below each other: `labels` are metrics of the table's column `metric`, and the
    labels of their axes.
    """
    figure, panels = new_figure(len(labels), 1, height=0.6 + 1.9 * len(labels), sharex=True)
    for panel, (metric, label) in zip(panels, labels.items(), strict=True):
        _dots(panel, table[table["metric"] == metric], series, groups, label, None)
    with style():
        _legend(figure, panels[0])
    return figure


def _dots(
    panel: Axes, table: pd.DataFrame, series: Sequence[str], groups: dict[str, str], label: str, chance: float | None
) -> None:
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


def _line(panel: Axes, x: np.ndarray, rows: pd.DataFrame, number: int, name: str, line: bool) -> None:
    colour = PALETTE[number % len(PALETTE)]
    panel.vlines(x, rows["low"], rows["high"], color=colour, linewidth=1.2, alpha=0.8)
    panel.plot(
        x, rows["estimate"], color=colour, marker=MARKERS[number % len(MARKERS)], markersize=4.5, label=name,
        linewidth=1.3 if line else 0,
    )  # fmt: skip


def _legend(figure: Figure, panel: Axes) -> None:
    lines = [line for line in panel.get_lines() if np.isfinite(np.asarray(line.get_ydata(), float)).any()]
    handles = [line for line in lines if not str(line.get_label()).startswith("_")]
    labels = [str(line.get_label()) for line in handles]
    columns = max(min(len(labels), 6), 1)
    if sum(map(len, labels)) > LEGEND_WIDTH:  # two rows: one would leave the figure
        columns = -(-len(labels) // 2)
    figure.legend(handles, labels, loc="outside upper center", ncols=columns, handlelength=1.6)
