"""Series with intervals and clouds of points: what is drawn is what the table holds."""

import numpy as np
import pandas as pd
import pytest

from book.tools.plots import Cloud, plot_clouds, plot_dots, plot_ranked, plot_severity, to_svg


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


def test_titles_in_capitals_stay_inside_the_figure():
    titles = ["WinCLIP", "CLIP", "CLIP-AC", "RWDA", "text FNN", "ACR", "MAEDAY", "APRIL-GAN", "AnomalyCLIP"]
    rows = pd.concat([table(group="same").replace({"series": {"clip": title}}) for title in titles])
    rows = rows[rows["series"].isin(titles)].drop_duplicates(["series", "group"])
    figure = plot_dots(rows, titles, {"same": "same"}, "AUROC [%]")
    figure.draw_without_rendering()
    found = figure.legends[0].get_window_extent()
    assert figure.bbox.x0 <= found.x0 <= found.x1 <= figure.bbox.x1


def test_ranked_rows_stand_in_two_columns_and_are_hollow_where_they_hold_chance():
    rows = [("a", f"a {n}", "damage", 40 + 10 * n, 35 + 10 * n, 45 + 10 * n) for n in range(5)]
    rows += [("b", "b 0", "damage", 90, 80, 100), ("c", "c 0", "pose", 52, 40, 64)]
    ranked = pd.DataFrame(rows, columns=["panel", "row", "series", "estimate", "low", "high"])
    figure = plot_ranked(ranked, "AUROC [%]", 50)
    assert [axis.get_title() for axis in figure.axes] == ["a", "b", "c"]
    assert [len(part.axes) for part in figure.subfigs] == [1, 2]
    assert len({axis.get_xlim() for axis in figure.axes}) == 1
    a = figure.axes[0]
    assert [label.get_text() for label in a.get_yticklabels()] == [f"a {n}" for n in range(5)]
    assert a.yaxis_inverted(), "the worst stands on top"
    drawn = {line.get_markerfacecolor() == "none": list(line.get_xdata()) for line in a.get_lines() if
             line.get_marker() == "o" and len(line.get_xdata())}  # fmt: skip
    assert drawn == {False: [40, 60, 70, 80], True: [50]}
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["damage", "pose"]
    assert to_svg(figure, "x") == to_svg(plot_ranked(ranked, "AUROC [%]", 50), "x")
    assert len(plot_ranked(ranked[ranked["panel"] == "a"], "AUROC [%]", 50).subfigs) == 1


def test_no_two_of_many_series_look_alike():
    names = [f"method {number}" for number in range(12)]
    rows = [
        {"series": name, "severity": s, "estimate": 50.0, "low": 40.0, "high": 60.0} for name in names for s in (0, 3)
    ]
    many = pd.DataFrame(rows).rename(columns={"series": "detector"}).assign(suite="a", corruption="blur")
    lines = [line for line in plot_severity(many, {"blur": "blur"}).axes[0].get_lines() if line.get_label() in names]
    assert len({(line.get_color(), line.get_marker()) for line in lines}) == len(names) == len(lines)
