"""Series with intervals and clouds of points: what is drawn is what the table holds."""

import numpy as np
import pandas as pd
import pytest

from book.tools.plots import Cloud, plot_clouds, plot_dots, plot_severity, to_svg


def table(**columns):
    rows = [
        {"series": name, "severity": s, "estimate": 90 - 5 * s - n, "low": 80 - 5 * s - n, "high": 95 - 5 * s - n}
        for n, name in enumerate(("winclip", "clip"))
        for s in (0, 3)
    ]
    return pd.DataFrame(rows).assign(**columns)


def test_severity_has_a_panel_a_suite_and_corruption_and_shows_every_value():
    both = pd.concat([table(suite=suite, corruption=kind) for suite in ("a", "b") for kind in ("blur", "noise")])
    both = both.rename(columns={"series": "detector"})
    figure, again = (plot_severity(both, {"blur": "blur", "noise": "noise"}) for _ in "12")
    assert len(figure.axes) == 4
    lines = {line.get_label(): line for line in figure.axes[3].get_lines()}
    assert list(lines["winclip"].get_ydata()) == [90, 75]
    assert list(lines["clip"].get_ydata()) == [89, 74]
    assert lines["clip"].get_xdata() == pytest.approx([0, 3], abs=0.1)
    assert figure.axes[2].get_ylabel() == "b\nimage AUROC [%]"
    assert to_svg(figure, "x") == to_svg(again, "x")


def test_dots_leave_the_place_of_a_missing_value_empty():
    rows = table().assign(group=lambda t: t["severity"].map({0: "same", 3: "view"}))
    rows = rows.query("not (series == 'clip' and group == 'view')")
    figure = plot_dots(rows, ["winclip", "clip"], {"same": "same", "view": "view"}, "AUROC [%]", chance=50)
    (axis,) = figure.axes
    drawn = {line.get_label(): list(line.get_ydata()) for line in axis.get_lines()}
    assert drawn["winclip"] == [90, 75]
    assert drawn["clip"][0] == 89
    assert np.isnan(drawn["clip"][1])
    assert [label.get_text() for label in axis.get_xticklabels()] == ["same", "view"]


def test_clouds_share_their_axes():
    points = np.array([[0.0, 1.0], [2.0, 3.0]])
    panels = {
        "left": [Cloud("t", points, 0, "o")],
        "right": [Cloud("t", points + 5, 0, "o"), Cloud("x", points, 1, "x")],
    }
    figure = plot_clouds(panels, ("first", "second"))
    left, right = figure.axes
    assert left.get_xlim() == right.get_xlim()
    assert right.collections[0].get_offsets().tolist() == (points + 5).tolist()


def test_long_names_take_a_second_row_of_the_legend():
    rows = pd.concat([table(group="same").replace({"series": {"clip": f"{'a long name' * 4} {n}"}}) for n in range(3)])
    names = list(dict.fromkeys(rows["series"]))
    for series, columns in ((names[:1], 1), (names, 2)):
        (legend,) = plot_dots(rows.drop_duplicates(["series", "group"]), series, {"same": "same"}, "AUROC [%]").legends
        assert legend._ncols == columns
