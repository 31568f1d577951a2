"""Surface textures: factors on a part's colour, about one, drawn for the window a part is painted in."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from zsad.data.demo.noise import fractal_noise, smooth_noise
from zsad.data.demo.shapes import Field

Texture = Callable[[Field, Field, np.random.Generator], Float32[ndarray, "..."]]


def plain(amount: float = 0.02) -> Texture:
    """Moulded plastic, paint: hardly any variation."""
    return lambda u, v, rng: 1 + np.float32(amount) * fractal_noise(rng, u.shape, 6, 3)


def cloudy(amount: float = 0.10, cells: float = 5) -> Texture:
    """Stone, ceramics, baked things."""
    return lambda u, v, rng: 1 + np.float32(amount) * fractal_noise(rng, u.shape, cells, 5)


def speckled(amount: float = 0.25, share: float = 0.08, cells: float = 60) -> Texture:
    """Dark specks on a cloudy ground; `share` of the area is speck."""

    def texture(u: Field, v: Field, rng: np.random.Generator) -> Field:
        noise = smooth_noise(rng, u.shape, (cells, cells * u.shape[1] / u.shape[0]))
        specks = np.clip((noise - np.float32(np.quantile(noise, 1 - share))) * 3, 0, 1)
        return 1 - np.float32(amount) * specks + np.float32(0.05) * fractal_noise(rng, u.shape, 6, 3)

    return texture


def brushed(amount: float = 0.06) -> Texture:
    """Metal brushed along u."""

    def texture(u: Field, v: Field, rng: np.random.Generator) -> Field:
        lines = rng.standard_normal(1024, dtype=np.float32)
        position = np.clip(v * 2 + 512, 0, 1022)
        low = position.astype(np.int32)
        value = lines[low] + (lines[low + 1] - lines[low]) * (position - low.astype(np.float32))
        albedo: ndarray = 1 + np.float32(amount) * (0.6 * value + 0.5 * fractal_noise(rng, u.shape, 4, 2))
        return albedo

    return texture


def turned_metal(amount: float = 0.05) -> Texture:
    """Metal with fine circular marks around the origin."""

    def texture(u: Field, v: Field, rng: np.random.Generator) -> Field:
        lines = rng.standard_normal(1024, dtype=np.float32)
        value = lines[np.clip(np.hypot(u, v) * 2, 0, 1023).astype(np.int32)]
        albedo: ndarray = 1 + np.float32(amount) * (value + fractal_noise(rng, u.shape, 4, 2))
        return albedo

    return texture


def wood_grain(amount: float = 0.16, pitch: float = 11.0) -> Texture:
    """Grain along u; `pitch` is the distance of two rings (units)."""

    def texture(u: Field, v: Field, rng: np.random.Generator) -> Field:
        bend = 14 * smooth_noise(rng, u.shape, (3, 2))
        fine = smooth_noise(rng, u.shape, (u.shape[0] / 1.5, 8))
        rings = np.sin((v + bend) * np.float32(2 * np.pi / pitch))
        albedo: ndarray = 1 + np.float32(amount) * (
            0.55 * rings + 0.35 * fine + 0.25 * fractal_noise(rng, u.shape, 4, 3)
        )
        return albedo

    return texture


def weave(amount: float = 0.16, pitch: float = 6.0) -> Texture:
    """Plain weave with threads along u and v; `pitch` is the distance of two threads (units)."""

    def texture(u: Field, v: Field, rng: np.random.Generator) -> Field:
        k = np.float32(np.pi / pitch)
        wobble = 0.6 * smooth_noise(rng, u.shape, (10, 10))
        over = np.sin((u + wobble) * k) * np.sin((v + wobble) * k)
        threads = np.abs(np.sin((u + wobble) * k)) * np.abs(np.sin((v + wobble) * k))
        uneven = smooth_noise(rng, u.shape, (u.shape[0] / 3, 5)) + smooth_noise(rng, u.shape, (5, u.shape[1] / 3))
        albedo: ndarray = 1 + np.float32(amount) * (0.7 * np.sign(over) * threads**0.5 + 0.25 * uneven)
        return albedo

    return texture


def leathery(amount: float = 0.14, cells: float = 28) -> Texture:
    """Pebbled skin: ridges between small cells."""

    def texture(u: Field, v: Field, rng: np.random.Generator) -> Field:
        a = smooth_noise(rng, u.shape, (cells, cells * u.shape[1] / u.shape[0]))
        b = smooth_noise(rng, u.shape, (cells, cells * u.shape[1] / u.shape[0]))
        ridges = np.minimum(np.abs(a), np.abs(b))
        albedo: ndarray = (
            1 - np.float32(amount) * np.clip(1 - 3 * ridges, 0, 1) + 0.03 * fractal_noise(rng, u.shape, 5, 3)
        )
        return albedo

    return texture


def veined(amount: float = 0.22, cells: float = 3) -> Texture:
    """Marble: a few winding veins."""

    def texture(u: Field, v: Field, rng: np.random.Generator) -> Field:
        field = fractal_noise(rng, u.shape, cells, 4)
        veins = np.clip(1 - np.abs(field) * 9, 0, 1) * np.clip(0.6 + 0.5 * fractal_noise(rng, u.shape, 2, 2), 0, 1)
        albedo: ndarray = 1 - np.float32(amount) * veins + 0.03 * fractal_noise(rng, u.shape, 6, 3)
        return albedo

    return texture


def striped(amount: float = 0.3, pitch: float = 16.0) -> Texture:
    """Even bands across v."""
    return lambda u, v, rng: 1 - np.float32(amount) * np.clip(2 * np.sin(v * np.float32(2 * np.pi / pitch)), 0, 1)
