from typing import get_args

import open_clip
import pytest
import torch
from tiny_clip import random_images, tiny_backbone, tiny_model
from tiny_mae import tiny_autoencoder
from tiny_parts import ship_demo_parts, ship_untrained

import zsad
from zsad.clip import Backbone
from zsad.detectors import DETECTORS, declared, known_to, takes, usual_backbone
from zsad.detectors.base import check_images
from zsad.leagues import League, leagues_of_outputs


def test_an_unknown_detector_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown detector 'patchcore'; known: winclip"):
        zsad.load_detector("patchcore")


def test_an_unknown_option_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"winclip has no option 'tau'; known: templates, .*temperature"):
        zsad.load_detector("winclip", tiny_backbone(), tau=0.01)


def test_an_unknown_backbone_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown backbone 'demo-z'; known: ViT-B-16-plus-240"):
        zsad.load_detector("winclip", "demo-z")


# Detectors that train do so on few texts here, and those that segment do so with small models.
QUICK: dict[str, dict[str, object]] = {
    "acr": {"head": None},  # the one that ships belongs to demo-b
    "rwda": {"sentences": 20, "epochs": 2},
    "text_fnn": {"diversity_words": 3, "distribution_words": 2, "word_steps": 2, "epochs": 2},
    "tiling": {"soft": "demo-dis", "parts": "demo-sam", "pixels": "demo-clipseg", "sam": {"points_per_side": 2}},
}

# On a CLIP that was shown captions, or an autoencoder that was shown pictures; of scores and of maps where they differ.
# Of a detector that is not listed any league is taken that there is: its own tests say which.
LEAGUES = {
    **dict.fromkeys(["winclip", "clip", "clip_ac", "rwda", "text_fnn", "winclip_plus"], "text only"),
    "tiling": "was shown masks of other products",
    "musc": "test batch",
    "acr": "test batch",
    "anomalyclip": "auxiliary anomalies",
    "maeday": "no text",
    "april_gan": ("text only", "auxiliary anomalies"),
}


@pytest.mark.parametrize("name", DETECTORS)
def test_every_detector_keeps_the_contract(name, tmp_path, monkeypatch):
    monkeypatch.setattr("zsad.clip.zoo.WEIGHTS", ship_untrained(ship_demo_parts(tmp_path), tiny_backbone()))
    made = {"CLIP": tiny_backbone, "masked autoencoder": tiny_autoencoder}
    backbone = made[declared(name, "looks_through", "CLIP")]()
    detector = zsad.load_detector(name, backbone, **QUICK.get(name, {}))
    count = getattr(detector, "least_images", 2)
    images = random_images(count, 48, 48)
    prediction = detector.predict(images, category="metal nut")
    assert isinstance(prediction, zsad.Prediction)
    assert prediction.score.shape == (count,)
    assert prediction.map.shape == (count, 48, 48)
    assert detector.name == name
    leagues = tuple(leagues_of_outputs(detector).values())
    assert set(leagues) <= set(get_args(League))
    expected = LEAGUES.get(name, leagues)
    assert leagues == (expected if isinstance(expected, tuple) else (expected, expected))
    assert len(detector.fingerprint) == 64
    assert torch.equal(prediction.map, detector.predict(images, category="metal nut").map)


@pytest.mark.parametrize(
    ("name", "kind", "backbone", "other"),
    [
        ("maeday", "masked autoencoder", "demo-b", "CLIP"),
        ("maeday", "masked autoencoder", tiny_backbone(), "CLIP"),
        ("winclip", "CLIP", "vit-mae-base", "masked autoencoder"),
        ("winclip", "CLIP", tiny_autoencoder(), "masked autoencoder"),
    ],
)
def test_a_detector_is_given_no_backbone_of_another_kind(name, kind, backbone, other):
    """By name or in hand: its records would name a model that it does not look through."""
    called = getattr(backbone, "name", backbone)
    with pytest.raises(ValueError, match=f"{name} looks through a {kind}, and {called} is a {other}; known: "):
        zsad.load_detector(name, backbone)


def test_a_detector_has_a_usual_backbone_of_its_kind():
    assert {name: usual_backbone(name) for name in ("winclip", "maeday")} == {"winclip": "demo-b", "maeday": "demo-mae"}
    assert takes("maeday", "vit-mae-base")
    assert not takes("maeday", "ViT-L-14")
    assert not takes("tiling", "vit-mae-base")
    assert takes("winclip", "a backbone that nobody knows")
    assert not set(known_to("winclip")) & set(known_to("maeday"))


@pytest.mark.parametrize("name", ["winclip", "clip", "clip_ac", "rwda", "text_fnn"])
@pytest.mark.parametrize(
    ("shown", "league"),
    [
        (["pictures", "captions"], "text only"),
        (["captions", "masks of damage of other products"], "was shown masks of other products"),
        (["unknown"], "unknown"),
    ],
)
def test_the_league_is_that_of_the_backbone(name, shown, league):
    assert zsad.load_detector(name, tiny_backbone(shown=shown)).league == league


@pytest.mark.parametrize("name", ["winclip", "clip", "clip_ac", "rwda", "text_fnn"])
def test_prompts_go_through_the_tokenizer_of_the_published_clips_too(name):
    tokenizer = open_clip.get_tokenizer("ViT-B-16")
    backbone = Backbone(tiny_model(text={"vocab_size": tokenizer.vocab_size}), tokenizer)
    prediction = zsad.load_detector(name, backbone, **QUICK.get(name, {})).predict(random_images(1), "metal_nut")
    assert prediction.score.isfinite().all()


@pytest.mark.parametrize(
    "images",
    [torch.rand(3, 8, 8), torch.rand(1, 1, 8, 8), torch.zeros(1, 3, 8, 8, dtype=torch.uint8)],
)
def test_images_of_another_shape_or_type_are_refused(images):
    with pytest.raises(ValueError, match=r"must be floating-point RGB in \[0, 1\] of shape"):
        check_images(images)
