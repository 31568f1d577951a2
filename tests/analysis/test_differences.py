"""Paired differences of means, and the words for many of them."""

import numpy as np
import pandas as pd
import pytest

from zsad.analysis.differences import Difference, difference, verdict
from zsad.metrics import expanded

MANY = 10**9  # images, so that intervals are percentiles of the draws as they are


def records(name: str, estimates: dict[str, float], images: int = MANY) -> pd.DataFrame:
    rows = [
        {"suite": "s", "category": c, "metric": "aupro", "estimate": e, "n_images": images, "n_anomalous": images // 2,
         "key": f"{name} {c}"}
        for c, e in estimates.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def draws(values: dict[str, np.ndarray]) -> pd.DataFrame:
    frames = [pd.DataFrame({"replicate": range(len(v)), "aupro": v, "key": key}) for key, v in values.items()]
    return pd.concat(frames).sample(frac=1, random_state=0)


def test_a_difference_pairs_the_draws_and_averages_over_categories():
    generator = np.random.default_rng(0)
    shared, own = generator.normal(0, 0.1, (2, 500))
    first, second = records("x", {"a": 0.8, "b": 0.6}), records("y", {"b": 0.5, "a": 0.7})
    drawn = {"x a": 0.8 + shared, "x b": 0.6 + shared, "y a": 0.7 + shared, "y b": 0.5 + shared + own}
    found = difference([(1, first), (-1, second)], draws(drawn), "aupro")
    low, high = np.quantile(10 - 50 * own, (0.025, 0.975))
    assert (found.value, found.low, found.high, found.categories) == pytest.approx((10, low, high, 2))


def test_few_images_widen_the_interval_category_by_category():
    generator = np.random.default_rng(0)
    first, second = generator.normal(0, 0.02, (2, 500))
    few, many = records("x", {"a": 0.8}, images=16), records("x", {"b": 0.6})
    both, zero = pd.concat([few, many]), pd.concat([records("y", {"a": 0.5}, images=16), records("y", {"b": 0.5})])
    drawn = {"x a": 0.8 + first, "x b": 0.6 + second, "y a": np.full(500, 0.5), "y b": np.full(500, 0.5)}
    found = difference([(1, both), (-1, zero)], draws(drawn), "aupro")
    wider = expanded(np.stack([first, second], 1), np.array([8, MANY // 2])).mean(1)
    assert wider.std() > 1.1 * np.mean([first, second], 0).std()
    assert (found.low, found.high) == pytest.approx(tuple(20 + 100 * np.quantile(wider, (0.025, 0.975))))


def test_an_interval_stays_within_what_the_sum_can_be():
    """A mean of metrics lies in [0, 1], the difference of two in [-1, 1]."""
    drawn = draws({"x a": np.linspace(0.7, 1, 100), "y a": np.linspace(0.3, 0, 100)})
    x, y = records("x", {"a": 0.95}, images=6), records("y", {"a": 0.05}, images=6)
    assert difference([(1, x)], drawn, "aupro").high == 100
    assert difference([(1, y)], drawn, "aupro").low == 0
    assert difference([(1, x), (-1, y)], drawn, "aupro").high == 100
    assert difference([(0.5, x), (0.5, y)], drawn, "aupro").low == pytest.approx(50)


def test_an_interval_holds_its_estimate_where_few_draws_are_another():
    """One draw in fifty is 1: the mean of the draws is not the estimate, and grown deviations would leave that out."""
    lumpy = np.zeros(100)
    lumpy[:2] = 1.0
    drawn = draws({"x a": lumpy, "y a": np.zeros(100)})
    x, y = (records(name, {"a": 0.0}, images=6) for name in "xy")
    found = difference([(1, y), (-1, x)], drawn, "aupro")
    assert found.low <= found.value == 0 <= found.high
    assert found.sign == 0


def test_four_parts_compare_two_drops():
    estimates = {"p": 0.9, "q": 0.4, "r": 0.8, "t": 0.6}
    parts = [(sign, records(name, {"a": estimates[name]})) for sign, name in ((1, "p"), (-1, "q"), (-1, "r"), (1, "t"))]
    constant = draws({f"{name} a": np.full(3, value) for name, value in estimates.items()})
    found = difference(parts, constant, "aupro")
    assert (found.value, found.low, found.high) == pytest.approx((30, 30, 30))  # (0.9 - 0.4) - (0.8 - 0.6)


def test_other_categories_several_records_and_missing_draws_are_refused():
    one, other = records("x", {"a": 0.8}), records("y", {"b": 0.8})
    drawn = draws({"x a": np.zeros(2), "y b": np.zeros(2)})
    with pytest.raises(ValueError, match="same categories on both sides, not s/a and s/b"):
        difference([(1, one), (-1, other)], drawn, "aupro")
    with pytest.raises(ValueError, match="same categories on both sides, not none"):
        difference([(1, one.iloc[:0])], drawn, "aupro")
    with pytest.raises(ValueError, match="several records of one category"):
        difference([(1, pd.concat([one, one]))], drawn, "aupro")
    with pytest.raises(ValueError, match="no bootstrap replicates of aupro for cell z a"):
        difference([(1, records("z", {"a": 0.5}))], drawn, "aupro")


def test_a_verdict_counts_only_what_the_intervals_carry():
    found = [Difference(2, 1, 3, 1), Difference(2, -1, 5, 1), Difference(-4, -5, -3, 1), Difference(1, 0.5, 2, 1)]
    assert [d.sign for d in found] == [1, 0, -1, 1]
    assert verdict(found, "more", "less") == "more in 2 of 4, less in 1 of 4, undecided in 1 of 4"
    assert verdict(found[:1], "more", "less") == "more in 1 of 1"
    assert str(found[2]) == "−4.0 points (95 % interval −5.0 to −3.0)"
