"""A table of numbers as coloured squares: what every shift does to every detector, at one look."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure

from book.tools.plots.style import PALETTE, new_figure, style

FULL = 0.85  # opacity of the full colour
WORSE = LinearSegmentedColormap.from_list(
    "worse",
    [(0, (*to_rgb(PALETTE[0]), FULL)), (0.5, (*to_rgb(PALETTE[0]), 0)), (0.5, (*to_rgb(PALETTE[4]), 0)),
     (1, (*to_rgb(PALETTE[4]), FULL))],
)  # fmt: skip
"""Blue for the better, orange for the worse, and the page itself between, so that its ink is read on a light and on a
dark page."""


def plot_heat(
    table: pd.DataFrame, rows: Mapping[str, str], columns: Mapping[str, str], panels: Mapping[str, str], most: float
) -> Figure:
    """A panel below the other; in each a row a detector, a column a shift, and its number in the square. Columns are
    named below the last panel; of more than two, which do not fit a screen, below each.

    Args:
        table: row, column, panel, value, and clear: a number that is not is in brackets. What is missing stays empty.
            Where `worse` is there, squares are coloured by it and not by the value.
        rows, columns, panels: names in the table, and the words shown for them; rows from the top.
        most: the number that has the full colour, whichever way.
    """
    named = len(panels) > 2
    height = 0.5 + len(panels) * (0.75 + 0.27 * len(rows) + 0.6 * named)
    figure, axes = new_figure(len(panels), 1, height=height, sharex=not named)
    with style():
        for axis, (panel, words) in zip(axes, panels.items(), strict=True):
            found = table[table["panel"] == panel]
            wide = {name: found.pivot(index="row", columns="column", values=name).reindex(index=rows, columns=columns)
                    for name in ("value", "clear", "worse" if "worse" in table else "value")}  # fmt: skip
            values = wide["value"].to_numpy(float)
            axis.imshow(
                wide["worse" if "worse" in table else "value"].to_numpy(float),
                cmap=WORSE, vmin=-most, vmax=most, aspect="auto", interpolation="nearest",
            )  # fmt: skip
            for (row, column), value in np.ndenumerate(values):
                if np.isfinite(value):
                    number = f"{value:.0f}".replace("-0", "0").replace("-", "−")
                    text = number if wide["clear"].iloc[row, column] else f"({number})"
                    axis.text(column, row, text, ha="center", va="center")
            axis.grid(visible=False)
            axis.set_yticks(range(len(rows)), list(rows.values()))
            axis.set_xticks(
                range(len(columns)), list(columns.values()), rotation=35, ha="right", rotation_mode="anchor"
            )
            axis.set_title(words)
    return figure
