import json

import pytest
import torch
from tiny_clip import random_images, tiny_backbone
from torch.nn import functional as F

import zsad
from zsad.detectors import localises

IMAGES = random_images(3)
QUICK = {"sentences": 40, "epochs": 3, "batch_size": 16}


def rwda(backbone=None, **options):
    return zsad.load_detector("rwda", backbone or tiny_backbone(), **{**QUICK, **options})


def score(detector, features):
    return detector.train("nut")(features).softmax(dim=-1)[..., 1]


def test_the_score_is_what_the_head_says_of_the_image():
    detector = rwda()
    expected = score(detector, tiny_backbone().embed_image(IMAGES))
    torch.testing.assert_close(detector.predict(IMAGES, "nut").score, expected, atol=1e-6, rtol=0)
    assert expected.std() > 0


def test_the_map_spreads_the_score_and_says_so():
    prediction = rwda().predict(IMAGES, "nut")
    assert torch.equal(prediction.map, prediction.score[:, None, None].expand(3, 80, 80))
    assert not localises(rwda())


def test_patches_can_be_scored_one_by_one():
    detector = rwda(map="patches")
    prediction = detector.predict(IMAGES, "nut")
    patches = score(detector, tiny_backbone().embed_patches(IMAGES)).view(3, 1, 5, 5)
    expected = F.interpolate(patches, size=(80, 80), mode="bilinear", align_corners=False)[:, 0]
    torch.testing.assert_close(prediction.map, expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(prediction.score, rwda().predict(IMAGES, "nut").score, atol=1e-6, rtol=0)
    assert localises(detector)


def test_windows_join_the_score_scale_by_scale():
    detector = rwda(windows=(2, 3))
    backbone = tiny_backbone()
    windows = backbone.embed_windows(IMAGES, (2, 3))
    parts = [score(detector, backbone.embed_image(IMAGES)), *(score(detector, windows[k]).mean(1) for k in (2, 3))]
    expected = torch.stack(parts).mean(dim=0)
    torch.testing.assert_close(detector.predict(IMAGES, "nut").score, expected, atol=1e-6, rtol=0)
    with pytest.raises(ValueError, match=r"windows of \[6\] patches do not fit"):
        rwda(windows=(6,))


def test_texts_of_both_sides_and_a_tenth_held_out():
    texts = rwda().texts("nut")
    assert texts.features.shape == (80, 24)
    assert texts.sides.tolist() == [0] * 40 + [1] * 40
    assert texts.held_out.view(2, 40).sum(dim=1).tolist() == [4, 4]
    torch.testing.assert_close(texts.features.norm(dim=1), torch.ones(80))


def test_without_random_words_the_phrases_are_all_there_is():
    texts = rwda(random_words=0).texts("nut")
    backbone = tiny_backbone()
    lines = [f"a photo of a {phrase}." for phrase in ("nut", "flawless nut", "perfect nut", "damaged nut")]
    torch.testing.assert_close(texts.features[:4], backbone.embed_text(lines))
    assert texts.sides.tolist() == [0, 0, 0, 1, 1, 1]
    assert texts.held_out is None


@pytest.mark.parametrize("head", ["fnn", "linear"])
def test_training_tells_the_texts_apart(head):
    detector = rwda(head=head, epochs=80, learning_rate=0.05, random_words=0, dropout=0.0)
    texts = detector.texts("nut")
    assert ((score(detector, texts.features) > 0.5) == texts.sides.bool()).all()


@pytest.mark.parametrize(
    "options", [{"generator": "tokens"}, {"generator": ["photo", "of"]}, {"seed": 1}, {"noise": 0.1}]
)
def test_every_choice_counts(options):
    plain, other = rwda().predict(IMAGES, "nut").score, rwda(**options).predict(IMAGES, "nut").score
    assert (plain - other).abs().max() > 1e-7
    assert rwda(**options).fingerprint != rwda().fingerprint


def test_equal_seeds_give_equal_bits_whatever_came_before():
    first = rwda().predict(IMAGES, "nut")
    detector = rwda()
    detector.predict(IMAGES, "washer")
    torch.rand(7)
    assert torch.equal(detector.predict(IMAGES, "nut").score, first.score)


def test_an_unknown_object_is_trained_once_for_all(monkeypatch):
    detector = rwda(known_name=False)
    scores = [detector.predict(IMAGES, category).score for category in ("nut", "washer")]
    assert torch.equal(*scores)
    assert list(detector._heads) == ["object"]
    known = rwda()
    assert not torch.equal(*[known.predict(IMAGES, category).score for category in ("nut", "washer")])


def test_gradients_reach_the_images_and_not_the_head():
    images = IMAGES.clone().requires_grad_()
    with torch.inference_mode():
        detector = rwda()
        detector.predict(IMAGES, "nut")
    detector.predict(images, "nut").score.sum().backward()
    assert (F.avg_pool2d(images.grad.abs(), 16) > 0).all()
    assert not detector.predict(IMAGES, "nut").score.requires_grad


def test_a_cache_keeps_the_training_and_changes_nothing(tmp_path, monkeypatch):
    first = rwda(cache=tmp_path)
    expected = first.predict(IMAGES, "nut").score
    assert torch.equal(rwda().predict(IMAGES, "nut").score, expected)
    assert first.fingerprint == rwda().fingerprint
    again = rwda(cache=tmp_path, map="patches", temperature=2.0)  # decided after training
    monkeypatch.setattr(again.backbone, "embed_tokens", lambda *_, **__: pytest.fail("trained again"))
    again.predict(IMAGES, "nut")
    assert len(list(tmp_path.iterdir())) == 1


def test_options_are_json_and_rebuild_the_detector():
    detector = rwda(generator=["photo", "of"], windows=(2,), known_name=False)
    options = json.loads(json.dumps(detector.options))
    assert options == detector.options
    assert "cache" not in options
    assert rwda(**options).fingerprint == detector.fingerprint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"states": {"normal": ["{}"], "anomalous": []}}, "states, anomalous needs a list of at least one text"),
        ({"states": {"normal": ["{}"]}}, "states needs the keys 'normal' and 'anomalous'"),
        ({"states": {"normal": ["fine"], "anomalous": ["{}"]}}, "exactly one {} for the class name, not 'fine'"),
        ({"generator": "words"}, "generator must be 'letters' or 'tokens' or must be a list, not 'words'"),
        ({"generator": []}, "generator needs a list of at least one text"),
        ({"random_words": -1}, "random_words must be a whole number from 0"),
        ({"sentences": 9}, "sentences must be a whole number from 10"),
        ({"head": "svm"}, "head must be 'fnn', 'linear', 'arcface' or 'prototype', not 'svm'"),
        ({"layers": 4}, "layers must be 2 or 3, not 4"),
        ({"dropout": 1.0}, "dropout must be below 1.0, not 1.0"),
        ({"learning_rate": 0}, "learning_rate must be above 0"),
        ({"temperature": 0}, "temperature must be a number from 0.0001"),
        ({"noise": -0.1}, "noise must be at least 0"),
        ({"map": "windows"}, "map must be 'patches' or 'score', not 'windows'"),
    ],
)
def test_values_that_an_option_does_not_take(options, message):
    with pytest.raises(ValueError, match=message.replace("{}", r"\{\}")):
        rwda(**options)


def test_more_random_words_than_the_context_holds_are_refused():
    with pytest.raises(ValueError, match=r"40 random words .* more than the context of tiny holds"):
        rwda(random_words=40).predict(IMAGES, "nut")
