"""Light and lens: turns surface maps into a photograph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray
from scipy import ndimage

from zsad.data.demo.colour import times
from zsad.data.demo.noise import fractal_noise, smooth_noise
from zsad.data.demo.scene import Scene

Range = tuple[float, float]


@dataclass(frozen=True)
class Look:
    """The ranges that a photographer's table, lamp and camera are drawn from.

    Attributes:
        hue, saturation, value: colour of the backdrop (hue in turns), all in [0, 1].
        backdrops: names of the backdrop surfaces in use.
        azimuth, elevation: direction of the lamp (degrees; 0 is right, 90 is up in the image).
        ambient: share of light without direction. warmth: red against blue of the lamp.
        vignette: darkening towards the corners. blur: radius of the lens (px at 240). noise: of the sensor.
    """

    hue: Range
    saturation: Range
    value: Range
    backdrops: tuple[str, ...]
    azimuth: Range
    elevation: Range
    ambient: Range
    warmth: Range
    vignette: Range
    blur: Range
    noise: Range


def hsv_to_rgb(hue: float, saturation: float, value: float) -> tuple[float, float, float]:
    """Hue in turns; all values in [0, 1]."""
    channels = [
        value - value * saturation * max(0.0, min(k, 4 - k, 1.0)) for k in ((n + hue * 6) % 6 for n in (5, 3, 1))
    ]
    return channels[0], channels[1], channels[2]


def backdrop(rng: np.random.Generator, height: int, width: int, look: Look) -> Float32[ndarray, "height width 3"]:
    """The table a product lies on."""
    rgb = np.array(
        hsv_to_rgb(rng.uniform(*look.hue), rng.uniform(*look.saturation), rng.uniform(*look.value)), np.float32
    )
    kind = look.backdrops[rng.integers(len(look.backdrops))]
    strength = np.float32(rng.uniform(0.5, 1.0))
    factor: np.ndarray
    if kind == "paper":
        factor = 1 + strength * 0.03 * fractal_noise(rng, (height, width), 40, 2)
    elif kind == "mottled":
        factor = 1 + strength * 0.10 * fractal_noise(rng, (height, width), 5, 5)
    elif kind == "brushed":
        factor = 1 + strength * 0.07 * smooth_noise(rng, (height, width), (height / 2, 4))
    elif kind == "concrete":
        factor = 1 + strength * (
            0.06 * fractal_noise(rng, (height, width), 8, 3)
            + 0.05 * smooth_noise(rng, (height, width), (height / 2, width / 2))
        )
    elif kind == "planks":
        columns = np.arange(width, dtype=np.float32) / width * rng.integers(3, 6)
        seams = np.abs(columns - np.round(columns)) < 0.02
        factor = 1 + strength * 0.08 * smooth_noise(rng, (height, width), (5, width / 3)) - 0.25 * seams[None, :]
    elif kind == "cloth":
        rows, cols = np.mgrid[0:height, 0:width].astype(np.float32)
        pitch = np.float32(2 * np.pi / rng.uniform(4, 7))
        factor = (
            1
            + strength * 0.06 * (np.sin(rows * pitch) + np.sin(cols * pitch))
            + 0.03 * fractal_noise(rng, (height, width), 8, 3)
        )
    else:
        raise ValueError(f"unknown backdrop {kind!r}")
    plain = np.broadcast_to(rgb, (height, width, 3))
    levels: ndarray = np.clip(times(plain, np.asarray(factor, np.float32)), 0, 1)
    return levels


def photograph(scene: Scene, look: Look, rng: np.random.Generator) -> UInt8[ndarray, "height width 3"]:
    """Shades the scene with one lamp, casts its shadow, and takes the image."""
    height, width = scene.relief.shape
    unit = np.float32(scene.unit)
    azimuth, elevation = np.deg2rad(rng.uniform(*look.azimuth)), np.deg2rad(rng.uniform(*look.elevation))
    lamp = np.array(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)], np.float32
    )
    ambient = np.float32(rng.uniform(*look.ambient))

    slope_y, slope_x = np.gradient(ndimage.gaussian_filter(scene.relief, 0.7 * unit) / unit)
    length = np.sqrt(slope_x**2 + slope_y**2 + 1)
    normal_x, normal_y, normal_z = -slope_x / length, slope_y / length, 1 / length
    facing = np.clip(normal_x * lamp[0] + normal_y * lamp[1] + normal_z * lamp[2], 0, None) / lamp[2]
    half = lamp + np.array([0, 0, 1], np.float32)
    half /= np.linalg.norm(half)
    shine = np.clip(normal_x * half[0] + normal_y * half[1] + normal_z * half[2], 0, 1) ** 24

    offset = 7 * unit * np.array([lamp[1], -lamp[0]]) / max(float(lamp[2]), 0.3)
    small = ndimage.shift(scene.coverage[::2, ::2], offset / 2, order=1, mode="constant")
    soft = ndimage.gaussian_filter(small, 2.2 * unit)
    shadow = np.kron(soft, np.ones((2, 2), np.float32))[:height, :width] * (1 - scene.coverage)

    falloff = 1 + 0.10 * (scene.x * lamp[0] + scene.y * lamp[1]) / 120
    light = (ambient + (1 - ambient) * facing) * falloff * (1 - 0.45 * (1 - ambient) * shadow)
    light *= 1 - np.float32(rng.uniform(*look.vignette)) * (scene.x**2 + scene.y**2) / 120**2 / 2
    warmth = np.float32(rng.uniform(*look.warmth))
    tint = np.array([1 + warmth, 1, 1 - warmth], np.float32) * np.float32(rng.uniform(0.92, 1.05))
    image = times(scene.rgb, light)
    highlight = 0.75 * scene.gloss * shine * (1 - ambient)
    for channel in range(3):
        image[..., channel] *= tint[channel]
        image[..., channel] += highlight

    blur = rng.uniform(*look.blur) * float(unit)
    image = ndimage.gaussian_filter(image, (blur, blur, 0))
    image += rng.standard_normal((height, width, 1), np.float32) * np.float32(rng.uniform(*look.noise))
    levels: ndarray = (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)
    return levels
