"""Arithmetic of colours and one number a pixel, a channel at a time: over a last axis of three numpy loops slowly."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32
from numpy import ndarray


def times(
    rgb: Float32[ndarray, "height width 3"], factor: Float32[ndarray, "height width"]
) -> Float32[ndarray, "height width 3"]:
    """Every channel of each pixel times its factor."""
    product = np.empty_like(rgb, shape=(*factor.shape, 3))
    for channel in range(3):
        np.multiply(rgb[..., channel], factor, out=product[..., channel])
    return product


def blend(
    rgb: Float32[ndarray, "height width 3"], colour: Float[ndarray, "... 3"], share: Float32[ndarray, "height width"]
) -> None:
    """Moves each pixel, in place, by its share of the way to a colour: one, or one a pixel."""
    for channel in range(3):
        rgb[..., channel] += (colour[..., channel] - rgb[..., channel]) * share
