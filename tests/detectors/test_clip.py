import json

import pytest
import torch
from open_clip.zero_shot_metadata import OPENAI_IMAGENET_TEMPLATES
from tiny_clip import random_images, tiny_backbone
from torch.nn import functional as F

import zsad
from zsad.detectors import localises

IMAGES = random_images(3)
PAIR = ["A photo of a normal metal nut.", "A photo of an anomalous metal nut."]
SHORT = ["normal metal nut", "anomalous metal nut"]
ENSEMBLE = [[template(phrase) for template in OPENAI_IMAGENET_TEMPLATES] for phrase in SHORT]


def load(name, **options):
    return zsad.load_detector(name, tiny_backbone(), **options)


def by_hand(features, sides, temperature=0.07):
    """Anomaly probability, written out: exponentials of scaled cosines to the mean of each side's unit embeddings."""
    backbone = tiny_backbone()
    normal, anomalous = (
        F.normalize(torch.stack([backbone.embed_text([line])[0] for line in side]).mean(dim=0), dim=0) for side in sides
    )
    wrong, right = (torch.exp(features @ prototype / temperature) for prototype in (normal, anomalous))
    return right / (wrong + right)


@pytest.mark.parametrize(
    ("name", "definition", "sides"),
    [
        ("clip", "AnomalyCLIP", [[line] for line in PAIR]),
        ("clip_ac", "AnomalyCLIP", ENSEMBLE),
        ("clip_ac", "WinCLIP", [[line] for line in SHORT]),
    ],
)
def test_definitions_with_two_sides(name, definition, sides):
    prediction = load(name, definition=definition).predict(IMAGES, "metal_nut")
    expected = by_hand(tiny_backbone().embed_image(IMAGES), sides)
    torch.testing.assert_close(prediction.score, expected, atol=1e-5, rtol=0)
    patches = by_hand(tiny_backbone().embed_patches(IMAGES), sides).view(3, 1, 5, 5)
    expected = F.interpolate(patches, size=(80, 80), mode="bilinear", align_corners=False)[:, 0]
    torch.testing.assert_close(prediction.map, expected, atol=1e-5, rtol=0)
    assert prediction.map.std() > 1e-4


def test_the_normal_sentence_alone():
    prediction = load("clip", definition="WinCLIP").predict(IMAGES, "metal_nut")
    cosine = tiny_backbone().embed_image(IMAGES) @ tiny_backbone().embed_text(["normal metal nut"])[0]
    torch.testing.assert_close(prediction.score, (1 - cosine) / 2, atol=1e-6, rtol=0)
    assert prediction.map.std() > 1e-4


def test_the_ensemble_has_80_templates_a_side():
    assert [len(side) for side in ENSEMBLE] == [80, 80]
    assert ENSEMBLE[1][0] == "a bad photo of a anomalous metal nut."


def test_words_take_their_article():
    detector = load("clip", normal_word="intact", anomalous_word="damaged")
    assert detector._options.sentences("nut") == [["A photo of an intact nut."], ["A photo of a damaged nut."]]
    assert (detector.predict(IMAGES, "nut").score - load("clip").predict(IMAGES, "nut").score).abs().max() > 1e-4


@pytest.mark.parametrize("name", ["clip", "clip_ac"])
def test_a_map_of_the_image_score_says_that_it_localises_nothing(name):
    spread, patches = load(name, map="score"), load(name)
    assert not localises(spread)
    assert localises(patches)
    prediction = spread.predict(random_images(2, 40, 60), "nut")
    assert torch.equal(prediction.map, prediction.score[:, None, None].expand(2, 40, 60))
    expected = patches.predict(random_images(2, 40, 60), "nut").score
    torch.testing.assert_close(prediction.score, expected, atol=1e-6, rtol=0)


def test_a_detector_without_a_declaration_localises():
    assert localises(load("winclip"))


@pytest.mark.parametrize("target", ["score", "map"])
def test_gradients_reach_every_patch(target):
    images = IMAGES.clone().requires_grad_()
    getattr(load("clip").predict(images, "nut"), target).sum().backward()
    assert (F.avg_pool2d(images.grad.abs(), 16) > 0).all()


def test_text_is_embedded_once_a_category(monkeypatch):
    detector = load("clip_ac")
    calls = []
    embed = detector.backbone.embed_text
    monkeypatch.setattr(detector.backbone, "embed_text", lambda *a, **k: calls.append(len(a[0])) or embed(*a, **k))
    for category in ("metal_nut", "metal nut", "washer"):
        detector.predict(IMAGES, category)
    assert calls == [160, 160]


def test_text_cache_changes_nothing(tmp_path):
    kept, plain = load("clip", text_cache=tmp_path), load("clip")
    for _ in range(2):
        assert torch.equal(kept.predict(IMAGES, "nut").map, plain.predict(IMAGES, "nut").map)
    assert len(list(tmp_path.iterdir())) == 1
    assert kept.fingerprint == plain.fingerprint


@pytest.mark.parametrize("name", ["clip", "clip_ac"])
def test_options_are_json_and_rebuild_the_detector(name):
    detector = load(name, definition="WinCLIP", anomalous_word="broken", map="score")
    options = json.loads(json.dumps(detector.options))
    assert options == detector.options
    assert load(name, **options).fingerprint == detector.fingerprint
    assert load(name).fingerprint != detector.fingerprint


def test_clip_and_clip_ac_are_told_apart():
    prints = {load(name, definition=d).fingerprint for name in ("clip", "clip_ac") for d in ("AnomalyCLIP", "WinCLIP")}
    assert len(prints) == 4


@pytest.mark.parametrize("name", ["clip", "clip_ac", "rwda", "text_fnn"])
@pytest.mark.parametrize("category", ["", " ", "_", "!!!"])
def test_an_empty_class_name_is_refused(name, category):
    with pytest.raises(ValueError, match=f"{name} compares an image with text: give a category name"):
        load(name).predict(IMAGES, category)


@pytest.mark.parametrize("name", ["clip", "clip_ac", "rwda", "text_fnn"])
def test_letters_that_the_tokenizer_lacks_are_refused(name):
    with pytest.raises(ValueError, match=r"tokenizer of tiny does not hold 母, 螺 of .*螺母"):
        load(name).predict(IMAGES, "螺母")


@pytest.mark.parametrize("name", ["clip", "clip_ac", "rwda", "text_fnn"])
def test_a_class_name_longer_than_the_context_is_refused(name):
    with pytest.raises(ValueError, match="the context of tiny"):
        load(name).predict(IMAGES, "nut " * 80)


@pytest.mark.parametrize("name", ["clip", "clip_ac", "rwda", "text_fnn"])
def test_bad_pixels_are_refused_before_anything_is_computed(name, monkeypatch):
    detector = load(name)
    monkeypatch.setattr(detector.backbone, "tokenize", lambda *_: pytest.fail("went on"))
    with pytest.raises(ValueError, match=r"image 0 of 3 has values outside \[0, 1\]"):
        detector.predict(IMAGES * 255, "nut")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"definition": "paper"}, "definition must be 'AnomalyCLIP' or 'WinCLIP', not 'paper'"),
        ({"map": "windows"}, "map must be 'patches' or 'score', not 'windows'"),
        ({"temperature": 0.0}, "temperature must be a number from 0.0001"),
        ({"anomalous_word": " "}, "anomalous_word must not be empty"),
    ],
)
def test_values_that_an_option_does_not_take(options, message):
    with pytest.raises(ValueError, match=message):
        load("clip", **options)
