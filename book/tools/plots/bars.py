"""Bars side by side in groups, with their intervals: what each setting costs on each backbone and suite."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from book.tools.plots.style import INK, PALETTE, new_figure, style

BAR_COLOURS = {"angle": PALETTE[0], "saturation": PALETTE[2], "hue": PALETTE[1], "3d": PALETTE[4]}


def plot_drops(
    table: pd.DataFrame,
    metrics: dict[str, str],
    settings: dict[str, str],
    suites: Sequence[str],
    backbones: Sequence[str],
) -> Figure:
    """A row of panels a metric, a column a suite; in each a group of bars a backbone, a bar a setting.

    Args:
        table: a row a suite, backbone, setting and metric; drop, drop_low and drop_high as fractions of the metric's
            range. A row that is missing leaves its place empty.
        metrics, settings: names in the table, and the words shown for them.
        suites, backbones: in the order shown.
    """
    figure, axes = new_figure(len(metrics), len(suites), height=0.5 + 2.5 * len(metrics), sharex=True, sharey="row")
    width = 0.8 / len(settings)
    with style():
        for index, axis in enumerate(axes):
            metric, suite = list(metrics)[index // len(suites)], suites[index % len(suites)]
            panel = table[(table["metric"] == metric) & (table["suite"] == suite)]
            for number, (setting, words) in enumerate(settings.items()):
                rows = panel[panel["setting"] == setting].set_index("backbone").reindex(backbones)
                place = np.arange(len(backbones)) + (number - (len(settings) - 1) / 2) * width
                drop, low, high = (100 * rows[name].to_numpy(float) for name in ("drop", "drop_low", "drop_high"))
                axis.bar(place, drop, 0.9 * width, color=BAR_COLOURS[setting], label=words)
                axis.vlines(place, low, high, color=INK, linewidth=1.2)
            axis.axhline(0, color=INK, linewidth=0.8)
            axis.grid(visible=False, axis="x")
            axis.set_xticks(range(len(backbones)), backbones)
            axis.set_xlim(-0.5, len(backbones) - 0.5)
            if index < len(suites):
                axis.set_title(suite)
            if index % len(suites) == 0:
                axis.set_ylabel(f"drop of {metrics[metric]}\n[points]")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), handlelength=1.2)
    return figure
