"""What each defence leaves unchanged, and that every detector that scores an image by itself takes one."""

import math
import pickle

import pytest
import torch
from kornia.color import linear_rgb_to_rgb, rgb_to_linear_rgb
from tiny_clip import random_images, tiny_backbone
from tiny_mae import tiny_autoencoder
from tiny_parts import ship_demo_parts, ship_untrained
from toys import Reddish

import zsad
from zsad import perturb
from zsad.detectors import DETECTORS, Detector, check_options, declared, option_names
from zsad.detectors.base import Prediction, localises
from zsad.detectors.batch import BatchDetector
from zsad.detectors.defence import DEFENCES, Defended, passes
from zsad.leagues import leagues_of_outputs

ALONE = [name for name, (detector, _) in DETECTORS.items() if not issubclass(detector, BatchDetector)]
TOGETHER = [name for name in DETECTORS if name not in ALONE]
TURNS = ("turned copies", "finely turned copies")
# Options with which detectors that learn or segment do so quickly.
QUICK: dict[str, dict[str, object]] = {
    "rwda": {"sentences": 20, "epochs": 2},
    "text_fnn": {"diversity_words": 3, "distribution_words": 2, "word_steps": 2, "epochs": 2},
    "tiling": {"soft": "demo-dis", "parts": "demo-sam", "pixels": "demo-clipseg", "sam": {"points_per_side": 2}},
}


class Ones(Reddish):
    def predict(self, images: torch.Tensor, category: str) -> Prediction:
        return Prediction(images.mean((1, 2, 3)), torch.ones_like(images[:, 0]))


class Seen(Reddish):
    """Remembers the images that it is shown; its map is where they are red, in the light of a place of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.images: list[torch.Tensor] = []

    def predict(self, images: torch.Tensor, category: str) -> Prediction:
        self.images.append(images)
        height, width = images.shape[-2:]
        ramp = torch.linspace(0.2, 1, height)[:, None] * torch.linspace(0.5, 1, width)
        found = images[:, 0] ** 3 * ramp
        return Prediction(found.mean((1, 2)) ** 2, found)


def answer(images: torch.Tensor, defence: str) -> Prediction:
    return Defended(Seen(), defence).predict(images, "nut")


def photographs(count: int = 3, height: int = 24, width: int = 24) -> torch.Tensor:
    """Nothing black and nothing near white, so that gains of up to 1.5 clip nothing."""
    return 0.25 + 0.5 * random_images(count, height, width)


def under_gains(images: torch.Tensor, *gains: float) -> torch.Tensor:
    """Each channel's linear light times a gain."""
    return linear_rgb_to_rgb(rgb_to_linear_rgb(images) * torch.tensor(gains)[None, :, None, None])


@pytest.mark.parametrize("size", [(24, 24), (20, 32)])
@pytest.mark.parametrize("defence", TURNS)
def test_a_quarter_turn_turns_the_map_and_leaves_the_score(defence, size):
    images = photographs(2, *size)
    found = answer(images, defence)
    turned = answer(torch.rot90(images, 1, (-2, -1)), defence)
    assert found.map.shape == (2, *size)
    torch.testing.assert_close(turned.score, found.score, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(turned.map, torch.rot90(found.map, 1, (-2, -1)), rtol=1e-4, atol=1e-6)
    undefended = Seen().predict(torch.rot90(images, 1, (-2, -1)), "nut")
    assert not torch.allclose(undefended.map, torch.rot90(Seen().predict(images, "nut").map, 1, (-2, -1)), atol=0.01)


def test_right_angles_lose_no_pixel_and_leave_no_corner():
    """Every copy has the pixels of the image, in another order, whatever its sides."""
    images, detector = photographs(1, 20, 32), Seen()
    Defended(detector, "turned copies").predict(images, "nut")
    assert [tuple(copy.shape[-2:]) for copy in detector.images] == [(20, 32), (32, 20)] * 2
    for copy in detector.images:
        assert torch.equal(copy.flatten().sort().values, images.flatten().sort().values)


def test_a_pixel_is_the_mean_over_the_copies_that_show_it():
    """A map of ones is ones, up to the corners that a slanted copy has lost."""
    for size in ((24, 24), (20, 32)):
        found = Defended(Ones(), "finely turned copies").predict(photographs(1, *size), "nut")
        torch.testing.assert_close(found.map, torch.ones(1, *size), rtol=0, atol=1e-5)


def test_slanted_turns_go_round_the_circle_evenly():
    images, detector = photographs(1), Seen()
    Defended(detector, "finely turned copies").predict(images, "nut")
    for place, copy in enumerate(detector.images):
        torch.testing.assert_close(copy, perturb.semantic(images, angle=30.0 * place - 30), rtol=0, atol=1e-6)
    assert len(detector.images) == 12


@pytest.mark.parametrize("defence", TURNS)
def test_maps_are_turned_back_to_where_the_image_is(defence):
    """Behind a detector whose map turns with the image, a blob that every copy shows stays where it is."""
    place = torch.arange(48.0)
    blob = torch.exp(-((place[:, None] - 14) ** 2 + (place - 28) ** 2) / 30)
    images = 0.9 * blob.expand(1, 3, 48, 48)
    found = Defended(Reddish(), defence).predict(images - torch.tensor([0, 1.0, 0])[:, None, None] * images, "nut")
    torch.testing.assert_close(found.map, images[:, 0], rtol=0, atol=0.01)


@pytest.mark.parametrize("steps", [1, 2, 5, -1])
def test_a_hue_shift_by_a_step_changes_nothing_behind_hue_copies(steps):
    images = photographs()
    shifted = perturb.semantic(images, hue=steps * math.pi / 3)
    torch.testing.assert_close(answer(shifted, "hue copies").map, answer(images, "hue copies").map, rtol=0, atol=1e-5)
    half = answer(perturb.semantic(images, hue=math.pi / 6), "hue copies")
    assert not torch.allclose(half.map, answer(images, "hue copies").map, atol=1e-3), "half a step does"


def test_grey_input_is_blind_to_colour_of_the_same_luma():
    """Not to a shift of hue in HSV, which leaves the largest channel alone and not the luma."""
    images = photographs()
    colour = torch.linalg.cross(torch.tensor([0.299, 0.587, 0.114]), torch.tensor([0.3, -0.1, 0.2]))
    tinted = images + 0.5 * colour[None, :, None, None] * random_images(3, 24, 24, seed=1)[:, :1]
    torch.testing.assert_close(answer(tinted, "grey input").map, answer(images, "grey input").map, rtol=0, atol=1e-6)
    assert not torch.allclose(Seen().predict(tinted, "nut").map, Seen().predict(images, "nut").map, atol=0.01)
    hue = perturb.semantic(images, hue=1.0)
    assert not torch.allclose(answer(hue, "grey input").map, answer(images, "grey input").map, atol=0.01)
    detector = Seen()
    Defended(detector, "grey input").predict(images, "nut")
    assert (detector.images[0] == detector.images[0][:, :1]).all()


@pytest.mark.parametrize("gains", [(1.3, 0.8, 1.1), (0.7, 0.7, 0.7)])
def test_the_light_that_colour_constancy_takes_out(gains):
    """White patch takes out every gain; grey world all but the exposure, which scales the mean of all channels."""
    images = photographs()
    lit = under_gains(images, *gains)
    assert lit.amax() < 1, "nothing is clipped"
    torch.testing.assert_close(answer(lit, "white patch").map, answer(images, "white patch").map, rtol=0, atol=1e-4)
    means = [rgb_to_linear_rgb(batch).mean((1, 2, 3)) for batch in (images, lit)]
    exposed = linear_rgb_to_rgb(rgb_to_linear_rgb(lit) * (means[0] / means[1])[:, None, None, None])
    torch.testing.assert_close(answer(exposed, "grey world").map, answer(images, "grey world").map, rtol=0, atol=1e-4)
    exposure = answer(under_gains(images, 0.7, 0.7, 0.7), "grey world").map
    assert not torch.allclose(exposure, answer(images, "grey world").map, atol=0.01)
    assert not torch.allclose(Seen().predict(lit, "nut").map, Seen().predict(images, "nut").map, atol=0.01)


def test_what_colour_constancy_makes_neutral():
    detector = Seen()
    for defence in ("grey world", "white patch"):
        Defended(detector, defence).predict(under_gains(photographs(), 1.2, 1.0, 0.6), "nut")
    by_mean, by_white = (rgb_to_linear_rgb(images) for images in detector.images)
    means = by_mean.mean((2, 3))
    torch.testing.assert_close(means, means[:, :1].expand(-1, 3), rtol=1e-3, atol=0)
    lightest = (by_white > 1 - 1e-4).float().mean((2, 3))
    assert ((lightest > 0.005) & (lightest < 0.02)).all(), "one pixel of a hundred is white or lighter"


@pytest.mark.parametrize("defence", DEFENCES)
def test_images_without_light_or_colour_and_their_gradients_are_finite(defence):
    for images in (torch.zeros(1, 3, 16, 16), torch.full((1, 3, 16, 16), 0.5), torch.ones(1, 3, 16, 16)):
        images.requires_grad_()
        found = answer(images, defence)
        (gradient,) = torch.autograd.grad(found.score.sum() + found.map.sum(), images)
        assert found.map.isfinite().all()
        assert gradient.isfinite().all()


@pytest.mark.parametrize("defence", DEFENCES)
def test_each_copy_costs_a_pass(defence):
    detector = Seen()
    Defended(detector, defence).predict(photographs(), "nut")
    assert len(detector.images) == passes(defence)
    assert passes(None) == 1


@pytest.mark.parametrize("defence", DEFENCES)
def test_an_image_is_scored_by_itself_and_differentiably(defence):
    images = photographs().requires_grad_()
    found = answer(images, defence)
    for index in range(len(images)):
        alone = answer(images[index : index + 1], defence)
        torch.testing.assert_close(alone.score[0], found.score[index])
        torch.testing.assert_close(alone.map[0], found.map[index])
    (gradient,) = torch.autograd.grad(found.map[0].sum(), images)
    assert gradient[0].abs().sum() > 0
    assert not gradient[1:].any()


@pytest.mark.parametrize("name", ALONE)
def test_every_detector_that_scores_an_image_by_itself_takes_one(name, tmp_path, monkeypatch):
    monkeypatch.setattr("zsad.clip.zoo.WEIGHTS", ship_untrained(ship_demo_parts(tmp_path), tiny_backbone()))
    made = {"CLIP": tiny_backbone, "masked autoencoder": tiny_autoencoder}
    backbone, images = made[declared(name, "looks_through", "CLIP")](), random_images(2, 48, 48)
    plain = zsad.load_detector(name, backbone, **QUICK.get(name, {}))
    found = zsad.load_detector(name, backbone, defence="grey input", **QUICK.get(name, {}))
    assert isinstance(found, Detector)
    assert found.options == {**plain.options, "defence": "grey input"}
    assert found.fingerprint != plain.fingerprint
    assert (found.name, getattr(found, "title", None)) == (name, getattr(plain, "title", None))
    assert leagues_of_outputs(found) == leagues_of_outputs(plain)
    assert localises(found) == localises(plain)
    assert getattr(found, "trained_on", None) == getattr(plain, "trained_on", None)
    grey = images.mul(torch.tensor([0.299, 0.587, 0.114])[None, :, None, None]).sum(1, keepdim=True).expand_as(images)
    torch.testing.assert_close(found.predict(images, "nut").map, plain.predict(grey, "nut").map, rtol=0, atol=1e-4)


def test_a_detector_without_one_has_the_options_and_fingerprint_that_it_had():
    backbone = tiny_backbone()
    plain, none = zsad.load_detector("winclip", backbone), zsad.load_detector("winclip", backbone, defence=None)
    assert "defence" not in plain.options
    assert none.options == plain.options
    assert none.fingerprint == plain.fingerprint
    prints = {zsad.load_detector("winclip", backbone, defence=defence).fingerprint for defence in DEFENCES}
    assert len(prints) == len(DEFENCES)


@pytest.mark.parametrize("name", TOGETHER)
def test_detectors_that_compare_images_take_none(name):
    assert "defence" not in option_names(name)
    with pytest.raises(ValueError, match=f"{name} compares images with each other, and a defence answers of one"):
        check_options(name, {"defence": "grey input"})


@pytest.mark.parametrize("wrong", ["gray input", 3, ["grey input"]])
def test_an_unknown_defence_lists_the_known_ones(wrong):
    with pytest.raises(ValueError, match=r"unknown defence .*; known: turned copies, finely turned copies, hue copies"):
        zsad.load_detector("winclip", tiny_backbone(), defence=wrong)


def test_what_the_detector_refuses_and_breaks_at_is_said_as_ever():
    defended = Defended(zsad.load_detector("winclip", tiny_backbone()), "grey world")
    with pytest.raises(ValueError, match="image 1 of 2 has values outside"):
        defended.predict(torch.stack([torch.rand(3, 48, 48), 200 * torch.rand(3, 48, 48)]), "nut")


def test_the_class_token_gradient_goes_through_it_too():
    plain = zsad.load_detector("winclip", tiny_backbone(), scales=[2])
    defended = Defended(plain, "turned copies")
    images = random_images(1, 48, 48).requires_grad_()
    variant = defended.with_class_token_gradient()
    assert variant.options == defended.options
    torch.testing.assert_close(variant.predict(images, "nut").map, defended.predict(images, "nut").map)
    gradients = [torch.autograd.grad(d.predict(images, "nut").map.sum(), images)[0] for d in (variant, defended)]
    assert not torch.allclose(*gradients)
    assert not hasattr(Defended(zsad.load_detector("clip", tiny_backbone()), "grey input"), "with_class_token_gradient")


def test_it_can_be_copied():
    assert pickle.loads(pickle.dumps(Defended(Reddish(), "grey input"))).options["defence"] == "grey input"
