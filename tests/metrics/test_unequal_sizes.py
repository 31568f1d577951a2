"""Maps of unequal sizes: as if all lay on a canvas of the largest size of which the rest does not count."""

import inspect

import numpy as np
import pytest
import torch
from oracles import random_maps, random_masks, slow_aupro, slow_f1max
from sklearn.metrics import average_precision_score, roc_auc_score

from zsad.metrics import all_metrics, aupro, bootstrap_replicates, pixel_ap, pixel_auroc, pixel_f1max

CASES = pytest.mark.parametrize(("seed", "levels"), [(seed, levels) for seed in range(4) for levels in (4, None)])


def ragged(seed, levels):
    """Scores, labels, maps and masks; the last two also on one canvas, with what counts of it."""
    random = np.random.default_rng(seed)
    sizes = [tuple(random.integers(6, 14, 2)) for _ in range(5)]
    canvas_masks = random_masks(random, 5, 14, 14)
    canvas_maps = random_maps(random, canvas_masks, levels)
    valid_mask = np.zeros_like(canvas_masks)
    for there, (height, width) in zip(valid_mask, sizes, strict=True):
        there[:height, :width] = True
    maps, masks = (
        [one[:height, :width].copy() for one, (height, width) in zip(all_, sizes, strict=True)]
        for all_ in (canvas_maps, canvas_masks)
    )
    labels = np.array([mask.any() for mask in masks])
    labels[0], labels[-1] = True, False
    scores = np.array([one.max() for one in maps]) + random.random(5)
    return (scores, labels, maps, masks), (canvas_maps, canvas_masks, valid_mask)


@CASES
def test_agrees_with_scikit_learn_and_definitions_on_all_pixels_together(seed, levels):
    (scores, labels, maps, masks), canvas = ragged(seed, levels)
    positive, values = (np.concatenate([one.ravel() for one in all_]) for all_ in (masks, maps))
    assert pixel_auroc(maps, masks) == pytest.approx(roc_auc_score(positive, values), abs=1e-12)
    assert pixel_ap(maps, masks) == pytest.approx(average_precision_score(positive, values), abs=1e-12)
    assert pixel_f1max(maps, masks) == pytest.approx(slow_f1max(values, positive), abs=1e-12)
    assert aupro(maps, masks, 0.2) == pytest.approx(slow_aupro(canvas[0], canvas[1], 0.2, canvas[2]), abs=1e-12)
    together = all_metrics(scores, labels, [torch.from_numpy(one) for one in maps], masks, fpr_limit=0.2)
    assert together["aupro"] == aupro(maps, masks, 0.2)
    assert together["pixel_ap"] == pixel_ap(maps, masks)


@CASES
def test_replicates_are_those_of_the_canvas(seed, levels):
    (scores, labels, maps, masks), (canvas_maps, canvas_masks, valid_mask) = ragged(seed, levels)
    there = [np.random.default_rng(seed).random(one.shape) < 0.9 for one in maps]
    there[0][:], there[-1][:] = True, True
    on_canvas = valid_mask.copy()
    for all_, (height, width), own in zip(on_canvas, [one.shape for one in maps], there, strict=True):
        all_[:height, :width] = own
    found, expected = (
        bootstrap_replicates(
            scores, labels, *pixels, replicates=20, generator=np.random.default_rng(seed), valid_mask=counting
        )
        for *pixels, counting in ((maps, masks, there), (canvas_maps, canvas_masks, on_canvas))
    )
    assert found.keys() == expected.keys()
    for name, values in found.items():
        assert np.array_equal(values, expected[name]), name


@pytest.mark.parametrize("levels", [4, None])
def test_a_list_of_equal_sizes_is_the_array_to_the_last_bit(levels):
    random = np.random.default_rng(3)
    masks = random_masks(random, 5, 11, 9)
    maps = random_maps(random, masks, levels).astype(np.float32)
    scores, labels = maps.max((1, 2)), masks.any((1, 2))
    assert all_metrics(scores, labels, maps, masks) == all_metrics(scores, labels, list(maps), list(masks))
    one, other = (
        bootstrap_replicates(scores, labels, *pixels, replicates=20, generator=np.random.default_rng(0))
        for pixels in ((maps, masks), (list(maps), list(masks)))
    )
    assert all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("maps", "masks", "message"),
    [
        ([np.zeros((2, 3)), np.zeros((4, 5))], [np.ones((2, 3)), np.ones((5, 4))], "of the same sizes"),
        ([np.zeros((2, 3))], [np.ones((2, 3)), np.zeros((4, 5))], "of the same sizes"),
        ([np.zeros((1, 2, 3))], [np.ones((1, 2, 3))], r"maps have shape \(1, 2, 3\)"),
        ([], [], "there are no pixels"),
        ([np.zeros((2, 3)), np.full((4, 5), np.nan)], [np.ones((2, 3)), np.zeros((4, 5))],
         "map of image 1 is nan at row 0, column 0"),
    ],
)  # fmt: skip
def test_what_does_not_match_is_refused(maps, masks, message):
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(pixel_auroc)(maps, masks)


def test_the_place_of_a_broken_value_is_named_in_its_own_map():
    maps = [np.zeros((2, 3)), np.zeros((4, 5))]
    maps[1][2, 3] = np.inf
    with pytest.raises(ValueError, match="map of image 1 is inf at row 2, column 3"):
        pixel_auroc(maps, [np.zeros((2, 3)), np.ones((4, 5))])
