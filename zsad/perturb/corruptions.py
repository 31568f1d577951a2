"""The four image corruptions of the protocol for anomaly detection under distribution shift, at five severities.

Cao et al., ICCV 2023 (arXiv 2303.13845) take them from Hendrycks and Dietterich, ICLR 2019 (arXiv 1903.12261), as the
package imagecorruptions 1.1.2 has them, and use severity 3. Written anew here from their definitions.
"""

import hashlib
from collections.abc import Callable, Sequence
from numbers import Integral

import torch
import torch.nn.functional as F
from jaxtyping import Float
from scipy.fft import next_fast_len
from torch import Tensor

from zsad.perturb.parameters import check_images

Generators = torch.Generator | Sequence[torch.Generator]
"""One generator, drawn from image after image, or one an image."""

MAX_SEVERITY = 5
BRIGHTNESS = (0.1, 0.2, 0.3, 0.4, 0.5)  # added to V of HSV
CONTRAST = (0.4, 0.3, 0.2, 0.1, 0.05)  # factor on the distance from the mean
DEFOCUS = ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5))  # radius of the disc and sigma of its soft edge, pixels
NOISE = (0.08, 0.12, 0.18, 0.26, 0.38)  # standard deviation

# A value this close below a level of 8 bits counts as that level: which side of it a sum falls on is chance, and must
# not depend on batch, type or device. Errors of float32 stay below half of it at 2000 x 2000 pixels.
_SLACK = 5e-4


def corrupt(
    images: Float[Tensor, "*image 3 height width"],
    kind: str,
    severity: int,
    generator: Generators | None = None,
    eight_bit: bool = True,
) -> Float[Tensor, "*image 3 height width"]:
    """Corrupt images as they are: blur and noise are a matter of pixels, so it matters at which size this is done.

    - "brightness": 0.1 to 0.5 is added to V in HSV; hue and saturation stay.
    - "contrast": each channel of an image is drawn towards its own mean, to 0.4 down to 0.05 of its distance.
    - "defocus_blur": a disc of radius 3 to 10 pixels with a softened edge, borders mirrored. As in the reference, the
      disc is normalised before its edge is softened and touches the rim of its grid at severities 4 and 5, where the
      blur therefore also brightens by 1.3 and 1.1 %.
    - "gaussian_noise": independent for every pixel and channel, standard deviation 0.08 to 0.38; coloured noise on grey
      images too.

    Args:
        images: one image or a batch; RGB in [0, 1], float32 or float64.
        kind: one of `CORRUPTIONS`.
        severity: 0 (the images as they are) to 5.
        generator: for noise only: one generator, or one an image, in which case an image's noise does not depend on its
            batch (see `image_generator`). It may stay on the CPU where the images do not: the noise is then the same
            on every device.
        eight_bit: truncate (not round) the result to levels of 1/255, as the reference does, whose result is an 8-bit
            image. Without it the values stay as computed, and gradients flow to the images.

    Returns:
        Images of the same shape, type and device, in [0, 1].

    Raises:
        TypeError: images neither float32 nor float64, or a severity that is not an integer.
        ValueError: wrong shape, values out of [0, 1], unknown kind, severity out of 0 to 5, an image smaller than the
            blur's kernel, no generator for noise or not one an image.
    """
    batch = images[None] if images.ndim == 3 else images
    check_images(batch)
    if kind not in CORRUPTIONS:
        raise ValueError(f"unknown corruption {kind!r}; known: {', '.join(CORRUPTIONS)}")
    if isinstance(severity, bool) or not isinstance(severity, Integral):
        raise TypeError(f"severity is {severity!r}: it must be an integer from 0 to {MAX_SEVERITY}")
    if not 0 <= severity <= MAX_SEVERITY:
        raise ValueError(f"severity is {severity}: it must lie between 0 (the images as they are) and {MAX_SEVERITY}")
    if severity == 0:
        return images
    step = int(severity) - 1
    corrupted = _noisy(batch, step, generator) if kind == "gaussian_noise" else _FIXED[kind](batch, step)
    corrupted = corrupted.clamp(0, 1)
    if eight_bit:
        corrupted = torch.floor(corrupted * 255 + _SLACK) / 255
    return corrupted.reshape(images.shape)


def image_generator(image: str, seed: int = 0) -> torch.Generator:
    """The generator of one image's noise: the same for the same id and seed, whatever else is corrupted with it.

    Args:
        image: the image's id, as in `zsad.Sample.id`.
        seed: another seed draws other noise for every image.
    """
    digest = hashlib.sha256(f"{seed}\0{image}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def _brighter(images: Float[Tensor, "image 3 height width"], step: int) -> Float[Tensor, "image 3 height width"]:
    """Every channel keeps its share of V, which is what keeping hue and saturation means; black becomes grey."""
    value = images.amax(1, keepdim=True)
    below = (value - images) / value.clamp(min=torch.finfo(images.dtype).tiny)
    return (value + BRIGHTNESS[step]).clamp(max=1) * (1 - below)


def _flatter(images: Float[Tensor, "image 3 height width"], step: int) -> Float[Tensor, "image 3 height width"]:
    mean = images.mean((-2, -1), keepdim=True)
    return (images - mean) * CONTRAST[step] + mean


def _defocused(images: Float[Tensor, "image 3 height width"], step: int) -> Float[Tensor, "image 3 height width"]:
    """By FFT: several times faster than a direct convolution with kernels of this size."""
    height, width = images.shape[-2:]
    lens = lens_kernel(*DEFOCUS[step])
    side = len(lens)
    if min(height, width) < side:
        raise ValueError(
            f"images are {width} x {height} pixels, smaller than the kernel of the blur ({side} x {side} pixels at "
            f"severity {step + 1}): corrupt them before they are scaled down"
        )
    padded = F.pad(images, (side // 2,) * 4, mode="reflect")
    size = (next_fast_len(height + side - 1, real=True), next_fast_len(width + side - 1, real=True))
    spectrum = torch.fft.rfft2(padded, s=size) * torch.fft.rfft2(lens.to(images), s=size)
    blurred = torch.fft.irfft2(spectrum, s=size)
    cropped: Tensor = blurred[..., side - 1 : side - 1 + height, side - 1 : side - 1 + width]
    return cropped


def lens_kernel(radius: int, sigma: float) -> Float[Tensor, "side side"]:
    """A disc on its pixel grid (17 x 17, or larger where the radius needs it), then softened by a Gaussian.

    The disc sums to one; the softening mirrors the grid's border, as the reference does, and may change the sum.
    """
    reach, taps = (8, 1) if radius <= 8 else (radius, 2)
    grid = torch.arange(-reach, reach + 1, dtype=torch.float64)
    disc = (grid[:, None] ** 2 + grid**2 <= radius**2).double()
    weights = torch.exp(-(torch.arange(-taps, taps + 1, dtype=torch.float64) ** 2) / (2 * sigma**2))
    weights /= weights.sum()
    rim = F.pad(disc[None, None] / disc.sum(), (taps,) * 4, mode="reflect")
    return F.conv2d(rim, torch.outer(weights, weights)[None, None])[0, 0]


def _noisy(
    images: Float[Tensor, "image 3 height width"], step: int, generator: Generators | None
) -> Float[Tensor, "image 3 height width"]:
    if generator is None:
        raise ValueError(
            "gaussian_noise needs a generator: give a torch.Generator, or one an image, so that the noise can be drawn "
            "again"
        )
    generators = [generator] * len(images) if isinstance(generator, torch.Generator) else list(generator)
    if len(generators) != len(images):
        raise ValueError(f"{len(generators)} generators for {len(images)} images: give one, or one an image")
    noise = torch.empty_like(images)
    # Image after image, in float32 and on the generator's own device: a batch equals a loop, whatever type or device.
    for row, source in zip(noise, generators, strict=True):
        row.copy_(torch.randn(row.shape, generator=source, device=source.device))
    return images + NOISE[step] * noise


_FIXED: dict[str, Callable[[Tensor, int], Tensor]] = {
    "brightness": _brighter,
    "contrast": _flatter,
    "defocus_blur": _defocused,
}
CORRUPTIONS: tuple[str, ...] = (*_FIXED, "gaussian_noise")
