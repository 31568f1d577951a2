"""What each league was shown, as a picture; and how far the methods of each get."""

from collections.abc import Mapping, Sequence
from typing import get_args

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from book.tools.plots.style import BETWEEN, PALETTE, new_figure, style
from zsad.leagues import League, Shown, decided_by, never_shown

OWN, NEVER = PALETTE[0], PALETTE[4]
"""Colours of what makes a league, and of what it was never shown."""


def league_picture(
    leagues: Sequence[str], never: Mapping[str, Sequence[Shown]] | None = None, width: float = 7.6
) -> Figure:
    """A row a league, a column a thing that a part of a detector can be shown: filled where it makes the league,
    crossed where it was never shown: by `never`, or by the league alone."""
    things = [thing for thing in get_args(Shown) if thing != "unknown"]
    figure, (axis,) = new_figure(1, 1, width=width, height=2.2 + 0.36 * len(leagues))
    with style():
        for row, league in enumerate(leagues):
            for column, thing in enumerate(things):
                color = OWN if thing == decided_by(league) else "none"
                box = Rectangle((column - 0.4, row - 0.4), 0.8, 0.8, facecolor=color, edgecolor="0.5")
                axis.add_patch(box)
                if thing in (never or {}).get(league, never_shown(league)):
                    axis.plot(column, row, marker="x", color=NEVER, markersize=9, markeredgewidth=2)
        axis.set_xlim(-0.6, len(things) - 0.4)
        axis.set_ylim(len(leagues) - 0.4, -0.6)
        axis.set_yticks(range(len(leagues)), leagues)
        axis.set_xticks(range(len(things)), things, rotation=35, ha="left")
        axis.xaxis.tick_top()
        for side in axis.spines.values():
            side.set_visible(False)
        axis.grid(visible=False)
    return figure


def league_levels(table: pd.DataFrame, panels: dict[tuple[str, str], str]) -> Figure:
    """A row a method, those of a league together and in one colour; in each panel its level and interval.

    Args:
        table: of `zsad.analysis.league_tables.levels`: method, league, suite, metric, estimate, low, high in percent;
            categories and of, the number that others have: a point of fewer is hollow.
        panels: (suite, metric) -> the words above, side by side.
    """
    methods = table.drop_duplicates("method")
    rows, leagues = methods["method"].tolist(), list(dict.fromkeys(methods["league"]))
    figure, axes = new_figure(1, len(panels), height=1.2 + 0.27 * len(rows), sharey=True, between=BETWEEN)
    with style():
        for axis, ((suite, metric), words) in zip(axes, panels.items(), strict=True):
            for league in leagues:
                colour = (
                    PALETTE[list(get_args(League)).index(league) % len(PALETTE)]
                    if league in get_args(League)
                    else "0.5"
                )
                found = table[(table["suite"] == suite) & (table["metric"] == metric) & (table["league"] == league)]
                place = np.array([rows.index(method) for method in found["method"]], dtype=float)
                axis.hlines(place, found["low"], found["high"], color=colour, linewidth=1.4)
                for partly, face in ((False, colour), (True, "none")):
                    some = ((found["categories"] < found["of"]) == partly).to_numpy()
                    axis.plot(found["estimate"][some], place[some], "o", color=colour, markerfacecolor=face,
                              markersize=5, label=league if not partly else None)  # fmt: skip
            axis.grid(visible=False, axis="y")
            axis.set_title(words)
        axes[0].set_yticks(range(len(rows)), rows)
        axes[0].set_ylim(len(rows) - 0.5, -0.5)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 4), handlelength=1.2)
    return figure
