"""The tiling pipeline put together, on toys whose right answer is known and on small models of the real classes."""

import json
import logging

import numpy as np
import pytest
import torch
from tiny_clip import random_images, tiny_backbone
from tiny_parts import (
    DAMAGE,
    ORDINARY,
    BluePixels,
    ColouredParts,
    NoParts,
    RedSoft,
    picture,
    tiny_clipseg,
    tiny_dis,
    tiny_sam,
)

from zsad.detectors import check_options
from zsad.detectors.base import Detector
from zsad.detectors.tiling import Tiling
from zsad.detectors.tiling_options import TilingOptions
from zsad.tiling.part import Part
from zsad.tiling.pixel_map import mean_over_prompts
from zsad.tiling.sam import SamSettings
from zsad.tiling.tile_score import side_vectors, tile_scores
from zsad.tiling.tiles import Tile

BACKBONE = tiny_backbone()


def toy(soft=None, parts=None, pixels=None, **options) -> Tiling:
    chosen = TilingOptions(**options)
    return Tiling(BACKBONE, chosen, soft or RedSoft(), parts or ColouredParts(), pixels or BluePixels())


def vectors(options: TilingOptions | None = None) -> torch.Tensor:
    return side_vectors(BACKBONE, (options or TilingOptions()).sentences("metal nut"))


def test_it_keeps_the_contract():
    detector = toy()
    assert isinstance(detector, Detector)
    images = torch.stack([picture(40, 60, (5, 5, 10, 10)), picture(40, 60)])
    prediction = detector.predict(images, "metal nut")
    assert prediction.score.shape == (2,)
    assert prediction.map.shape == (2, 40, 60)
    assert prediction.score.dtype == prediction.map.dtype == torch.float32
    assert ((prediction.map >= 0) & (prediction.map <= 1)).all()
    assert detector.league == "text only"
    assert len(detector.fingerprint) == 64


def test_its_league_is_that_of_the_models_that_it_uses():
    pixels = BluePixels()
    pixels.shown = DAMAGE
    assert toy(pixels=pixels).league == "was shown masks of other products"
    parts = ColouredParts()
    parts.shown = ("anomalies of other products",)
    assert toy(parts=parts, pixels=pixels).league == "auxiliary anomalies"
    assert toy(parts=parts, foreground="soft", elongated=False).league == "text only", "no part masks are asked for"
    damaged = tiny_backbone(shown=["captions", *DAMAGE])
    assert Tiling(damaged, None, RedSoft(), NoParts(), BluePixels()).league == "was shown masks of other products"


def test_a_prediction_is_what_the_stages_say():
    """Two instances, and what the report does with them, written out once more."""
    image = picture(80, 120, (10, 10, 20, 20), (40, 80, 24, 30))
    detector = toy()
    prediction = detector.predict(image[None], "metal nut")
    tiles = [Tile(4, 4, 32, 32), Tile(36, 79, 32, 32)]
    crops = torch.stack([image[:, t.top : t.top + 32, t.left : t.left + 32] for t in tiles])
    scores = tile_scores(BACKBONE.embed_image(crops), vectors())
    assert detector.segment(image[None])[0].tiles == tiles
    assert torch.allclose(prediction.score, scores.max(), atol=1e-6)  # top quarter of two components
    maps = mean_over_prompts(BluePixels()(crops, detector._options.prompts).sigmoid())
    expected = torch.zeros(80, 120)
    for tile, score, map_ in zip(tiles, scores, maps, strict=True):
        expected[tile.top : tile.top + 32, tile.left : tile.left + 32] = score * map_
    assert torch.allclose(prediction.map[0], expected, atol=1e-5)


def test_a_tile_that_two_components_share_counts_twice():
    """Two small parts in one corner are both cut out as the same corner tile; a third lies in a tile that overlaps."""
    image = picture(48, 48, (1, 1, 4, 4), (1, 8, 4, 4), (20, 20, 6, 6))
    detector = toy()
    found = detector.segment(image[None])[0]
    shared, other = Tile(0, 0, 32, 32), Tile(7, 7, 32, 32)
    assert found.tiles == [shared, other]
    assert found.of_component == [[0], [0], [1]]
    prediction = detector.predict(image[None], "metal nut")
    crops = torch.stack([image[:, t.top : t.top + 32, t.left : t.left + 32] for t in found.tiles])
    scores = tile_scores(BACKBONE.embed_image(crops), vectors())
    maps = mean_over_prompts(BluePixels()(crops, detector._options.prompts).sigmoid()) * scores[:, None, None]
    both = (2 * maps[0, 7:, 7:] + maps[1, :25, :25]) / 3
    assert torch.allclose(prediction.map[0, 7:32, 7:32], both, atol=1e-5)
    assert not torch.allclose(maps[0, 7:, 7:], maps[1, :25, :25], atol=1e-4)


def test_a_shadow_that_the_soft_foreground_leaves_out_is_no_foreground():
    image = picture(60, 60, (20, 20, 12, 12))
    image[1, 20:32, 32:44] = 1.0
    found = toy().segment(image[None])[0]
    assert (len(found.parts), len(found.kept)) == (2, 1)
    assert np.array_equal(found.mask, image[0].numpy() > 0)
    assert toy(foreground="parts").segment(image[None])[0].mask.sum() == 2 * 144
    assert np.array_equal(toy(foreground="soft").segment(image[None])[0].mask, found.mask)


def test_no_foreground_at_all_takes_the_picture_whole_and_says_so(caplog):
    image = picture(40, 60)
    prediction = toy().predict(image[None], "metal nut")
    found = toy().segment(image[None])[0]
    assert found.fallback
    assert found.tiles == [Tile(0, 0, 40, 60)]
    assert "no foreground in 1 of 1 pictures" in caplog.text
    whole = toy(tiles="whole image").predict(image[None], "metal nut")
    assert torch.equal(prediction.map, whole.map)
    assert torch.equal(prediction.score, whole.score)
    assert torch.allclose(prediction.score, tile_scores(BACKBONE.embed_image(image[None]), vectors()), atol=1e-5)


def test_a_sam_without_masks_leaves_no_foreground():
    for parts in (NoParts(), tiny_sam(SamSettings(points_per_side=2, pred_iou_thresh=1e9, crop_n_layers=1))):
        detector = toy(parts=parts)
        image = picture(40, 60, (5, 5, 10, 10))
        assert detector.segment(image[None])[0].fallback
        assert detector.predict(image[None], "metal nut").map.isfinite().all()


def test_a_component_at_the_border_and_one_that_fills_the_picture():
    image = picture(40, 70, (0, 60, 12, 10))
    assert toy().segment(image[None])[0].tiles == [Tile(0, 38, 32, 32)]
    filled = toy().segment(picture(40, 70, (0, 0, 40, 70))[None])[0]
    assert filled.tiles == [Tile(-15, 0, 70, 70)]
    assert not filled.fallback
    assert toy().predict(picture(40, 70, (0, 0, 40, 70))[None], "metal nut").map.shape == (1, 40, 70)


@pytest.mark.parametrize("size", [(20, 12), (9, 9), (31, 50)])
def test_a_picture_smaller_than_the_smallest_tile(size):
    height, width = size
    image = picture(height, width, (0, 0, max(1, height // 2), max(1, width // 2)))
    for tiles in ("components", "grid"):
        with pytest.raises(ValueError, match=f"images of {width} x {height} pixels .* smallest tile .*, 32 pixels.*"
                           f"resolution: 32 .*min_tile to {min(size)} or less"):  # fmt: skip
            toy(tiles=tiles).predict(image[None], "metal nut")
    for options in ({"min_tile": min(size)}, {"tiles": "whole image"}):
        prediction = toy(**options).predict(image[None], "metal nut")
        assert prediction.map.shape == (1, height, width)
        assert prediction.map.isfinite().all()


class Strip:
    """A long component of many parts: every column is a part."""

    name, fingerprint, settings, shown = "strip", "strip", None, ORDINARY

    def __call__(self, image: np.ndarray) -> list[Part]:
        red = image[..., 0] > 127
        masks = [red & (np.arange(red.shape[1]) // 4 == column) for column in range(red.shape[1] // 4 + 1)]
        return [part for mask in masks if (part := Part.of(mask)) is not None]


@pytest.mark.parametrize("parts", [Strip(), ColouredParts()])
def test_a_very_long_thin_component(parts):
    image = picture(48, 300, (20, 10, 2, 280))
    found = toy(parts=parts).segment(image[None])[0]
    if isinstance(parts, Strip):
        assert len(found.tiles) == 280 - 32 + 1
        assert {tile.width for tile in found.tiles} == {32}
        assert toy(parts=parts, elongated=False).segment(image[None])[0].tiles == [Tile(-119, 10, 280, 280)]
    else:
        assert found.tiles == [Tile(-119, 10, 280, 280)]
    prediction = toy(parts=parts).predict(image[None], "metal nut")
    assert prediction.map.isfinite().all()
    assert prediction.score.isfinite().all()


def test_a_long_component_without_the_smallest_tile():
    image = picture(60, 300, (20, 10, 20, 280))
    along = toy(parts=Strip(), elongated_min_tile=False).segment(image[None])[0].tiles
    assert {(tile.height, tile.top) for tile in along} == {(20, 20)}
    assert [tile.left for tile in along][:3] == [10, 20, 30]
    assert toy(parts=Strip(), elongated_parts=100).segment(image[None])[0].tiles == [Tile(-110, 10, 280, 280)]


class Sizes(BluePixels):
    """Also keeps how many tiles came at once."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes = []

    def __call__(self, tiles, prompts):
        self.sizes.append(len(tiles))
        return super().__call__(tiles, prompts)


def test_thousands_of_components_go_through_in_batches():
    image = torch.zeros(3, 96, 96)
    image[2] = 0.5
    image[0, ::2, ::2] = 1
    pixels = Sizes()
    detector = toy(pixels=pixels, foreground="soft", tile_batch=64, min_tile=64, localising=("a crack", "a dent"))
    prediction = detector.predict(image[None], "metal nut")
    found = detector.segment(image[None])[0]
    assert len(found.components) == 48 * 48
    assert len(found.tiles) < len(found.components) / 4  # those near an edge share one
    assert sum(pixels.sizes) == len(found.tiles)
    assert max(pixels.sizes) == 64
    assert prediction.map.isfinite().all()
    assert toy(foreground="soft", min_area=2).segment(image[None])[0].fallback


def test_a_shared_tile_counts_once_a_component():
    """Two components in a small picture share the tile around it all, a third has one of its own: 2 + 1."""
    image = picture(32, 60, (2, 2, 4, 4), (20, 4, 4, 4), (10, 30, 4, 4))
    detector = toy(scale=False, pixels=BluePixels())
    found = detector.segment(image[None])[0]
    assert found.of_component == [[0], [1], [0]] or found.of_component == [[0], [0], [1]]
    results = {r.number: r.map for r in detector.score_tiles(image[None], [found], "metal nut")}
    prediction = detector.predict(image[None], "metal nut").map[0]
    own = found.tiles[1].left
    assert own == 16
    column = (own + 32) // 2
    expected = (2 * results[0][5, column] + results[1][5, column - own]) / 3
    assert prediction[5, column].item() == pytest.approx(expected.item(), rel=1e-5)


def test_one_localising_prompt_near_zero_everywhere_keeps_the_order_and_is_named(caplog):
    image = picture(40, 64, (4, 4, 30, 50))
    alive, dead = toy(), toy(pixels=BluePixels(dead=("a cut",)))
    before, after = (d.predict(image[None], "metal nut").map[0, 5] for d in (alive, dead))
    assert after.isfinite().all()
    assert after.max() < 1e-4 < before.max()
    inside = before > before.median()
    assert (after[inside].diff() >= 0).all()
    assert "'a cut': near zero in every tile" in caplog.text
    caplog.clear()
    toy(pixels=BluePixels(dead=("a cut",)), prompt_mean="arithmetic").predict(image[None], "metal nut")
    assert "near zero" not in caplog.text


def test_grey_input_needs_three_channels():
    with pytest.raises((ValueError, TypeError), match=r"(?s)(of shape \(image, 3, height, width\)|3 height width)"):
        toy().predict(torch.rand(1, 1, 40, 40), "metal nut")
    grey = torch.rand(1, 1, 40, 40).repeat(1, 3, 1, 1)
    assert toy().predict(grey, "metal nut").map.isfinite().all()
    assert Tiling(BACKBONE, TilingOptions(foreground="soft"), tiny_dis(), None, tiny_clipseg()).predict(grey, "nut")


def test_a_batch_is_its_images_one_by_one():
    images = torch.stack(
        [picture(50, 70, (5, 5, 10, 10), (30, 40, 12, 9)), picture(50, 70), picture(50, 70, (9, 9, 9, 9))]
    )
    together = toy(tile_batch=2).predict(images, "metal nut")
    for index, image in enumerate(images):
        alone = toy().predict(image[None], "metal nut")
        assert torch.allclose(alone.map[0], together.map[index], atol=1e-6)
        assert torch.allclose(alone.score[0], together.score[index], atol=1e-6)


def test_the_order_of_the_parts_changes_nothing():
    class Backwards(ColouredParts):
        def __call__(self, image):
            return super().__call__(image)[::-1]

    image = picture(50, 70, (5, 5, 10, 10), (30, 40, 12, 9))[None]
    first, second = toy().predict(image, "nut"), toy(parts=Backwards()).predict(image, "nut")
    assert torch.equal(first.map, second.map)
    assert torch.equal(first.score, second.score)


def test_another_run_with_other_prompts_does_not_segment_again(tmp_path):
    soft, parts = RedSoft(), ColouredParts()
    images = torch.stack([picture(50, 70, (5, 5, 10, 10)), picture(50, 70)])
    first = toy(soft, parts, cache=tmp_path).predict(images, "metal nut")
    toy(soft, parts, cache=tmp_path, localising=("a hole",), coverage=0.5).predict(images, "bolt")
    again = toy(soft, parts, cache=tmp_path).predict(images, "metal nut")
    assert (soft.seen, parts.seen) == (2, 2)
    assert torch.equal(first.map, again.map)


def test_gradients_reach_the_images():
    detector = Tiling(BACKBONE, TilingOptions(tile_batch=2), RedSoft(), ColouredParts(), tiny_clipseg())
    images = torch.stack([picture(40, 60, (5, 5, 10, 10), (20, 30, 15, 15))]).requires_grad_()
    prediction = detector.predict(images, "metal nut")
    for value in (prediction.score.sum(), prediction.map.sum()):
        (gradient,) = torch.autograd.grad(value, images, retain_graph=True)
        assert gradient.isfinite().all()
        assert gradient.abs().sum() > 0


def test_small_models_of_the_real_classes_run_end_to_end():
    sam = tiny_sam(SamSettings(points_per_side=3, pred_iou_thresh=-1, stability_score_thresh=-1))
    detector = Tiling(BACKBONE, TilingOptions(coverage=0.2), tiny_dis(), sam, tiny_clipseg())
    images = random_images(2, 48, 64)
    prediction = detector.predict(images, "metal nut")
    assert torch.equal(prediction.map, detector.predict(images, "metal nut").map)
    assert set(detector.seconds) == {
        "soft foreground", "part masks", "foreground and tiles", "prompts", "tile scores", "pixel maps", "aggregation",
    }  # fmt: skip


def test_every_choice_is_written_down_resolved():
    sam = tiny_sam(SamSettings(points_per_side=16))
    detector = toy(parts=sam, distinct_prompts=True, temperature=None)
    options = detector.options
    assert json.loads(json.dumps(options)) == options
    assert options["soft"] == "red"
    assert options["pixels"] == "blue"
    assert options["min_tile"] == 32
    assert options["temperature"] == pytest.approx(1 / BACKBONE.model.logit_scale.exp().item())
    assert options["sam"]["points_per_side"] == 16  # those of the model, whoever chose them
    assert options["sam"]["pred_iou_thresh"] == 0.88
    assert len(options["templates"]) == 22
    assert "points_per_batch" not in options["sam"]
    assert not {"cache", "text_cache", "tile_batch", "weights_folder"} & set(options)
    assert toy(foreground="soft").options["parts"] is None


@pytest.mark.parametrize(
    "changes",
    [
        {"temperature": 0.1}, {"coverage": 0.7}, {"scale": False}, {"top_share": 1.0}, {"prompt_mean": "arithmetic"},
        {"average": "embedding"}, {"distinct_prompts": True}, {"min_tile": 48}, {"elongated": False},
        {"foreground": "none"}, {"tiles": "whole image"}, {"epsilon": 1e-3}, {"keep_digits": True}, {"connectivity": 4},
    ],
)  # fmt: skip
def test_every_choice_has_a_fingerprint_of_its_own(changes):
    assert toy(**changes).fingerprint != toy().fingerprint
    fewer = toy(parts=tiny_sam(SamSettings(points_per_side=8)))
    assert fewer.fingerprint != toy(parts=tiny_sam(SamSettings(points_per_side=9))).fingerprint
    assert toy(cache="somewhere", tile_batch=3).fingerprint == toy().fingerprint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"foreground": "sam"}, "foreground must be 'parts in soft', 'soft', 'parts' or 'none', not 'sam'"),
        ({"pixels": "sam"}, "unknown pixels 'sam'; known: clipseg-rd64-refined, demo-clipseg"),
        ({"coverage": 1.2}, "coverage must be at most 1.0, not 1.2"),
        ({"temperature": 0}, "temperature must be a number from 0.0001"),
        ({"min_tile": 0}, "min_tile must be a whole number from 8"),
        ({"sam": {"points": 3}}, "sam has no setting points; known: points_per_side"),
        ({"localising": []}, "localising needs a list of at least one text"),
        ({"states": {"normal": ["{}"]}}, "states needs the keys"),
    ],
)
def test_values_that_an_option_does_not_take(options, message):
    with pytest.raises(ValueError, match=message):
        check_options("tiling", options)


def test_the_words_for_a_category():
    assert any("pipe fryum" in line for line in TilingOptions().sentences("pipe_fryum")[0])
    assert all("pcb1" not in line for line in TilingOptions().sentences("pcb1")[1])
    assert any("pcb1" in line for line in TilingOptions(keep_digits=True).sentences("pcb1")[1])
    with pytest.raises(ValueError, match=r"'01' leaves no words .*keep_digits=True"):
        TilingOptions().sentences("01")
    assert [len(side) for side in TilingOptions().sentences("nut")] == [19 * 22, 23 * 22]


def test_models_are_chosen_to_match_the_backbone(tmp_path, monkeypatch):
    monkeypatch.setattr("zsad.clip.zoo.WEIGHTS", tmp_path)
    demo = tiny_backbone()
    demo.name = "demo-t"
    with pytest.raises(FileNotFoundError, match=r"demo-dis\.json is missing"):
        Tiling(demo)
    with pytest.raises(FileNotFoundError, match=r"no file .*sam_vit_h_4b8939\.pth"):
        Tiling(BACKBONE, TilingOptions(foreground="parts", weights_folder=tmp_path))


@pytest.fixture(autouse=True)
def _log_level(caplog):
    caplog.set_level(logging.INFO)


def test_a_grid_of_tiles_needs_no_foreground_and_covers_the_picture():
    image = picture(80, 120, (10, 10, 20, 20))
    soft, parts = RedSoft(), ColouredParts()
    detector = toy(soft, parts, tiles="grid")
    found = detector.segment(image[None])[0]
    side = detector.min_tile
    assert (soft.seen, parts.seen) == (0, 0)
    covered = np.zeros((80, 120), int)
    for tile in found.tiles:
        assert (tile.height, tile.width) == (side, side)
        assert 0 <= tile.top <= 80 - side
        assert 0 <= tile.left <= 120 - side
        covered[tile.top : tile.top + side, tile.left : tile.left + side] += 1
    assert covered.min() == 1  # corners
    assert covered[side // 2 : -side // 2, side // 2 : -side // 2].min() >= 4  # half a side apart both ways
    assert found.of_component == [[number] for number in range(len(found.tiles))]
    scores = torch.stack([result.score for result in detector.score_tiles(image[None], [found], "nut")])
    quarter = scores.sort(descending=True).values[: -(-len(scores) // 4)].mean()
    assert torch.allclose(detector.predict(image[None], "nut").score[0], quarter, atol=1e-6)
