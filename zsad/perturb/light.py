"""Changes of the light that a factory knows: exposure, in stops, and white balance, along the line of black bodies."""

import torch
from jaxtyping import Float
from kornia.color import linear_rgb_to_rgb, rgb_to_linear_rgb
from torch import Tensor

from zsad.perturb.parameters import Parameter, check_images, is_plain_zero, per_image

MOST_STOPS = 5.0
MOST_MIRED = 100.0
REFERENCE = 6504.0  # K, of sRGB's white: 153.8 mired
LUMINANCE = (0.2126, 0.7152, 0.0722)  # of linear sRGB's red, green and blue
# Linear sRGB from CIE 1931 XYZ (IEC 61966-2-1).
FROM_XYZ = ((3.2406, -1.5372, -0.4986), (-0.9689, 1.8758, 0.0415), (0.0557, -0.2040, 1.0570))


def expose(images: Float[Tensor, "image 3 height width"], stops: Parameter) -> Float[Tensor, "image 3 height width"]:
    """Multiply the light by 2 to the power of `stops`, as a longer exposure does, and clip what becomes too bright.

    The light is what sRGB's curve encodes: images are decoded, multiplied, clipped to [0, 1] and encoded again.

    Args:
        images: RGB in [0, 1], float32 or float64, any size.
        stops: in [-5, 5]; one number, or a tensor with one value an image, which may require gradients.

    Returns:
        Images of the same shape, type and device, in [0, 1]; differentiable to both arguments.

    Raises:
        TypeError, ValueError: as `zsad.perturb.semantic`.
    """
    check_images(images)
    if is_plain_zero(stops):
        return images
    gain = 2 ** per_image("stops", stops, images, limit=MOST_STOPS)
    return _times(images, gain[:, None])


def balance_white(
    images: Float[Tensor, "image 3 height width"], mired: Parameter
) -> Float[Tensor, "image 3 height width"]:
    """Show images under a warmer light (`mired` above 0) or a colder one, as a wrong white balance does.

    The light's colour moves from sRGB's white by so many mired (a million over the temperature in kelvin) along the
    line of black bodies: +100 is a lamp of 3,940 K seen by a camera set to daylight. Linear red, green and blue are
    multiplied by the ratio of the two lights, scaled so that white keeps its luminance, and clipped to [0, 1]. A camera
    does the same with its own three filters, which differ from sRGB's.

    Args:
        images: RGB in [0, 1], float32 or float64, any size.
        mired: in [-100, 100]; one number, or a tensor with one value an image, which may require gradients.

    Returns, raises:
        As `expose`.
    """
    check_images(images)
    if is_plain_zero(mired):
        return images
    shift = per_image("mired", mired, images, limit=MOST_MIRED)
    before = black_body(torch.full_like(shift, REFERENCE))
    gain = black_body(1e6 / (1e6 / REFERENCE + shift)) / before
    return _times(images, gain / (gain * gain.new_tensor(LUMINANCE)).sum(1, keepdim=True))


def black_body(kelvin: Float[Tensor, " light"]) -> Float[Tensor, "light 3"]:
    """Linear sRGB of a black body of unit luminance, 2,222 to 25,000 K, its chromaticity by the cubic splines of Kim et
    al. (US patent 7024034), which lie within 0.004 of Planck's law.
    """
    t = 1000 / kelvin
    warm, cold = (
        (((-0.2661239 * t - 0.2343589) * t + 0.8776956) * t + 0.179910),
        (((-3.0258469 * t + 2.1070379) * t + 0.2226347) * t + 0.240390),
    )
    x = torch.where(kelvin <= 4000, warm, cold)
    y = torch.where(
        kelvin <= 4000,
        ((-0.9549476 * x - 1.37418593) * x + 2.09137015) * x - 0.16748867,
        ((3.0817580 * x - 5.87338670) * x + 3.75112997) * x - 0.37001483,
    )
    return torch.stack((x / y, torch.ones_like(x), (1 - x - y) / y), 1) @ kelvin.new_tensor(FROM_XYZ).T


def _times(images: Tensor, gain: Tensor) -> Tensor:
    """Light times a factor an image (image, 1), or one a channel (image, 3), clipped."""
    linear: Tensor = rgb_to_linear_rgb(images)
    encoded: Tensor = linear_rgb_to_rgb((linear * gain[..., None, None]).clamp(0, 1))
    return encoded
