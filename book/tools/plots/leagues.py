"""What each league was shown, as a picture."""

from typing import get_args

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from book.tools.plots.style import new_figure, style
from zsad.leagues import Shown, decided_by, never_shown


def league_picture(leagues: list[str], width: float = 7.6) -> Figure:
    """A row a league, a column a thing that a part of a detector can be shown: filled where it makes the league,
    crossed where it was never shown."""
    things = [thing for thing in get_args(Shown) if thing != "unknown"]
    figure, axes = new_figure(1, 1, width=width, height=2.2 + 0.36 * len(leagues))
    axis = axes[0]
    with style():
        for row, league in enumerate(leagues):
            own = decided_by(league) or ("captions" if league == "text only" else None)
            for column, thing in enumerate(things):
                color = "#0072b2" if thing == own else "none"
                box = Rectangle((column - 0.4, row - 0.4), 0.8, 0.8, facecolor=color, edgecolor="0.5")
                axis.add_patch(box)
                if thing in never_shown(league):
                    axis.plot(column, row, marker="x", color="#d55e00", markersize=9, markeredgewidth=2)
        axis.set_xlim(-0.6, len(things) - 0.4)
        axis.set_ylim(len(leagues) - 0.4, -0.6)
        axis.set_yticks(range(len(leagues)), leagues)
        axis.set_xticks(range(len(things)), things, rotation=35, ha="left")
        axis.xaxis.tick_top()
        for side in axis.spines.values():
            side.set_visible(False)
        axis.grid(visible=False)
    return figure
