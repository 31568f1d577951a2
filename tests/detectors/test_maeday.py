"""MAEDAY against its formula written out, and on models whose answer is known."""

import math

import pytest
import torch
from tiny_mae import mean_painter, tiny_autoencoder, tiny_mae
from torch.nn import functional as F

import zsad
from zsad.detectors.maeday import MAEDAY, MAEDAYOptions
from zsad.mae.autoencoder import MEAN, STD


def images(count: int = 2, side: int = 32, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


def by_the_formula(model, images: torch.Tensor, masks: torch.Tensor, errors: str) -> torch.Tensor:
    """Mask by mask, patch by patch, through the model's own forward pass with its own masking."""
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    maps = []
    for image in images:
        total, count = torch.zeros(32, 32), torch.zeros(32, 32)
        for hidden in masks:
            with torch.no_grad():
                said = model((image[None] - mean) / std, noise=hidden[None].float())
            assert torch.equal(said.mask[0].bool(), hidden)
            painted = model.unpatchify(said.logits)[0] * std + mean
            counted = hidden.view(4, 4).repeat_interleave(8, 0).repeat_interleave(8, 1).float()
            counted = counted if errors == "hidden" else torch.ones_like(counted)
            total += (image - painted).square().sum(0) * counted
            count += counted
        maps.append(total / count)
    return torch.stack(maps)


@pytest.mark.parametrize("errors", ["hidden", "all"])
@pytest.mark.parametrize("token_budget", [None, 17 * 5])
def test_errors_are_those_of_the_formula_however_many_go_at_once(errors, token_budget):
    backbone = tiny_autoencoder(token_budget=token_budget)
    detector = MAEDAY(backbone, MAEDAYOptions(errors=errors, masks=12, sigma=0.0))
    found = detector.predict(images(), "cable")
    expected = by_the_formula(tiny_mae(), images(), backbone.draw_masks(12, 0), errors)
    assert torch.allclose(found.map, expected, atol=1e-5, rtol=1e-5)
    assert torch.allclose(found.score, expected.flatten(1).amax(1), atol=1e-5, rtol=1e-5)


def test_a_spot_is_what_is_painted_wrong_and_a_plain_image_is_not():
    plain = torch.tensor([0.2, 0.5, 0.8]).view(1, 3, 1, 1).expand(2, 3, 64, 64).clone()
    plain[1, :, 40:48, 8:16] = torch.tensor([0.7, 0.5, 0.8]).view(3, 1, 1)
    found = MAEDAY(mean_painter(image_size=64), MAEDAYOptions(sigma=0.0)).predict(plain, "")
    assert found.map[0].abs().max() < 1e-10
    row, column = divmod(int(found.map[1].argmax()), 64)
    assert (40 <= row < 48, 8 <= column < 16) == (True, True)
    # Hidden, it is painted in the colour of the others: half the range off in one channel of RGB in [0, 1].
    assert found.score[1].item() == pytest.approx(0.5**2, rel=1e-4)


def test_masks_are_the_same_for_every_image_and_call_and_differ_by_seed():
    backbone = tiny_autoencoder()
    one = backbone.draw_masks(32, 0)
    assert torch.equal(one, backbone.draw_masks(32, 0))
    assert not torch.equal(one, backbone.draw_masks(32, 1))
    assert (one.sum(1) == 12).all()  # of 16
    assert len({tuple(row) for row in one.tolist()}) > 25
    both = MAEDAY(backbone).predict(images().flip(0), "")
    each = [MAEDAY(backbone).predict(image[None], "") for image in images()]
    for index, single in enumerate(reversed(each)):
        assert torch.allclose(both.map[index], single.map[0], atol=1e-6)


def test_smoothing_is_a_gaussian_of_that_width():
    backbone = tiny_autoencoder()
    rough = MAEDAY(backbone, MAEDAYOptions(sigma=0.0)).predict(images(), "").map
    smooth = MAEDAY(backbone, MAEDAYOptions(sigma=1.4)).predict(images(), "").map
    kernel = torch.tensor([math.exp(-(x**2) / (2 * 1.4**2)) for x in range(-6, 7)])
    kernel = kernel / kernel.sum()
    padded = F.pad(rough[:, None], (6, 6, 6, 6), mode="reflect")
    expected = F.conv2d(F.conv2d(padded, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))[:, 0]
    assert torch.allclose(smooth, expected, atol=1e-5)


def test_the_score_may_be_the_mean_of_the_largest_errors():
    found = MAEDAY(tiny_autoencoder(), MAEDAYOptions(sigma=0.0, top_share=0.01)).predict(images(), "")
    assert torch.allclose(found.score, found.map.flatten(1).sort(descending=True).values[:, :10].mean(1))


def test_images_of_any_shape_are_squashed_and_maps_come_back_at_their_size():
    tall = F.interpolate(images(), (48, 32), mode="bicubic", antialias=True).clamp(0, 1)
    found = MAEDAY(tiny_autoencoder()).predict(tall, "")
    assert found.map.shape == (2, 48, 32)
    squashed = F.interpolate(tall, (32, 32), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
    assert torch.allclose(found.score, MAEDAY(tiny_autoencoder()).predict(squashed, "").score, atol=1e-6)


@pytest.mark.parametrize("size", [32, 40])
def test_gradients_are_those_of_finite_differences(size):
    backbone = tiny_autoencoder(dtype="float64")
    detector = MAEDAY(backbone, MAEDAYOptions(masks=4))
    given = (0.2 + 0.6 * images(1, size).double()).requires_grad_()
    (gradient,) = torch.autograd.grad(detector.predict(given, "").score.sum(), given)
    direction = torch.randn(given.shape, generator=torch.Generator().manual_seed(1)).double()
    step = 1e-6
    with torch.no_grad():
        up, down = (detector.predict(given + sign * step * direction, "").score for sign in (1, -1))
    assert (gradient * direction).sum().item() == pytest.approx(((up - down) / (2 * step)).item(), rel=1e-4)


def test_what_says_nothing_of_colours_and_what_is_no_option_is_refused():
    with pytest.raises(ValueError, match="tiny predicts patches normalised each by its own mean and variance"):
        zsad.mae.Autoencoder(tiny_mae(norm_pix_loss=True), "tiny")
    for wrong in ({"masks": 0}, {"sigma": -1.0}, {"errors": "visible"}, {"top_share": 1.5}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            zsad.load_detector("maeday", tiny_autoencoder(), **wrong)


def test_fingerprints_know_what_decides_a_prediction():
    plain = MAEDAY(tiny_autoencoder())
    assert plain.fingerprint == MAEDAY(tiny_autoencoder()).fingerprint
    others = [
        MAEDAY(tiny_autoencoder(seed=1)),
        MAEDAY(tiny_autoencoder(mean=(0.5, 0.5, 0.5))),
        MAEDAY(tiny_autoencoder(dtype="bfloat16")),
        MAEDAY(zsad.mae.Autoencoder(tiny_mae(num_attention_heads=4), "tiny-mae")),
        MAEDAY(tiny_autoencoder(), MAEDAYOptions(seed=1)),
    ]
    assert len({detector.fingerprint for detector in [plain, *others]}) == 6


def test_a_league_without_text():
    assert MAEDAY(tiny_autoencoder()).league == "no text"
    assert MAEDAY(tiny_autoencoder(shown=["pictures", "masks of damage of other products"])).league == (
        "was shown masks of other products"
    )
