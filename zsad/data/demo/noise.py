"""Smooth random fields: what keeps a rendered surface from looking drawn."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32
from numpy import ndarray
from PIL import Image


def smooth_noise(
    rng: np.random.Generator, shape: tuple[int, ...], cells: tuple[float, float]
) -> Float32[ndarray, "height width"]:
    """Noise of standard deviation about one, in grains of `height / cells[0]` rows by `width / cells[1]` columns."""
    height, width = shape
    rows, columns = (max(2, min(round(count), limit)) for count, limit in zip(cells, shape, strict=True))
    grid = rng.standard_normal((rows, columns), dtype=np.float32)
    return np.asarray(Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC)) * np.float32(1.25)


def fractal_noise(
    rng: np.random.Generator, shape: tuple[int, ...], cells: float, octaves: int = 4
) -> Float32[ndarray, "height width"]:
    """Sum of octaves, each with half the grain and strength of the one before; standard deviation about one."""
    field = np.zeros(shape, np.float32)
    aspect = shape[1] / shape[0]
    for octave in range(octaves):
        grain = cells * 2**octave
        field += smooth_noise(rng, shape, (grain, grain * aspect)) * np.float32(0.5**octave)
    return field * np.float32(0.8)
