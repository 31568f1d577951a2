"""Part masks from a small SAM of the library's own classes."""

import numpy as np
import pytest
import torch
from segment_anything import SamAutomaticMaskGenerator
from segment_anything.modeling import Sam
from tiny_parts import SAM_CONFIG, tiny_sam

from zsad.tiling.sam import PartSegmenter, SamSettings, build_sam

EVERYTHING = {"points_per_side": 3, "pred_iou_thresh": -1, "stability_score_thresh": -1}
PICTURE = np.random.default_rng(0).integers(0, 256, (48, 60, 3), dtype=np.uint8)


def test_a_small_sam_is_the_librarys():
    model = build_sam(**SAM_CONFIG)
    assert type(model) is Sam
    assert sum(p.numel() for p in model.parameters()) < 100_000
    assert isinstance(tiny_sam(), PartSegmenter)


def test_parts_are_the_librarys_masks():
    segmenter = tiny_sam(SamSettings(**EVERYTHING))
    expected = SamAutomaticMaskGenerator(segmenter.model, **EVERYTHING).generate(PICTURE)
    masks = [found["segmentation"] for found in expected if found["area"]]
    parts = segmenter(PICTURE)
    assert len(parts) == len(masks) > 0
    for part, mask in zip(parts, masks, strict=True):
        assert np.array_equal(part.full(48, 60), mask)


@pytest.mark.parametrize("layers", [0, 1])
def test_a_sam_without_a_mask_gives_no_part_also_with_crop_layers(layers):
    strict = {"points_per_side": 2, "pred_iou_thresh": 1e9, "crop_n_layers": layers}
    assert tiny_sam(SamSettings(**strict))(PICTURE) == []


def test_crop_layers_find_the_librarys_masks():
    settings = EVERYTHING | {"crop_n_layers": 1, "points_per_side": 2}
    segmenter = tiny_sam(SamSettings(**settings))
    masks = [f["segmentation"] for f in SamAutomaticMaskGenerator(segmenter.model, **settings).generate(PICTURE)]
    parts = [part.full(48, 60) for part in segmenter(PICTURE)]
    assert len(parts) == sum(mask.any() for mask in masks) > 0
    assert all(np.array_equal(a, b) for a, b in zip(parts, [m for m in masks if m.any()], strict=True))


@pytest.mark.parametrize("picture", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3)), np.zeros((8, 8, 1), np.uint8)])
def test_grey_and_floating_point_pictures_are_refused(picture):
    with pytest.raises((ValueError, TypeError), match=r"(?s)(repeat a grey picture three times|UInt8)"):
        tiny_sam()(picture)


def test_opencv_is_asked_for_where_the_library_needs_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cv2", None)
    with pytest.raises(ImportError, match=r"min_mask_region_area above 0 needs the package opencv-python-headless"):
        SamSettings(min_mask_region_area=10)
    with pytest.raises(ValueError, match="at least 1"):
        SamSettings(points_per_side=0)


def test_the_fingerprint_follows_weights_and_settings_but_not_the_batch():
    first = tiny_sam().fingerprint
    assert first == tiny_sam(SamSettings(points_per_batch=8)).fingerprint
    assert first != tiny_sam(SamSettings(points_per_side=8)).fingerprint
    assert first != tiny_sam(seed=1).fingerprint


def test_masks_are_repeatable():
    torch.manual_seed(1)
    first = tiny_sam(SamSettings(**EVERYTHING))(PICTURE)
    torch.manual_seed(2)
    second = tiny_sam(SamSettings(**EVERYTHING, points_per_batch=4))(PICTURE)
    assert all(np.array_equal(a.mask, b.mask) for a, b in zip(first, second, strict=True))
