"""Where thresholds lie among values, however many at once, and that what is handed in to be checked stays as it is."""

import numpy as np
import pytest

from zsad.metrics import all_metrics, curve
from zsad.metrics.inputs import check_maps
from zsad.metrics.pixel import region_overlap


@pytest.mark.parametrize("levels", [3, 40, 10_000])
@pytest.mark.parametrize("block", [1, 7, 1000])
def test_places_are_those_of_each_threshold_by_itself(levels, block, monkeypatch):
    monkeypatch.setattr(curve, "BLOCK", block)
    rng = np.random.default_rng(levels)
    values, thresholds = np.sort(rng.integers(0, levels, 500)), np.unique(rng.integers(-2, levels + 2, 200))
    first, behind = curve.places(values, thresholds)
    assert first.tolist() == [int((values < threshold).sum()) for threshold in thresholds]
    assert behind.tolist() == [int((values <= threshold).sum()) for threshold in thresholds]


def test_nothing_lies_among_no_values():
    first, behind = curve.places(np.zeros(0), np.array([0.1, 0.2]))
    assert first.tolist() == behind.tolist() == [0, 0]


def test_what_is_handed_in_is_not_sorted():
    rng = np.random.default_rng(0)
    scores, maps, masks = rng.random(6), rng.random((6, 4, 5)), rng.random((6, 4, 5)) < 0.3
    masks[0], labels = False, masks.any(axis=(1, 2))
    labels[0] = False
    before = scores.copy(), maps.copy(), masks.copy()
    all_metrics(scores, labels, maps, masks)
    assert all(np.array_equal(*pair) for pair in zip((scores, maps, masks), before, strict=True))


def test_finite_maps_may_have_no_finite_sum():
    maps = np.full((2, 3, 3), 3e38, np.float32)
    assert len(check_maps(maps, np.zeros(maps.shape, bool))) == 2
    maps[1, 2, 0] = -np.inf
    with pytest.raises(ValueError, match=r"the map of image 1 is -inf at row 2, column 0"):
        check_maps(maps, np.zeros(maps.shape, bool))


def test_regions_at_the_edges_and_corners_are_whole():
    masks = np.zeros((3, 4, 6), bool)
    masks[0, 0, 0] = masks[0, 3, 4:] = masks[2, :, 5] = True
    share, counts = region_overlap(check_maps(np.zeros(masks.shape), masks))
    assert counts.tolist() == [2, 0, 1]
    assert share.tolist() == [1, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25]
