"""Drawings of leagues: what is filled, crossed and hollow is what the rules and the table say."""

from typing import get_args

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from book.tools import plots
from book.tools.plots.leagues import NEVER, OWN
from zsad.leagues import Shown, decided_by, never_shown

LEAGUES = ["text only", "no text", "auxiliary anomalies", "test batch"]


def test_a_league_has_its_own_square_filled_and_what_it_never_saw_crossed():
    figure = plots.league_picture(LEAGUES)
    (axis,) = figure.axes
    things = [label.get_text() for label in axis.get_xticklabels()]
    assert things == [thing for thing in get_args(Shown) if thing != "unknown"]
    assert [label.get_text() for label in axis.get_yticklabels()] == LEAGUES
    filled = {
        (round(p.get_y() + 0.4), round(p.get_x() + 0.4)) for p in axis.patches if to_hex(p.get_facecolor()) == OWN
    }
    assert filled == {
        (row, things.index(decided_by(league))) for row, league in enumerate(LEAGUES) if league != "no text"
    }
    crosses = {(int(line.get_ydata()[0]), int(line.get_xdata()[0])) for line in axis.lines if line.get_color() == NEVER}
    assert crosses == {
        (row, things.index(thing)) for row, league in enumerate(LEAGUES) for thing in never_shown(league)
    }
    assert (0, things.index("captions")) not in crosses


def test_levels_stand_by_league_and_those_of_fewer_categories_are_hollow():
    table = pd.DataFrame(
        [
            {"method": method, "league": league, "suite": suite, "metric": "image_auroc", "estimate": level,
             "low": level - 3, "high": level + 2, "categories": categories, "of": 6}
            for suite, shift in (("one", 0), ("two", -10))
            for method, league, level, categories in (
                ("A", "text only", 80, 6), ("B", "text only", 70, 6), ("C", "test batch", 90, 1)
            )
        ]
    )  # fmt: skip
    figure = plots.league_levels(table.query("not (method == 'C' and suite == 'two')"),
                                 {("one", "image_auroc"): "one", ("two", "image_auroc"): "two"})  # fmt: skip
    left, right = figure.axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["A", "B", "C"]
    points = {
        (float(x), float(y), line.get_markerfacecolor() == "none")
        for line in left.lines for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
    }  # fmt: skip
    assert points == {(80, 0, False), (70, 1, False), (90, 2, True)}
    ends = np.concatenate([np.array(lines.get_segments()) for lines in left.collections])
    assert sorted(ends[:, :, 0].tolist()) == [[67, 72], [77, 82], [87, 92]]
    assert sum(len(line.get_xdata()) for line in right.lines) == 2
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["text only", "test batch"]
    assert left.get_title() == "one"


def test_each_method_has_its_words_and_its_map_on_its_own_scale():
    image, mask = np.zeros((8, 8, 3), np.uint8), np.eye(8, dtype=bool)
    heat = np.linspace(0, 1, 64).reshape(8, 8)
    methods = [
        plots.Method("A", ("one image", "nothing", "text"), heat, (0.2, 0.9)),
        plots.Method("B", ("a batch", "a head", "masks"), 100 * heat, (20, 90)),
        plots.Method("C", ("words", "a network", "masks")),
    ]
    figure = plots.method_rows(methods, image, mask)
    left, right = figure.axes[2::2], figure.axes[3::2]
    assert [axis.get_title(loc="left") for axis in left] == ["A", "B", "C"]
    assert [t.get_text() for t in left[1].texts] == ["sees", "a batch", "learned", "a head", "never shown", "masks"]
    limits = [axis.images[0].get_clim() for axis in right[:2]]
    assert limits[0] == (0.2, 0.9)
    assert limits[1] == pytest.approx([100 * end for end in limits[0]])
    assert [len(axis.collections) for axis in figure.axes[1::2]] == [1, 1, 1, 0]  # outlines of the defect
    assert right[2].texts[0].get_text() == "no map"
    assert plots.to_svg(figure, "x") == plots.to_svg(plots.method_rows(methods, image, mask), "x")
