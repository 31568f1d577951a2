"""The records of a sweep in words and in percent."""

import numpy as np
import pandas as pd
import pytest

from zsad.analysis import sweeps
from zsad.analysis.means import mean_over_categories

SUBJECT = {"study": "t", "suite": "toys", "detector": "winclip", "backbone": "b", "dtype": "float32"}
VALUES = {"metal_nut": {-30.0: 0.9, 0.0: 0.8, 30.0: 0.5}, "washer": {-30.0: 0.7, 0.0: 0.8, 30.0: 0.6}}


def records() -> pd.DataFrame:
    rows = [
        {**SUBJECT, "category": category, "shift": "uniform", "setting": "angle", "value": value, "metric": metric,
         "estimate": found, "low": found - 0.1, "high": found + 0.1, "n_images": 10,
         "n_anomalous": 5, "key": f"{category}{value}"}
        for category, of_value in VALUES.items() for value, found in of_value.items() for metric in sweeps.METRICS
    ]  # fmt: skip
    return pd.DataFrame(rows)


def replicates() -> pd.DataFrame:
    """Every draw is the estimate, moved by the draw's number: the same for all cells, so that differences are sure."""
    rows = [
        {"key": f"{category}{value}", "replicate": draw, "pixel_auroc": found + draw / 100, "aupro": found - draw / 100}
        for category, of_value in VALUES.items() for value, found in of_value.items() for draw in range(5)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_the_subject_is_named_and_must_be_one():
    assert sweeps.subject(records()) == "WinCLIP on b (float32), toys: metal nut, washer; 20 test images"
    with pytest.raises(ValueError, match="one suite, detector, backbone and dtype"):
        sweeps.subject(pd.concat([records(), records().assign(backbone="other")]))


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [("angle", -60, "−60 degrees"), ("angle", 22.5, "+22.5 degrees"), ("white_balance", -40.0, "−40 mired"),
     ("exposure", 1.0, "+1 stops"), ("exposure", -0.25, "−0.25 stops"), ("exposure", 0.75, "+0.75 stops"),
     ("saturation", -0.3, "a saturation shift of −0.3"), ("saturation", 0.05, "a saturation shift of +0.05"),
     ("saturation", 0.125, "a saturation shift of +0.125"), ("hue", np.pi / 2, "a hue shift of +0.5 π"),
     ("hue", -0.02 * np.pi, "a hue shift of −0.02 π"), ("hue", np.pi / 8, "a hue shift of +0.125 π"),
     ("hue", -np.pi / 6, "a hue shift of −1/6 π"), ("hue", 2.617993877991494, "a hue shift of +5/6 π"),
     ("hue", 1.0, "a hue shift of +0.31831 π")],
)  # fmt: skip
def test_a_shift_in_words_is_the_one_that_was_tried(setting, value, words):
    assert sweeps.strength(setting, value) == words


def test_the_worst_drop_is_that_of_the_lowest_mean():
    worst = sweeps.worst_drops(records(), replicates())
    drop = worst["aupro"]
    assert (drop.value, drop.tried) == (30.0, 2)
    assert (drop.clean, drop.worst) == pytest.approx((80, 55))
    assert (drop.drop, drop.low, drop.high) == pytest.approx((25, 25, 25))
    said = sweeps.conclusion(worst, "angle")
    assert "Mean pixel AUROC falls by 25.0 points" in said
    assert said.count("at +30 degrees") == 2


def test_the_finding_is_about_all_shifted_values():
    row = {"before": 80.0, "after": 70.0, "change": -10.0, "change_low": -12.0, "change_high": -8.0, "images": 20,
           "categories": 2}  # fmt: skip
    cost = pd.DataFrame([row | {"metric": "image_auroc"}])
    said = sweeps.finding(cost, records(), "angle")
    assert said.startswith("Image AUROC falls from 80.0 to 70.0 % (−10.0 points, −12.0 to −8.0).")
    assert "Means over 2 turns from −30 degrees to +30 degrees, on 20 test images of 2 products" in said
    assert "Means over 2 white balance shifts from −30 mired to +30 mired" in sweeps.finding(
        cost, records(), "white_balance"
    )


def test_the_worst_of_several_sweeps_is_named():
    row = {"detector": "winclip", "metric": "image_auroc", "before": 80.0, "images": 20, "categories": 2}
    cost = pd.DataFrame([
        row | {"setting": "angle", "after": 79.0, "change": -1.0, "change_low": -2.0, "change_high": 0.5},
        row | {"setting": "hue", "after": 70.0, "change": -10.0, "change_low": -12.0, "change_high": -8.0},
    ])  # fmt: skip
    said = sweeps.worst_finding(cost, {"angle": "rotation", "hue": "hue"})
    assert said.startswith(
        "By the estimates hue costs winclip more image AUROC than rotation. Image AUROC falls from 80.0 to 70.0 %"
    )
    assert "Means over all strengths of a shift, on 20 test images of 2 products" in said


def test_percents_hold_means_intervals_and_every_category():
    table = sweeps.percents(records(), mean_over_categories(records())).set_index("value")
    assert table.loc[-30.0, "pAUROC mean"] == pytest.approx(80)
    assert table.loc[-30.0, "AUPRO metal nut"] == pytest.approx(90)
    assert table.loc[30.0, "AUPRO washer"] == pytest.approx(60)
    shown = sweeps.with_intervals(table.reset_index())
    assert shown["AUPRO"][2] == "55.0 (47.9 to 62.1)"  # 10 / √2 points to both sides
