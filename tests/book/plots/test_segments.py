"""Masks and boxes on a picture, and differences in rows: what is drawn is what was given."""

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb

from book.tools.plots import PALETTE, draw_boxes, new_figure, plot_forest, to_svg, with_masks
from book.tools.plots.style import PAPER


def test_masks_are_tinted_and_edged_small_ones_on_top():
    picture = np.full((20, 20, 3), 120, np.uint8)
    large, small = np.zeros((2, 20, 20), bool)
    large[2:18, 2:18], small[5:10, 5:10] = True, True
    drawn = with_masks(picture, [small, large])
    assert np.array_equal(drawn[0, 0], [120, 120, 120])
    assert np.array_equal(drawn[2, 2], np.rint(255 * np.array(to_rgb(PALETTE[0]))))  # the edge of the larger one
    assert np.array_equal(drawn[5, 5], np.rint(255 * np.array(to_rgb(PALETTE[1]))))
    inside, outside = drawn[7, 7].astype(int), drawn[14, 14].astype(int)
    assert not np.array_equal(inside, outside)
    assert np.array_equal(with_masks(picture, []), picture)


def test_boxes_lie_where_they_are_said_to():
    _, (axis,) = new_figure(1, 1)
    axis.set(xlim=(0, 40), ylim=(20, 0))
    draw_boxes(axis, [(4, 8, 10, 20)], ["0.31"])
    (box,) = axis.patches
    assert (box.get_xy(), box.get_height(), box.get_width()) == ((8, 4), 10, 20)
    assert [text.get_text() for text in axis.texts] == ["0.31"]
    # The word is in the page's text colour, and so stands on the page's background, light or dark.
    svg = to_svg(axis.figure, "boxes")
    assert PAPER not in svg
    assert svg.count("fill: var(--pst-color-background, white)") == 1


def test_rows_show_their_difference_clear_or_not():
    table = pd.DataFrame(
        [
            {"row": "a", "panel": "x", "estimate": -2.0, "low": -3.0, "high": -1.0},
            {"row": "b", "panel": "x", "estimate": 1.0, "low": -1.0, "high": 3.0},
            {"row": "b", "panel": "y", "estimate": 5.0, "low": 4.0, "high": 6.0},
        ]
    )
    figure = plot_forest(table, ["a", "b"], {"x": "one", "y": "two"}, "points")
    one, two = figure.axes
    dots = {line.get_color(): (list(line.get_xdata()), list(line.get_ydata())) for line in one.lines[:2]}
    assert dots == {PALETTE[7]: ([1.0], [1]), PALETTE[0]: ([-2.0], [0])}
    assert [line.get_color() for line in two.lines[:2] if len(line.get_xdata()) and not np.isnan(line.get_xdata()[0])]
    assert one.get_ylim()[0] > one.get_ylim()[1]  # the first row on top
    assert [t.get_text() for t in one.get_yticklabels()] == ["a", "b"]
