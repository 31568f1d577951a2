"""What the segmenters of the demo world are trained on, and that each trainer ships files the library loads."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from segment_anything import SamPredictor
from tiny_clip import TOKENIZER, random_images, tiny_backbone, tiny_model
from tiny_parts import SAM_CONFIG

from training import scenes, schedule, train_clipseg, train_dis, train_sam
from training.convert_clip import begin_with_clip, clip_weights, clipseg_config
from training.schedule import Recipe, overlap_loss
from training.world import LOOK, STUDIED, STYLE, WORLD
from zsad.clip.ship import ship
from zsad.clip.zoo import read_demo_weights
from zsad.data.demo.specimen import render_specimen
from zsad.data.demo.suites import DOMAINS
from zsad.tiling.prompts import LOCALISING
from zsad.tiling.sam import SamSettings, build_sam
from zsad.tiling.zoo import demo_foreground, demo_parts, demo_pixels

TINY_CFG = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 80, "patch_size": 16, "width": 32, "head_width": 16, "layers": 2},
    "text_cfg": {"context_length": 77, "vocab_size": TOKENIZER.vocab_size, "width": 32, "heads": 2, "layers": 2},
}
DECODER = {
    "reduce_dim": 16, "decoder_num_attention_heads": 2, "decoder_intermediate_size": 32,
    "use_complex_transposed_convolution": True,
}  # fmt: skip


@pytest.mark.parametrize(("name", "defect"), [("tablets", None), ("gear", "crack"), ("domino", "turned")])
def test_a_scene_is_the_picture_that_the_suites_renderer_draws(name, defect):
    shown = scenes.show(WORLD[name], LOOK, STYLE, np.random.default_rng(4), defect, 120, 120)
    picture, mask = render_specimen(WORLD[name], LOOK, STYLE, np.random.default_rng(4), defect, 120, 120)
    assert np.array_equal(shown.picture, picture)
    assert np.array_equal(shown.damage, mask)
    assert ((shown.instance != scenes.NONE) <= shown.product).all()
    assert ((shown.part != scenes.NONE) <= shown.product).all()
    if name == "tablets":
        assert len(np.unique(shown.instance)) == 7  # six tablets and the table
        # a tablet is a disc with a score line
        assert all(len(np.unique(shown.part[shown.instance == number])) == 2 for number in range(6))
        assert (shown.part[shown.product] != scenes.NONE).mean() > 0.99
    if defect == "turned":
        assert (shown.part == scenes.NONE).all()


def test_scenes_may_lie_on_any_table_of_the_suites_under_any_lamp():
    for name in ("hue", "saturation", "value", "azimuth", "elevation", "ambient", "vignette"):
        for look in (LOOK, *(domain.look for domain in DOMAINS.values())):
            low, high = getattr(look, name)
            if name == "azimuth":
                low, high = low % 360, high % 360
            assert getattr(scenes.ANYWHERE, name)[0] <= low
            assert high <= getattr(scenes.ANYWHERE, name)[1]


def test_a_scene_keeps_its_shape_in_the_upper_left():
    shapes = set()
    for index in range(6):
        arrays, (_, height, width) = scenes.render(index, 3)
        picture = arrays["pictures"]
        assert picture.shape == (scenes.SIDE, scenes.SIDE, 3)
        assert max(height, width) == scenes.SIDE
        assert not picture[height:].any()
        assert not picture[:, width:].any()
        assert picture[:height, :width].all(axis=2).mean() > 0.9  # no table is quite black
        product = np.unpackbits(arrays["product"], axis=1).astype(bool)
        for numbers in ("instance", "part", "colour", "noun"):
            assert ((arrays[numbers] != scenes.NONE) <= product).all()
        assert not product[height:].any()
        assert not product[:, width:].any()
        shapes.add((height, width))
    assert len(shapes) > 3
    assert {height < width for height, width in shapes} == {True, False}


def test_a_picture_is_given_as_sam_gives_it_to_itself():
    sam = build_sam(**SAM_CONFIG)
    rng = np.random.default_rng(0)
    picture = np.kron(rng.integers(0, 256, (6, 10, 3)), np.ones((12, 12, 1))).astype(np.uint8)
    predictor = SamPredictor(sam.eval())
    seen = []
    sam.image_encoder.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    predictor.set_image(picture)
    given = train_sam.as_sam_sees(sam, torch.from_numpy(picture).permute(2, 0, 1) / 255)
    assert torch.allclose(given, seen[0][0], atol=0.02)  # Pillow rounds to whole levels of 255
    rows = SAM_CONFIG["image_size"] * 6 // 10
    assert not given[:, rows + 1 :].any()
    assert given[:, : rows - 1].abs().mean() > 0.3


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    folder = tmp_path_factory.mktemp("banks") / "scenes"
    scenes.write_scenes(folder, 14, 1, workers=1)
    return scenes.read_scenes(folder)


def tiny_clip(folder):
    card = {"model_cfg": TINY_CFG, "vocabulary": list(TOKENIZER.vocabulary), "mean": [0.4] * 3, "std": [0.2] * 3}
    ship("demo-t", tiny_model().state_dict(), {**card, "shown": ["pictures", "captions"]}, folder)


TRAINERS = {
    "demo-dis": lambda *to, **how: train_dis.train("demo-dis", *to, widths=(8, 8, 8), side=32, **how),
    "demo-sam": lambda *to, **how: train_sam.train("demo-sam", "demo-t", *to, SAM_CONFIG, points=2, **how),
    "demo-clipseg": lambda *to: train_clipseg.train("demo-clipseg", "demo-t", *to, DECODER),
}


@pytest.mark.parametrize("name", TRAINERS)
def test_a_training_that_was_stopped_ends_with_the_same_weights(name, few, tmp_path, monkeypatch):
    tiny_clip(tmp_path)
    recipe = Recipe(steps=4, batch=2, peak=1e-3, seed=0)
    monkeypatch.setattr(schedule, "KEPT_EVERY", 2)
    TRAINERS[name](few, recipe, tmp_path / "whole", tmp_path)
    whole = read_demo_weights(name, tmp_path)

    step, numbers, stop = schedule.Trainer._step, [], 3

    def counted(trainer, terms):
        if trainer.done == stop:
            raise KeyboardInterrupt
        numbers.append(trainer.done)
        return step(trainer, terms)

    monkeypatch.setattr(schedule.Trainer, "_step", counted)
    with pytest.raises(KeyboardInterrupt):
        TRAINERS[name](few, recipe, tmp_path / "cut", tmp_path)
    assert numbers == [0, 1, 2]
    numbers.clear()
    stop = None
    TRAINERS[name](few, recipe, tmp_path / "cut", tmp_path)
    assert numbers == [2, 3]
    cut = read_demo_weights(name, tmp_path)
    assert whole[0]["training"]["history"] == cut[0]["training"]["history"]
    assert all(torch.equal(tensor, cut[1][key]) for key, tensor in whole[1].items())


@pytest.mark.parametrize("module", [train_dis, train_sam])
def test_what_a_segmenter_multiplies_in_is_what_was_asked_for(module, few, tmp_path, monkeypatch):
    asked = set()
    monkeypatch.setattr(torch, "autocast", lambda *given, **options: pytest.fail("beside what was asked for"))
    monkeypatch.setattr(module, "multiplying_in", lambda dtype: asked.add(dtype) or nullcontext())
    tiny_clip(tmp_path)
    name = module.__name__.replace("training.train_", "demo-")
    TRAINERS[name](few, Recipe(steps=1, batch=2, peak=1e-3, seed=0), tmp_path / "work", tmp_path, dtype="float32")
    assert asked == {"float32"}
    assert read_demo_weights(name, tmp_path)[0]["training"]["dtype"] == "float32"


def test_the_scenes_have_no_mask_of_damage_and_no_damaged_category_of_the_suites(few):
    assert "damage" not in few.__dataclass_fields__
    names = {WORLD[name].name for name in STUDIED}
    others = few.of_no_category()
    assert len(others) == (~np.isin(few.names, [*names])).sum()
    assert 0 < len(others) < len(few)
    assert not set(few.names[others]) & names
    rng = np.random.default_rng(0)
    shots = [scenes.draw_shot(rng) for _ in range(3000)]
    assert not [shot for shot in shots if shot.product.name in names and shot.defect]
    assert {shot.product.name for shot in shots} >= names
    assert all(shot.zoom == 1 for shot in shots)


def test_tiles_lie_in_their_pictures():
    sizes = np.array([[240, 134], [140, 240], [240, 240]]).repeat(200, 0)
    tops, lefts, sides = train_clipseg.draw_tiles(sizes, np.random.default_rng(0))
    assert sides.min() >= train_clipseg.SMALLEST
    assert (tops + sides <= sizes[:, 0]).all()
    assert (lefts + sides <= sizes[:, 1]).all()
    assert (tops + sides == sizes[:, 0]).any()
    assert tops.min() == lefts.min() == 0


def test_the_trainers_ship_what_the_library_loads(few, tmp_path):
    tiny_clip(tmp_path)
    recipe = Recipe(steps=2, batch=2, peak=1e-3, seed=0)
    for trainer in TRAINERS.values():
        trainer(few, recipe, tmp_path / "work", tmp_path)
    soft = demo_foreground(*read_demo_weights("demo-dis", tmp_path))
    assert soft(torch.zeros(1, 3, 40, 50, dtype=torch.uint8)).shape == (1, 40, 50)
    sam = demo_parts(*read_demo_weights("demo-sam", tmp_path))
    assert isinstance(sam(np.zeros((40, 50, 3), np.uint8)), list)
    assert sam.settings == SamSettings(**train_sam.SETTINGS)
    card, state = read_demo_weights("demo-clipseg", tmp_path)
    assert card["training"]["start"] == "demo-t"
    pixels = demo_pixels(card, state)
    assert pixels(random_images(2, 80, 80), LOCALISING).shape[:2] == (2, 19)
    assert soft.shown == ("masks of ordinary things",)
    assert {*sam.shown} == {*pixels.shown} == {"pictures", "captions", "masks of ordinary things"}
    before = clip_weights({key: value.half().float() for key, value in tiny_model().state_dict().items()})
    assert all(torch.equal(state[f"clip.{key}"], value) for key, value in before.items())  # only the decoder learns


def test_a_converted_clip_gives_the_same_embeddings():
    backbone = tiny_backbone()
    words = list(TOKENIZER.vocabulary)
    from transformers import CLIPSegConfig, CLIPSegModel

    model = CLIPSegModel(CLIPSegConfig(**clipseg_config(TINY_CFG, words, DECODER))).eval()
    model.load_state_dict(clip_weights(tiny_model().state_dict()))
    images, texts = random_images(2), ["a photo of the damaged nut", "nut"]
    with torch.no_grad():
        out = model(pixel_values=(images - backbone.mean) / backbone.std, input_ids=TOKENIZER(texts))
    assert torch.allclose(out.image_embeds, backbone.embed_image(images), atol=1e-5)
    assert torch.allclose(out.text_embeds, backbone.embed_text(texts), atol=1e-5)


def test_a_point_means_its_part_its_instance_and_the_product():
    product, instance, part = np.zeros((12, 12), bool), *np.full((2, 12, 12), scenes.NONE, np.uint8)
    product[:, :10], instance[:, :5], instance[:, 5:10], part[:, :5], part[:, 5:10] = True, 0, 1, 0, 1
    part[4:, 5:10] = 2
    masks = train_sam.meanings(6, 7, product, instance, part)
    assert [int(mask.sum()) for mask in masks] == [120, 60, 40]
    assert [int(mask.sum()) for mask in train_sam.meanings(6, 1, product, instance, part)] == [120, 60]
    assert np.array_equal(train_sam.meanings(0, 11, product, instance, part)[0], ~product)
    points, targets, known = train_sam.draw_points(product, instance, part, 8, np.random.default_rng(0))
    for (x, y), masks, there in zip(points, targets, known, strict=True):
        assert all(mask[int(y), int(x)] for mask in masks[there])


def test_the_second_head_is_to_read_edges_and_the_way_to_the_middle():
    product, instance, part = np.zeros((24, 24), bool), *np.full((2, 24, 24), scenes.NONE, np.uint8)
    product[:, :16], instance[:, :8], instance[:, 8:16], part[:, :16] = True, 0, 1, 3
    wanted, known = train_sam.dense_targets(product, instance, part, 8)
    assert torch.equal(wanted[0], torch.from_numpy(product[1::3, 1::3]).float())
    columns = torch.arange(8)
    # Columns 1, 4, 7, ... of 24 are looked at: three show the first instance, two the second.
    assert wanted[1].bool()[:, [3, 5]].all()
    assert not wanted[1].bool()[:, [0, 1, 2, 4, 6, 7]].any()
    there = torch.from_numpy(instance[1::3, 1::3] != scenes.NONE)
    assert torch.equal(known[2].bool(), there)
    for number in (0, 1):
        own = torch.from_numpy(instance[1::3, 1::3] == number)
        arrived = columns.expand(8, 8)[own] / 8 + wanted[3][own]
        assert torch.allclose(arrived, arrived.mean())  # all pixels of an instance point to one place
    head = train_sam.DenseHead(8)
    assert head(torch.zeros(2, 8, 5, 5)).shape == (2, 6, 20, 20)
    right = wanted[None].clone()
    right[:, :2] = 40 * right[:, :2] - 20
    assert all(term < 1e-6 for term in train_sam.dense_losses(right, wanted[None], known[None]).values())
    assert train_sam.dense_losses(-right, wanted[None], known[None])["dense"] > 1


def test_a_sam_begins_with_the_layers_of_a_clip():
    """Its layers are the CLIP's, and tokens enter them nearly as they do there."""
    clip = tiny_model().visual
    sam = build_sam(**{**SAM_CONFIG, "window": 0, "global_layers": []}).eval()
    card = {"mean": [0.48, 0.45, 0.40], "std": [0.27, 0.26, 0.28]}
    begin_with_clip(sam, card, {f"visual.{key}": value for key, value in clip.state_dict().items()})
    tokens = torch.randn(2, 4, 4, 32)
    with torch.no_grad():
        for block, theirs in zip(sam.image_encoder.blocks, clip.transformer.resblocks, strict=True):
            assert torch.allclose(block(tokens).flatten(1, 2), theirs(tokens.flatten(1, 2)), atol=1e-4)
        images = random_images(2, 64, 64)
        mean, std = (torch.tensor(card[name]).view(3, 1, 1) for name in ("mean", "std"))
        whole = clip.conv1((images - mean) / std).flatten(2).mT + clip.positional_embedding[1:].mean(0)
        wanted = clip.ln_pre(whole)
        sam.image_encoder.pos_embed.copy_(sam.image_encoder.pos_embed.mean((1, 2), keepdim=True).expand(-1, 4, 4, -1))
        entered = sam.image_encoder.patch_embed(sam.preprocess(255 * images)) + sam.image_encoder.pos_embed
    assert torch.cosine_similarity(entered.flatten(1, 2), wanted, dim=-1).mean() > 0.95


def test_the_best_mask_counts_and_its_overlap_is_the_quality():
    target = torch.zeros(1, 3, 8, 8)
    target[0, 0, :4], target[0, 1, :2] = 1, 1
    masks = torch.where(target > 0, 20.0, -20.0)
    known = torch.tensor([[True, True, False]])
    terms = train_sam.losses(masks, torch.tensor([[1.0, 1.0, 0.0]]), target, known)
    assert terms["mask"].item() == pytest.approx(0, abs=1e-3)
    assert terms["quality"].item() == pytest.approx(0, abs=1e-6)
    worse = train_sam.losses(masks[:, [0, 0, 2]], torch.tensor([[1.0, 1.0, 0.0]]), target, known)
    assert worse["mask"] > 0.1
    assert worse["quality"].item() == pytest.approx(0, abs=1e-6)  # both meet the first meaning
    assert overlap_loss(masks[:, 0], target[:, 0]).item() < 0.02
