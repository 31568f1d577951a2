"""Smooth random fields: what keeps a rendered surface from looking drawn."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32
from numpy import ndarray
from PIL import Image


def resize(field: Float32[ndarray, "rows columns"], height: int, width: int) -> Float32[ndarray, "height width"]:
    """Bicubic resize of one float field."""
    return np.asarray(Image.fromarray(field, mode=None).resize((width, height), Image.Resampling.BICUBIC))


def smooth_noise(
    rng: np.random.Generator, height: int, width: int, cells: tuple[float, float]
) -> Float32[ndarray, "height width"]:
    """Noise of standard deviation about one whose grain spans `height / cells[0]` rows and `width / cells[1]` columns."""
    rows, columns = (max(2, min(round(count), limit)) for count, limit in zip(cells, (height, width), strict=True))
    grid = rng.standard_normal((rows, columns), dtype=np.float32)
    return resize(grid, height, width) * np.float32(1.25)


def fractal_noise(
    rng: np.random.Generator, height: int, width: int, cells: float, octaves: int = 4
) -> Float32[ndarray, "height width"]:
    """Sum of octaves, each with half the grain and half the strength of the one before; standard deviation about one."""
    field = np.zeros((height, width), np.float32)
    aspect = width / height
    for octave in range(octaves):
        grain = cells * 2**octave
        field += smooth_noise(rng, height, width, (grain, grain * aspect)) * np.float32(0.5**octave)
    return field * np.float32(0.8)
