"""What APRIL-GAN's layers are trained on: the loss written out, the published epochs, and the control."""

import pytest
import torch
from tiny_clip import random_images, tiny_backbone
from toys import SIZE, write_suite

from zsad.auxiliary.april_gan import AprilGANLearner
from zsad.auxiliary.data import read_auxiliary
from zsad.auxiliary.learner import Training
from zsad.auxiliary.losses import dice_loss, focal_loss
from zsad.auxiliary.train import train_part
from zsad.clip.prototypes import text_prototypes
from zsad.data.usual_names import USUAL_NAMES
from zsad.detectors import load_detector
from zsad.detectors.april_gan import AprilGANOptions


@pytest.fixture(scope="module")
def backbone():
    return tiny_backbone()


def test_the_loss_is_focal_and_dice_of_each_tap_summed(backbone):
    learner = AprilGANLearner(backbone, {"taps": [2, 1]}, 0)
    features = learner.features(random_images(2))
    masks = torch.zeros(2, 80, 80, dtype=torch.bool)
    masks[1, 10:30, 20:50] = True
    categories = ["metal_nut", "washer"]
    found = learner.loss(features, masks, masks.flatten(1).any(1), categories)
    expected = torch.zeros(())
    for layer, state in zip(learner.module.fc, features.values(), strict=True):
        maps = []
        for image, category in zip(state, categories, strict=True):
            text = text_prototypes(backbone, AprilGANOptions().sentences(category))
            patches = torch.nn.functional.normalize(image @ layer.weight.T + layer.bias, dim=-1)
            logits = (100 * patches @ text.T).T.reshape(1, 2, 5, 5)
            grown = torch.nn.functional.interpolate(logits, (80, 80), mode="bilinear", align_corners=True)
            maps.append(grown.softmax(dim=1))
        both = torch.cat(maps)
        expected = expected + focal_loss(both[:, 1], masks.float()) + dice_loss(both[:, 1], masks.float())
    assert len(features) == 2
    assert float(found.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)


def test_epochs_and_mosaics_are_those_in_print():
    shown = {suite: AprilGANLearner.published(suite) for suite in ("mvtec_ad", "visa", "demo-mvtec", "demo-visa")}
    assert {suite: training.epochs for suite, training in shown.items()} == {
        "mvtec_ad": 3, "visa": 15, "demo-mvtec": 3, "demo-visa": 3,
    }  # fmt: skip
    assert {suite for suite, training in shown.items() if training.mosaic == 0.2} == {"mvtec_ad", "demo-mvtec"}
    assert {training.mosaic for training in shown.values()} == {0.0, 0.2}
    assert shown["visa"] == Training(epochs=15, batch_size=8, learning_rate=1e-3, mosaic=0.0, seed=111)


@pytest.mark.parametrize("suite", ["mvtec_ad", "visa"])
def test_a_published_data_set_is_known_by_any_of_its_usual_names(suite):
    for name in (*USUAL_NAMES[suite], *map(str.upper, USUAL_NAMES[suite]), suite.replace("_", " ")):
        assert AprilGANLearner.published(name) == AprilGANLearner.published(suite), name


@pytest.mark.parametrize("name", ["mine", "aebad", "demo-aebad", "mvtec_loco", "mvtec_ad_2", "revisa"])
def test_a_data_set_that_the_paper_does_not_name_has_the_epochs_of_mvtec_without_mosaics(name):
    assert AprilGANLearner.published(name) == Training(epochs=3)


@pytest.mark.parametrize("compared_with", ["text", "learned vectors"])
def test_trained_layers_find_the_damage_of_another_product(backbone, tmp_path, compared_with):
    data = read_auxiliary("toys", "mvtec_ad", write_suite(tmp_path / "toys"), ["washer"])
    choices = {"compared_with": compared_with, "taps": [1, 2]}
    learner = AprilGANLearner(backbone, choices, 0)
    path = train_part(learner, backbone, data, Training(epochs=30), tmp_path / "out", progress=False)
    tested = read_auxiliary("others", "mvtec_ad", write_suite(tmp_path / "others", seed=1), ["metal_nut"])
    images, masks, _ = tested.read(range(4, 10), SIZE)
    found = load_detector("april_gan", backbone, trained_on=path, **choices).predict(images, "metal_nut").map
    assert contrast(found, masks) > 0.3
    assert (learner.module.vectors is None) == (compared_with == "text")


def test_the_controls_vectors_begin_as_far_apart_as_text_in_directions_of_their_own(backbone):
    """At right angles most of the softmaxes would be 0 or 1 before the first step, and learn nothing."""
    normal, anomalous = text_prototypes(backbone, AprilGANOptions().sentences("object"))
    pairs = [
        AprilGANLearner(backbone, {"compared_with": "learned vectors", "taps": [1, 2]}, seed).module.vectors.detach()
        for seed in (0, 0, 1)
    ]
    for vectors in pairs:
        assert vectors.norm(dim=-1).tolist() == [pytest.approx([1, 1], abs=1e-5)] * 2
        cosines = (vectors[:, 0] * vectors[:, 1]).sum(dim=-1)
        assert cosines.tolist() == pytest.approx([float(normal @ anomalous)] * 2, abs=1e-5)
    assert torch.equal(pairs[0], pairs[1])
    every = torch.cat([pairs[0], pairs[2]])[:, 0]
    assert (every @ every.T - torch.eye(4)).abs().max() < 0.9, "each tap and seed another"
    assert (every @ torch.stack([normal, anomalous]).T).abs().max() < 0.9, "none is text"


def contrast(maps, masks):
    return float(maps[masks].mean() - maps[~masks].mean())


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"temperature": 0.07}, "april_gan learns with no temperature; known: taps, compared_with"),
        ({"compared_with": "nothing"}, "compared_with must be 'text' or 'learned vectors'"),
        ({"taps": [3]}, "tiny has the blocks 1 to 2, no 3"),
    ],
)
def test_choices_that_there_are_not_are_refused(backbone, choices, words):
    with pytest.raises(ValueError, match=words):
        AprilGANLearner(backbone, choices, 0)


def test_the_start_follows_the_seed(backbone):
    weights = [AprilGANLearner(backbone, {}, seed).module.fc[0].weight for seed in (0, 0, 1)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
