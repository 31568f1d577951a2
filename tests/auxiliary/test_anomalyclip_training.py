"""How AnomalyCLIP's prompts are learned: what is drawn, the loss, and that a prediction follows from what is kept."""

import math

import numpy as np
import pytest
import torch
from tiny_clip import random_images, tiny_backbone
from torch.nn import functional as F
from toys import write_suite

import zsad
from zsad.auxiliary import LEARNERS
from zsad.auxiliary.data import read_auxiliary
from zsad.auxiliary.learner import Training
from zsad.auxiliary.train import train_part
from zsad.detectors.anomalyclip import text_features

IMAGES = random_images(4)
MASKS = torch.zeros(4, 80, 80, dtype=torch.bool)
MASKS[1, 10:40, 5:50] = MASKS[3, 60:, :9] = True


def learner(seed=111, **choices):
    return LEARNERS["anomalyclip"](tiny_backbone(), choices, seed)


def loss_of(one, masks=MASKS):
    with torch.no_grad():
        features = one.features(IMAGES)
    return one.loss(features, masks, masks.flatten(1).any(dim=1), ["nut"] * 4)


def loss_by_hand(one, masks=MASKS):
    """As the formulas stand in the authors' code."""
    found = one.features(IMAGES)
    sides = text_features(tiny_backbone(), dict(one.module.named_parameters()))
    total = 0.0
    for token, mask in zip(found["class"], masks, strict=True):
        total -= math.log(torch.softmax(sides @ token / 0.07, dim=0)[int(mask.any())]) / 4
    for name in found:
        if name == "class":
            continue
        patches = torch.softmax(found[name] @ sides.T / 0.07, dim=-1).mT.unflatten(2, (5, 5))
        maps = F.interpolate(patches, (80, 80), mode="bilinear", align_corners=False).double()
        focal, dice = 0.0, {0: 0.0, 1: 0.0}
        for s, mask in zip(maps.numpy(), masks.double().numpy(), strict=True):
            y = np.minimum(np.maximum(mask, 1e-5), 1 - 1e-5)
            p = y * s[1] + (1 - y) * s[0] + 1e-5
            focal -= ((1 - p) ** 2 * np.log(p)).sum() / (4 * 80 * 80)
            for side, truth in ((1, mask), (0, 1 - mask)):
                dice[side] += (2 * (s[side] * truth).sum() + 1) / (s[side].sum() + truth.sum() + 1) / 4
        total += 4 * (focal + (1 - dice[1]) + (1 - dice[0]))
    return total


@pytest.mark.parametrize("choices", [{}, {"taps": [1, 2]}])
@torch.no_grad()
def test_the_loss_is_the_published_one(choices):
    one = learner(**choices)
    torch.manual_seed(0)
    for parameter in one.module.parameters():  # drawn as they are, both sides say the same
        parameter += torch.randn(parameter.shape)
    assert float(loss_of(one)) == pytest.approx(loss_by_hand(one), rel=1e-4)


def test_what_is_drawn_is_small_and_follows_the_seed():
    shapes = {name: tuple(value.shape) for name, value in learner().module.named_parameters()}
    assert shapes == {"normal": (12, 32), "anomalous": (12, 32), "deep": (1, 4, 32)}
    values = torch.cat([value.detach().flatten() for value in learner().module.parameters()]).numpy()
    assert values.std() == pytest.approx(0.02, rel=0.1)
    assert abs(values.mean()) < 0.005
    assert torch.equal(learner().module.normal, learner().module.normal)
    assert not torch.equal(learner().module.normal, learner(112).module.normal)
    assert not torch.equal(learner().module.normal, learner().module.anomalous)
    assert {name for name, _ in learner(deep_tokens=False).module.named_parameters()} == {"normal", "anomalous"}


def test_every_learned_vector_has_a_gradient_and_the_towers_have_none():
    one = learner()
    loss_of(one).backward()
    for parameter in one.module.parameters():
        # So have words that are written over before the second block: those behind see them in the first.
        assert (parameter.grad.abs().sum(dim=-1) > 0).all()


def test_a_last_batch_of_one_image_has_a_loss():
    one = learner()
    features = {name: values[:1] for name, values in one.features(IMAGES).items()}
    assert one.loss(features, MASKS[:1], MASKS[:1].flatten(1).any(dim=1), ["nut"]).isfinite()


def test_training_is_as_published():
    kind = LEARNERS["anomalyclip"]
    assert kind.published("visa") == kind.published("demo-mvtec")
    assert kind.published("mvtec_ad") == Training(epochs=15, batch_size=8, learning_rate=1e-3, mosaic=0.0, seed=111)


@pytest.mark.parametrize("choices", [{}, {"deep_tokens": False, "tokens": "plain", "class_norm": True}])
def test_what_was_trained_is_what_predicts(tmp_path, choices):
    data = read_auxiliary("toys", "mvtec_ad", write_suite(tmp_path / "toys"))
    backbone, one = tiny_backbone(), learner(**choices)
    before = float(loss_of(one).detach())
    path = train_part(one, backbone, data, Training(epochs=2), tmp_path, progress=False)
    assert float(loss_of(one).detach()) != before
    detector = zsad.load_detector("anomalyclip", backbone, trained_on=str(path), **choices)
    image, _ = detector._features(IMAGES)
    sides = text_features(backbone, {name: value.half() for name, value in one.module.state_dict().items()})
    expected = torch.softmax(image @ sides.T / 0.07, dim=1)[:, 1]
    torch.testing.assert_close(detector.predict(IMAGES, "nut").score, expected, atol=1e-6, rtol=0)
    assert detector.options["trained_on"] == "toys"
    assert detector.trained_on.suite == "toys"
    assert path.stat().st_size < 20_000


def test_choices_that_it_does_not_have_are_named():
    with pytest.raises(ValueError, match="anomalyclip learns with no sigma; known: deep_tokens, tokens"):
        learner(sigma=2.0)
    with pytest.raises(ValueError, match="has the blocks 1 to 2, no 7"):
        learner(taps=[7])
