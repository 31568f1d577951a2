"""Corruptions against values computed from their definitions: colorsys, scipy, numpy, and the normal distribution."""

import colorsys
import inspect

import numpy as np
import pytest
import torch
from scipy import ndimage, stats

from zsad.perturb import CORRUPTIONS, corrupt, image_generator

SEVERITIES = pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
LEVEL = 1 / 255
# The published constants (imagecorruptions 1.1.2), typed here once more on purpose.
BRIGHTNESS = {1: 0.1, 2: 0.2, 3: 0.3, 4: 0.4, 5: 0.5}
CONTRAST = {1: 0.4, 2: 0.3, 3: 0.2, 4: 0.1, 5: 0.05}
RADIUS = {1: 3, 2: 4, 3: 6, 4: 8, 5: 10}
SOFTNESS = {1: 0.1, 2: 0.5, 3: 0.5, 4: 0.5, 5: 0.5}
SIGMA = {1: 0.08, 2: 0.12, 3: 0.18, 4: 0.26, 5: 0.38}


def picture(height: int = 40, width: int = 57, seed: int = 4) -> np.ndarray:
    """An 8-bit picture with what colour conversions trip over: grey, black, white, pure and light colours."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    pixels[:8] = pixels[:8, :, :1]
    pixels[8:10], pixels[10:12], pixels[12, :, 0] = 0, 255, 255
    pixels[20:] = ndimage.gaussian_filter(pixels[20:].astype(float), (3, 3, 0)).astype(np.uint8)
    return pixels


def as_image(pixels: np.ndarray, dtype=torch.float32) -> torch.Tensor:
    return torch.from_numpy(pixels).permute(2, 0, 1).to(dtype) / 255


def check(ours: torch.Tensor, values: np.ndarray) -> None:
    """Against float pixels (height, width, 3): the same after clipping and truncation to 8 bits, but for values that
    lie on a level, where the last bit decides: those may be one level apart."""
    levels = np.clip(values, 0, 1) * 255
    on_a_level = torch.from_numpy(np.abs(levels - np.round(levels)) < 1e-3).permute(2, 0, 1)
    difference = (ours.double() - as_image(levels.astype(np.uint8), torch.float64)).abs()
    assert difference[~on_a_level].max() < 1e-6
    assert difference.max() < LEVEL + 1e-6


@SEVERITIES
def test_brightness_agrees_with_colorsys(severity):
    pixels = picture()
    expected = np.zeros(pixels.shape)
    for place in np.ndindex(pixels.shape[:2]):
        h, s, v = colorsys.rgb_to_hsv(*(pixels[place] / 255))
        expected[place] = colorsys.hsv_to_rgb(h, s, min(v + BRIGHTNESS[severity], 1))
    check(corrupt(as_image(pixels), "brightness", severity), expected)


@SEVERITIES
def test_contrast_agrees_with_numpy(severity):
    pixels = picture()
    mean = (pixels / 255).mean((0, 1))
    expected = (pixels / 255 - mean) * CONTRAST[severity] + mean
    check(corrupt(as_image(pixels), "contrast", severity), expected)


def by_hand_kernel(severity: int) -> np.ndarray:
    radius, sigma = RADIUS[severity], SOFTNESS[severity]
    reach, taps = (8, 1) if radius <= 8 else (10, 2)
    span = range(-reach, reach + 1)
    disc = np.array([[float(x * x + y * y <= radius * radius) for x in span] for y in span])
    weights = np.array([np.exp(-x * x / (2 * sigma**2)) for x in range(-taps, taps + 1)])
    softened = disc / disc.sum()
    for axis in (0, 1):
        softened = ndimage.correlate1d(softened, weights / weights.sum(), axis=axis, mode="mirror")
    return softened


@SEVERITIES
@pytest.mark.parametrize("size", [(40, 57), (64, 33)])
def test_defocus_agrees_with_scipy(severity, size):
    pixels = picture(*size)
    kernel = by_hand_kernel(severity)
    expected = np.stack([ndimage.correlate(pixels[..., c] / 255, kernel, mode="mirror") for c in range(3)], -1)
    check(corrupt(as_image(pixels), "defocus_blur", severity), expected)


@pytest.mark.parametrize(("severity", "support"), [(1, 29), (2, 49), (3, 113), (4, 197), (5, 317)])
def test_a_point_becomes_the_disc(severity, support):
    """Pixels above the fortieth part of the disc's own level: the softened edge lies below it, the disc above."""
    image = torch.zeros(3, 61, 61)
    image[:, 30, 30] = 1
    spread = corrupt(image, "defocus_blur", severity, eight_bit=False)[0]
    rows, columns = torch.meshgrid(torch.arange(61) - 30, torch.arange(61) - 30, indexing="ij")
    disc = rows**2 + columns**2 <= RADIUS[severity] ** 2
    assert int(disc.sum()) == support
    assert spread[disc].min() > 0.3 / support
    assert spread[rows**2 + columns**2 > (RADIUS[severity] + 2.9) ** 2].abs().max() < 1e-6
    assert spread[30, 30].item() == pytest.approx(1 / support, rel=1e-3)


@pytest.mark.parametrize(
    ("severity", "gain"), [(1, 0.0), (2, 0.0), (3, 0.0), (4, 4 * (7 - 1) / 197), (5, 4 * (9 - 1) / 317)]
)
def test_the_softened_rim_brightens_at_the_largest_radii(severity, gain):
    """The mirrored border counts the disc's last row but one once more in place of its single last pixel."""
    weights = np.exp(-(np.arange(-2, 3) ** 2) / (2 * SOFTNESS[severity] ** 2))
    flat = torch.full((3, 40, 40), 0.5, dtype=torch.float64)
    out = corrupt(flat, "defocus_blur", severity, eight_bit=False)
    assert (out - out.mean()).abs().max() < 1e-12
    assert out.mean().item() == pytest.approx(0.5 * (1 + gain * weights[1] / weights.sum()), abs=1e-3)


def test_the_result_is_truncated_not_rounded():
    black, one = torch.zeros(3, 20, 20), as_image(np.full((20, 20, 3), 1, np.uint8))
    assert torch.equal(corrupt(black, "brightness", 1), torch.full_like(black, 25) / 255)  # 25.5
    assert torch.equal(corrupt(one, "brightness", 5), torch.full_like(black, 128) / 255)  # 128.5
    for kind in CORRUPTIONS:
        levels = 255 * corrupt(as_image(picture()), kind, 3, image_generator("a"))
        assert (levels - levels.round()).abs().max() < 1e-4


def test_what_lies_on_a_level_stays_there_whatever_a_sum_was_rounded_to():
    """0.2 and 0.4 are 51 and 102 levels: float64 puts some of the sums just below their level."""
    levels = torch.arange(256).expand(3, 16, 256)
    grey = levels.double() / 255
    assert ((grey + 0.2) * 255).floor()[0, 0, :204].ne(levels[0, 0, :204] + 51).any()
    for severity, added in ((2, 51), (4, 102)):
        for images in (grey.float(), grey):
            found = (corrupt(images, "brightness", severity) * 255).round()
            assert torch.equal(found, (levels + added).clamp(max=255).to(found.dtype))


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_without_truncation_values_lie_up_to_a_level_above(kind):
    image = as_image(picture(), torch.float64)
    exact = corrupt(image, kind, 2, image_generator("a"), eight_bit=False)
    excess = 255 * (exact - corrupt(image, kind, 2, image_generator("a")))
    assert excess.min() >= -2e-3
    assert excess.max() < 1
    assert excess.max() > 0.9 or kind == "brightness"
    image.requires_grad_()
    (gradient,) = torch.autograd.grad(corrupt(image, kind, 2, image_generator("a"), eight_bit=False).sum(), image)
    assert torch.isfinite(gradient).all()
    assert gradient.abs().max() > 0


@SEVERITIES
@pytest.mark.parametrize("level", [13, 128, 250])
def test_noise_has_the_levels_of_a_clipped_truncated_normal(severity, level):
    """Kolmogorov's bound on the whole distribution over the 256 levels, clipping mass included; mean and variance."""
    flat = torch.full((3, 400, 400), level / 255)
    out = (corrupt(flat, "gaussian_noise", severity, image_generator("a")) * 255).round().long().numpy()
    edges = np.arange(1, 256) / 255  # the result is below level k where the sum is below k / 255
    below = stats.norm.cdf(edges, loc=level / 255, scale=SIGMA[severity])
    expected = np.diff(np.concatenate([[0], below, [1]]))
    found = np.bincount(out.ravel(), minlength=256) / out.size
    assert np.abs(np.cumsum(found) - np.cumsum(expected)).max() < 2 / np.sqrt(out.size)
    for end in (0, 255):
        assert abs(found[end] - expected[end]) < 5 * np.sqrt(expected[end] / out.size) + 1e-6
    mean = (expected * np.arange(256)).sum()
    variance = (expected * (np.arange(256) - mean) ** 2).sum()
    assert out.mean() == pytest.approx(mean, abs=5 * np.sqrt(variance / out.size))
    assert out.var() == pytest.approx(variance, rel=0.02)


def test_noise_is_independent_over_pixels_channels_images_and_seeds():
    grey = torch.full((2, 3, 300, 300), 0.5, dtype=torch.float64)

    def drawn(*generators: torch.Generator) -> torch.Tensor:
        return corrupt(grey, "gaussian_noise", 1, list(generators), eight_bit=False) - 0.5

    noise = drawn(image_generator("a"), image_generator("b"))
    other = drawn(image_generator("a", seed=1), image_generator("b", seed=1))
    pairs = {
        "next column": (noise[..., :-1], noise[..., 1:]),
        "next row": (noise[..., :-1, :], noise[..., 1:, :]),
        "red and green": (noise[:, 0], noise[:, 1]),
        "green and blue": (noise[:, 1], noise[:, 2]),
        "images": (noise[0], noise[1]),
        "seeds": (noise, other),
    }
    for name, (first, second) in pairs.items():
        correlation = np.corrcoef(first.flatten().numpy(), second.flatten().numpy())[0, 1]
        assert abs(correlation) < 4.5 / np.sqrt(first.numel()), name


def test_noise_of_an_image_depends_on_its_own_generator_alone():
    images = torch.stack([as_image(picture(seed=seed)) for seed in range(3)])
    batch = corrupt(images, "gaussian_noise", 3, [image_generator(name) for name in "abc"])
    reversed_batch = corrupt(images.flip(0), "gaussian_noise", 3, [image_generator(name) for name in "cba"])
    assert torch.equal(batch.flip(0), reversed_batch)
    assert torch.equal(batch[1], corrupt(images[1], "gaussian_noise", 3, image_generator("b")))
    assert torch.equal(
        batch, corrupt(images.double(), "gaussian_noise", 3, [image_generator(n) for n in "abc"]).float()
    )
    assert not torch.equal(*corrupt(images[:1].expand(2, -1, -1, -1), "gaussian_noise", 3, torch.Generator()))


def test_one_generator_is_drawn_from_image_after_image():
    images = torch.stack([as_image(picture(33, 41, seed)) for seed in range(3)])
    generator = torch.Generator().manual_seed(7)
    loop = [corrupt(image, "gaussian_noise", 3, generator) for image in images]
    assert torch.equal(corrupt(images, "gaussian_noise", 3, torch.Generator().manual_seed(7)), torch.stack(loop))


def test_severities_share_the_noise_of_a_picture():
    """So that a curve over severities shows the severity, not another draw."""
    grey = torch.full((3, 50, 50), 0.5, dtype=torch.float64)
    weak, strong = (corrupt(grey, "gaussian_noise", s, image_generator("a"), eight_bit=False) for s in (1, 2))
    torch.testing.assert_close((strong - 0.5)[weak > 0.4], ((weak - 0.5) * 1.5)[weak > 0.4].clamp(max=0.5))


def test_nothing_but_noise_draws():
    image, generator = as_image(picture()), torch.Generator().manual_seed(3)
    before = generator.get_state()
    for kind in ("brightness", "contrast", "defocus_blur"):
        assert torch.equal(corrupt(image, kind, 3, generator), corrupt(image, kind, 3))
    corrupt(image, "gaussian_noise", 0, generator)
    assert torch.equal(generator.get_state(), before)
    corrupt(image, "gaussian_noise", 1, generator)
    assert not torch.equal(generator.get_state(), before)


def test_harder_is_further_away(smooth):
    image = smooth(1, 64, 80)[0]
    for kind in CORRUPTIONS:
        moved = [(corrupt(image, kind, s, image_generator("a")) - image).square().mean().item() for s in range(6)]
        assert moved == sorted(set(moved)), kind


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"severity": 6}, ValueError, r"severity is 6: it must lie between 0 .* and 5"),
        ({"severity": -1}, ValueError, "severity is -1"),
        ({"severity": 2.5}, TypeError, r"severity is 2\.5: it must be an integer"),
        ({"severity": 3.0}, TypeError, r"severity is 3\.0: it must be an integer"),
        ({"severity": True}, TypeError, "severity is True"),
        ({"severity": None}, TypeError, "severity is None"),
        ({"kind": "snow"}, ValueError, "'snow'; known: brightness, contrast, defocus_blur, gaussian_noise"),
        ({"kind": "snow", "severity": 0}, ValueError, "unknown corruption 'snow'"),
        ({"kind": "gaussian_noise"}, ValueError, "gaussian_noise needs a generator"),
        ({"kind": "gaussian_noise", "generator": [torch.Generator()] * 3}, ValueError, "3 generators for 2 images"),
        (
            {"images": torch.rand(2, 3, 16, 40)},
            ValueError,
            r"40 x 16 pixels, smaller than .* \(17 x 17 .* severity 3\)",
        ),
        ({"images": torch.rand(3, 20, 40), "severity": 5}, ValueError, r"21 x 21 pixels at severity 5"),
        ({"images": torch.rand(2, 1, 30, 30)}, ValueError, "convert grey images to RGB"),
        ({"images": 255 * torch.rand(2, 3, 30, 30)}, ValueError, r"expected RGB values in \[0, 1\]"),
        ({"images": torch.zeros(2, 3, 30, 30, dtype=torch.uint8)}, TypeError, r"expected torch\.float32"),
    ],
)
def test_bad_input_is_refused_with_the_reason(changes, error, message):
    # Unwrapped: the type checks that tests put around every function would speak first.
    given = {"images": torch.rand(2, 3, 30, 30), "kind": "defocus_blur", "severity": 3} | changes
    with pytest.raises(error, match=message):
        inspect.unwrap(corrupt)(**given)


def test_any_integer_type_is_a_severity():
    image = as_image(picture())
    assert torch.equal(inspect.unwrap(corrupt)(image, "contrast", np.int64(3)), corrupt(image, "contrast", 3))
