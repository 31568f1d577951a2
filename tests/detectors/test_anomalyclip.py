"""AnomalyCLIP's predictions against its formulas, and prompts that do not fit."""

import numpy as np
import pytest
import torch
from learned_prompts import random_prompts, ship_prompts
from scipy.ndimage import gaussian_filter
from tiny_clip import TOKENIZER, random_images, tiny_backbone, tiny_model
from torch.nn import functional as F

import zsad
from zsad.clip import Backbone, zoo
from zsad.detectors.anomalyclip import AnomalyCLIPOptions, FrozenFeatures, deep_sets, text_features

IMAGES = random_images(3)


@pytest.fixture(autouse=True)
def weights(tmp_path, monkeypatch):
    """The folder of the package's weights holds prompts for the tiny backbone, of every make."""
    monkeypatch.setattr(zoo, "WEIGHTS", tmp_path)
    ship_prompts(tmp_path)
    return tmp_path


def load(backbone=None, **options):
    return zsad.load_detector("anomalyclip", backbone or tiny_backbone(), **options)


def text_by_hand(backbone, prompts):
    """Token by token: SOS, 12 learned vectors, the sentence; deep tokens over the first four before later blocks."""
    features = []
    for side, sentence in (("normal", "object"), ("anomalous", "damaged object")):
        model = backbone.model
        tokens = TOKENIZER([f"{'a ' * 12}{sentence}"])
        end = int(tokens.argmax())
        x = model.token_embedding(tokens)[0]
        x[1:13] = prompts[side]
        x = (x + model.positional_embedding)[: end + 1]
        mask = model.attn_mask[: end + 1, : end + 1]
        for number, block in enumerate(model.transformer.resblocks):
            if number and "deep" in prompts:
                x[1:5] = prompts["deep"][number - 1].half().float()
            x = block(x[None], attn_mask=mask)[0]
        features.append(F.normalize(model.ln_final(x[-1]) @ model.text_projection, dim=0))
    return torch.stack(features)


def patches_by_hand(backbone, image, last, plain=False):
    """The V-V path from the first of two blocks on, to block `last`; or the tower's own tokens."""
    visual = backbone.model.visual
    h = visual._embeds((image[None] - backbone.mean) / backbone.std)
    path = h
    for block in visual.transformer.resblocks[:last]:
        module, z = block.attn, block.ln_1(h)
        v = (z @ module.in_proj_weight.T + module.in_proj_bias).chunk(3, dim=-1)[2][0]
        heads = []
        for part in v.split(16, dim=1):
            heads.append(torch.softmax(part @ part.T / 4, dim=1) @ part)
        path = path + module.out_proj(torch.cat(heads, dim=1))
        h = block(h)
    return F.normalize(visual.ln_post((h if plain else path)[0, 1:]) @ visual.proj, dim=1), h[0, 0]


@pytest.mark.parametrize(
    "options", [{}, {"tokens": "plain"}, {"deep_tokens": False}, {"class_norm": True}, {"taps": [1, 2]}]
)
@torch.no_grad()
def test_predictions_are_the_formulas(options):
    backbone, prompts = tiny_backbone(), random_prompts(deep=options.get("deep_tokens", True))
    sides = text_by_hand(backbone, prompts)
    torch.testing.assert_close(text_features(backbone, prompts), sides, atol=1e-5, rtol=0)
    prediction = load(**options).predict(IMAGES, "nut")
    visual = backbone.model.visual
    for image, score, found in zip(IMAGES, prediction.score, prediction.map, strict=True):
        expected = 0
        for last in options.get("taps", [2]):
            patches, token = patches_by_hand(backbone, image, last, options.get("tokens") == "plain")
            anomalous = torch.softmax(patches @ sides.T / 0.07, dim=1)[:, 1].view(1, 1, 5, 5)
            expected = expected + F.interpolate(anomalous, (80, 80), mode="bilinear", align_corners=False)[0, 0].numpy()
        np.testing.assert_allclose(found, gaussian_filter(expected, 4 * 80 / 518), atol=1e-5)
        token = patches_by_hand(backbone, image, 2)[1]
        token = F.normalize((visual.ln_post(token) if options.get("class_norm") else token) @ visual.proj, dim=0)
        torch.testing.assert_close(score, torch.softmax(sides @ token / 0.07, dim=0)[1], atol=1e-5, rtol=0)
        assert found.std() > 1e-4


def test_the_shapes_follow_the_depth_as_in_the_published_towers():
    """Of 24 blocks the V-V path begins at the 6th, and 8 sets of deep tokens stand before text blocks 2 to 9 of 12."""
    first, sets = {}, {}
    for layers in (2, 6, 9, 24):
        model = tiny_model(vision={"layers": layers}, text={"layers": 12 if layers == 24 else 3})
        backbone = Backbone(model, TOKENIZER, "tiny")
        sets[layers] = deep_sets(backbone)
        first[layers] = FrozenFeatures(backbone, AnomalyCLIPOptions()).value_path_from
    assert first == {2: 1, 6: 2, 9: 3, 24: 6}
    assert sets == {2: 2, 6: 2, 9: 2, 24: 8}


def test_the_map_comes_at_the_size_of_the_images():
    """Smoothed at the input size, whatever theirs is."""
    images = random_images(2, 40, 130)
    found = load().predict(images, "nut").map
    squashed = F.interpolate(images, (80, 80), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
    expected = F.interpolate(load().predict(squashed, "nut").map[:, None], (40, 130), mode="bilinear")[:, 0]
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_the_name_of_the_product_plays_no_part():
    detector = load()
    assert torch.equal(detector.predict(IMAGES, "nut").map, detector.predict(IMAGES, "螺母").map)


@pytest.mark.parametrize("target", ["score", "map"])
def test_gradients_reach_every_patch(target):
    images = IMAGES.clone().requires_grad_()
    getattr(load().predict(images, "nut"), target).sum().backward()
    assert (F.avg_pool2d(images.grad.abs(), 16) > 0).all()


def test_gradients_agree_with_finite_differences():
    detector = load(tiny_backbone(dtype="float64"))
    images = random_images(1).double()
    direction = torch.randn(images.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def value(step):
        found = detector.predict(images.clamp(0.1, 0.9) + step * direction, "nut")
        return found.map.square().sum() + found.score.sum()

    step = torch.zeros((), dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(value(step), step)
    torch.testing.assert_close(gradient, (value(1e-5) - value(-1e-5)) / 2e-5, rtol=1e-4, atol=0)


def test_one_pass_through_the_tower_scores_an_image(monkeypatch):
    detector = load()
    seen = []
    for block in detector.backbone.model.visual.transformer.resblocks:
        block.mlp.register_forward_hook(lambda *call: seen.append(len(call[2])))
    text = detector.backbone.model.transformer.resblocks[0]
    text.register_forward_hook(lambda *call: pytest.fail("the prompts are embedded again"))
    detector.predict(IMAGES, "nut")
    assert seen == [3, 3]


@pytest.mark.parametrize(
    ("shown", "league"),
    [
        (["captions"], "auxiliary anomalies"),
        (["captions", "normal images of the product"], "normal images of the product"),
        (["unknown"], "unknown"),
    ],
)
def test_its_league_is_that_of_its_prompts(shown, league):
    assert load(tiny_backbone(shown=shown)).league == league


def test_prompts_are_part_of_the_fingerprint_and_their_folder_is_not(weights, tmp_path):
    (elsewhere := tmp_path / "elsewhere").mkdir()
    other = ship_prompts(elsewhere, seed=1)
    same = ship_prompts(tmp_path / "copy")
    prints = [load(**options).fingerprint for options in ({}, {"trained_on": str(same)}, {"trained_on": str(other)})]
    assert prints[0] == prints[1] != prints[2]


def test_prompts_are_found_in_a_folder_by_the_data_set(tmp_path):
    (folder := tmp_path / "own").mkdir()
    path = ship_prompts(folder, seed=1, suite="visa")
    found, given = load(trained_on="visa", weights_folder=str(folder)), load(trained_on=str(path))
    assert found.fingerprint == given.fingerprint
    assert "weights_folder" not in found.options
    with pytest.raises(FileNotFoundError, match=r"own does not hold anomalyclip-tiny-mvtec_ad\.safetensors or 9_12"):
        load(trained_on="mvtec_ad", weights_folder=str(folder))


def test_a_bfloat16_backbone_comes_close():
    exact, rounded = load(), load(tiny_backbone(dtype="bfloat16"))
    difference = (exact.predict(IMAGES, "nut").score - rounded.predict(IMAGES, "nut").score).abs().max()
    assert 0 < difference < 0.1


def test_options_as_they_are_reported_give_the_same_detector():
    """Prompts for the last block are not called otherwise when it is named."""
    detector = load()
    assert load(**detector.options).fingerprint == detector.fingerprint


def test_taps_that_do_not_exist_are_named():
    with pytest.raises(ValueError, match="the image tower of tiny has the blocks 1 to 2, no 3"):
        load(taps=[2, 3])


def test_prompts_for_other_choices_are_refused(weights):
    path = next(weights.glob("anomalyclip-plain-tiny*.safetensors"))
    with pytest.raises(ValueError, match="belongs to another part: 'anomalyclip-plain', not 'anomalyclip'"):
        load(trained_on=str(path))
