"""Intervals of few images cover what they say."""

import numpy as np
import pytest
from scipy.stats import norm

from zsad.metrics import all_metrics, image_auroc, interval, resampled, small_sample_interval


def coverage(count, true, runs=300):
    """Shares of percentile and of small-sample intervals that hold the true image AUROC of binormal scores."""
    generator = np.random.default_rng(0)
    labels = np.arange(count) < count // 2
    hits = np.zeros(2)
    for _ in range(runs):
        scores = generator.normal(size=count) + np.sqrt(2) * norm.ppf(true) * labels
        drawn, left_out = resampled(scores, labels, generator=generator)
        found = image_auroc(scores, labels)
        both = interval(drawn["image_auroc"]), small_sample_interval(found, left_out["image_auroc"])
        hits += [low <= true <= high for low, high in both]
    return hits / runs


@pytest.mark.parametrize("count", [16, 20])
def test_percentiles_of_few_images_cover_too_little_and_the_small_interval_does_not(count):
    percentile, small = coverage(count, 0.9)
    assert percentile < 0.91
    assert 0.93 <= small <= 0.998  # it errs on the wide side near 1


def test_images_are_left_out_one_at_a_time():
    generator = np.random.default_rng(1)
    labels = np.arange(8) < 4
    masks = np.zeros((8, 12, 12), bool)
    masks[:4, 2:6, 3:8] = True
    scores, maps = generator.normal(size=8), generator.normal(size=(8, 12, 12)) + masks
    _, left_out = resampled(scores, labels, maps, masks, 20, generator=generator)
    for index in range(8):
        rest = np.arange(8) != index
        for name, value in all_metrics(scores[rest], labels[rest], maps[rest], masks[rest]).items():
            assert left_out[name][index] == pytest.approx(value, abs=2e-3), name


def test_a_perfect_ranking_of_few_images_is_not_certain():
    scores, labels = np.arange(16.0), np.arange(16) >= 8
    drawn, left_out = resampled(scores, labels, generator=np.random.default_rng(0))
    assert interval(drawn["image_auroc"]) == pytest.approx((1, 1))
    low, high = small_sample_interval(1.0, left_out["image_auroc"])
    assert 0.6 < low < 0.9
    assert high == 1


@pytest.mark.parametrize(("count", "anomalous"), [(60, 30), (10, 1)])
def test_many_images_and_single_ones_have_percentiles_alone(count, anomalous):
    labels = np.arange(count) < anomalous
    assert resampled(np.arange(float(count)), labels, generator=np.random.default_rng(0))[1] == {}
