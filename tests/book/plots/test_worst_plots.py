"""Drawings of worst cases: every bar, count and line is the one it was given."""

import numpy as np
import pandas as pd
import pytest

from book.tools import plots

METRICS = {"pixel_auroc": "pAUROC", "aupro": "AUPRO"}
SETTINGS = {"angle": "rotation", "3d": "all"}


def drop_table(backbones):
    rows = [
        {
            "suite": s,
            "backbone": b,
            "setting": g,
            "metric": m,
            "drop": 0.01 * i,
            "drop_low": 0.006 * i,
            "drop_high": 0.02 * i,
        }
        for i, (s, b, g, m) in enumerate(
            (s, b, g, m) for s in ("one", "two") for b in backbones for g in SETTINGS for m in METRICS
        )
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize("backbones", [["x"], ["x", "y", "z"]])
def test_every_bar_has_its_height_place_and_interval(backbones):
    table = drop_table(backbones)
    figure = plots.plot_drops(table, METRICS, SETTINGS, ["one", "two"], backbones)
    assert [axis.get_title() for axis in figure.axes] == ["one", "two", "", ""]
    for axis, (metric, suite) in zip(figure.axes, ((m, s) for m in METRICS for s in ("one", "two")), strict=True):
        chosen = table[(table["metric"] == metric) & (table["suite"] == suite)].set_index(["setting", "backbone"])
        for setting, bars, lines in zip(SETTINGS, axis.containers, axis.collections, strict=True):
            rows = chosen.loc[setting].loc[backbones]
            assert [bar.get_height() for bar in bars] == pytest.approx(100 * rows["drop"].to_numpy())
            assert [round(bar.get_center()[0]) for bar in bars] == list(range(len(backbones)))
            ends = np.array([segment[:, 1] for segment in lines.get_segments()])
            assert ends == pytest.approx(100 * rows[["drop_low", "drop_high"]].to_numpy())
    assert [label.get_text() for label in figure.axes[2].get_xticklabels()] == backbones
    assert figure.axes[2].get_ylabel() == "drop of AUPRO\n[points]"
    plots.to_svg(figure, "fig")


def test_a_missing_bar_leaves_its_place_empty():
    table = drop_table(["x", "y"])
    table = table[(table["backbone"] != "y") | (table["setting"] != "3d")]
    figure = plots.plot_drops(table, METRICS, SETTINGS, ["one", "two"], ["x", "y"])
    assert [np.isnan(bar.get_height()) for bar in figure.axes[0].containers[1]] == [False, True]


def test_a_histogram_counts_every_image_and_0_is_in_the_middle_of_a_bin():
    samples = pd.DataFrame(
        {"suite": "s", "backbone": "b", "label": [True, True, False, False, False], "angle": [-90, 0, 0, 4, 90.0]}
    )
    samples = pd.concat([samples, samples[:1].assign(suite="other", angle=30.0)])
    figure = plots.plot_histograms(samples, "angle", 90.0, bins=9)
    stacked = figure.axes[0].containers
    anomalous, normal = ([bar.get_height() for bar in part] for part in stacked)
    assert anomalous == [1, 0, 0, 0, 1, 0, 0, 0, 0]
    assert normal == [0, 0, 0, 0, 2, 0, 0, 0, 1]
    assert [bar.get_y() for bar in stacked[1]][4] == 1  # stacked on the anomalous ones
    assert stacked[0][4].get_center()[0] == pytest.approx(0)
    assert figure.axes[0].get_title() == "s, b (5)"
    assert figure.axes[1].get_title() == "other, b (1)"
    assert figure.axes[1].get_xlabel() == "rotation angle [degrees]"


def test_hue_is_counted_in_multiples_of_pi():
    samples = pd.DataFrame({"suite": "s", "backbone": "b", "label": [True], "hue": np.float32([np.pi])})
    figure = plots.plot_histograms(samples, "hue", float(np.float64(3.141592)))
    assert figure.axes[0].containers[0][-1].get_height() == 1  # rounding does not push it off the edge


def test_a_search_curve_ends_at_the_last_it_has_spent():
    curves = pd.concat(
        [
            pd.DataFrame({"row": "kept by AUROC", "column": "rotation", "search": name, "x": range(1, n + 1)})
            .assign(estimate=lambda t: 100 - 100 / t["x"], low=lambda t: t["estimate"] - 5, high=100.0)
            for name, n in (("bayes_opt", 4), ("adam", 10))
        ]
    )  # fmt: skip
    curves = pd.concat([curves, curves[-4:].assign(row="kept by loss", column="all")])
    figure = plots.plot_search(curves, "passes", "fall [%]", reference=80)
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    assert list(lines["adam"].get_xdata()) == list(range(1, 11))
    assert list(lines["bayes_opt"].get_ydata()) == pytest.approx([0, 50, 100 * 2 / 3, 75])
    assert lines["bayes_opt"].get_color() != lines["adam"].get_color()
    assert any(list(line.get_ydata()) == [80, 80] for line in figure.axes[0].lines)
    band = figure.axes[0].collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == (-5, 100)
    assert [text.get_text() for text in figure.axes[1].texts] == ["none"]
    assert (figure.axes[0].get_xscale(), figure.axes[2].get_ylabel()) == ("log", "fall [%]\n(kept by loss)")
    assert [axis.get_title() for axis in figure.axes[:2]] == ["rotation", "all"]


def test_rows_of_worst_cases_have_a_scale_a_row_and_no_outline_where_the_image_is_turned():
    image, heat, mask = np.zeros((3, 6, 6)), np.full((6, 6), 0.5), np.eye(6, dtype=bool)
    found = {"image": image, "shifted": image, "clean_map": heat, "map": heat, "mask": mask}
    cases = [
        plots.WorstCase("median drop of AUROC", ("a", "b", "c", "d"), found, (0.1, 1.0)),
        plots.WorstCase("largest", ("e", "f", "g", "h"), found, (0.2, 0.9)),
    ]
    figure = plots.worst_rows(cases)
    shown, bars = figure.axes[:8], figure.axes[8:]
    assert [axis.images[0].get_clim() for axis in shown if axis.images[0].get_array().ndim == 2] == [
        (0.1, 1.0), (0.1, 1.0), (0.2, 0.9), (0.2, 0.9)
    ]  # fmt: skip
    assert [[label.get_text() for label in bar.get_yticklabels()] for bar in bars] == [["0.1", "1"], ["0.2", "0.9"]]
    assert [axis.get_title() for axis in shown] == list("abcdefgh")
    assert [axis.texts[0].get_text() for axis in shown[::4]] == ["median drop\nof AUROC", "largest"]
    assert [len(axis.collections) for axis in figure.axes[:4]] == [1, 0, 1, 1]
    with pytest.raises(ValueError, match="fixed scale"):
        plots.worst_rows([plots.WorstCase("rule", ("a", "b", "c", "d"), found, (0.0, 1.0))])
