"""A heat map laid over its image, with one colour scale for all images of a run: by default from 0 (normal) to 1
(anomalous), never that of one image by itself.
"""

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

# Anchor colours at equal steps from 0 to 1: dark, violet, red, orange, pale yellow; lightness rises all the way.
_ANCHORS = np.array([[10, 8, 30], [84, 24, 110], [170, 45, 95], [236, 105, 55], [252, 250, 165]], dtype=np.float64)
_OPACITY = 0.55


Scale = tuple[float, float]
"""The values that have the first and the last colour."""
UNIT: Scale = (0.0, 1.0)


def colours(anomaly_map: Float[np.ndarray, "height width"], scale: Scale = UNIT) -> UInt8[np.ndarray, "height width 3"]:
    """RGB of a scale; values outside it are clipped."""
    low, high = scale
    position = (np.clip(anomaly_map, low, high) - low) / (high - low) * (len(_ANCHORS) - 1)
    found = np.empty((*position.shape, 3), np.uint8)
    for channel in range(3):  # one at a time: a large map is held once as floats, not three times
        found[..., channel] = np.interp(position, np.arange(len(_ANCHORS)), _ANCHORS[:, channel]).round()
    return found


def overlay(
    image: Float[Tensor, "3 height width"], anomaly_map: Float[Tensor, "height width"], scale: Scale = UNIT
) -> Image.Image:
    """The image, greyed so that the scale's colours stay readable, under its heat map."""
    grey = np.asarray(image.mean(dim=0).cpu()) * 255
    blend = colours(np.asarray(anomaly_map.cpu().double()), scale)  # NumPy has no bfloat16
    for channel in range(3):
        blend[..., channel] = ((1 - _OPACITY) * grey + _OPACITY * blend[..., channel]).round()
    return Image.fromarray(blend)
