"""What to expect of each change, told from a matrix written down by hand."""

import pandas as pd

from zsad.analysis import expect
from zsad.analysis.decisions import ANEW, BEST_F1, TRAINING
from zsad.analysis.matrix import EXTREME, PLAUSIBLE

WHERE = {"suite": "s", "detector": "d", "backbone": "b", "products": "all", "both_ways": False, "categories": 6}


def row(detector, setting, level, rule, metric, before, after, clear=True):
    numbers = {"before": before, "after": after, "change": after - before}
    numbers |= {
        f"{name}_{end}": value + by for name, value in numbers.items() for end, by in (("low", -1), ("high", 2))
    }
    dose = {"hue": 1.5, "exposure": -0.5, "noise": 1.0}[setting] * (2 if level == EXTREME else 1)
    where = {**WHERE, "detector": detector, "setting": setting, "level": level, "dose": dose}
    return {**where, "rule": rule, "metric": metric, "clear": clear, **numbers}


def tables(detectors=("d", "e")):
    matrix, anew = [], []
    for detector in detectors:
        for setting, level, fall, clear in (
            ("exposure", EXTREME, 9.0, True), ("hue", PLAUSIBLE, 3.0, True), ("exposure", PLAUSIBLE, -2.0, True),
            ("hue", EXTREME, 4.0, False),
        ):  # fmt: skip
            at = (detector, setting, level)
            matrix.append(row(*at, "", "image_auroc", 80.0, 80.0 - fall, clear))
            for rule, alarms in ((TRAINING, 20.0 if setting == "hue" else 8.0), (BEST_F1, 99.0)):
                matrix.append(row(*at, rule, "false_alarms", 10.0, alarms))
                matrix.append(row(*at, rule, "misses", 30.0, 25.0))
            anew.append(row(*at, ANEW, "false_alarms", 6.0, 6.5))
            anew.append(row(*at, ANEW, "misses", 35.0, 35.0 + fall))
    return pd.DataFrame(matrix), pd.DataFrame(anew)


def test_each_change_has_its_numbers_side_by_side_in_the_order_of_the_matrix():
    table = expect.expected(*tables())
    assert len(table) == 2 * 4
    first = expect.of_first(table)
    assert first[["level", "setting"]].to_numpy().tolist() == [
        [PLAUSIBLE, "hue"], [PLAUSIBLE, "exposure"], [EXTREME, "hue"], [EXTREME, "exposure"],
    ]  # fmt: skip
    hue = first.iloc[0]
    assert hue[list(expect.COLUMNS)].tolist() == [-3.0, 20.0, 25.0, 6.5, 38.0]
    assert hue[[f"{name}_before" for name in expect.COLUMNS]].tolist() == [80.0, 10.0, 30.0, 6.0, 35.0]
    assert hue[["image_auroc_low", "image_auroc_high", "misses_anew_low", "misses_anew_high"]].tolist() == [
        -4,
        -1,
        37,
        40,
    ]


def test_the_sentence_names_what_is_clear_and_goes_the_wrong_way():
    said = expect.sentence(expect.expected(*tables()), {"d": "The First"})
    assert said == (
        "The First on s: of 2 plausible changes 1 (hue) brings clearly more false alarms at a threshold that stays, "
        "and 1 (hue) brings a clearly lower image AUROC; of 2 extreme changes 1 (hue) brings clearly more false alarms "
        "at a threshold that stays, and 1 (exposure) brings a clearly lower image AUROC."
    )
    matrix, anew = tables(["d"])
    assert "none brings clearly more false alarms" in expect.sentence(
        expect.expected(matrix.assign(clear=False), anew), {}
    )


def test_changes_without_a_threshold_set_anew_are_left_out():
    matrix, anew = tables(["d"])
    some = expect.expected(matrix, anew[anew["setting"] == "hue"])
    assert set(some["setting"]) == {"hue"}
    assert expect.sentence(some[:0], {}) == "Some category has too few good images to set a threshold anew."


def test_a_threshold_set_anew_on_fewer_categories_is_not_set_beside_the_others():
    matrix, anew = tables()
    fewer = anew.assign(categories=anew["categories"].where(anew["setting"] != "hue", 3))
    assert set(expect.expected(matrix, fewer)["setting"]) == {"exposure"}
    assert "too few good images" in expect.sentence(expect.expected(matrix, anew.assign(categories=3)), {})


def test_readers_see_the_change_with_its_dose():
    shown = expect.for_readers(expect.of_first(expect.expected(*tables())))
    assert shown["change"].tolist()[1].startswith("exposure −0.5 stops")
    pooled = expect.of_first(expect.expected(*tables())).assign(dose=0.5, both_ways=True)
    assert expect.for_readers(pooled)["change"].tolist()[1].startswith("exposure ±0.5 stops")
    assert shown["image AUROC [points]"].tolist()[:2] == ["−3.0 (−4.0 to −1.0)", "+2.0 (+1.0 to +4.0)"]
    assert shown["misses, threshold set anew"].iloc[3] == "44.0 (43.0 to 46.0)"


def test_what_is_turned_has_numbers_of_its_own_without_a_shift():
    table = expect.of_first(expect.expected(*tables()))
    turned = table["setting"] == "exposure"
    table = table.assign(products=["rotation-invariant" if one else "all" for one in turned])
    table.loc[turned, "misses_before"] = 41.0
    assert expect.as_they_are(table) == (
        "of all products 10.0 % false alarms and 30.0 % misses, by the rule that sets it anew 6.0 % false alarms and "
        "35.0 % misses; of those that were turned 10.0 % false alarms and 41.0 % misses, by the rule that sets it anew "
        "6.0 % false alarms and 35.0 % misses"
    )
