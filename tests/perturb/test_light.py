"""Exposure and white balance against the physics of light, and against photographs' arithmetic."""

import numpy as np
import pytest
import torch

from zsad.perturb.light import LUMINANCE, REFERENCE, balance_white, black_body, expose


def linear(encoded: float) -> float:
    """sRGB's curve, from its standard."""
    return encoded / 12.92 if encoded <= 0.04045 else ((encoded + 0.055) / 1.055) ** 2.4


def grey(value: float) -> torch.Tensor:
    return torch.full((1, 3, 2, 2), value, dtype=torch.float64)


@pytest.mark.parametrize("stops", [-5.0, -1.0, -0.3, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("value", [0.02, 0.2, 0.5, 0.9])
def test_a_stop_doubles_the_light_until_it_is_white(stops, value):
    out = expose(grey(value), stops)[0, 0, 0, 0].item()
    assert linear(out) == pytest.approx(min(1.0, linear(value) * 2**stops), abs=1e-6)


def test_exposures_add_up_where_nothing_is_clipped():
    images = 0.1 + 0.3 * torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    torch.testing.assert_close(expose(expose(images, 1.0), -0.25), expose(images, 0.75), atol=1e-6, rtol=0)


def chromaticity(kelvin: float) -> tuple[float, float]:
    """Planck's law, summed over the visible with Wyman et al.'s (JCGT 2013) fit of the CIE 1931 observer."""
    wave = np.arange(360.0, 831.0)

    def lobe(height, middle, below, above):
        return height * np.exp(-0.5 * ((wave - middle) / np.where(wave < middle, below, above)) ** 2)

    x = lobe(1.056, 599.8, 37.9, 31.0) + lobe(0.362, 442.0, 16.0, 26.7) + lobe(-0.065, 501.1, 20.4, 26.2)
    y = lobe(0.821, 568.8, 46.9, 40.5) + lobe(0.286, 530.9, 16.3, 31.1)
    z = lobe(1.217, 437.0, 11.8, 36.0) + lobe(0.681, 459.0, 26.0, 13.8)
    light = wave**-5 / np.expm1(1.4388e7 / (wave * kelvin))
    sums = [float((light * observer).sum()) for observer in (x, y, z)]
    return sums[0] / sum(sums), sums[1] / sum(sums)


@pytest.mark.parametrize("kelvin", [2500, 3500, 3999, 4001, 5000, 6504, 9000, 15000])
def test_black_bodies_have_the_colour_that_plancks_law_gives(kelvin):
    rgb = black_body(torch.tensor([float(kelvin)], dtype=torch.float64))
    xyz = torch.linalg.solve(torch.tensor(BACK, dtype=torch.float64), rgb[0])
    x, y = (xyz[:2] / xyz.sum()).tolist()
    assert (x, y) == pytest.approx(chromaticity(kelvin), abs=0.004)  # the observer's fit is good to 0.003
    assert xyz[1].item() == pytest.approx(1)


BACK = [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]


def test_a_warmer_light_is_redder_and_keeps_the_luminance_of_grey():
    for mired in (-100.0, -30.0, 30.0, 100.0):
        out = balance_white(grey(0.4), mired)[0, :, 0, 0]
        assert (out[0] > out[2]) == (mired > 0)
        light = sum(weight * linear(channel) for weight, channel in zip(LUMINANCE, out.tolist(), strict=True))
        assert light == pytest.approx(linear(0.4), abs=1e-6)
    further = [balance_white(grey(0.4), mired)[0, 0, 0, 0].item() for mired in (-60, -20, 0, 20, 60)]
    assert further == sorted(further)


def test_white_under_a_lamp_has_the_lamps_colour():
    """Grey under a light of T, seen by a camera set to sRGB's white, has the ratios of the two black bodies."""
    mired = 75.0
    kelvin = 1e6 / (1e6 / REFERENCE + mired)
    lamp, daylight = (black_body(torch.tensor([t], dtype=torch.float64))[0] for t in (kelvin, REFERENCE))
    out = torch.tensor([linear(v) for v in balance_white(grey(0.3), mired)[0, :, 0, 0].tolist()])
    wanted = lamp / daylight
    torch.testing.assert_close(out / out[1], (wanted / wanted[1]).float(), atol=1e-4, rtol=0)
