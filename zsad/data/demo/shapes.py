"""Signed distances to flat shapes, negative inside, on coordinate arrays; the unit is the unit of the coordinates."""

from __future__ import annotations

import itertools

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

Field = Float32[ndarray, "height width"]


def turn(x: Field, y: Field, degrees: float) -> tuple[Field, Field]:
    """Coordinates in a frame that stands turned by `degrees` (counter-clockwise, y up)."""
    cos, sin = np.float32(np.cos(np.deg2rad(degrees))), np.float32(np.sin(np.deg2rad(degrees)))
    return cos * x + sin * y, cos * y - sin * x


def disc(x: Field, y: Field, radius: float) -> Field:
    """Disc around the origin."""
    distance: ndarray = np.hypot(x, y) - np.float32(radius)
    return distance


def ellipse(x: Field, y: Field, a: float, b: float) -> Field:
    """Approximate distance, exact on the outline."""
    return ((np.hypot(x / np.float32(a), y / np.float32(b)) - 1) * np.float32(min(a, b))).astype(np.float32)


def ring(x: Field, y: Field, outer: float, inner: float) -> Field:
    """What lies between two circles around the origin, of radius `inner` and `outer`."""
    radius = np.hypot(x, y)
    distance: ndarray = np.maximum(radius - np.float32(outer), np.float32(inner) - radius)
    return distance


def box(x: Field, y: Field, half_width: float, half_height: float, corner: float = 0.0) -> Field:
    """Rectangle with rounded corners of radius `corner`."""
    dx = np.abs(x) - np.float32(half_width - corner)
    dy = np.abs(y) - np.float32(half_height - corner)
    outside = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0))
    distance: ndarray = outside + np.minimum(np.maximum(dx, dy), 0) - np.float32(corner)
    return distance


def capsule(x: Field, y: Field, half_length: float, radius: float) -> Field:
    """A stadium lying along x; `half_length` includes the round ends."""
    straight = np.float32(half_length - radius)
    distance: ndarray = np.hypot(x - np.clip(x, -straight, straight), y) - np.float32(radius)
    return distance


def polygon(x: Field, y: Field, radius: float, sides: int) -> Field:
    """Regular polygon; `radius` is the distance from the centre to a side."""
    sector = np.float32(2 * np.pi / sides)
    angle = np.arctan2(y, x)
    angle = angle - sector * np.round(angle / sector)
    distance: ndarray = np.hypot(x, y) * np.cos(angle) - np.float32(radius)
    return distance


def wavy_disc(x: Field, y: Field, radius: float, waves: int, depth: float) -> Field:
    """Disc whose radius swings `waves` times a turn by `depth`: gears, caps, scalloped edges."""
    distance: ndarray = (
        np.hypot(x, y) - np.float32(radius) - np.float32(depth) * np.cos(np.float32(waves) * np.arctan2(y, x))
    )
    return distance


def blob(
    x: Field, y: Field, radius: float, roughness: float, rng: np.random.Generator, harmonics: tuple[int, int] = (2, 6)
) -> Field:
    """Irregular closed outline around the origin; `roughness` 0 is a disc, 0.5 is ragged."""
    angle = np.arctan2(y, x)
    outline = np.ones_like(x)
    orders = range(*harmonics)
    for order in orders:
        strength, phase = rng.normal(0, roughness / np.sqrt(len(orders))), rng.uniform(0, 2 * np.pi)
        outline += np.float32(strength) * np.cos(np.float32(order) * angle + np.float32(phase))
    distance: ndarray = np.hypot(x, y) - np.float32(radius) * np.maximum(outline, np.float32(0.25))
    return distance


def polyline(x: Field, y: Field, points: Float32[ndarray, "point 2"]) -> Field:
    """Distance to a chain of straight pieces (never negative)."""
    nearest = np.full_like(x, np.inf)
    for start, end in itertools.pairwise(points):
        direction = end - start
        length = np.float32(max(float(direction @ direction), 1e-6))
        along = np.clip(((x - start[0]) * direction[0] + (y - start[1]) * direction[1]) / length, 0, 1)
        nearest = np.minimum(
            nearest, np.hypot(x - start[0] - along * direction[0], y - start[1] - along * direction[1])
        )
    return nearest
