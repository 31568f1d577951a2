"""Half widths of intervals, of draws whose spread is known."""

import numpy as np
import pandas as pd
import pytest

from zsad.analysis.widths import half_widths, sentence, widths, widths_table

MANY = 10**9  # images, so that intervals are percentiles of the draws as they are
STEPS = np.linspace(-1, 1, 401)


def record(suite: str, category: str, value: float, variant: str = "matrix", **changed: object) -> dict[str, object]:
    shift = "uniform" if value else "none"
    return {"study": "t", "suite": suite, "category": category, "detector": "d", "backbone": "b", "dtype": "f",
            "shift": shift, "variant": variant if value else "default", "setting": "angle" if value else "none",
            "value": value, "metric": "image_auroc", "estimate": 0.7, "n_images": MANY, "n_anomalous": MANY // 2,
            "key": f"{suite} {category} {value}"} | changed  # fmt: skip


def world(spread: dict[float, float], suite: str = "s", categories: tuple[str, ...] = ("nut", "cap")):
    """Records of a suite and draws that no shift moves but by its spread, the same in each category: value -> the
    largest change of a draw.
    """
    rows = [record(suite, category, value) for category in categories for value in (0.0, *spread)]
    draws = {row["key"]: 0.7 + spread.get(row["value"], 0.0) * STEPS for row in rows}
    return pd.DataFrame(rows), pd.DataFrame(draws)


def test_half_the_interval_of_a_drop_in_points():
    records, draws = world({-30.0: 0.02, 30.0: 0.04})
    found = half_widths(records, draws).set_index("value")["half"]
    assert found[-30.0] == pytest.approx(0.95 * 2)
    assert found[30.0] == pytest.approx(0.95 * 4)


def test_only_whole_suites_count_and_each_dose_once():
    records, draws = world({-30.0: 0.02, 30.0: 0.04})
    again = record("s", "nut", 30.0, "doses")
    few = record("s", "nut", 60.0, n_images=60)
    alone = record("s", "nut", 45.0)
    more = pd.concat([records, pd.DataFrame([again, few, alone, {**few, "category": "cap"}])], ignore_index=True)
    pd.testing.assert_frame_equal(half_widths(more, draws), half_widths(records, draws))
    assert half_widths(more[more["value"].isin((0.0, 60.0))], draws).empty


def tabled(*spreads: dict[float, float]) -> pd.DataFrame:
    worlds = [world(spread, suite) for spread, suite in zip(spreads, ("one", "two"), strict=False)]
    records, draws = (
        pd.concat(parts, axis=axis) for parts, axis in zip(zip(*worlds, strict=True), (0, 1), strict=True)
    )
    return widths(half_widths(records, draws))


def test_suites_that_fall_short_are_named():
    found = tabled({-30.0: 0.02, 30.0: 0.04, 60.0: 0.01}, {45.0: 0.02})
    assert widths_table(found).to_dict("records") == [
        {"suite": "one", "doses": 3, "at most 2.0 points": 2, "median": "1.9", "largest": "3.8",
         "largest under": "rotation, +30 degrees"},
        {"suite": "two", "doses": 1, "at most 2.0 points": 1, "median": "1.9", "largest": "1.9",
         "largest under": "rotation, +45 degrees"},
    ]  # fmt: skip
    assert sentence(found) == (
        "Asked are at most 2.0 points to either side of a mean drop under one dose. Wider are those of one under 1 of "
        "3 doses, most under rotation, +30 degrees, with 3.8. two keeps to it under every dose."
    )


def test_where_none_falls_short_it_says_so():
    said = sentence(tabled({-30.0: 0.02}, {45.0: 0.01, 50.0: 0.0}))
    assert said.endswith("All 3 doses of 2 suites keep to that.")
