"""Pixel metrics against scikit-learn and slow definitions, and values with a closed form."""

import inspect

import numpy as np
import pytest
import torch
from oracles import random_maps, random_masks, slow_aupro, slow_f1max
from sklearn.metrics import average_precision_score, roc_auc_score

from zsad.metrics import all_metrics, aupro, image_ap, pixel_ap, pixel_auroc, pixel_f1max

METRICS = pytest.mark.parametrize("metric", [pixel_auroc, pixel_ap, pixel_f1max, aupro])
CASES = pytest.mark.parametrize(("seed", "levels"), [(seed, levels) for seed in range(6) for levels in (2, 10, None)])


@CASES
def test_agrees_with_scikit_learn_and_definitions(seed, levels):
    random = np.random.default_rng(seed)
    masks = random_masks(random, 4, *random.integers(6, 14, 2))
    maps = random_maps(random, masks, levels)
    positive, scores = masks.ravel(), maps.ravel()
    assert pixel_auroc(maps, masks) == pytest.approx(roc_auc_score(positive, scores), abs=1e-12)
    assert pixel_ap(maps, masks) == pytest.approx(average_precision_score(positive, scores), abs=1e-12)
    assert pixel_f1max(maps, masks) == pytest.approx(slow_f1max(scores, positive), abs=1e-12)
    for limit in (0.05, 0.3, 1.0, random.random()):
        assert aupro(maps, masks, limit) == pytest.approx(slow_aupro(maps, masks, limit), abs=1e-12), limit


@CASES
def test_what_does_not_count_might_as_well_not_exist(seed, levels):
    """Against the definitions on the pixels that remain; a region is what remains of it."""
    random = np.random.default_rng(seed)
    masks = random_masks(random, 4, 9, 11)
    maps = random_maps(random, masks, levels)
    valid_mask = random.random(masks.shape) < 0.7
    scores, labels = maps.max((1, 2)), masks.any((1, 2))
    found = all_metrics(scores, labels, maps, masks, fpr_limit=0.2, valid_mask=valid_mask)
    positive, values = masks[valid_mask], maps[valid_mask]
    assert found["pixel_auroc"] == pytest.approx(roc_auc_score(positive, values), abs=1e-12)
    assert found["pixel_ap"] == pytest.approx(average_precision_score(positive, values), abs=1e-12)
    assert found["pixel_f1max"] == pytest.approx(slow_f1max(values, positive), abs=1e-12)
    assert found["aupro"] == pytest.approx(slow_aupro(maps, masks, 0.2, valid_mask), abs=1e-12)
    assert found != all_metrics(scores, labels, maps, masks, fpr_limit=0.2)
    everything = all_metrics(scores, labels, maps, masks, valid_mask=np.ones_like(masks))
    assert everything == all_metrics(scores, labels, maps, masks)


def test_a_class_that_is_left_out_altogether_is_refused():
    masks = np.zeros((2, 4, 4), bool)
    masks[0, 1:3, 1:3] = True
    with pytest.raises(ValueError, match="all 28 pixels are normal"):
        all_metrics([1, 0], [True, False], np.random.default_rng(0).random(masks.shape), masks, valid_mask=~masks)


@CASES
def test_all_at_once_equals_one_by_one(seed, levels):
    random = np.random.default_rng(seed)
    masks = random_masks(random, 4, 9, 11)
    maps = random_maps(random, masks, levels).astype(np.float32)
    scores, labels = maps.max((1, 2)), masks.any((1, 2))
    together = all_metrics(scores, labels, torch.from_numpy(maps), torch.from_numpy(masks), fpr_limit=0.2)
    assert list(together) == [
        *("image_auroc", "image_ap", "image_f1max", "image_f1max_floor"),
        *("pixel_auroc", "pixel_ap", "pixel_f1max", "aupro"),
    ]
    for metric in (pixel_auroc, pixel_ap, pixel_f1max):
        assert together[metric.__name__] == metric(maps, masks)
    assert together["aupro"] == aupro(maps, masks, 0.2)
    assert together["image_ap"] == image_ap(scores, labels)
    assert all(type(value) is float and 0 <= value <= 1 for value in together.values())
    without = all_metrics(scores, labels)
    assert without == {name: value for name, value in together.items() if name.startswith("image")}


@METRICS
def test_perfect_and_monotone(metric):
    random = np.random.default_rng(3)
    masks = random_masks(random, 5, 20, 20)
    assert metric(masks.astype(float), masks) == pytest.approx(1, abs=1e-12)
    maps = random_maps(random, masks, 30)
    for transformed in (
        np.exp(4 * maps),
        maps * 1e-6 + 5,
        torch.from_numpy(maps**3).float(),
        np.round(maps * 30).astype(int),
    ):
        assert metric(transformed, masks) == pytest.approx(metric(maps, masks), abs=1e-12)


def test_constant_map_is_chance():
    masks = random_masks(np.random.default_rng(4), 5, 20, 20)
    flat = np.full(masks.shape, 0.7)
    assert aupro(flat, masks) == pytest.approx(0.15)
    assert aupro(flat, masks, 1.0) == pytest.approx(0.5)
    assert pixel_auroc(flat, masks) == 0.5
    assert pixel_ap(flat, masks) == pytest.approx(masks.mean())


def test_inverted_map_finds_nothing_below_the_limit():
    masks = random_masks(np.random.default_rng(4), 5, 20, 20)
    assert pixel_auroc(1.0 - masks, masks) == aupro(1.0 - masks, masks) == 0


def test_a_region_may_touch_by_a_corner_but_not_across_images():
    """Two pixels, one of them found: as one region half is found, as two regions one of two, which is the same; so a
    third pixel of its own tells them apart."""
    corner = np.zeros((1, 6, 6), dtype=bool)
    corner[0, 1, 1] = corner[0, 2, 2] = corner[0, 5, 0] = True
    maps = np.zeros((1, 6, 6))
    maps[0, 5, 0] = 1  # one region of two, or one of three
    # The other pixels are tied with all normal ones: 1/2 at once, 1/2 along the diagonal.
    assert aupro(maps, corner) == pytest.approx(0.5 + 0.5 * 0.15)

    stacked = np.zeros((2, 4, 4), dtype=bool)
    stacked[0, 1, 1] = stacked[0, 1, 2] = stacked[1, 1, 1] = True
    maps = np.zeros((2, 4, 4))
    maps[1, 1, 1] = 1
    assert aupro(maps, stacked) == pytest.approx(0.5 + 0.5 * 0.15)  # 1/3 if they were joined through the stack


def test_every_region_weighs_the_same():
    masks = np.zeros((2, 30, 30), dtype=bool)
    masks[0, :10, :10] = masks[0, 20, 20] = masks[1, 3:5, 3] = True
    maps = np.zeros(masks.shape)
    maps[0, :10, :10] = 1
    assert aupro(maps, masks, 0.3) == pytest.approx(1 / 3 + 2 / 3 * 0.15)


def test_the_curve_is_interpolated_at_the_limit():
    """One region of one pixel, tied with half of the normal ones: the curve climbs straight to (0.5, 1)."""
    maps = np.array([[[1.0, 1.0, 1.0, 0.0, 0.0]]])
    masks = np.array([[[True, False, False, False, False]]])
    for limit in (0.1, 0.3, 0.5):
        assert aupro(maps, masks, limit) == pytest.approx(limit)
    assert aupro(maps, masks, 0.8) == pytest.approx((0.25 + 0.3) / 0.8)


def test_more_than_two_to_the_24_pixels_of_one_class_stay_exact():
    """A running count in float32 would stop at 2^24. Both classes have more; the answers follow from three numbers."""
    side, loud = 4128, 3
    count = side * side
    assert count > 2**24
    maps = np.zeros((2, side, side), dtype=np.int8)
    masks = np.zeros((2, side, side), dtype=bool)
    masks[0] = True  # one region of 2^24 + 263168 pixels
    maps[0], maps[1] = 1, 2
    maps[0, 0, :loud] = 3  # above all normal pixels; the others below all of them, but for the quiet ones
    maps[1, 0, :loud] = 0
    found, quiet = loud / count, loud / count
    measured = all_metrics([1.0, 0.0], [True, False], maps, masks)
    assert measured["pixel_auroc"] == pytest.approx(found + (1 - found) * quiet, rel=1e-12)
    assert measured["aupro"] == pytest.approx(found, rel=1e-9)
    assert measured["pixel_ap"] == pytest.approx(found + (1 - found) * count / (2 * count - loud), rel=1e-12)
    assert measured["pixel_f1max"] == pytest.approx(2 * count / (3 * count - loud), rel=1e-12)


@METRICS
@pytest.mark.parametrize(
    ("maps", "masks", "message"),
    [
        (np.ones((1, 2, 2)), np.zeros((1, 2, 2), bool), "NAME compares normal with anomalous pixels, but all 4 pixels"),
        (np.ones((1, 2, 2)), np.ones((1, 2, 2), bool), "are anomalous: evaluate a test split that also has normal"),
        (np.array([[[0.0]], [[np.nan]]]), np.array([[[True]], [[False]]]), "the map of image 1 is nan at row 0"),
        (np.array([[[0.0, np.inf]]]), np.array([[[True, False]]]), "image 0 is inf at row 0, column 1"),
        (np.ones((1, 2, 2)), np.ones((1, 2, 3), bool), r"maps have shape \(1, 2, 2\), masks have shape \(1, 2, 3\)"),
        (np.ones((2, 2)), np.ones((2, 2), bool), r"both must be \(image, height, width\)"),
        (np.ones((0, 2, 2)), np.ones((0, 2, 2), bool), "there are no pixels"),
        (np.ones((1, 2, 2)), np.full((1, 2, 2), 255), "masks hold the value 255"),
    ],
)
def test_bad_input_is_refused_with_the_reason(metric, maps, masks, message):
    with pytest.raises(ValueError, match=message.replace("NAME", metric.__name__)):
        inspect.unwrap(metric)(maps, masks)


@pytest.mark.parametrize("limit", [0.0, -0.1, 1.1, float("nan")])
def test_a_limit_out_of_range_is_refused(limit):
    with pytest.raises(ValueError, match="fpr_limit is"):
        aupro(np.ones((1, 1, 2)), np.array([[[True, False]]]), limit)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": [True, True]}, "image_auroc, image_ap and image_f1max compares"),
        ({"masks": np.zeros((2, 2, 2), bool)}, "pixel_auroc, pixel_ap, pixel_f1max and aupro compares"),
        ({"scores": [1.0, 2.0, 3.0], "labels": [True, False, True]}, "there are 3 scores but 2 maps"),
        ({"masks": None}, "need both maps and masks"),
        ({"maps": None}, "need both maps and masks"),
        ({"fpr_limit": 2.0}, "fpr_limit is 2"),
    ],
)
def test_all_metrics_refuses_with_the_reason(changes, message):
    masks = np.zeros((2, 2, 2), bool)
    masks[0, 0] = True
    good = {"scores": [1.0, 0.0], "labels": [True, False], "maps": np.ones((2, 2, 2)), "masks": masks}
    assert 0 <= all_metrics(**good)["aupro"] <= 1
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(all_metrics)(**(good | changes))
