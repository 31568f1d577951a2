"""Products that no two pictures show alike: random shapes, colours, textures and arrangements.

They teach what damage is apart from any product; their undamaged specimens vary more than any real product's do.
"""

from __future__ import annotations

import numpy as np

from zsad.data.demo import materials, shapes
from zsad.data.demo.camera import hsv_to_rgb
from zsad.data.demo.product import Rng, spot
from zsad.data.demo.scene import Part


def _shade(rng: Rng, low: float = 0.12) -> tuple[float, float, float]:
    return hsv_to_rgb(rng.uniform(), rng.uniform(0.02, 0.8), rng.uniform(low, 0.95))


def _finish(rng: Rng, size: float) -> materials.Texture:
    cells = max(4.0, size * 0.8)
    finishes = (
        materials.plain(0.02), materials.plain(0.03), materials.cloudy(rng.uniform(0.03, 0.09)),
        materials.speckled(rng.uniform(0.1, 0.3), rng.uniform(0.04, 0.12), cells),
        materials.brushed(rng.uniform(0.02, 0.05)), materials.turned_metal(rng.uniform(0.02, 0.05)),
    )  # fmt: skip
    return finishes[rng.integers(len(finishes))]


def _outline(rng: Rng, size: float):
    """A closed shape about `size` in radius."""
    squat, waves, sides = rng.uniform(0.55, 1.0), int(rng.integers(5, 30)), int(rng.integers(3, 9))
    hollow, depth, corner = rng.uniform(0.3, 0.6), rng.uniform(0.02, 0.12), rng.uniform(0.02, 0.3)
    outlines = (
        lambda u, v: shapes.disc(u, v, size),
        lambda u, v: shapes.box(u, v, size, size * squat, size * squat * corner),
        lambda u, v: shapes.ellipse(u, v, size, size * squat),
        lambda u, v: shapes.capsule(u, v, size, size * squat * 0.6),
        lambda u, v: shapes.polygon(u, v, size * 0.85, sides),
        lambda u, v: shapes.wavy_disc(u, v, size * (1 - depth), waves, size * depth),
        lambda u, v: shapes.ring(u, v, size, size * hollow),
    )
    return outlines[rng.integers(len(outlines))]


def thing(rng: Rng) -> list[Part]:
    """One body with marks in a regular arrangement."""
    size = rng.uniform(62, 92)
    parts = [
        Part(
            _outline(rng, size), _shade(rng, 0.2), reach=1.45 * size, relief=rng.uniform(4, 10),
            bevel=rng.uniform(3, 12), gloss=rng.uniform(0.03, 0.6), texture=_finish(rng, size),
        )
    ]  # fmt: skip
    for _ in range(rng.integers(0, 4)):
        small, radius, count = rng.uniform(3, 14), rng.uniform(0, 0.75) * size, int(rng.integers(1, 9))
        outline, shade, relief, start = _outline(rng, small), _shade(rng), rng.uniform(-4, 4), rng.uniform(0, 360)
        for k in range(count):
            angle = start + 360 * k / count
            x, y = radius * np.cos(np.deg2rad(angle)), radius * np.sin(np.deg2rad(angle))
            parts.append(Part(outline, shade, (x, y), angle, reach=1.5 * small + 1, relief=relief, bevel=2, body=False))
    return parts


def things(rng: Rng) -> list[Part]:
    """Many alike, in rows or scattered."""
    size = rng.uniform(18, 36)
    outline, shade, finish = _outline(rng, size), _shade(rng, 0.2), _finish(rng, size)
    gloss, relief, lying = rng.uniform(0.05, 0.5), rng.uniform(5, 12), rng.uniform(0, 180)
    mark, mark_shade, marked = _outline(rng, size * 0.25), _shade(rng), rng.random() < 0.6
    pitch, unruly = size * rng.uniform(2.3, 2.9), rng.uniform(0, 25)
    half_width, half_height = 120 - size * 0.8, 108 - size * 0.8
    if rng.random() < 0.5:
        columns, rows = 1 + int(2 * half_width // pitch), 1 + int(2 * half_height // pitch)
        places = [
            ((c - (columns - 1) / 2) * pitch, (r - (rows - 1) / 2) * pitch) for r in range(rows) for c in range(columns)
        ]
    else:
        places = []
        for x, y in rng.uniform(-1, 1, (300, 2)) * (half_width, half_height):
            if all((x - px) ** 2 + (y - py) ** 2 > (0.85 * pitch) ** 2 for px, py in places):
                places.append((x, y))
    parts = []
    for x, y in places:
        angle = lying + rng.normal(0, unruly)
        x, y = x + rng.normal(0, 2), y + rng.normal(0, 2)
        parts.append(
            Part(
                outline, shade, (x, y), angle, reach=1.5 * size + 1, relief=relief, bevel=size * 0.4, gloss=gloss,
                texture=finish, instance=True,
            )
        )  # fmt: skip
        if marked:
            parts.append(Part(mark, mark_shade, (x, y), angle, reach=0.4 * size + 1, relief=-1, bevel=2, body=False))
    return parts


def assembly(rng: Rng) -> list[Part]:
    """A board with parts of several kinds, dark ones among them."""
    parts = [
        Part(
            lambda u, v: shapes.box(u, v, 104, 88, 5), _shade(rng, 0.2), relief=4, bevel=3, gloss=0.2, reach=140,
            texture=materials.plain(0.02),
        )
    ]  # fmt: skip
    taken: list[tuple[float, float, float]] = []
    pin = _shade(rng, 0.6)
    for _ in range(rng.integers(3, 6)):
        size, count = rng.uniform(8, 30), int(rng.integers(1, 5))
        outline, gloss, relief = _outline(rng, size), rng.uniform(0.05, 0.5), rng.uniform(3, 10)
        shade = hsv_to_rgb(0.6, 0.05, rng.uniform(0.10, 0.2)) if rng.random() < 0.45 else _shade(rng)
        dot, upright = rng.random() < 0.5, 90 * int(rng.integers(2))
        for _ in range(count):
            for x, y in rng.uniform(-1, 1, (30, 2)) * (98 - size, 82 - size):
                if all(np.hypot(x - px, y - py) > size + other + 3 for px, py, other in taken):
                    taken.append((x, y, size))
                    parts.append(
                        Part(
                            outline, shade, (x, y), upright, reach=1.5 * size + 1, relief=relief, bevel=2, gloss=gloss,
                            texture=materials.plain(0.03),
                        )
                    )  # fmt: skip
                    if dot:
                        parts.append(spot(x, y, size * 0.2, pin, 0.8))
                    break
    return parts
