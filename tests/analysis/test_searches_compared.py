"""Searches compared, and said to be good enough or not: on curves and comparisons written down by hand."""

import pandas as pd
import pytest
from search_curves import EVALUATIONS as ALL
from search_curves import curve

from zsad.analysis.falls import with_forwards
from zsad.analysis.searches import (
    auroc_curves,
    comparisons,
    comparisons_table,
    conclude,
    conclude_doubled,
    doubled,
    doubled_table,
    fall_curves,
    panels,
    shortly,
    win_curves,
)

WHERE = {"backbone": "demo-b", "setting": "3d"}
EVALUATIONS = ALL.assign(**WHERE, criterion=lambda t: t["search"].map({"bayes_opt": "auroc", "adam": "loss"}))


def test_our_search_is_held_against_the_others_for_its_own_aim_and_theirs_count_for_both():
    (panel,) = panels(EVALUATIONS)
    assert (panel.criterion, panel.backbone, panel.setting) == ("auroc", "demo-b", "3d")
    assert list(panel.falls) == ["bayes_opt", "adam"], "ours first"
    both = pd.concat([EVALUATIONS, EVALUATIONS[EVALUATIONS["search"] == "bayes_opt"].assign(criterion="loss")])
    assert [panel.criterion for panel in panels(both)] == ["auroc", "loss"]
    assert panels(EVALUATIONS[EVALUATIONS["search"] == "bayes_opt"]) == []
    assert panels(EVALUATIONS[:0]) == []


def test_curves_are_placed_by_aim_and_setting():
    found = panels(EVALUATIONS)
    falls, wins = fall_curves(found), win_curves(found)
    assert falls.groupby("search")["x"].max().to_dict() == {"bayes_opt": 4, "adam": 8}
    assert falls[falls["search"] == "bayes_opt"]["estimate"].iloc[-1] == pytest.approx(100 * 2 / 3)
    assert set(wins["search"]) == {"adam"}
    assert wins["estimate"].tolist() == pytest.approx([50, 100 * 2.5 / 3, 100 * 2.5 / 3, 100 * 2.5 / 3])
    assert (falls["row"].iloc[0], falls["column"].iloc[0]) == ("kept by AUROC", "3D (all three), demo-b")


def test_searches_are_compared_after_some_forward_passes_and_the_last_that_both_have_spent():
    longer = [curve("bayes_opt", "a", [0.9] + [0.5] * 39), curve("sobol", "a", [0.9] * 34)]
    evaluations = with_forwards(pd.concat(longer)).assign(**WHERE, criterion="auroc")
    table = comparisons(panels(evaluations))
    assert table["forwards"].tolist() == [16, 32, 34]
    shown = comparisons_table(table).iloc[0]
    assert (shown["aim"], shown["against"], shown["further"]) == ("kept by AUROC", "sobol", 1)
    assert (shown["won [%]"], shown["ahead [% of the furthest]"]) == (
        "100 (100\u00a0to\u00a0100)", "+100.0 (+100.0\u00a0to\u00a0+100.0)"
    )  # fmt: skip


def test_conclusions_follow_the_last_comparison_whichever_way_it_falls():
    case = {**WHERE, "images": 10, "rate_low": 50.0, "rate_high": 99.0}
    table = pd.DataFrame(
        [
            {**case, "criterion": "auroc", "other": "adam", "forwards": 16, "rate": 10.0},
            {**case, "criterion": "auroc", "other": "adam", "forwards": 64, "rate": 90.0},
            {**case, "criterion": "auroc", "other": "sobol", "forwards": 32, "rate": 70.0},
            {**case, "criterion": "loss", "other": "adam", "forwards": 32, "rate": 80.0},
        ]
    )
    first, second = conclude(table).split("\n")
    assert "against adam on 90 % of 10 images (50 to 99) after 64 forward passes" in first
    assert "short of 80 % against sobol." in first
    assert "at least 80 % against each." in second
    assert "in 2 of 3 comparisons; its lowest share is 70 % (50 to 99) of 10 images (kept by AUROC" in shortly(table)


def test_doublings_are_taken_case_by_case_over_anomalous_images():
    one = curve("bayes_opt", "a", [0.9] * 8 + [0.5] * 8)
    normal = curve("bayes_opt", "b", [float("nan")] * 16, [0.0] * 16)
    evaluations = pd.concat([one, normal]).assign(**WHERE)
    evaluations = pd.concat([evaluations, evaluations.assign(setting="hue", auroc=lambda t: t["auroc"] / 2)])
    table = doubled(evaluations)
    assert table[["case", "images", "evaluations"]].to_numpy().tolist() == [
        ["3D (all three), demo-b", 1, 8], ["hue, demo-b", 1, 8]
    ]  # fmt: skip
    assert doubled_table(table)["lower by [points]"].iloc[1] == "20.00 (20.00\u00a0to\u00a020.00)"
    curves = auroc_curves(evaluations)
    assert curves.groupby("search", sort=False)["estimate"].last().tolist() == pytest.approx([50, 25])


def changes(*values: float) -> pd.DataFrame:
    rows = [{"case": "3D", "evaluations": 8 * 2**i, "change": c, "low": c - 0.1, "high": c + 0.1}
            for i, c in enumerate(values)]  # fmt: skip
    return pd.DataFrame(rows)


def test_enough_is_said_from_where_no_doubling_moves_a_point():
    assert "from 16 evaluations on, twice as many lower the mean by less than 1 point (0.90, 0.80 to 1.00)" in (
        conclude_doubled(changes(3.0, 0.9, 0.2))
    )
    assert "from 32 evaluations on" in conclude_doubled(changes(0.5, 1.2, 0.4))
    text = conclude_doubled(changes(3.0, 1.5))
    assert "no number of evaluations tried is enough: after 16, twice as many lower the mean by another 1.50" in text
