"""Part masks from a small SAM of the library's own classes."""

import numpy as np
import pytest
import torch
from PIL import Image
from segment_anything import SamAutomaticMaskGenerator
from segment_anything.modeling import Sam
from segment_anything.utils.amg import rle_to_mask
from tiny_parts import SAM_CONFIG, tiny_sam

from zsad.tiling import sam
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


def test_only_masks_of_the_quality_asked_for_are_scaled_up_and_they_are_the_librarys(monkeypatch):
    every = {**EVERYTHING, "box_nms_thresh": 1.0}
    model = tiny_sam().model
    qualities = sorted(mask["predicted_iou"] for mask in SamAutomaticMaskGenerator(model, **every).generate(PICTURE))
    half = {**every, "pred_iou_thresh": qualities[len(qualities) // 2]}
    expected = SamAutomaticMaskGenerator(model, **half).generate(PICTURE)
    assert 0 < len(expected) < len(qualities)
    scaled, scale_up = [], Sam.postprocess_masks
    monkeypatch.setattr(Sam, "postprocess_masks", lambda *given: scaled.append(len(given[1])) or scale_up(*given))
    found = tiny_sam(SamSettings(**half)).generator.generate(PICTURE)
    assert sum(scaled) == len(found) == len(expected)
    for mine, theirs in zip(found, expected, strict=True):
        assert mine["predicted_iou"] == theirs["predicted_iou"] > half["pred_iou_thresh"]
        assert np.array_equal(rle_to_mask(mine["segmentation"]), theirs["segmentation"])


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


def test_points_go_through_in_small_batches_where_masks_are_large(monkeypatch):
    """Which changes no mask, and bounds how many are held at the size of the picture."""
    whole = tiny_sam(SamSettings(**EVERYTHING))(PICTURE)
    segmenter, held = tiny_sam(SamSettings(**EVERYTHING)), []
    predict = segmenter.generator.predictor.predict_torch
    monkeypatch.setattr(
        segmenter.generator.predictor,
        "predict_torch",
        lambda *points, **how: held.append(len(points[0])) or predict(*points, **how),
    )
    monkeypatch.setattr(sam, "MASK_VALUES", 2 * 3 * 48 * 60)
    parts = segmenter(PICTURE)
    assert held == [2, 2, 2, 2, 1]
    assert len(parts) == len(whole) > 0
    assert all(np.array_equal(a.full(48, 60), b.full(48, 60)) for a, b in zip(parts, whole, strict=True))


def test_a_large_picture_is_scaled_down_and_its_masks_up(monkeypatch):
    segmenter = tiny_sam(SamSettings(**EVERYTHING))
    monkeypatch.setattr(sam, "LONGEST_SIDE", 30)
    small = np.asarray(Image.fromarray(PICTURE).resize((30, 24), Image.Resampling.BILINEAR))
    expected = [part.full(24, 30).repeat(2, axis=0).repeat(2, axis=1) for part in segmenter(small)]
    parts = segmenter(PICTURE)
    assert len(parts) == len(expected) > 0
    assert all(np.array_equal(part.full(48, 60), mask) for part, mask in zip(parts, expected, strict=True))


@pytest.mark.parametrize("size", [(5, 7), (12, 8), (3, 20)])
def test_a_mask_at_another_size_shows_the_nearest_pixel(size):
    mask = np.random.default_rng(0).random((4, 6)) < 0.5
    expected = torch.nn.functional.interpolate(torch.from_numpy(mask)[None, None].float(), size, mode="nearest-exact")
    assert np.array_equal(sam.enlarged(mask, *size), expected[0, 0].numpy() > 0)
    assert sam.enlarged(mask, 4, 6) is mask


def test_masks_are_repeatable():
    torch.manual_seed(1)
    first = tiny_sam(SamSettings(**EVERYTHING))(PICTURE)
    torch.manual_seed(2)
    second = tiny_sam(SamSettings(**EVERYTHING, points_per_batch=4))(PICTURE)
    assert all(np.array_equal(a.mask, b.mask) for a, b in zip(first, second, strict=True))
