"""What a shift of a batch and of half of it costs, on made-up records whose answers are known."""

import numpy as np
import pandas as pd
import pytest

from zsad.analysis.batches import ALIKE, HALF, changes, forest, sentence, table

TITLES = {"musc": "MuSc", "winclip": "WinCLIP"}
# detector -> image AUROC unshifted, and under two shifts of all images and of half of them
AUROCS = {
    "musc": (0.9, {ALIKE: (0.88, 0.90), HALF: (0.7, 0.5)}),
    "winclip": (0.8, {ALIKE: (0.6, 0.7), HALF: (0.7, 0.8)}),
}


@pytest.fixture
def measured():
    rows, draws, generator = [], {}, np.random.default_rng(0)

    def add(detector, shift, variant, setting, value, estimate):
        key = f"{detector} {variant} {setting}"
        draws[key] = estimate + 0.01 * generator.normal(size=200)
        rows.append({
            "study": "toys", "suite": "toys", "category": "washer", "detector": detector, "backbone": "b",
            "dtype": "float32", "shift": shift, "variant": variant, "setting": setting, "value": value,
            "metric": "image_auroc", "estimate": estimate, "n_images": 200, "n_anomalous": 100, "key": key,
        })  # fmt: skip

    for detector, (plain, parts) in AUROCS.items():
        add(detector, "none", "default", "none", 0.0, plain)
        for variant, values in parts.items():
            for setting, value, estimate in zip(("hue", "angle"), (1.0, 45.0), values, strict=True):
                add(detector, "uniform", variant, setting, value, estimate)
    return pd.DataFrame(rows), {"image_auroc": pd.DataFrame(draws)}


def test_changes_are_means_over_the_shifts_and_half_is_held_against_all(measured):
    found = changes(*measured).set_index(["detector", "part"])
    expected = {("musc", ALIKE): -1, ("musc", HALF): -30, ("musc", "between"): -29, ("winclip", ALIKE): -15,
                ("winclip", HALF): -5, ("winclip", "between"): 10}  # fmt: skip
    assert found["change"].to_dict() == pytest.approx(expected)
    assert found.loc[("winclip", "between"), "before"] == pytest.approx(65), "the batch that is shifted alike"
    inside = (found["change_low"] < found["change"]) & (found["change"] < found["change_high"])
    assert inside.all()


def test_a_shift_of_one_kind_alone_is_not_compared(measured):
    records, draws = measured
    records = records[(records["variant"] != HALF) | (records["setting"] == "hue")]
    found = changes(records, draws).set_index(["detector", "part"])["change"]
    assert found["musc", "between"] == pytest.approx(-18)
    assert found["musc", HALF] == pytest.approx(-20)


def test_it_says_who_loses_by_half_a_batch(measured):
    found = changes(*measured)
    said = sentence(found, TITLES, {"musc"})
    more = "half a batch shifted costs more image AUROC than all of it, with an interval that excludes 0, in"
    assert f"compare the images of a batch, {more} 1 of 1" in said
    assert "MuSc, toys −1.0 (all) and −30.0 (half) points" in said
    assert f"score an image by itself, {more} 0 of 1" in said
    assert forest(found, TITLES)["row"].unique().tolist() == ["MuSc, toys", "WinCLIP, toys"]


def test_the_table_has_a_row_a_shift(measured):
    records, draws = measured
    shown = table(changes(records, draws, by_shift=True), TITLES, "image_auroc")
    assert len(shown) == 4
    first = shown.iloc[0]
    assert first["unshifted"] == "90.0"
    assert first["all shifted alike"].startswith("−2.0 (")
    assert first["half against all"].startswith("−18.0 (")
