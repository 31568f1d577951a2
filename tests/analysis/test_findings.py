"""Sentences about the matrix, doses and the null follow from the numbers, whichever way these fall."""

import math

import pandas as pd

from zsad.analysis.decisions import TRAINING
from zsad.analysis.findings import (
    doses_finding,
    doses_sentence,
    matrix_finding,
    matrix_sentence,
    null_sentence,
    take_home,
)
from zsad.analysis.matrix import EXTREME, PLAUSIBLE


def row(metric, level, setting, before, after, clear):
    change = after - before
    return {"suite": "s", "detector": "winclip", "backbone": "b", "setting": setting, "level": level, "dose": -0.5,
            "both_ways": False,
            "metric": metric, "rule": "" if metric == "image_auroc" else TRAINING, "before": before, "after": after,
            "change": change, "change_low": change - 1, "change_high": change + 1, "clear": clear}  # fmt: skip


TABLE = pd.DataFrame(
    [
        row("image_auroc", PLAUSIBLE, "exposure", 90.0, 89.0, False),
        row("image_auroc", PLAUSIBLE, "angle", 90.0, 80.0, True),
        row("image_auroc", EXTREME, "exposure", 90.0, 95.0, True),
        row("image_auroc", EXTREME, "angle", 90.0, 60.0, True),
        row("false_alarms", PLAUSIBLE, "exposure", 6.0, 40.0, True),
        row("false_alarms", PLAUSIBLE, "angle", 6.0, 11.0, True),
        row("false_alarms", EXTREME, "exposure", 6.0, 0.0, True),
        row("false_alarms", EXTREME, "angle", 6.0, 70.0, True),
        row("misses", EXTREME, "exposure", 40.0, 99.0, True),
        row("misses", EXTREME, "angle", 60.0, 10.0, True),
    ]
)


def test_the_matrix_in_words():
    said = matrix_sentence(TABLE, {})
    assert said.startswith("Of 10 effects in the whole matrix, 9 are clear, of which no more than 5 %")
    assert "At plausible doses image AUROC falls clearly in 1 of 2 cases and rises clearly in 0;" in said
    assert (
        "the median change is −5.5 points. Largest fall: rotation (−0.5 degrees), winclip on s: from 90.0 to 80.0 %"
        in said
    )
    assert "At extreme doses image AUROC falls clearly in 1 of 2 cases and rises clearly in 1;" in said


def moved_by(change: float) -> pd.DataFrame:
    """The table with every change the same."""
    ends = {"change": change, "change_low": change - 1, "change_high": change + 1, "after": TABLE["before"] + change}
    return TABLE.assign(**ends)


def test_where_image_auroc_only_rises_no_fall_is_the_largest():
    risen = matrix_sentence(moved_by(2.0), {})
    assert "the median change is +2.0 points. It falls in no case. At extreme" in risen
    assert risen.endswith("It falls in no case.")
    assert "fall:" not in matrix_sentence(moved_by(0.0), {})
    assert "Largest fall: exposure (" in matrix_sentence(moved_by(-2.0), {})


def test_where_all_false_alarms_and_misses_fall_none_rises_most():
    alarms, _, extreme = take_home(moved_by(-1.0), {})
    assert alarms.endswith("more than double in 0 of 2 cases; they rise in none.")
    assert extreme.endswith("; misses rise in none.")
    alarms, _, extreme = take_home(moved_by(1.0), {})
    assert "; they rise most under exposure (" in alarms
    assert "; misses rise most under exposure (" in extreme
    assert extreme.endswith(", +1.0 (+0.0 to +2.0) points.")


def test_the_finding_of_the_matrix_counts_falls_and_says_what_clear_is():
    said = matrix_finding(TABLE, {})
    assert said.startswith(
        "Image AUROC falls clearly under plausible shifts in 1 of 2 cases (a case is one detector under one shift on "
        "one suite), −5.5 points in the median case; under extreme shifts in 1 of 2 cases, −12.5 points in the median "
        "case. Clear is what one rule for all 10 effects"
    )
    assert said.endswith("no more than 5 % are expected to be none.")
    assert "extreme" not in matrix_finding(TABLE[TABLE["level"] == PLAUSIBLE], {})


def test_detectors_that_rank_alike_are_one_finding_and_are_named():
    """Clip ranks as WinCLIP does on s, and not on t."""
    ranks = pd.DataFrame(1.0, index=["winclip", "clip"], columns=["winclip", "clip"])
    alike = {"s": ranks, "t": ranks.where(ranks.index.to_numpy()[:, None] == ranks.columns.to_numpy(), 0.5)}
    both = pd.concat([TABLE, TABLE.assign(detector="clip")], ignore_index=True)
    named = "Detectors that rank the images of every category alike are counted once: winclip and clip on s."
    said = matrix_finding(both, alike)
    assert "under plausible shifts in 1 of 2 cases" in said
    assert "all 20 effects" in said
    assert said.endswith(f"expected to be none. {named}")
    told = matrix_sentence(both, alike)
    assert "At plausible doses image AUROC falls clearly in 1 of 2 cases" in told
    assert told.endswith(named)
    alarms, hidden, extreme = take_home(both, alike)
    assert "in 1 of 2 cases (detectors that rank the images alike counted once); they rise most" in alarms
    assert [hidden, extreme] == take_home(TABLE, {})[1:]
    elsewhere = pd.concat([both, both.assign(suite="t")], ignore_index=True)
    assert "under plausible shifts in 3 of 6 cases" in matrix_finding(elsewhere, alike)
    assert "alike" not in matrix_finding(TABLE, {"s": ranks.loc[["winclip"], ["winclip"]]})


def test_what_to_take_home():
    alarms, hidden, extreme = take_home(TABLE, {})
    assert (
        "false alarms, 6.0 % in the median case, clearly rise and by the estimate more than double in 1 of 2 cases; "
        "they rise most under exposure" in alarms
    )
    assert "from 6.0 to 40.0 %, +34.0 (+33.0 to +35.0) points" in alarms
    assert "in 1 of the 2 cases in which a plausible shift clearly raises false alarms" in hidden
    assert ": of 1 cases in which neither exceeds 50 % unshifted, one does in 1. False alarms exceed" in extreme
    assert "False alarms exceed 50 % in 1 of 2 cases, misses in 1 of 2 (unshifted in 1)" in extreme
    assert len(take_home(TABLE[TABLE["level"] == PLAUSIBLE], {})) == 2
    assert alarms.startswith("A threshold that was set on unshifted images often does not hold when they shift")
    assert hidden.startswith("AUROC does not always show it: ")
    assert extreme.startswith("Extreme shifts make the same threshold useless one way or the other: ")


def test_a_doubling_that_may_be_chance_is_not_counted():
    unclear = TABLE.assign(clear=TABLE["clear"] & (TABLE["after"] < 30))
    assert "more than double in 0 of 2 cases" in take_home(unclear, {})[0]


def test_of_a_level_that_the_records_lack_nothing_is_taken_home():
    (extreme,) = take_home(TABLE[TABLE["level"] == EXTREME], {})
    assert extreme.startswith("Extreme shifts")
    assert take_home(TABLE[TABLE["metric"] == "image_auroc"], {}) == []


def test_what_to_take_home_where_nothing_is_to_be_feared():
    calm = TABLE.assign(after=TABLE["before"], change=0.0, clear=False)
    calm.loc[calm["metric"] == "misses", "after"] = 10.0
    alarms, hidden, extreme = take_home(calm, {})
    assert alarms.startswith("A threshold that was set on unshifted images mostly holds when they shift")
    assert hidden == "No plausible shift clearly raises false alarms."
    assert extreme.startswith("Extreme shifts leave the same threshold of use: ")
    plain = TABLE.assign(clear=TABLE["clear"] | (TABLE["metric"] == "image_auroc"))
    assert take_home(plain, {})[1].startswith("AUROC shows it: in 0 of the 2 cases")


def test_a_threshold_that_was_of_no_use_before_is_not_lost_to_a_shift():
    missing = TABLE.copy()
    missing.loc[(missing["metric"] == "misses"), ["before", "after"]] = 68.0
    extreme = take_home(missing, {})[2]
    assert extreme.startswith("Extreme shifts leave the same threshold of use: of 0 cases in which neither")
    assert "misses in 2 of 2 (unshifted in 2)" in extreme


def test_doses_in_words():
    none = {"drop": math.nan, "first_drop": -1.0, "double": math.nan, "first_double": -1.0}
    case = {"suite": "s", "backbone": "b", "setting": "exposure", "way": "−", "both_ways": (),
            "tried": (-0.5, -1.0, -2.0), "alarms": True}  # fmt: skip
    found = pd.DataFrame(
        [{**case, "detector": "clip", **none, "drop": -1.0}, {**case, "detector": "winclip", **none, "drop": -2.0}]
    )
    said = doses_sentence(found, {})
    falls = "image AUROC clearly falls from some dose on in 2 of 2 cases, first from −1 stops (clip on s)"
    doubled = "false alarms clearly more than double from some dose on in 0 of {} cases"
    assert said == f"Exposure up to −2 stops, 3 doses: {falls}; {doubled.format(2)}."
    assert doses_sentence(found.assign(alarms=[False, True]), {}).endswith(f"{falls}; {doubled.format(1)}.")
    assert doses_sentence(found.assign(alarms=False), {}).endswith(f"{falls}.")


def test_the_doses_of_the_detector_with_most_curves_are_the_finding():
    none = {"drop": math.nan, "double": math.nan, "tried": (-0.5, -1.0, -2.0), "both_ways": (), "suite": "s",
            "backbone": "b", "way": "−", "alarms": True}  # fmt: skip
    rows = [
        {**none, "detector": "clip", "setting": "exposure", "drop": -2.0, "double": -0.5},
        {**none, "detector": "winclip", "setting": "exposure", "double": -1.0},
        {**none, "detector": "winclip", "setting": "saturation", "drop": -0.5},
        {**none, "detector": "winclip", "setting": "hue", "drop": 0.2},
    ]
    counted = (
        "From some dose on false alarms clearly more than double in {} of {} curves (a detector under one kind of "
        "shift, one way), and image AUROC clearly falls in {}. Those of winclip on s more than double from {} on{}."
    )
    assert doses_finding(pd.DataFrame(rows), {}) == counted.format(2, 4, 3, "exposure −1 stops", "")
    few = {**rows[0], "detector": "acr", "tried": (-0.5, -2.0)}
    said = doses_finding(pd.DataFrame([*rows, few]), {})
    assert said.startswith(counted.format(2, 4, 3, "exposure −1 stops", "") + " Left out: 1 of 5 curves, of 2 doses ")
    assert "(acr)" in said
    alone = doses_finding(pd.DataFrame([few]), {})
    assert alone.startswith("From which dose on a shift matters, too few doses were tried to say. Left out: 1 of 1 ")
    assert not doses_sentence(pd.DataFrame([few]), {})
    assert doses_finding(pd.DataFrame(rows[2:3]), {}) == counted.format(0, 1, 1, "no dose", " that was tried")


def test_doses_of_false_alarms_that_are_not_known_are_none_that_was_tried():
    case = {"drop": -1.0, "double": math.nan, "tried": (-0.5, -1.0, -2.0), "both_ways": (), "suite": "s",
            "backbone": "b", "way": "−", "setting": "exposure"}  # fmt: skip
    unknown = {**case, "detector": "winclip", "alarms": False}
    said = doses_finding(pd.DataFrame([unknown]), {})
    assert said.startswith("From some dose on image AUROC clearly falls in 1 of 1 curves (a detector under one kind of")
    assert "False alarms are not known: there are no scores of good training pictures" in said
    assert "double" not in said
    known = {**case, "detector": "clip", "alarms": True, "double": -2.0}
    said = doses_finding(pd.DataFrame([unknown, known]), {})
    assert "more than double in 1 of 1 curves" in said
    assert "image AUROC clearly falls in 2 of 2. Those of clip on s" in said


def test_doses_of_detectors_that_rank_alike_are_counted_once():
    case = {"drop": -1.0, "double": -1.0, "tried": (-0.5, -1.0, -2.0), "both_ways": (), "suite": "s",
            "backbone": "b", "way": "−", "setting": "exposure", "alarms": True}  # fmt: skip
    found = pd.DataFrame([{**case, "detector": name} for name in ("winclip", "clip", "acr")])
    names = ["winclip", "clip"]
    alike = {"s": pd.DataFrame(1.0, index=names, columns=names)}
    said = doses_finding(found, alike)
    assert "more than double in 2 of 2 curves" in said
    assert said.endswith("of every category alike are counted once: winclip and clip on s.")
    assert "falls from some dose on in 2 of 2 cases" in doses_sentence(found, alike)


def test_the_null_in_words():
    case = {"suite": "s", "detector": "d", "backbone": "b", "setting": "3d"}
    values = {"random_worst_low": 3.0, "beyond_random": 5.0, "beyond_random_low": 4.0, "beyond_random_high": 6.0,
              "beyond_mean": 20.0, "beyond_mean_low": 15.0, "random_mean": 7.0}  # fmt: skip
    small = {**values, "random_worst_low": -1.0, "beyond_random": 50.0}
    said = null_sentence(pd.DataFrame([{**case, "size": 1.0, **values}, {**case, "size": 0.1, **small}]))
    assert "excludes 0, in 1 of 2 cases. Within" in said
    assert (
        "further than as many random shifts in 1 of 1 cases, most 5.0 (4.0 to 6.0) points further (d on b, s, 3d)"
        in said
    )
    assert "below the mean over random shifts in 1 of 1: 20.0 points below it in the median case" in said
    assert said.endswith("where random shifts in the mean move AUROC by −7.0 points.")
    assert "less far" not in said
    alone = null_sentence(pd.DataFrame([{**case, "size": 1.0, **values}]))
    assert "excludes 0, in 1 of 1 cases: that a worst case does so says little. Within" in alone


def test_of_a_search_that_finds_no_more_than_chance_no_case_is_the_furthest():
    """The estimate of the second case is the largest, and is not told from 0; the third is told, and is spoken of once
    it is there.
    """
    case = {"suite": "s", "detector": "d", "backbone": "b", "setting": "3d", "size": 1.0, "random_worst_low": -1.0,
            "beyond_mean": -2.0, "beyond_mean_low": -3.0, "random_mean": 1.0}  # fmt: skip
    beyond = ["beyond_random", "beyond_random_low", "beyond_random_high"]
    rows = [case | dict(zip(beyond, of, strict=True)) for of in ((-3.0, -4.0, -2.0), (5.0, -1.0, 9.0), (2.0, 1.0, 3.0))]
    assert null_sentence(pd.DataFrame(rows[:2])) == (
        "The worst of random shifts alone lies below the images as they are, with an interval that excludes 0, in 0 of "
        "2 cases. Within the widest bounds the search gets further than as many random shifts in 0 of 2 cases; it gets "
        "less far than they do in 1. Its worst lies below the mean over random shifts in 0 of 2: 2.0 points above it "
        "in the median case, where random shifts in the mean move AUROC by −1.0 points."
    )
    assert "in 1 of 3 cases, most 2.0 (1.0 to 3.0) points further (d on b" in null_sentence(pd.DataFrame(rows))
