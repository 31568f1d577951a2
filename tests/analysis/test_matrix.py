"""The matrix and the doses, from made-up records in which what a shift does is known."""

import math

import numpy as np
import pandas as pd
import pytest

from zsad.analysis.decisions import TRAINING, Decisions
from zsad.analysis.differences import difference_of
from zsad.analysis.doses import compared, dose_effects, left_out, thresholds, thresholds_table
from zsad.analysis.effects import with_false_discovery_rate
from zsad.analysis.matrix import (
    EXTREME,
    PLAUSIBLE,
    chosen,
    doses_in_words,
    for_humans,
    matrix,
    mean_moves,
    over_shifts,
    turned_in_words,
    with_levels,
)

NAMES = {"study": "t", "suite": "s", "detector": "d", "backbone": "b", "dtype": "f", "variant": "matrix"}
SHARED = np.linspace(-0.03, 0.03, 200)


def world(
    effect, shifts: dict[str, list[float]], spread: float = 0.002
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Image AUROC 0.9 and false alarms 0.1 of two categories; `effect(setting, value)` is added to false alarms and
    taken from AUROC. Draws share nearly all of their spread.
    """
    random, rows, draws = np.random.default_rng(0), [], {"image_auroc": {}, "false_alarms": {}}
    for category in ("nut", "cap"):
        for setting, values in shifts.items():
            for value in values:
                kind = "corruption" if setting == "contrast" else "uniform"
                shift = {"shift": kind, "setting": setting, "value": value} if value else {
                    "shift": "none", "setting": "none", "value": 0.0}  # fmt: skip
                for metric, base, sign in (("image_auroc", 0.9, -1), ("false_alarms", 0.1, 1)):
                    key = f"{category} {shift} {metric}"
                    estimate = base + sign * (effect(setting, value) if value else 0.0)
                    rows.append({**NAMES, "category": category, **shift, "metric": metric, "estimate": estimate,
                                 "n_images": 2000, "n_anomalous": 1000, "key": key})  # fmt: skip
                    draws[metric][key] = estimate + SHARED + random.normal(0, spread if value else 0.0, 200)
    return pd.DataFrame(rows).drop_duplicates("key"), {name: pd.DataFrame(of) for name, of in draws.items()}


def split(records: pd.DataFrame, draws: dict[str, pd.DataFrame]):
    """Records and draws of AUROC, and false alarms as decisions."""
    alarms = records["metric"] == "false_alarms"
    decided = Decisions(records[alarms].assign(rule=TRAINING), {"false_alarms": draws["false_alarms"]}, pd.DataFrame())
    return records[~alarms], {"image_auroc": draws["image_auroc"]}, decided


def test_the_smallest_dose_is_plausible_and_the_largest_extreme():
    shifts = {"angle": [0.0, -5.0, 5.0, 20.0, 45.0], "contrast": [0.0, 1.0, 3.0, 4.0, 5.0]}
    records, _ = world(lambda *_: 0.0, shifts)
    found = with_levels(records).drop_duplicates(["setting", "value"])
    levels = {(row.setting, row.value): row.level for row in found.itertuples()}
    assert levels == {("none", 0.0): "", ("angle", -5.0): PLAUSIBLE, ("angle", 5.0): PLAUSIBLE,
                      ("angle", 45.0): EXTREME, ("contrast", 1.0): PLAUSIBLE, ("contrast", 4.0): EXTREME}  # fmt: skip


def test_a_dose_that_stands_alone_is_plausible_or_extreme_by_its_size():
    """And of corruptions those that are tried are taken, where it is neither of the usual ones."""
    single = {"angle": [0.0, 45.0], "hue": [0.0, -0.3], "exposure": [0.0, -2.0], "contrast": [0.0, 2.0, 3.0, 5.0]}
    records, _ = world(lambda *_: 0.0, single)
    found = with_levels(records).drop_duplicates(["setting", "value"])
    levels = {(row.setting, row.value): row.level for row in found.itertuples()}
    assert levels == {("none", 0.0): "", ("angle", 45.0): EXTREME, ("hue", -0.3): PLAUSIBLE,
                      ("exposure", -2.0): EXTREME, ("contrast", 2.0): PLAUSIBLE,
                      ("contrast", 5.0): EXTREME}  # fmt: skip
    records, draws = world(lambda *_: 0.1, {"angle": [0.0, 45.0]})
    table = matrix(*split(records, draws), {})
    assert set(table["level"]) == {EXTREME}
    mild = world(lambda *_: 0.0, {"contrast": [0.0, 1.0, 2.0, 3.0]})[0]
    assert set(with_levels(mild)["value"]) == {0.0, 1.0}


def test_rows_say_what_a_shift_does_and_are_judged_together():
    effects = {("angle", 5.0): 0.0, ("angle", -5.0): 0.02, ("angle", 45.0): 0.2, ("hue", 1.0): 0.0, ("hue", 3.0): 0.0}
    records, draws = world(lambda *shift: effects[shift], {"angle": [0, -5.0, 5.0, 45.0], "hue": [0, 1.0, 3.0]})
    table = matrix(*split(records, draws), {})
    assert len(table) == 8
    (row,) = chosen(table, "image_auroc", PLAUSIBLE).query("setting == 'angle'").to_dict("records")
    assert [row[name] for name in ("before", "after", "change", "dose")] == pytest.approx([90, 89, -1, 5])
    alarms = chosen(table, "false_alarms", rule=TRAINING).set_index(["setting", "level"])["change"]
    assert alarms["angle", EXTREME] == pytest.approx(20)
    clear = {(r.setting, r.level) for r in table[table["clear"]].itertuples()}
    assert clear == {("angle", PLAUSIBLE), ("angle", EXTREME)}
    assert (table["q"] >= table["p"]).all()


def test_good_parts_move_in_the_mean_over_all_categories_each_backbone_by_itself():
    moves = {("d", "b"): (1.0, 3.0), ("d", "l"): (5.0, 7.0), ("no width", "b"): (1.0, np.nan), ("one", "b"): (1.0,)}
    rows = [
        {**NAMES, "detector": detector, "backbone": backbone, "category": category, "shift": "uniform",
         "setting": "hue", "value": value, "moved": value * move}
        for (detector, backbone), of in moves.items()
        for category, move in zip(("nut", "cap"), of, strict=False)
        for value in (1.0, 2.0, 3.0)
    ]  # fmt: skip
    found = mean_moves(pd.DataFrame(rows)).set_index(["detector", "level"])["moved"]
    assert len(found) == 8, "the dose between is of no level"
    assert found.dropna().to_dict() == pytest.approx(
        {("d, b", PLAUSIBLE): 2, ("d, b", EXTREME): 6, ("d, l", PLAUSIBLE): 6, ("d, l", EXTREME): 18}
    )


def test_only_what_may_lie_any_way_is_turned():
    records, draws = world(lambda setting, value: 0.1, {"angle": [0.0, 5.0], "hue": [0.0, 1.0]})
    records.loc[(records["category"] == "cap") & (records["setting"] == "angle"), "estimate"] = 0.0
    table = matrix(*split(records, draws), {"s": ["nut"]}).set_index(["setting", "metric"])
    assert table["products"].to_dict() == {
        (s, m): "rotation-invariant" if s == "angle" else "all" for s, m in table.index
    }
    assert table.loc[("angle", "image_auroc"), ["after", "categories"]].tolist() == pytest.approx([80, 1])
    assert table.loc[("hue", "image_auroc"), "categories"] == 2
    everywhere = matrix(*split(records, draws), {"another": ["nut"]}).set_index(["setting", "metric"])
    assert everywhere.loc[("angle", "image_auroc"), ["after", "categories"]].tolist() == pytest.approx([40, 2])


def test_doses_of_rotation_are_of_what_may_lie_any_way_as_in_the_matrix():
    records, draws = world(lambda *_: 0.1, {"angle": [0.0, -5.0, 5.0, 45.0], "hue": [0.0, 1.0]})
    upright = (records["category"] == "cap") & (records["setting"] == "angle")
    alarms = records["metric"] == "false_alarms"
    records.loc[upright & alarms, "estimate"], records.loc[upright & ~alarms, "estimate"] = 1.0, 0.0
    counted = dose_effects(*split(records, draws), {"s": ["nut"]}).set_index(["setting", "dose", "metric"])
    assert counted["change"].round(6).abs().eq(10).all()
    assert counted["categories"].to_dict() == {at: 1 if at[0] == "angle" else 2 for at in counted.index}
    assert set(counted.loc["angle", "products"]) == {"rotation-invariant"}
    assert set(counted.loc["hue", "products"]) == {"all"}
    whole = dose_effects(*split(records, draws), {"another": ["nut"]}).set_index(["setting", "dose", "metric"])
    assert whole.loc[("angle", 45.0, "false_alarms"), ["change", "categories"]].tolist() == pytest.approx([50, 2])


def test_what_was_turned_is_told_from_the_table():
    row = {"setting": "angle", "categories": 3, "images": 735}
    some, whole = {**row, "suite": "a", "products": "rotation-invariant"}, {**row, "suite": "b", "products": "all"}
    said = turned_in_words(pd.DataFrame([some, some, whole, {**whole, "suite": "c"}, {**whole, "setting": "hue"}]))
    assert said.startswith("On a only products that may lie any way are turned (3, 735 test images). Of b and c it is ")
    assert said.endswith("a rise of false alarms under rotation is partly right there.")
    assert "upright" not in turned_in_words(pd.DataFrame([some]))
    assert not turned_in_words(pd.DataFrame([{**whole, "setting": "hue"}]))


def curve_of(effect, values=(0.0, 2.0, 5.0, 10.0, 30.0)) -> "pd.Series[float]":
    records, draws = world(lambda _, value: effect[value], {"exposure": list(values)})
    return thresholds(dose_effects(*split(records, draws), {})).iloc[0]


def test_a_dose_counts_from_which_on_every_larger_one_is_clear():
    found = curve_of({2.0: 0.0, 5.0: 0.05, 10.0: 0.2, 30.0: 0.3})
    assert found[["drop", "first_drop", "double", "first_double"]].tolist() == [5, 5, 10, 10]
    assert (found["tried"], found["both_ways"]) == ((2, 5, 10, 30), ())


def test_one_of_many_doses_whose_interval_excludes_0_is_not_yet_clear():
    """Judged together, as in the matrix: here 2 x 12 tests, one of which has a p of a few percent."""
    values = [float(value) for value in range(13)]
    records, draws = world(lambda _, value: 0.0005 if value == 12 else 0.0, {"exposure": values}, spread=0.0003)
    table = dose_effects(*split(records, draws), {})
    at = table[(table["size"] == 12) & (table["metric"] == "image_auroc")].iloc[0]
    assert at["change_high"] < 0
    assert 0.0001 < at["p"] < 0.05 < at["q"]
    assert table["q"].notna().sum() == 24
    assert thresholds(table)[["drop", "first_drop"]].isna().all(axis=None)
    judged = pd.concat([table.loc[table["metric"] == "image_auroc", "p"], table["p_double"].dropna()]).to_frame("p")
    assert table["q"].to_numpy() == pytest.approx(with_false_discovery_rate(judged)["q"].loc[table.index].to_numpy())


def test_what_lies_beyond_double_is_the_paired_difference():
    records, draws = world(lambda _, value: 0.2, {"angle": [0.0, -10.0, 10.0]}, spread=0.02)
    *rest, decided = split(records, draws)
    row = dose_effects(*rest, decided, {}).query("metric == 'false_alarms'").iloc[0]
    at = {value: decided.records[decided.records["value"] == value] for value in (-10.0, 0.0, 10.0)}
    parts = [(0.5, at[-10.0]), (0.5, at[10.0]), (-2, at[0.0])]
    found = difference_of(parts, decided.draws["false_alarms"], "false_alarms")
    names = ["beyond_double", "beyond_double_low", "beyond_double_high"]
    assert row[names].tolist() == pytest.approx([found.value, found.low, found.high])


def test_curves_are_compared_on_the_same_doses_three_at_least():
    kind = {"suite": "s", "setting": "angle", "way": "either", "both_ways": ()}
    grids = {"one": (2, 5, 45), "two": (5, 45), "three": (2, 5, 45), "four": (2, -5, 45), "five": (2, 5, 30)}
    found = pd.DataFrame([{**kind, "detector": name, "tried": tried} for name, tried in grids.items()])
    assert compared(found)["detector"].tolist() == ["one", "three"]
    assert left_out(found).startswith("Left out: 3 of 5 curves, of 2 to 3 doses each (two, four, five).")
    pooled = found[found["detector"] == "one"].assign(both_ways=[(2,)], detector="pooled")
    assert compared(pd.concat([pooled, found], ignore_index=True))["detector"].tolist() == ["pooled"]
    assert compared(found[found["detector"] == "two"]).empty
    assert not left_out(found[found["detector"] == "one"])
    other = found.assign(setting=["angle", "hue", "angle", "hue", "hue"])
    assert compared(other)["detector"].tolist() == ["one", "three", "four"]


def test_false_alarms_that_were_not_tried_have_a_dash():
    records, draws = world(lambda *_: 0.1, {"exposure": [0.0, -0.5, -1.0, -2.0]})
    with_alarms = thresholds(dose_effects(*split(records, draws), {}))
    assert with_alarms["alarms"].tolist() == [True]
    plain = records[records["metric"] != "false_alarms"]
    nothing = Decisions(split(records, draws)[2].records.iloc[:0], {"false_alarms": pd.DataFrame()}, pd.DataFrame())
    found = thresholds(dose_effects(plain, {"image_auroc": draws["image_auroc"]}, nothing, {}))
    assert found["alarms"].tolist() == [False]
    (row,) = thresholds_table(found).to_dict("records")
    assert (row["false alarms more than double from"], row["estimate doubles at"]) == ("–", "–")
    assert row["image AUROC falls from"] == "−0.5 stops"


def test_a_curve_that_comes_back_has_a_first_dose_and_no_last():
    found = curve_of({2.0: 0.0, 5.0: 0.2, 10.0: 0.2, 30.0: 0.0})
    assert math.isnan(found["drop"])
    assert math.isnan(found["double"])
    assert (found["first_drop"], found["first_double"]) == (5, 5)
    row = thresholds_table(pd.DataFrame([found])).iloc[0]
    assert row["image AUROC falls from"] == "none up to +30 stops"
    assert row["falls first at"] == "+5 stops"


def test_both_ways_of_an_angle_are_one_dose_and_those_of_light_are_two():
    effect = {-10.0: 0.2, 10.0: 0.0, -1.0: 0.0, 1.0: 0.2}
    records, draws = world(lambda _, value: effect[value], {"angle": [0, -10.0, 10.0], "exposure": [0, -1.0, 1.0]})
    table = dose_effects(*split(records, draws), {})
    changes = table[table["metric"] == "image_auroc"].set_index(["setting", "way"])["change"].round(6).to_dict()
    assert changes == {("angle", "either"): -10.0, ("exposure", "+"): -20.0, ("exposure", "−"): 0.0}
    beyond = table[table["metric"] == "false_alarms"].set_index(["setting", "way"])["beyond_double"].round(6).to_dict()
    assert beyond == {("angle", "either"): 0.0, ("exposure", "+"): 10.0, ("exposure", "−"): -10.0}


def test_the_mean_over_shifts_holds_every_shift_of_a_level_once():
    effects = {("angle", 5.0): 0.0, ("angle", 45.0): 0.2, ("hue", 1.0): 0.1, ("hue", 3.0): 0.1}
    records, draws = world(lambda *shift: effects[shift], {"angle": [0, 5.0, 45.0], "hue": [0, 1.0, 3.0]})
    means = over_shifts(*split(records, draws), {})
    auroc = chosen(means, "image_auroc").set_index("level")
    assert auroc["change"].to_dict() == pytest.approx({PLAUSIBLE: -5.0, EXTREME: -15.0})
    assert set(means["shifts"]) == {2}
    turned = over_shifts(*split(records, draws), {"s": ["nut"]})  # the cap has no upright pose to lose: hue alone
    assert chosen(turned, "image_auroc", EXTREME)["change"].item() == pytest.approx(-12.5)


def test_the_matrix_for_humans_is_in_words_and_rounded():
    records, draws = world(lambda *_: 0.1, {"hue": [0.0, -math.pi, math.pi], "contrast": [0.0, 1.0, 4.0]})
    table = matrix(*split(records, draws), {})
    read = for_humans(table)
    assert read["dose"].unique().tolist() == ["±1 π", "severity 1", "severity 4"]
    row = read[(read["shift"] == "contrast") & (read["metric"] == "false alarms")].iloc[0]
    assert (row["before"], row["after"], row["change"], row["threshold"]) == (10.0, 20.0, 10.0, TRAINING)


def test_doses_are_told_level_by_level_each_shift_once():
    shifts = {"exposure": [0.0, -0.5, -2.0, 2.0], "contrast": [0.0, 1.0], "white_balance": [0.0, 15.0]}
    records, draws = world(lambda *_: 0.1, shifts)
    again = records.assign(suite="other", key="other " + records["key"])
    table = matrix(*split(pd.concat([records, again]), {name: pd.concat([of, of.add_prefix("other ")], axis=1)
                                                        for name, of in draws.items()}), {})  # fmt: skip
    assert set(table["suite"]) == {"s", "other"}
    assert doses_in_words(table) == (
        "**Plausible doses:** exposure −0.5 stops, contrast severity 1, white balance +15 mired. "
        "**Extreme doses:** exposure ±2 stops."
    )


def test_curves_stand_in_the_order_of_the_study():
    records, draws = world(lambda *_: 0.1, {"hue": [0.0, 0.3], "angle": [0.0, 10.0]})
    again = records.assign(detector="a", key="other " + records["key"])
    both = {name: pd.concat([of, of.add_prefix("other ")], axis=1) for name, of in draws.items()}
    found = thresholds(dose_effects(*split(pd.concat([records, again]), both), {}))
    assert [*zip(found["detector"], found["setting"], strict=True)] == [
        ("d", "hue"), ("d", "angle"), ("a", "hue"), ("a", "angle")
    ]  # fmt: skip


def test_both_ways_are_one_dose_only_where_both_were_tried():
    effect = {-30.0: 0.3, -10.0: 0.2, 10.0: 0.0}
    records, draws = world(lambda _, value: effect[value], {"angle": [0.0, -10.0, 10.0, -30.0]})
    read = for_humans(matrix(*split(records, draws), {}))
    changes = read[read["metric"] == "image AUROC"].set_index("dose")["change"].to_dict()
    assert changes == {"±10 degrees": -10.0, "−30 degrees": -30.0}
    found = thresholds(dose_effects(*split(records, draws), {}))
    assert found[["drop", "double", "tried", "both_ways"]].iloc[0].tolist() == [10, -30, (10, -30), (10,)]
    row = thresholds_table(found).iloc[0]
    assert row["image AUROC falls from"] == "±10 degrees"
    assert row["false alarms more than double from"] == "−30 degrees"
    never = thresholds_table(found.assign(drop=math.nan)).iloc[0]
    assert never["image AUROC falls from"] == "none up to −30 degrees"
