"""What shifts cost at image and at pixel level, of scores made up so that every share can be counted by hand."""

import numpy as np
import pandas as pd
import pytest
from made_up import scores_of, training_of, turned

from zsad.analysis.costs import (
    IMAGE,
    PIXEL,
    cost_sentence,
    costs,
    counted,
    levels,
    many_sentence,
    moved,
    worst_sentence,
)
from zsad.analysis.decisions import decide

BY = ["suite", "detector", "backbone", "setting", "value"]
LABELS = np.arange(80) >= 40
GOOD, BAD = np.linspace(0.0, 0.9, 40), np.linspace(1.1, 2.0, 40)


def measured(turned_good: np.ndarray) -> tuple[pd.DataFrame, dict[str, pd.DataFrame], pd.DataFrame]:
    """One category as it is and turned by 30 degrees, which moves the scores of its good images: records of AUROCs,
    their draws, and the scores.
    """
    scores = {0.0: np.concatenate([GOOD, BAD]), 30.0: np.concatenate([turned_good, BAD])}
    images = pd.concat([scores_of("nut", turned(value), LABELS, these) for value, these in scores.items()])
    cells = images.drop(columns=["id", "label", "score"]).drop_duplicates()
    estimates = {"image_auroc": {0.0: 1.0, 30.0: 0.75}, "aupro": {0.0: 0.5, 30.0: 0.6}}
    records = pd.concat(
        [cells.assign(metric=metric, estimate=cells["value"].map(of), n_images=80, n_anomalous=40, low=0.0, high=1.0)
         for metric, of in estimates.items()]
    )  # fmt: skip
    noise = np.random.default_rng(0).normal(0, 0.01, (200, 2))
    draws = {metric: pd.DataFrame(cells["value"].map(of).to_numpy() + noise, columns=cells["key"].to_numpy())
             for metric, of in estimates.items()}  # fmt: skip
    return records, draws, images


def found_of(turned_good: np.ndarray, with_training: bool = True) -> pd.DataFrame:
    records, draws, images = measured(turned_good)
    training = training_of(images, np.repeat([0.5, 1.5], [30, 10])) if with_training else None
    return costs(records, draws, decide(images, training), BY)


def test_false_alarms_and_misses_stand_beside_auroc_before_the_pixel_level():
    found = found_of(GOOD + 1).set_index("metric")
    assert list(found.index) == ["image_auroc", "false_alarms", "misses", "aupro"]
    assert set(found.index) <= IMAGE.keys() | PIXEL.keys()
    alarms, misses = 100 * (GOOD + 1 > 1.5).mean(), 100 * (BAD <= 1.5).mean()  # a quarter of good training images: 1.5
    assert found["before"].tolist() == pytest.approx([100, 0, misses, 50])
    assert found.loc[["false_alarms", "misses"], "after"].tolist() == pytest.approx([alarms, misses])
    assert found.loc["image_auroc", "change"] == pytest.approx(-25)
    assert counted(found) == "80 test images of 1 product"


def test_the_sentence_says_which_way_each_metric_moves_where_its_interval_excludes_0():
    said = cost_sentence(found_of(GOOD + 1))
    assert said.startswith("Image AUROC falls from 100.0 to 75.0 % (−25.0 points, ")
    assert "false alarms rise from 0.0 to " in said
    assert "misses move from " in said
    assert said.endswith("; the interval holds 0).")
    assert "clear" not in said, "which is the word of the rule for many effects"
    unmoved = cost_sentence(found_of(GOOD))
    assert "false alarms move from 0.0 to 0.0 % (+0.0 points, +0.0 to +0.0; the interval holds 0)" in unmoved
    row = pd.Series({"before": 10.0, "after": 8.0, "change": -2.0, "change_low": -3.0, "change_high": -1.0})
    assert moved(row) == "falls from 10.0 to 8.0 % (−2.0 points, −3.0 to −1.0)"
    assert moved(row, many=True).startswith("fall from")
    for unclear in (row.replace(-1.0, 0.5), row.replace(-2.0, 2.0).replace(-1.0, 5.0)):
        assert moved(unclear).startswith("moves from 10.0")
        assert moved(unclear).endswith("; the interval holds 0)")


def test_without_good_training_images_no_threshold_is_made_up():
    found = found_of(GOOD + 1, with_training=False)
    assert set(found["metric"]) == {"image_auroc", "aupro"}
    assert "False alarms and misses: not known" in cost_sentence(found)


def test_a_curve_starts_where_nothing_is_shifted():
    points = levels(found_of(GOOD + 1), "value")
    aurocs = points[points["metric"] == "image_auroc"].sort_values("value")
    assert aurocs[["value", "estimate"]].to_numpy().tolist() == [[0, 100], [30, 75]]
    assert (points["low"] <= points["estimate"]).all()
    assert (points["estimate"] <= points["high"]).all()
    assert len(points) == 2 * 4
    named = levels(found_of(GOOD + 1), "setting", "none")
    assert named["setting"].tolist() == ["none"] * 4 + ["angle"] * 4


def test_of_many_detectors_those_are_counted_whose_intervals_exclude_0():
    one = found_of(GOOD + 1)
    unmoved = found_of(GOOD).assign(detector="still")
    unmoved.loc[unmoved["metric"] == "image_auroc", ["change", "change_low", "change_high"]] = [-30.0, -61.0, 1.0]
    better = found_of(GOOD).assign(detector="better")
    better.loc[better["metric"] == "image_auroc", ["change", "change_low", "change_high"]] = [5.0, 4.0, 6.0]
    said = many_sentence(pd.concat([one, unmoved, better]))
    assert said.startswith(
        "With an interval that excludes 0, image AUROC falls for 1 of 3 detectors, most for d, from 100.0 to 75.0 % "
    )
    assert "threshold that was set before, false alarms rise so for 1 of 3 detectors, most for d, from 0.0 to " in said
    assert said.endswith("misses rise so for none of 3 detectors.")
    assert "clear" not in said
    assert many_sentence(one) == cost_sentence(one)


def test_the_worst_of_several_shifts_is_named_with_its_cost():
    turn, hue = found_of(GOOD + 1), found_of(GOOD).assign(setting="hue")
    hue.loc[hue["metric"] == "image_auroc", "change"] = -3.0
    names = {"angle": "rotation", "hue": "hue", "saturation": "saturation"}
    said = worst_sentence(pd.concat([hue, turn]), "setting", names)
    assert said == f"By the estimates rotation costs d more image AUROC than hue. {cost_sentence(turn)}"
    third = hue.assign(setting="saturation")
    assert "more image AUROC than hue and saturation." in worst_sentence(
        pd.concat([hue, turn, third]), "setting", names
    )
    assert worst_sentence(turn, "setting", names) == cost_sentence(turn)


def test_where_no_shift_lowers_image_auroc_none_is_said_to_cost_most():
    turn, hue = found_of(GOOD + 1), found_of(GOOD).assign(setting="hue")
    for of_shift, change in ((turn, 3.0), (hue, 4.0)):
        of_shift.loc[of_shift["metric"] == "image_auroc", ["change", "change_low", "change_high"]] = [change, 1.0, 5.0]
    said = worst_sentence(pd.concat([hue, turn]), "setting", {"angle": "rotation", "hue": "hue"})
    start = "By the estimates none of rotation and hue lowers d's image AUROC, which gains least under rotation. Image"
    assert said.startswith(f"{start} AUROC rises from 100.0 to 75.0 % (+3.0 points, ")
    assert said.endswith(cost_sentence(turn))
