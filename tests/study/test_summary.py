"""Means over categories, drops, and the sentences about them."""

import numpy as np
import pandas as pd
import pytest

from zsad.study.summary import drop_sentence, mean_over_categories, worst_drop


def frame(estimates: dict[tuple[str, float], tuple[float, float, float]]) -> pd.DataFrame:
    rows = [
        {"suite": "s", "category": category, "value": value, "metric": "aupro", "estimate": e, "low": low, "high": high}
        for (category, value), (e, low, high) in estimates.items()
    ]
    return pd.DataFrame(rows)


def test_the_means_interval_covers_the_true_mean_as_often_as_it_says():
    generator = np.random.default_rng(0)
    sigma = np.array([0.02, 0.05, 0.01])
    truth = np.array([0.8, 0.6, 0.9])
    covered = 0
    for _ in range(1000):
        estimate = generator.normal(truth, sigma)
        cells = {
            (str(i), 0.0): (e, e - 1.96 * s, e + 1.96 * s) for i, (e, s) in enumerate(zip(estimate, sigma, strict=True))
        }
        row = mean_over_categories(frame(cells)).iloc[0]
        assert row["estimate"] == pytest.approx(estimate.mean())
        covered += row["low"] <= truth.mean() <= row["high"]
    assert 925 <= covered <= 975


def test_one_category_keeps_its_interval_and_none_leaves_the_unit_range():
    row = mean_over_categories(frame({("a", 0.0): (0.7, 0.6, 0.75)})).iloc[0]
    assert (row["estimate"], row["low"], row["high"], row["categories"]) == pytest.approx((0.7, 0.6, 0.75, 1))
    row = mean_over_categories(frame({("a", 0.0): (0.99, 0.9, 1.2)})).iloc[0]
    assert row["high"] == 1


def test_two_records_of_one_category_are_refused():
    twice = pd.concat([frame({("a", 0.0): (0.7, 0.6, 0.8)})] * 2)
    with pytest.raises(ValueError, match="several records of one category"):
        mean_over_categories(twice)


def drop_of(clean, worst):
    return worst_drop(
        mean_over_categories(frame({("a", 0.0): clean, ("a", 30.0): worst, ("a", 60.0): (1, 1, 1)})), "aupro"
    )


def test_a_clear_drop():
    drop = drop_of((0.8, 0.77, 0.82), (0.6, 0.58, 0.64))
    assert (drop.value, drop.tried) == (30.0, 2)
    assert (drop.clean, drop.worst, drop.drop) == pytest.approx((80, 60, 20))
    assert (drop.low, drop.high) == pytest.approx((20 - 5, 20 + np.hypot(2, 2)))
    assert drop.clear
    assert "falls by 20.0 points (95 % interval 15.0 to 22.8), from 80.0 %" in drop_sentence(drop, "30 degrees")


def test_a_drop_within_its_interval_is_not_called_one():
    drop = drop_of((0.8, 0.7, 0.9), (0.78, 0.7, 0.85))
    assert not drop.clear
    sentence = drop_sentence(drop, "30 degrees")
    assert "cannot tell it from chance" in sentence
    assert "falls" not in sentence


def test_no_drop_is_said_plainly():
    sentence = drop_sentence(drop_of((0.8, 0.7, 0.9), (0.85, 0.8, 0.9)), "30 degrees")
    assert "never falls below" in sentence
    assert "85.0 %" in sentence


def test_a_drop_needs_the_clean_value():
    with pytest.raises(ValueError, match="clean value 0"):
        worst_drop(mean_over_categories(frame({("a", 30.0): (0.5, 0.4, 0.6)})), "aupro")
