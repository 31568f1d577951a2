"""Intervals of few images cover what they say."""

import numpy as np
import pytest
from scipy.stats import norm

from zsad.metrics import all_metrics, expanded, image_auroc, interval, resampled, small_sample_interval


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


def drawn_differences(count, runs, generator, replicates=200, correlation=0.7):
    """Draws of AUROC 0.9 minus AUROC 0.8, of binormal scores on the same images, in as many test sets; a third of the
    images is anomalous.
    """
    labels = np.arange(count) < count // 3
    noise, own = generator.normal(size=(2, runs, count))
    other = correlation * noise + np.sqrt(1 - correlation**2) * own
    weights = generator.multinomial(count, np.full(count, 1 / count), size=(runs, replicates)).astype(float)
    anomalous, normal = weights[..., labels], weights[..., ~labels]
    pairs = anomalous.sum(-1) * normal.sum(-1)
    pairs[pairs == 0] = np.nan  # a draw of one class only

    def auroc(scores, true):
        scores = scores + np.sqrt(2) * norm.ppf(true) * labels
        right = scores[:, labels, None] > scores[:, None, ~labels]
        return ((anomalous @ right) * normal).sum(-1) / pairs

    return auroc(noise, 0.9) - auroc(other, 0.8)


def held(draws, images, true=0.1):
    """Share of test sets whose interval from draws (set, replicate, category) holds the truth."""
    ends = np.array([interval(expanded(one[~np.isnan(one).any(1)], images).mean(1)) for one in draws])
    return ((ends[:, 0] <= true) & (true <= ends[:, 1])).mean()


@pytest.mark.parametrize("count", [16, 30])
def test_paired_differences_of_few_images_lie_where_their_intervals_say(count):
    draws = drawn_differences(count, 1200, np.random.default_rng(0))[..., None]
    assert held(draws, np.array([10**9])) < 0.925, "percentiles as they are"
    assert 0.93 <= held(draws, np.array([count // 3])) <= 0.97


def test_so_do_means_over_categories_of_several_sizes():
    generator = np.random.default_rng(0)
    draws = np.stack([drawn_differences(count, 600, generator) for count in (16, 20, 59)], axis=-1)
    assert 0.94 <= held(draws, np.array([5, 6, 19])) <= 0.995


def test_draws_of_few_images_grow_about_their_own_mean():
    drawn = np.array([[0.0, 0.1], [1.0, 0.3]])
    wider = expanded(drawn, np.array([5, 10**9]))
    growth = np.sqrt(5 / 4) * 2.7764 / 1.95996  # Student's t with 4 degrees of freedom
    assert wider == pytest.approx(np.array([[0.5 - growth / 2, 0.1], [0.5 + growth / 2, 0.3]]), abs=1e-4)
    assert np.isfinite(expanded(drawn, np.array([1, 2]))).all()


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
