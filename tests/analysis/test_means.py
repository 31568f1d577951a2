"""Means over categories, drops, and the sentences about them."""

import numpy as np
import pandas as pd
import pytest

from zsad.analysis.means import drop_sentence, drops, mean_over_categories, worst_drop
from zsad.metrics import expanded

MANY = 10**9  # images, so that intervals are percentiles of the draws as they are


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


def cells(estimates: dict[tuple[str, str, float], float], **fields: object) -> pd.DataFrame:
    """Records of (category, shift, value) cells, each under its own key."""
    subject = {
        "study": "t",
        "suite": "s",
        "detector": "d",
        "backbone": "b",
        "dtype": "float32",
        "variant": "default",
        **fields,
    }
    rows = [
        {**subject, "category": category, "shift": shift, "setting": "angle", "value": value, "metric": "aupro",
         "estimate": estimate, "low": 0.0, "high": 1.0, "n_images": MANY, "n_anomalous": MANY // 2,
         "key": f"{category} {shift} {value}"}
        for (category, shift, value), estimate in estimates.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def draws(values: dict[str, np.ndarray]) -> pd.DataFrame:
    frames = [pd.DataFrame({"replicate": range(len(v)), "aupro": v, "key": key}) for key, v in values.items()]
    # An unshifted cell comes once for each shift that it is value 0 of.
    return pd.concat([frames[0], *frames], ignore_index=True).sample(frac=1, random_state=0)


def test_a_drop_pairs_the_draws_of_both_measurements():
    """Measurements that rise and fall together have a drop known far better than either."""
    generator = np.random.default_rng(0)
    noise = {category: generator.normal(0, 0.05, 400) for category in "ab"}
    records = cells(
        {("a", "none", 0.0): 0.8, ("a", "uniform", 30.0): 0.6, ("b", "none", 0.0): 0.7, ("b", "uniform", 30.0): 0.6}
    )
    drawn = {
        "a none 0.0": 0.8 + noise["a"],
        "a uniform 30.0": 0.6 + noise["a"],
        "b none 0.0": 0.7 + noise["b"],
        "b uniform 30.0": 0.6 + noise["b"] / 2,
    }
    table = drops(records, draws(drawn))
    (row,) = table.to_dict("records")
    assert (row["value"], row["metric"], row["categories"]) == (30.0, "aupro", 2)
    assert (row["clean"], row["shifted"], row["drop"]) == pytest.approx((0.75, 0.6, 0.15))
    assert row["relative"] == pytest.approx(0.2)
    # Half of b's noise is left in its drop, half of which is left in the mean.
    spread = np.quantile(noise["b"] / 4, (0.025, 0.975))
    assert (row["drop_low"], row["drop_high"]) == pytest.approx(tuple(0.15 + spread))
    mean_noise = (noise["a"] + noise["b"]) / 2
    assert (row["clean_low"], row["clean_high"]) == pytest.approx(tuple(0.75 + np.quantile(mean_noise, (0.025, 0.975))))
    relative = 1 - (0.6 + noise["a"] / 2 + noise["b"] / 4) / (0.75 + mean_noise)
    assert row["relative_low"] == pytest.approx(np.quantile(relative, 0.025))


def test_few_images_widen_all_intervals_of_a_drop():
    noise, own = np.random.default_rng(0).normal(0, 0.03, (2, 400))
    records = cells({("a", "none", 0.0): 0.8, ("a", "uniform", 30.0): 0.6}).assign(n_images=20, n_anomalous=13)
    (row,) = drops(
        records, draws({"a none 0.0": 0.8 + noise, "a uniform 30.0": 0.6 + noise + own})
    ).to_dict("records")  # fmt: skip
    wide = {
        name: expanded(values[:, None], np.array([7]))[:, 0]
        for name, values in (("clean", 0.8 + noise), ("shifted", 0.6 + noise + own), ("drop", 0.2 - own))
    }
    wide["relative"] = wide["drop"] / wide["clean"]
    for name, values in wide.items():
        found = row[f"{name}_low"], row[f"{name}_high"]
        assert found == pytest.approx(tuple(np.quantile(values, (0.025, 0.975)))), name
    assert row["drop_high"] - row["drop_low"] > 1.2 * np.ptp(np.quantile(own, (0.025, 0.975)))


def test_intervals_of_few_images_stay_within_the_metrics_range():
    records = cells({("a", "none", 0.0): 0.95, ("a", "worst", 0.0): 0.05}).assign(n_images=6, n_anomalous=3)
    spread = np.linspace(0, 0.3, 100)
    (row,) = drops(records, draws({"a none 0.0": 1 - spread, "a worst 0.0": spread})).to_dict("records")
    assert (row["clean_high"], row["shifted_low"], row["drop_high"], row["relative_high"]) == (1, 0, 1, 1)


def test_every_shift_is_measured_from_the_same_subjects_unshifted_record():
    records = pd.concat(
        [
            cells({("a", "none", 0.0): 0.9, ("a", "worst", 0.0): 0.5}),
            cells({("a", "none", 0.0): 0.8, ("a", "worst", 0.0): 0.7}, backbone="c").assign(key=["x", "y"]),
            cells({("unused", "none", 0.0): 0.1}),
        ]
    )
    keys = {key: np.full(3, value) for key, value in zip(records["key"], records["estimate"], strict=True)}
    table = drops(records, draws(keys), by=("backbone", "shift", "metric")).set_index("backbone")
    assert table["drop"].to_dict() == pytest.approx({"b": 0.4, "c": 0.1})
    assert table["drop_low"].to_dict() == pytest.approx({"b": 0.4, "c": 0.1})
    assert set(table["shift"]) == {"worst"}
    with pytest.raises(ValueError, match=r"several records of one category for \('shift', 'metric'\)"):
        drops(records, draws(keys), by=("shift", "metric"))
    with pytest.raises(ValueError, match="no unshifted record of t/s/a/d/b/float32/aupro"):
        drops(records[records["shift"] == "worst"], draws(keys))
    with pytest.raises(ValueError, match="no bootstrap replicates of aupro for cell y"):
        drops(records, draws({key: keys[key] for key in keys if key != "y"}), by=("backbone", "shift", "metric"))


def test_a_draw_without_anything_to_lose_leaves_the_relative_interval_missing():
    records = cells({("a", "none", 0.0): 0.5, ("a", "worst", 0.0): 0.25})
    (row,) = drops(records, draws({"a none 0.0": np.array([0.0, 1.0]), "a worst 0.0": np.zeros(2)})).to_dict("records")
    assert row["relative"] == 0.5
    assert np.isnan(row["relative_low"])
    assert row["drop_high"] == pytest.approx(0.975)


def drop_of(clean, shifted, noise):
    records = cells({("a", "uniform", 0.0): clean, ("a", "uniform", 30.0): shifted, ("a", "uniform", 60.0): 1.0})
    spread = np.linspace(-noise, noise, 2001)
    values = {"a uniform 0.0": clean, "a uniform 30.0": shifted + spread, "a uniform 60.0": 1.0}
    return worst_drop(drops(records, draws({k: v + np.zeros(2001) for k, v in values.items()})), "aupro")


def test_a_clear_drop():
    drop = drop_of(0.8, 0.6, 0.1)
    assert (drop.value, drop.tried) == (30.0, 2)
    assert (drop.clean, drop.worst, drop.drop) == pytest.approx((80, 60, 20))
    assert (drop.low, drop.high) == pytest.approx((20 - 9.5, 20 + 9.5))
    assert drop.clear
    assert "falls by 20.0 points (95 % interval 10.5 to 29.5), from 80.0 %" in drop_sentence(drop, "30 degrees")


def test_a_drop_within_its_interval_is_not_called_one():
    drop = drop_of(0.8, 0.78, 0.1)
    assert not drop.clear
    sentence = drop_sentence(drop, "30 degrees")
    assert "the interval includes 0: statistically undecided" in sentence
    assert "falls" not in sentence


def test_no_drop_is_said_plainly():
    sentence = drop_sentence(drop_of(0.8, 0.85, 0.01), "30 degrees")
    assert "never falls below" in sentence
    assert "85.0 %" in sentence


def test_a_metric_without_drops_is_an_error():
    table = drops(
        cells({("a", "none", 0.0): 1.0, ("a", "worst", 0.0): 1.0}),
        draws({"a none 0.0": np.ones(2), "a worst 0.0": np.ones(2)}),
    )
    with pytest.raises(ValueError, match="no drop of pixel_auroc: known are aupro"):
        worst_drop(table, "pixel_auroc")
