"""Hue and saturation shifts in HSV."""

import math

import torch
from jaxtyping import Float
from kornia.color import hsv_to_rgb, rgb_to_hsv
from torch import Tensor

from zsad.perturb.parameters import Parameter, is_plain_zero, per_image


def shift_colour(
    images: Float[Tensor, "image 3 height width"],
    hue: Parameter = 0.0,
    saturation: Parameter = 0.0,
    straight_through: bool = False,
) -> Float[Tensor, "image 3 height width"]:
    """Add to hue (radians, wrapped modulo 2 pi) and saturation (clipped to [0, 1]) in HSV; value stays as it is.

    A grey pixel has hue 0 by convention, so a positive saturation shift tints it red, as in the released code
    of the semantic robustness paper. See `zsad.perturb.semantic` for the arguments and errors.
    """
    if is_plain_zero(hue) and is_plain_zero(saturation):
        return images
    hue = per_image("hue", hue, images)
    saturation = per_image("saturation", saturation, images, limit=1.0)
    h, s, v = rgb_to_hsv(images).unbind(1)
    h = torch.remainder(h + hue[:, None, None], 2 * math.pi)
    shifted = s + saturation[:, None, None]
    clipped = shifted.clamp(0, 1)
    s = shifted + (clipped - shifted).detach() if straight_through else clipped
    return hsv_to_rgb(torch.stack((h, s, v), 1))
