import json
import math

import pytest
import torch
from tiny_clip import TOKENIZER, random_images, tiny_backbone, tiny_model
from torch.nn import functional as F

import zsad
from zsad.clip import Backbone
from zsad.clip.prompts import STATES, compose
from zsad.clip.prototypes import text_prototypes
from zsad.detectors.winclip import WinCLIPOptions

IMAGES = random_images(3)
SWAPPED = {"normal": STATES["anomalous"], "anomalous": STATES["normal"]}
# Random weights put all sentences close together; a low temperature spreads the scores as trained weights do.
SHARP = {"temperature": 0.01}


def winclip(backbone=None, **options):
    return zsad.load_detector("winclip", backbone or tiny_backbone(), **options)


def anomaly_probability(embeddings, temperature, backbone=None):
    backbone = backbone or tiny_backbone()
    sentences = compose("metal nut")
    normal, anomalous = text_prototypes(backbone, [sentences["normal"], sentences["anomalous"]])
    exponentials = [torch.exp(embeddings @ prototype / temperature) for prototype in (normal, anomalous)]
    return exponentials[1] / (exponentials[0] + exponentials[1])


def slow_map(image, temperature, normality=False):
    """The map on the 5 x 5 grid, patch by patch, from single windows."""
    backbone = tiny_backbone()
    inverse_means = []
    for size in (2, 3):
        scores = anomaly_probability(backbone.embed_windows(image[None], (size,))[size][0], temperature).double()
        scores = (1 - scores if normality else scores).view(6 - size, 6 - size)
        grid = torch.zeros(5, 5, dtype=torch.float64)
        for row in range(5):
            for column in range(5):
                top, left = slice(max(0, row - size + 1), row + 1), slice(max(0, column - size + 1), column + 1)
                grid[row, column] = (1 / scores[top, left]).mean()
        inverse_means.append(grid)
    whole = anomaly_probability(backbone.embed_image(image[None])[0], temperature).double()
    merged = 3 / (sum(inverse_means) + 1 / (1 - whole if normality else whole))
    return 1 - merged if normality else merged


@pytest.mark.parametrize("normality", [False, True])
def test_map_equals_a_slow_loop(normality):
    prediction = winclip(aggregate="normality" if normality else "anomaly", **SHARP).predict(IMAGES, "metal_nut")
    for image, result in zip(IMAGES, prediction.map, strict=True):
        grid = slow_map(image, 0.01, normality).float()
        expected = F.interpolate(grid[None, None], size=(80, 80), mode="bilinear", align_corners=False)[0, 0]
        torch.testing.assert_close(result, expected, atol=1e-4, rtol=0)
    assert prediction.map.std() > 1e-3


def test_the_two_aggregations_differ():
    maps = [winclip(aggregate=kind, **SHARP).predict(IMAGES, "nut").map for kind in ("anomaly", "normality")]
    assert (maps[0] - maps[1]).abs().max() > 1e-3


def test_image_score_is_the_softmax_on_the_class_token():
    score = winclip().predict(IMAGES, "metal_nut").score
    expected = anomaly_probability(tiny_backbone().embed_image(IMAGES), 0.07)
    torch.testing.assert_close(score, expected, atol=1e-6, rtol=0)


def test_temperature_leaves_the_ranking_of_images():
    images = random_images(12)
    scores = [winclip(temperature=value).predict(images, "nut").score for value in (0.01, 0.07, 1.0)]
    assert torch.equal(scores[0].argsort(), scores[1].argsort())
    assert torch.equal(scores[0].argsort(), scores[2].argsort())
    assert not torch.allclose(scores[0], scores[1])


def test_map_maximum_as_image_score():
    prediction = winclip(image_score="map maximum").predict(IMAGES, "nut")
    assert torch.equal(prediction.score, prediction.map.amax(dim=(1, 2)))


def test_image_scale_pulls_the_map_to_the_image_score():
    alone = winclip(scales=()).predict(IMAGES, "nut")
    torch.testing.assert_close(alone.map, alone.score[:, None, None].expand(-1, 80, 80))
    spreads = [winclip(image_scale=on, **SHARP).predict(IMAGES, "nut").map.std(dim=(1, 2)) for on in (True, False)]
    assert (spreads[0] < spreads[1]).all()


def test_swapped_prompts_mirror_the_score():
    plain, swapped = (winclip(states=states).predict(IMAGES, "nut") for states in (STATES, SWAPPED))
    torch.testing.assert_close(swapped.score, 1 - plain.score, atol=1e-6, rtol=0)
    opposite = winclip(states=SWAPPED, aggregate="normality").predict(IMAGES, "nut")
    torch.testing.assert_close(opposite.map, 1 - plain.map, atol=1e-6, rtol=0)


def test_whole_sentences_in_place_of_the_ensemble():
    prompts = {"normal": ["a photo of the {}"], "anomalous": ["a photo of the damaged {}"]}
    backbone = tiny_backbone()
    normal, anomalous = backbone.embed_text(["a photo of the metal nut", "a photo of the damaged metal nut"])
    margin = backbone.embed_image(IMAGES) @ (anomalous - normal)
    result = winclip(prompts=prompts).predict(IMAGES, "metal_nut").score
    torch.testing.assert_close(result, torch.sigmoid(margin / 0.07), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    "options",
    [{"templates": "21"}, {"average": "raw"}, {"replace_underscores": False}, {"keep_digits": False}, {"scales": [2]}],
)
def test_every_text_and_scale_option_counts(options):
    plain = winclip(**SHARP).predict(IMAGES, "metal_nut2").map
    other = winclip(**SHARP, **options).predict(IMAGES, "metal_nut2").map
    if options == {"replace_underscores": False}:  # the words of the test tokenizer end at an underscore anyway
        assert torch.equal(plain, other)
        assert winclip(**options)._options.sentences("metal_nut")["normal"][0] == "a cropped photo of a metal_nut."
    else:
        assert (plain - other).abs().max() > 1e-5


def test_batch_size_changes_nothing():
    images = random_images(5)
    together = winclip().predict(images, "nut")
    for index in range(5):
        alone = winclip(tiny_backbone(token_budget=1)).predict(images[index : index + 1], "nut")
        torch.testing.assert_close(alone.score[0], together.score[index], atol=1e-6, rtol=0)
        torch.testing.assert_close(alone.map[0], together.map[index], atol=1e-6, rtol=0)


@pytest.mark.parametrize("target", ["map", "score"])
@pytest.mark.parametrize("size", [(80, 80), (64, 90)])
def test_gradients_agree_with_finite_differences(target, size):
    detector = winclip(tiny_backbone(dtype="float64"), image_scale=target == "score", **SHARP)
    generator = torch.Generator().manual_seed(1)
    images = 0.2 + 0.6 * torch.rand(1, 3, *size, generator=generator, dtype=torch.float64)
    direction = torch.randn(images.shape, generator=generator, dtype=torch.float64)
    weight = torch.randn(size, generator=generator, dtype=torch.float64)

    def value(step):
        prediction = detector.predict(images + step * direction, "nut")
        return prediction.score.sum() if target == "score" else (prediction.map * weight).sum()

    step = torch.zeros((), dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(value(step), step)
    difference = (value(1e-5) - value(-1e-5)) / 2e-5
    assert abs(gradient) > 1e-6
    torch.testing.assert_close(gradient, difference, rtol=1e-5, atol=1e-9)


def test_gradients_reach_every_patch_through_windows_alone():
    images = IMAGES[:1].clone().requires_grad_()
    winclip(image_scale=False, **SHARP).predict(images, "nut").map.sum().backward()
    assert images.grad is not None
    by_patch = F.avg_pool2d(images.grad.abs(), 16)
    assert (by_patch > 0).all()


def gradient_of_map(detector):
    images = IMAGES[:1].clone().requires_grad_()
    prediction = detector.predict(images, "nut")
    return prediction, torch.autograd.grad(prediction.map.sum(), images)[0]


def test_class_token_gradient_leaves_the_prediction_and_the_windows_out():
    """The window maps enter as constants: only the harmonic mean's term of the whole image moves."""
    whole, part = winclip(**SHARP), winclip(**SHARP).with_class_token_gradient()
    (expected, full), (found, gradient) = gradient_of_map(whole), gradient_of_map(part)
    torch.testing.assert_close(found.map, expected.map, atol=1e-6, rtol=0)
    torch.testing.assert_close(found.score, expected.score, atol=1e-6, rtol=0)
    assert part.fingerprint == whole.fingerprint
    assert (gradient - full).abs().max() > 0.1 * full.abs().max()
    images = IMAGES[:1].clone().requires_grad_()
    score = whole.predict(images, "nut").score
    (of_score,) = torch.autograd.grad(score.sum(), images)
    # With m = 3 / (1/a + 1/b + 1/s) and s the score, dm/ds = (m / s)^2 / 3 at every patch, upsampled to the map.
    slope = (gradient * of_score).sum() / of_score.square().sum()
    torch.testing.assert_close(gradient, slope * of_score, rtol=0, atol=1e-3 * gradient.abs().max().item())
    assert slope.item() == pytest.approx(((expected.map / score) ** 2 / 3).sum().item(), rel=0.05)


def test_the_class_token_variant_leaves_the_detector_as_it_was():
    detector = winclip(image_scale=False, **SHARP)
    variant = detector.with_class_token_gradient()
    gradient_of_map(detector)
    images = IMAGES[:1].clone().requires_grad_()
    assert not variant.predict(images, "nut").map.requires_grad, "without the image scale nothing is left"


def test_no_graph_without_need():
    prediction = winclip().predict(IMAGES, "nut")
    assert not prediction.map.requires_grad
    with torch.inference_mode():
        detector = winclip()
        detector.predict(IMAGES, "nut")
    images = IMAGES.clone().requires_grad_()
    assert detector.predict(images, "nut").score.requires_grad


def test_scores_stay_finite_at_an_extreme_temperature():
    images = IMAGES.clone().requires_grad_()
    prediction = winclip(temperature=1e-4).predict(images, "nut")
    prediction.map.sum().backward()
    assert images.grad is not None
    assert images.grad.isfinite().all()


@pytest.mark.parametrize("size", [(80, 200), (200, 80)])
def test_images_that_are_not_square_are_tiled(size):
    images = random_images(2, *size)
    prediction = winclip(**SHARP).predict(images, "nut")
    starts = (0, 64, 120)
    cut = [
        images[..., :, start : start + 80] if size[1] == 200 else images[..., start : start + 80, :] for start in starts
    ]
    parts = [winclip(**SHARP).predict(part, "nut") for part in cut]
    torch.testing.assert_close(prediction.score, torch.stack([part.score for part in parts]).mean(dim=0))
    assert prediction.map.shape == (2, *size)
    along = prediction.map if size[1] == 200 else prediction.map.mT
    maps = [part.map if size[1] == 200 else part.map.mT for part in parts]
    torch.testing.assert_close(along[..., :64], maps[0][..., :64])
    torch.testing.assert_close(along[..., 64:80], (maps[0][..., 64:] + maps[1][..., :16]) / 2)
    torch.testing.assert_close(along[..., 144:], maps[2][..., 24:])


def test_images_that_are_not_square_can_be_squashed():
    images = random_images(2, 80, 200)
    squashed = winclip(non_square="squash").predict(images, "nut")
    small = F.interpolate(images, size=(80, 80), mode="bicubic", antialias=True).clamp(0, 1)
    torch.testing.assert_close(squashed.score, winclip().predict(small, "nut").score, atol=1e-6, rtol=0)
    assert squashed.map.shape == (2, 80, 200)
    assert (squashed.score - winclip().predict(images, "nut").score).abs().max() > 1e-5


def test_multi_crop_averages_the_image_and_its_crops():
    plain = winclip(**SHARP).predict(IMAGES, "nut")
    crops = [IMAGES[:, :, top : top + 40, left : left + 40] for top in (0, 32, 40) for left in (0, 32, 40)]
    expected = [plain.score, *(winclip(**SHARP).predict(crop, "nut").score for crop in crops)]
    result = winclip(multi_crop=0.5, **SHARP).predict(IMAGES, "nut")
    torch.testing.assert_close(result.score, torch.stack(expected).mean(dim=0))
    assert torch.equal(result.map, plain.map)
    torch.testing.assert_close(winclip(multi_crop=1.0, **SHARP).predict(IMAGES, "nut").score, plain.score)


def test_map_comes_at_the_size_given():
    for size in (40, 80, 123):
        assert winclip().predict(random_images(1, size, size), "nut").map.shape == (1, size, size)


def test_bfloat16_runs_close_to_float32():
    exact, rounded = (winclip(tiny_backbone(dtype=dtype)).predict(IMAGES, "nut") for dtype in ("float32", "bfloat16"))
    assert rounded.map.dtype == rounded.score.dtype == torch.float32
    torch.testing.assert_close(rounded.map, exact.map, atol=0.02, rtol=0)
    assert not torch.equal(rounded.map, exact.map)


def test_text_is_embedded_once_a_category(monkeypatch):
    detector = winclip()
    calls = []
    embed = detector.backbone.embed_text
    monkeypatch.setattr(detector.backbone, "embed_text", lambda *a, **k: calls.append(len(a[0])) or embed(*a, **k))
    for _ in range(3):
        detector.predict(IMAGES, "nut")
    detector.predict(IMAGES, "washer")
    assert calls == [242, 242]


def test_text_cache_keeps_prototypes_and_changes_nothing(tmp_path):
    kept, plain = winclip(text_cache=tmp_path), winclip()
    for _ in range(2):
        assert torch.equal(kept.predict(IMAGES, "nut").map, plain.predict(IMAGES, "nut").map)
    assert len(list(tmp_path.iterdir())) == 1
    assert kept.fingerprint == plain.fingerprint


def test_options_are_json_and_rebuild_the_detector():
    detector = winclip(scales=(3,), templates="21", states=SWAPPED, multi_crop=0.5)
    options = json.loads(json.dumps(detector.options))
    assert options == detector.options
    assert len(options["templates"]) == 21
    again = winclip(**options)
    assert again.fingerprint == detector.fingerprint
    assert torch.equal(again.predict(IMAGES, "nut").map, detector.predict(IMAGES, "nut").map)


def test_fingerprint_follows_options_and_weights():
    prints = {winclip(**options).fingerprint for options in ({}, {"temperature": 0.01}, {"states": SWAPPED})}
    prints.add(winclip(tiny_backbone(seed=1)).fingerprint)
    assert len(prints) == 4
    assert winclip().fingerprint in prints


def test_a_result_that_is_not_finite_names_the_image_and_category():
    model = tiny_model()
    model.visual.proj.data[:] = torch.nan
    with pytest.raises(ValueError, match=r"not finite for image 0 of 3 \(category 'nut'\)"):
        winclip(Backbone(model, TOKENIZER)).predict(IMAGES, "nut")


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -1.0, 255.0])
def test_bad_pixels_name_the_image(value):
    images = IMAGES.clone()
    images[1, 2, 5, 7] = value
    with pytest.raises(ValueError, match=r"image 1 of 3 has values outside \[0, 1\]"):
        winclip().predict(images, "nut")


@pytest.mark.parametrize("category", ["", " ", "_", "!!!"])
def test_a_category_without_words_is_refused(category):
    with pytest.raises(ValueError, match="give a category name"):
        winclip().predict(IMAGES, category)


def test_a_category_of_which_no_digit_is_kept_is_refused():
    with pytest.raises(ValueError, match=r"not '01' .*keep_digits=True"):
        winclip(keep_digits=False).predict(IMAGES, "01")


@pytest.mark.parametrize("category", ["螺母", "écrou", "nut 螺"])
def test_a_category_in_letters_that_the_tokenizer_lacks_is_refused(category):
    with pytest.raises(ValueError, match=r"tokenizer of tiny does not hold .*[螺é].* of 'a cropped photo of a "):
        winclip().predict(IMAGES, category)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"templates": "23"}, "templates must be '22' or '21' or must be a list, not '23'"),
        ({"templates": ["a photo"]}, "exactly one {} for the class name, not 'a photo'"),
        ({"states": {"normal": ["{}"]}}, "states needs the keys 'normal' and 'anomalous'"),
        ({"prompts": {"normal": [], "anomalous": ["bad"]}}, "at least one text"),
        ({"average": "median"}, "average must be 'unit' or 'raw', not 'median'"),
        ({"aggregate": "mean"}, "aggregate must be 'anomaly' or 'normality'"),
        ({"image_score": "mean"}, "image_score must be 'class token' or 'map maximum', not 'mean'"),
        ({"non_square": "pad"}, "non_square must be 'tile' or 'squash', not 'pad'"),
        ({"temperature": 0}, "temperature must be a number from 0.0001"),
        ({"scales": (2, 2)}, "different window sizes"),
        ({"scales": (0,)}, "at least 1 patch"),
        ({"scales": (), "image_scale": False}, "at least one scale"),
        ({"scales": (6,)}, "do not fit on the grid of tiny"),
        ({"multi_crop": 1.5}, "multi_crop must be in"),
    ],
)
def test_values_that_an_option_does_not_take(options, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(").replace("{}", r"\{\}")):
        winclip(**options)


@pytest.mark.parametrize(
    ("sides", "message"),
    [
        ((80, 1601), "is 1601 x 80 pixels: one side is more than 20 times"),
        ((1, 5000), "is 5000 x 1 pixels: detectors need at least 8 on each side"),
        ((7, 7), "is 7 x 7 pixels"),
    ],
)
def test_an_image_too_long_or_too_small_is_refused_at_once(sides, message):
    with pytest.raises(ValueError, match=message):
        winclip().predict(torch.rand(1, 3, *sides), category="nut")


@pytest.mark.parametrize("value", [math.inf, math.nan, -0.01, 1e5])
def test_a_temperature_is_checked_where_options_are_made_by_hand_too(value):
    with pytest.raises(ValueError, match="temperature must be"):
        WinCLIPOptions(temperature=value)
