"""Bootstrap intervals against the slow bootstrap: draw images, copy them, compute every metric anew."""

import inspect

import numpy as np
import pytest
from oracles import random_maps, random_masks

from zsad.metrics import (
    all_metrics,
    bootstrap_intervals,
    bootstrap_replicates,
    interval,
    resampled,
    small_sample_interval,
)
from zsad.metrics.bootstrap import draw_counts, image_curve, pixel_curve
from zsad.metrics.inputs import check_maps
from zsad.metrics.summary import metrics_of

LEVEL = 0.8


def slow_intervals(scores, labels, maps, masks, replicates, seed, valid_mask=None):
    valid_mask = np.ones_like(masks) if valid_mask is None else valid_mask
    classes = (masks & valid_mask).any((1, 2)), (~masks & valid_mask).any((1, 2))
    counts = draw_counts(labels, *classes, replicates, np.random.default_rng(seed))
    drawn = [np.repeat(np.arange(len(labels)), count) for count in counts]
    tables = [all_metrics(scores[i], labels[i], maps[i], masks[i], valid_mask=valid_mask[i]) for i in drawn]
    return {
        name: np.quantile([table[name] for table in tables], [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) for name in tables[0]
    }


def example(seed, images, side, levels, power=1):
    random = np.random.default_rng(seed)
    masks = random_masks(random, images, side, side)
    maps = random_maps(random, masks, levels)
    maps = np.sign(maps) * np.abs(maps) ** power
    return maps.max((1, 2)) + random.random(images), masks.any((1, 2)), maps, masks


@pytest.mark.parametrize("seed", range(3))
def test_exact_where_values_are_fewer_than_bins(seed):
    case = example(seed, images=6, side=12, levels=40)
    fast = bootstrap_replicates(*case, replicates=40, generator=np.random.default_rng(seed))
    slow = slow_intervals(*case, 40, seed)
    assert fast.keys() == slow.keys()
    for name, drawn in fast.items():
        assert interval(drawn, LEVEL) == pytest.approx(slow[name], abs=1e-12), name


@pytest.mark.parametrize("seed", range(3))
def test_pixels_may_be_left_out(seed):
    case = example(seed, images=6, side=12, levels=40)
    valid_mask = np.random.default_rng(seed).random(case[3].shape) < 0.6
    generator = np.random.default_rng(seed)
    fast = bootstrap_replicates(*case, replicates=40, generator=generator, valid_mask=valid_mask)
    for name, expected in slow_intervals(*case, 40, seed, valid_mask).items():
        assert interval(fast[name], LEVEL) == pytest.approx(expected, abs=1e-12), name


@pytest.mark.parametrize("power", [1, 0.05, 12])
@pytest.mark.parametrize("seed", range(2))
def test_bins_move_an_interval_by_less_than_a_thousandth(seed, power):
    case = example(seed, images=8, side=90, levels=None, power=power)
    assert len(np.unique(case[2])) > 50_000
    fast = bootstrap_replicates(*case, replicates=20, generator=np.random.default_rng(seed))
    slow = slow_intervals(*case, 20, seed)
    for name, drawn in fast.items():
        found = interval(drawn, LEVEL)
        exact = name.startswith("image")
        assert found == pytest.approx(slow[name], abs=1e-12 if exact else 1e-3), name
        assert exact or found[0] < found[1], name


def test_drawing_every_image_once_gives_the_estimate():
    scores, labels, maps, masks = example(1, images=8, side=30, levels=20)
    once = np.ones((1, len(labels)), dtype=np.int64)
    found = metrics_of(image_curve(once, scores, labels), pixel_curve(once, check_maps(maps, masks)), 0.3)
    assert {name: value[0] for name, value in found.items()} == pytest.approx(all_metrics(scores, labels, maps, masks))


def test_every_draw_has_both_kinds_of_images_and_of_pixels():
    """One image alone has anomalous pixels, another alone normal ones: most draws of six lack one of them."""
    labels = np.array([True, True, True, False, False, False])
    has_anomalous = np.array([True, False, False, False, False, False])
    has_normal = np.array([False, False, False, False, False, True])
    drawn = draw_counts(labels, has_anomalous, has_normal, 300, np.random.default_rng(0)) > 0
    assert drawn[:, 0].all()
    assert drawn[:, 5].all()
    everywhere = np.ones(6, bool)
    one = labels & (np.arange(6) == 0)
    drawn = draw_counts(one, everywhere, everywhere, 300, np.random.default_rng(0)) > 0
    assert drawn[:, 0].all()
    assert drawn[:, 1:].any(1).all()


def test_many_images_have_percentiles_and_few_have_studentised_intervals():
    few, many = (example(3, images, side=12, levels=20) for images in (12, 60))
    for case in (few, many):
        drawn, left_out = resampled(*case, 50, generator=np.random.default_rng(0))
        found = bootstrap_intervals(*case, replicates=50, generator=np.random.default_rng(0), level=LEVEL)
        assert bool(left_out) == (case is few)
        for name, estimate in all_metrics(*case).items():
            expected = (
                small_sample_interval(estimate, left_out[name], LEVEL) if left_out else interval(drawn[name], LEVEL)
            )
            assert found[name] == pytest.approx(expected), name


def test_the_generator_decides():
    case = example(2, images=60, side=20, levels=None)
    first, again, other = (
        bootstrap_intervals(*case, replicates=30, generator=np.random.default_rng(seed)) for seed in (7, 7, 8)
    )
    assert first == again
    assert first != other


def test_replicates_always_have_both_classes():
    labels = np.array([True, False, False, False])
    counts = draw_counts(labels, labels, ~labels, 500, np.random.default_rng(0))
    assert counts.shape == (500, 4)
    assert (counts.sum(1) == 4).all()
    assert (counts[:, 0] > 0).all()
    assert (counts[:, 1:].sum(1) > 0).all()
    # The anomalous image comes once on average; the draws without it (mean 0) and with it alone (mean 4) are left out.
    expected = (1 - 4 / 4**4) / (1 - 0.75**4 - 0.25**4)
    assert counts[:, 0].mean() == pytest.approx(expected, abs=0.1)


def test_intervals_narrow_with_more_images():
    few, many = (example(5, images, side=12, levels=None) for images in (30, 480))
    widths = [
        np.ptp(interval(bootstrap_replicates(*case, generator=np.random.default_rng(0))["pixel_auroc"]))
        for case in (few, many)
    ]
    assert 2.5 < widths[0] / widths[1] < 6  # about sqrt(480 / 30) = 4


def test_without_maps_there_are_image_intervals():
    scores, labels, maps, masks = example(2, images=10, side=20, levels=None)
    full = bootstrap_intervals(scores, labels, maps, masks, generator=np.random.default_rng(0))
    alone = bootstrap_intervals(scores, labels, generator=np.random.default_rng(0))
    assert list(alone) == [name for name in full if name.startswith("image")]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"replicates": 0}, "replicates must be a whole number from 1 to 100,000, not 0"),
        ({"replicates": 10**12}, "replicates must be a whole number from 1 to 100,000, not 1000000000000"),
        ({"level": 1.0}, "level is 1"),
        ({"labels": np.ones(3, bool)}, "all 3 images"),
    ],
)
def test_bad_input_is_refused_with_the_reason(changes, message):
    good = {"scores": np.arange(3.0), "labels": np.arange(3) > 0, "generator": np.random.default_rng(0)}
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(bootstrap_intervals)(**(good | changes))
