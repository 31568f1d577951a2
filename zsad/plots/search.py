"""How fast searches find worst cases: how far the mean loss has fallen, against the number of tries."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter, ScalarFormatter

from zsad.plots.style import INK, PALETTE, new_figure, style

TICKS = (1, 3, 10, 30, 100, 300)
_LINES = ("-", "--", "-.", (0, (1, 1)), (0, (5, 1, 1, 1)), (0, (3, 1)))


def plot_search(curves: pd.DataFrame, settings: dict[str, str], backbones: Sequence[str]) -> Figure:
    """A row of panels a backbone, a column a setting; in each a line a search, ending at its last try.

    Args:
        curves: a row a backbone, setting, search and evaluation, with `share`: by how much the mean loss has fallen, as
            a share of the furthest fall in the panel.
        settings: names in the table, and the words shown for them.
        backbones: in the order shown.
    """
    figure, axes = new_figure(len(backbones), len(settings), height=1.0 + 2.1 * len(backbones), sharex=True)
    names = list(dict.fromkeys(curves["search"]))
    last = int(curves["evaluation"].max())
    with style():
        for index, axis in enumerate(axes):
            backbone, setting = backbones[index // len(settings)], list(settings)[index % len(settings)]
            panel = curves[(curves["backbone"] == backbone) & (curves["setting"] == setting)]
            for number, name in enumerate(names):
                rows = panel[panel["search"] == name].sort_values("evaluation")
                colour = PALETTE[number % len(PALETTE)]
                share, line = 100 * rows["share"], _LINES[number % len(_LINES)]
                axis.plot(rows["evaluation"], share, color=colour, linestyle=line, label=name)
                axis.plot(rows["evaluation"].iloc[-1:], share.iloc[-1:], "o", color=colour, markersize=4)
            if panel.empty:
                axis.text(0.5, 0.5, "none", transform=axis.transAxes, ha="center", color=INK)
            axis.set_ylim(-3, 106)
            axis.set_xscale("log")
            axis.set_xlim(1, 1.15 * max(last, 2))
            axis.xaxis.set_major_locator(FixedLocator([tick for tick in TICKS if tick <= last]))
            axis.xaxis.set_major_formatter(ScalarFormatter())
            axis.xaxis.set_minor_formatter(NullFormatter())
            axis.tick_params(labelsize=9)
            if index < len(settings):
                axis.set_title(settings[setting])
            if index % len(settings) == 0:
                axis.set_ylabel("fall of the loss [%]" + (f"\n({backbone})" if len(backbones) > 1 else ""))
            if index >= len(axes) - len(settings):
                axis.set_xlabel("tries")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 3), handlelength=2.4)
    return figure
