"""Hue and saturation against Python's own colorsys and against arithmetic."""

import colorsys
import math

import pytest
import torch

from zsad.perturb import semantic


def colours(dtype=torch.float64) -> torch.Tensor:
    return torch.rand(2, 3, 9, 11, generator=torch.Generator().manual_seed(5), dtype=dtype)


def by_colorsys(images: torch.Tensor, hue: float, saturation: float) -> torch.Tensor:
    out = images.clone()
    for i, row, column in torch.cartesian_prod(*(torch.arange(images.shape[axis]) for axis in (0, 2, 3))).tolist():
        h, s, v = colorsys.rgb_to_hsv(*images[i, :, row, column].tolist())
        rgb = colorsys.hsv_to_rgb((h + hue / (2 * math.pi)) % 1, min(max(s + saturation, 0), 1), v)
        out[i, :, row, column] = torch.tensor(rgb, dtype=images.dtype)
    return out


@pytest.mark.parametrize(("hue", "saturation"), [(1.0, 0.0), (-2.5, 0.0), (0.0, 0.4), (0.0, -0.4), (4.0, -1), (0.3, 1)])
def test_agrees_with_colorsys(hue, saturation):
    images = colours()
    images[0, :, 0] = 0.4  # grey
    images[0, :, 1] = 0.0  # black
    torch.testing.assert_close(
        semantic(images, hue=hue, saturation=saturation), by_colorsys(images, hue, saturation), rtol=0, atol=1e-6
    )


def test_hue_is_a_circle():
    images = colours(torch.float32)
    half = semantic(images, hue=math.pi)
    assert (half - semantic(images, hue=-math.pi)).abs().max() * 255 < 0.1
    for turns in (-2, 1, 3):
        assert (semantic(images, hue=0.7 + 2 * math.pi * turns) - semantic(images, hue=0.7)).abs().max() * 255 < 0.1
    third = semantic(images, hue=2 * math.pi / 3)
    torch.testing.assert_close(third, images.roll(1, 1), rtol=0, atol=1e-5)  # red becomes green, green blue, blue red


@pytest.mark.parametrize("change", [{"hue": 2.0}, {"saturation": 0.5}, {"saturation": -0.5}])
def test_value_is_left_alone(change):
    images = colours()
    torch.testing.assert_close(semantic(images, **change).amax(1), images.amax(1), rtol=0, atol=1e-12)


def test_saturation_minus_one_is_grey():
    images = colours()
    grey = semantic(images, saturation=-1)
    torch.testing.assert_close(grey, images.amax(1, keepdim=True).expand_as(images))


def test_rotation_comes_before_colour():
    images = colours()
    expected = semantic(semantic(images, 30.0), hue=1.0, saturation=0.2)
    torch.testing.assert_close(semantic(images, 30.0, 1.0, 0.2), expected, rtol=0, atol=1e-12)


def test_clipping_stops_the_gradient_unless_told_to_pass_straight_through():
    images = torch.tensor([0.9, 0.5, 0.1], dtype=torch.float64).reshape(1, 3, 1, 1)  # saturation 8/9
    slopes = {}
    for shift, straight in ((0.05, False), (0.05, True), (0.5, False), (0.5, True)):
        saturation = torch.tensor(shift, dtype=torch.float64, requires_grad=True)
        out = semantic(images, saturation=saturation, straight_through=straight)
        slopes[shift, straight] = torch.autograd.grad(out[0, 2].sum(), saturation)[0].item()
        assert out[0, 2].item() == pytest.approx(0.9 * (1 - min(8 / 9 + shift, 1)), abs=1e-7)
    # blue = value * (1 - saturation)
    assert slopes == pytest.approx({(0.05, False): -0.9, (0.05, True): -0.9, (0.5, False): 0, (0.5, True): -0.9})
