"""What defences are worth, from records written down by hand."""

import re

import numpy as np
import pandas as pd
import pytest

from zsad.analysis.defences import (
    METRICS,
    conclude,
    conclude_costs,
    conclude_shifts,
    costs_table,
    finding,
    floor_rows,
    shifts_table,
    under_shifts,
    worth,
    worth_table,
)
from zsad.analysis.differences import Difference, by_key

NOISE = np.linspace(-0.01, 0.01, 50)
# Method -> unshifted, unshifted of the searched images, at their worst.
LEVELS = {"winclip": (0.9, 0.88, 0.5), "grey input": (0.85, 0.84, 0.7), "hue copies": (0.9, 0.9, 0.45)}
PASSES = {"hue copies": 6}


def frame(values: dict[str, float], tag: str, categories=("nut", "cap"), swing=None, **columns):
    rows, draws = [], []
    for method, estimate in values.items():
        for category in categories:
            key = f"{tag} {method} {category}"
            drawn = estimate + NOISE * (swing or {}).get(method, 1.0)
            draws.append(pd.DataFrame({"replicate": range(50), **dict.fromkeys(METRICS, drawn), "key": key}))
            rows += [{"suite": "s", "category": category, "method": method, "metric": metric, "estimate": estimate,
                      "key": key, "n_images": 10**9, "n_anomalous": 5 * 10**8, **columns}
                     for metric in METRICS]  # fmt: skip
    return pd.DataFrame(rows), pd.concat(draws)


def by_metric(*draws: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return {metric: by_key(pd.concat(draws), metric) for metric in METRICS}


def found(swing=None, levels=LEVELS) -> pd.DataFrame:
    parts = [frame({method: of[place] for method, of in levels.items()}, tag, swing=swing)
             for place, tag in ((0, "clean"), (2, "worst"), (1, "before"))]  # fmt: skip
    frames = [records for records, _ in parts]
    return worth(frames[0], frames[1], frames[2], by_metric(*[draws for _, draws in parts]))


def test_cost_drop_and_floor_are_paired_differences():
    table = found().set_index(["method", "metric"])
    grey = table.loc[("grey input", "pixel_auroc")]
    spans = {name: (grey[name].value, grey[name].low, grey[name].high) for name in ("cost", "drop", "floor")}
    assert spans["cost"] == pytest.approx((-5, -5, -5))
    assert spans["drop"] == pytest.approx((-14, -14, -14))
    assert spans["floor"] == pytest.approx((20, 20, 20))
    assert (grey["unshifted"], grey["worst"], grey["categories"]) == pytest.approx((85, 70, 2))
    plain = table.loc[("winclip", "pixel_auroc")]
    assert (plain["cost"].value, plain["floor"].value, plain["drop"].value) == pytest.approx((0, 0, -38))


def test_the_finding_is_of_the_worst_where_that_was_searched_and_else_says_so():
    changed = pd.DataFrame(
        [
            {"suite": suite, "cause": cause, "metric": metric, "change": Difference(value, value - 1, value + 1, 2)}
            for suite in ("s", "t")
            for metric in ("image_auroc", "pixel_auroc")
            for cause, value in (("grey input", -5.0), ("hue copies", -9.0 if suite == "t" else 2.0), ("even", 0.5))
        ]
    )
    text = finding(changed, pd.DataFrame(), pd.DataFrame(), 1470)
    assert text.startswith(
        "Without a shift, on 1,470 test images of s, with intervals that exclude 0, image AUROC falls in 1 of 3 cases "
        "(a case is one of the defences, where it can touch the metric; furthest grey input: −5.0 (−6.0 to −4.0) "
        "points) and rises in 1; pixel AUROC falls in 1 of 3 "
    )
    assert text.endswith("no worst cases through a defence are kept.")
    at_worst = finding(changed, found().assign(images=48), pd.DataFrame(), 1470)
    assert at_worst.startswith(
        "At the worst, on 48 images, with intervals that exclude 0, image AUROC is higher than WinCLIP's in 1 of 2 "
        "ways to defend it: grey input (+20.0 (of 48 images) points); pixel AUROC is higher than WinCLIP's in 1 of 2 "
        "ways to defend it: grey input (+20.0 (of 48 images) points). Without a shift"
    )


def test_only_categories_that_every_method_has_count():
    clean, one = frame({name: of[0] for name, of in LEVELS.items()}, "clean")
    worst, two = frame({name: of[2] for name, of in LEVELS.items()}, "worst")
    before, three = frame({name: of[1] for name, of in LEVELS.items()}, "before")
    worst = worst[(worst["method"] != "hue copies") | (worst["category"] == "nut")]
    table = worth(clean, worst, before, by_metric(one, two, three))
    assert set(table["categories"]) == {1}
    without = worth(clean, worst[worst["method"] != "winclip"], before, by_metric(one, two, three))
    assert without.empty, "nothing to compare with"


def test_the_conclusion_turns_with_the_records():
    text = conclude(found(), PASSES)
    seen = "(of 2,000,000,000 images)"  # no draw differs: an interval of no width would say that none ever could
    assert f"Mean image AUROC on s: at its worst WinCLIP loses 38.0 {seen} points; 50.0 % remain." in text
    assert f"Higher at the worst, with an interval that excludes 0: grey input (+20.0 {seen}; 1 passes" in text
    assert "unshifted −5.0 (no draw differs))" in text
    assert f"Lower at the worst, with an interval that excludes 0: hue copies (−5.0 {seen}; 6 passes" in text
    assert not re.search(r"\(([−+]?[\d.]+) to \1\)", text)
    assert "Undecided" not in text
    wide = conclude(found(swing={"grey input": 2}), PASSES)
    assert re.search(r"grey input \(\+20\.0 \(\+1[89]\.\d to \+2[12]\.\d\)", wide), "an interval is shown as before"
    unsure = conclude(found(swing={"grey input": 40, "hue copies": 40}), PASSES)
    assert unsure.count("Undecided at the worst: grey input, hue copies.") == len(METRICS)
    swapped = {**LEVELS, "grey input": (0.85, 0.84, 0.4)}
    assert "Lower at the worst, with an interval that excludes 0: grey input" in conclude(found(levels=swapped), {})
    assert conclude(found()[:0], {}) == "These records hold no worst cases through a defence."


def test_the_table_and_the_figure_leave_out_winclip_against_itself():
    table = found()
    shown = worth_table(table, PASSES).set_index(["metric", "method"])
    assert shown.loc[("image AUROC", "winclip"), ["cost", "floor"]].tolist() == ["–", "–"]
    assert shown.loc[("image AUROC", "hue copies"), "passes"] == 6
    assert shown.loc[("image AUROC", "grey input"), "floor"] == "+20.0 (of 2,000,000,000 images)", "no draw differs"
    rows = floor_rows(table[table["metric"] == "aupro"])
    assert set(rows["row"]) == {"grey input", "hue copies"}
    assert rows.set_index(["row", "panel"]).loc[("grey input", "aupro"), "estimate"] == pytest.approx(20)


def test_what_a_defence_costs_unshifted_is_said_by_its_sign():
    change = {"grey input": Difference(-3, -4, -2, 2), "hue copies": Difference(1, -1, 3, 2)}
    table = pd.DataFrame(
        [{"suite": "s", "cause": c, "metric": "aupro", "categories": 2, "change": d} for c, d in change.items()]
    )
    text = conclude_costs(table)
    assert text == (
        "Unshifted mean AUPRO on s: costs: grey input (−3.0 (−4.0 to −2.0)); "
        "undecided: hue copies (+1.0 (−1.0 to +3.0))."
    )
    shown = costs_table(table, {"grey input": 1, "hue copies": 6})
    assert shown["passes"].tolist() == [1, 6]
    assert shown["AUPRO"].tolist() == ["−3.0 (−4.0 to −2.0)", "+1.0 (−1.0 to +3.0)"]


def test_more_misses_cost_and_fewer_gain():
    change = {"grey input": Difference(3, 2, 4, 2), "hue copies": Difference(-3, -4, -2, 2)}
    table = pd.DataFrame(
        [{"suite": "s", "cause": c, "metric": "misses", "categories": 2, "change": d} for c, d in change.items()]
    )
    assert conclude_costs(table) == (
        "Unshifted mean misses on s: costs: grey input (+3.0 (+2.0 to +4.0)); gains: hue copies (−3.0 (−4.0 to −2.0))."
    )
    text = conclude(found().query("metric == 'misses'"), PASSES)
    assert text.startswith(
        "Mean misses on s: at its worst WinCLIP has −38.0 (of 2,000,000,000 images) points more, 50.0 %"
    )


def test_a_metric_that_winclip_lacks_is_left_out():
    parts = [frame({method: of[place] for method, of in LEVELS.items()}, tag)
             for place, tag in ((0, "clean"), (2, "worst"), (1, "before"))]  # fmt: skip
    without = [records[(records["metric"] != "misses") | (records["method"] != "winclip")] for records, _ in parts]
    table = worth(*without, by_metric(*[draws for _, draws in parts]))
    assert set(table["metric"]) == METRICS.keys() - {"misses"}


def test_a_uniform_shift_is_compared_with_the_same_images():
    parts = [frame({"winclip": 0.9, "hue copies": 0.8}, "at 0", setting="hue", value=0.0),
             frame({"winclip": 0.6, "hue copies": 0.8}, "at pi", setting="hue", value=np.pi)]  # fmt: skip
    table = under_shifts(pd.concat([r for r, _ in parts]), by_metric(*[d for _, d in parts]))
    change = table.set_index(["method", "metric"])["change"]
    assert change["winclip", "aupro"].value == pytest.approx(-30)
    assert change["hue copies", "aupro"].value == pytest.approx(0)
    shown = shifts_table(table, "image_auroc", PASSES).set_index("method")
    assert shown.columns.tolist() == ["suite", "passes", "unshifted", "a hue shift of +1 π"]
    seen = "(of 2,000,000,000 images)"  # no draw differs
    assert shown.loc["winclip"].tolist() == ["s", 1, "–", f"−30.0 {seen}"]
    assert shown.loc["hue copies"].tolist() == ["s", 6, f"−10.0 {seen}", f"+20.0 {seen}"]
    text = conclude_shifts(table, PASSES)
    assert text.count(f"hue copies (6 passes, unshifted −10.0 {seen}) higher under a hue shift of") == len(METRICS)
    assert "lower" not in text
    costs = pd.DataFrame([{"suite": "s", "cause": "hue copies", "metric": "image_auroc", "change": change.iloc[0]}])
    assert finding(costs, pd.DataFrame(), table, 9).startswith(
        f"With all {2 * 10**9:,} images under one shift, against WinCLIP under the same one, with intervals that "
        "exclude 0: image AUROC better in 1 of 1 cases (a defence under one shift; furthest hue copies under a hue "
        f"shift of +1 π, +20.0 {seen} points), worse in 0; false alarms better in 0 of 1 cases, worse in "
        "1; misses better in 0 of 1 cases, worse in 1. Without a shift, on 9 test images of s, "
    )
    parts[1][0].loc[parts[1][0]["method"] == "hue copies", "estimate"] = 0.3
    parts[1][1].loc[parts[1][1]["key"].str.contains("hue copies"), list(METRICS)] -= 0.5
    text = conclude_shifts(under_shifts(pd.concat([r for r, _ in parts]), by_metric(*[d for _, d in parts])), PASSES)
    assert text.count(f"lower under a hue shift of +1 π (−30.0 {seen})") == len(METRICS)
    assert conclude_shifts(table[:0], {}) == "These records hold no uniform shifts through a defence."
