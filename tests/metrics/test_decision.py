"""Thresholds and error rates against slow versions: copy the images that were drawn, and try every threshold."""

import inspect
import math
from fractions import Fraction

import numpy as np
import pytest

from zsad.metrics.decision import (
    best_f1_thresholds,
    error_rates,
    good_share_thresholds,
    median_shift,
    once,
)


def slow_best_f1(scores: list[float], labels: list[bool]) -> float:
    """The highest of the thresholds with the largest F1, in exact fractions."""

    def f1(threshold: float) -> Fraction:
        hits = sum(1 for s, anomalous in zip(scores, labels, strict=True) if anomalous and s >= threshold)
        alarms = sum(1 for s in scores if s >= threshold)
        return Fraction(2 * hits, alarms + sum(labels))

    return max(set(scores), key=lambda threshold: (f1(threshold), threshold))


def slow_errors(scores: list[float], labels: list[bool], threshold: float) -> tuple[float, float]:
    good = [s for s, anomalous in zip(scores, labels, strict=True) if not anomalous]
    bad = [s for s, anomalous in zip(scores, labels, strict=True) if anomalous]
    return len([s for s in good if s >= threshold]) / len(good), len([s for s in bad if s < threshold]) / len(bad)


def drawn_images(seed: int, images: int, replicates: int, levels: int):
    """Scores with many ties, labels, and draws that have both kinds."""
    random = np.random.default_rng(seed)
    labels = random.random(images) < 0.5
    labels[:2] = True, False
    scores = np.round(random.normal(labels, 1.0) * levels) / levels
    counts = random.multinomial(images, np.full(images, 1 / images), size=replicates)
    counts[:, :2] += 1
    return counts, scores, labels


@pytest.mark.parametrize(("seed", "levels"), [(0, 1), (1, 3), (2, 1000)])
def test_best_f1_and_error_rates_are_those_of_the_copied_images(seed, levels):
    counts, scores, labels = drawn_images(seed, 17, 60, levels)
    thresholds = best_f1_thresholds(counts, scores, labels)
    false_alarms, misses = error_rates(counts, scores, labels, thresholds)
    for row, threshold, *errors in zip(counts, thresholds, false_alarms, misses, strict=True):
        copies, kinds = np.repeat(scores, row).tolist(), np.repeat(labels, row).tolist()
        assert threshold == slow_best_f1(copies, kinds)
        assert errors == pytest.approx(slow_errors(copies, kinds, threshold))


@pytest.mark.parametrize("share", [0.0, 0.05, 0.07, 0.3, 0.99])
@pytest.mark.parametrize("levels", [1, 1000])
def test_the_share_of_good_images_is_used_up_and_never_exceeded(share, levels):
    counts, scores, _ = drawn_images(3, 50, 60, levels)
    for row, threshold in zip(counts, good_share_thresholds(counts, scores, share), strict=True):
        copies = np.repeat(scores, row)
        allowed = Fraction(str(share)) * len(copies)
        assert (copies >= threshold).sum() <= allowed
        lower = np.nextafter(threshold, -math.inf)  # the next lower one lets in a whole group of equal scores
        assert (copies >= lower).sum() > allowed


@pytest.mark.parametrize(
    ("images", "share", "alarms"),
    [(1, 0.05, 0), (19, 0.05, 0), (20, 0.05, 1), (39, 0.05, 1), (140, 0.05, 7), (100, 0.29, 29)],
)
def test_a_share_of_different_scores(images, share, alarms):
    good = np.random.default_rng(0).permutation(images) / 7
    (threshold,) = good_share_thresholds(once(good), good, share)
    assert (good >= threshold).sum() == alarms


def test_a_fixed_threshold_by_hand():
    scores, labels = np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, False, True, True])
    rates = error_rates(np.array([[1, 1, 1, 1], [3, 1, 2, 0]]), scores, labels, np.array([0.4, 0.5]))
    assert [rate.tolist() for rate in rates] == [[0.5, 0.0], [0.0, 1.0]]


def test_good_images_move_by_interquartile_ranges():
    before = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    assert median_shift(before, before[::-1] + 3.0) == pytest.approx(1.5)
    assert median_shift(before, before + np.array([0, 0, -4, -4, -4])) == -2
    assert math.isnan(median_shift(np.ones(5), before))


@pytest.mark.parametrize(
    ("good", "share", "message"),
    [([], 0.05, "there are none"), ([1.0], 1.0, "share is 1.0"), ([1.0], -0.1, "share is -0.1")],
)
def test_what_sets_no_threshold_is_refused(good, share, message):
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(good_share_thresholds)(np.ones((1, len(good)), int), np.array(good), share)
