"""Products that no two pictures show alike: random shapes, colours and arrangements, called by what they are.

They teach what damage is apart from any product, and what the words for colours, materials and shapes mean; their
undamaged specimens vary more than any real product's do.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from zsad.data.demo import materials, shapes
from zsad.data.demo.camera import hsv_to_rgb
from zsad.data.demo.product import Product, Rng, spot
from zsad.data.demo.scene import Part
from zsad.data.demo.shapes import Field

Outline = Callable[[Field, Field], Field]


# What an everyday colour word means: ranges of hue (turns), saturation and value.
COLOURS: dict[str, tuple[tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    "red": ((-0.02, 0.02), (0.65, 0.9), (0.5, 0.85)), "orange": ((0.06, 0.09), (0.7, 0.95), (0.75, 0.95)),
    "yellow": ((0.13, 0.17), (0.6, 0.9), (0.75, 0.95)), "green": ((0.27, 0.41), (0.4, 0.8), (0.35, 0.75)),
    "turquoise": ((0.47, 0.53), (0.4, 0.8), (0.5, 0.85)), "blue": ((0.57, 0.67), (0.45, 0.85), (0.4, 0.85)),
    "purple": ((0.73, 0.81), (0.35, 0.7), (0.4, 0.75)), "pink": ((0.88, 0.96), (0.25, 0.5), (0.8, 0.95)),
    "brown": ((0.04, 0.09), (0.45, 0.7), (0.28, 0.5)), "grey": ((0.0, 1.0), (0.0, 0.08), (0.35, 0.65)),
    "black": ((0.0, 1.0), (0.0, 0.1), (0.1, 0.2)), "white": ((0.0, 1.0), (0.0, 0.06), (0.85, 0.95)),
}  # fmt: skip
MATERIALS = ("plastic", "stone", "granite", "metal")
OUTLINES = ("disc", "block", "oval", "pill", "triangle", "hexagon", "octagon", "rosette", "ring")


def _shade(rng: Rng, name: str | None = None) -> tuple[float, float, float]:
    """A colour that goes by a name; by any, if none is given."""
    hue, saturation, value = COLOURS[name or list(COLOURS)[rng.integers(len(COLOURS))]]
    return hsv_to_rgb(rng.uniform(*hue) % 1, rng.uniform(*saturation), rng.uniform(*value))


def _finish(rng: Rng, size: float, material: str) -> materials.Texture:
    cells = max(4.0, size * 0.8)
    if material == "plastic":
        return materials.plain(rng.uniform(0.02, 0.03))
    if material == "stone":
        return materials.cloudy(rng.uniform(0.03, 0.09))
    if material == "granite":
        return materials.speckled(rng.uniform(0.1, 0.3), rng.uniform(0.04, 0.12), cells)
    metal = (materials.brushed, materials.turned_metal)[rng.integers(2)]
    return metal(rng.uniform(0.02, 0.05))


def _outline(rng: Rng, size: float, name: str | None = None) -> Outline:
    """A closed shape about `size` in radius that goes by a name; by any, if none is given."""
    squat, waves = rng.uniform(0.55, 1.0), int(rng.integers(5, 30))
    hollow, depth, corner = rng.uniform(0.3, 0.6), rng.uniform(0.02, 0.12), rng.uniform(0.02, 0.3)
    outlines: dict[str, Outline] = {
        "disc": lambda u, v: shapes.disc(u, v, size),
        "block": lambda u, v: shapes.box(u, v, size, size * squat, size * squat * corner),
        "oval": lambda u, v: shapes.ellipse(u, v, size, size * min(squat, 0.8)),
        "pill": lambda u, v: shapes.capsule(u, v, size, size * squat * 0.6),
        "triangle": lambda u, v: shapes.polygon(u, v, size * 0.6, 3),
        "hexagon": lambda u, v: shapes.polygon(u, v, size * 0.85, 6),
        "octagon": lambda u, v: shapes.polygon(u, v, size * 0.9, 8),
        "rosette": lambda u, v: shapes.wavy_disc(u, v, size * (1 - depth), waves, size * depth),
        "ring": lambda u, v: shapes.ring(u, v, size, size * hollow),
    }
    return outlines[name or OUTLINES[rng.integers(len(OUTLINES))]]


def _thing(rng: Rng, shade: str, material: str, shape: str) -> list[Part]:
    """One body with marks in a regular arrangement."""
    size = rng.uniform(62, 92)
    parts = [
        Part(
            _outline(rng, size, shape), _shade(rng, shade), reach=1.45 * size, relief=rng.uniform(4, 10),
            bevel=rng.uniform(3, 12), gloss=rng.uniform(0.03, 0.6), texture=_finish(rng, size, material),
        )
    ]  # fmt: skip
    for _ in range(rng.integers(0, 4)):
        small, radius, count = rng.uniform(3, 14), rng.uniform(0, 0.75) * size, int(rng.integers(1, 9))
        outline, tone, relief, start = _outline(rng, small), _shade(rng), rng.uniform(-4, 4), rng.uniform(0, 360)
        for k in range(count):
            angle = start + 360 * k / count
            x, y = radius * np.cos(np.deg2rad(angle)), radius * np.sin(np.deg2rad(angle))
            parts.append(Part(outline, tone, (x, y), angle, reach=1.5 * small + 1, relief=relief, bevel=2, body=False))
    return parts


def _things(rng: Rng, shade: str, material: str, shape: str) -> list[Part]:
    """Many alike, in rows or scattered."""
    size = rng.uniform(18, 36)
    outline, tone, finish = _outline(rng, size, shape), _shade(rng, shade), _finish(rng, size, material)
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
                outline, tone, (x, y), angle, reach=1.5 * size + 1, relief=relief, bevel=size * 0.4, gloss=gloss,
                texture=finish, instance=True,
            )
        )  # fmt: skip
        if marked:
            parts.append(Part(mark, mark_shade, (x, y), angle, reach=0.4 * size + 1, relief=-1, bevel=2, body=False))
    return parts


def _assembly(rng: Rng, shade: str, material: str) -> list[Part]:
    """A board with parts of several kinds, dark ones among them."""
    parts = [
        Part(
            lambda u, v: shapes.box(u, v, 104, 88, 5), _shade(rng, shade), relief=4, bevel=3, gloss=0.2, reach=140,
            texture=_finish(rng, 90, material),
        )
    ]  # fmt: skip
    taken: list[tuple[float, float, float]] = []
    pin = _shade(rng, "white")
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


def draw_generic(rng: Rng) -> Product:
    """A product called by colour, material and shape: one thing, several alike, or a board with parts."""
    shade, material = (words[rng.integers(len(words))] for words in (list(COLOURS), MATERIALS))
    shape = OUTLINES[rng.integers(len(OUTLINES))]
    form = rng.integers(3)
    if form == 0:
        return Product(f"{shade} {material} {shape}", "object", lambda r: _thing(r, shade, material, shape), drift=6)
    if form == 1:
        name = f"{shade} {material} {shape}s"
        return Product(name, "object", lambda r: _things(r, shade, material, shape), tilt=4, drift=4)
    return Product(f"{shade} {material} board", "object", lambda r: _assembly(r, shade, material), tilt=4, drift=4)
