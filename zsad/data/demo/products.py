"""The products of the demo suites, undamaged, in their habitual colours and poses.

A product is a list of parts (see scene.Part) drawn with a generator, so that no two specimens are alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from zsad.data.demo import materials, shapes
from zsad.data.demo.camera import hsv_to_rgb
from zsad.data.demo.scene import Part, Pose

Rng = np.random.Generator


@dataclass(frozen=True)
class Product:
    """What a category shows.

    Attributes:
        name: its words in a sentence ("bottle cap").
        kind: "object", "texture", "aligned", "many" or "board".
        parts: draws the parts of one picture.
        scale, tilt, drift: ranges of size factor, of the pose around the habitual one (degrees) and of the offset (units).
        movable: groups that a pose fault may turn, shift or take away.
        rotation_invariant: whether the product means the same at any angle.
    """

    name: str
    kind: str
    parts: Callable[[Rng], list[Part]]
    scale: tuple[float, float] = (0.92, 1.08)
    tilt: float = 10.0
    drift: float = 10.0
    movable: tuple[str, ...] = ()
    rotation_invariant: bool = False

    def pose(self, rng: Rng) -> Pose:
        x, y = rng.uniform(-self.drift, self.drift, 2)
        return Pose(x, y, rng.uniform(-self.tilt, self.tilt), rng.uniform(*self.scale))


def colour(rng: Rng, hue: float, saturation: float, value: float, spread: float = 1.0) -> tuple[float, float, float]:
    """A habitual colour with a specimen's small deviation (hue in turns)."""
    return hsv_to_rgb(
        (hue + rng.normal(0, 0.010 * spread)) % 1,
        float(np.clip(saturation + rng.normal(0, 0.03 * spread), 0, 1)),
        float(np.clip(value + rng.normal(0, 0.03 * spread), 0, 1)),
    )


def spot(x: float, y: float, radius: float, rgb: tuple[float, float, float], relief: float = -2.0, **more) -> Part:
    """A small round part: a hole, a dot, a pin."""
    return Part(lambda u, v: shapes.disc(u, v, radius), rgb, (x, y), reach=radius + 2, relief=relief, bevel=radius * 0.7, body=False, **more)


def washer(rng: Rng) -> list[Part]:
    steel = colour(rng, 0.60, 0.05, 0.66)
    outer, inner = rng.uniform(72, 80), rng.uniform(30, 36)
    return [
        Part(lambda u, v: shapes.ring(u, v, outer, inner), steel, relief=7, bevel=6, gloss=0.6, reach=90, texture=materials.turned_metal(0.04)),
        Part(lambda u, v: shapes.ring(u, v, (outer + inner) / 2 + 2, (outer + inner) / 2 - 2), steel, relief=-1.2, bevel=2, gloss=0.6, reach=70, texture=materials.plain(0.02), body=False),
    ]


def biscuit(rng: Rng) -> list[Part]:
    dough, brown = colour(rng, 0.095, 0.55, 0.80), colour(rng, 0.075, 0.62, 0.55)
    radius = rng.uniform(74, 82)
    parts = [
        Part(lambda u, v: shapes.wavy_disc(u, v, radius, 28, 1.8), brown, relief=6, bevel=9, gloss=0.05, reach=92, texture=materials.cloudy(0.08)),
        Part(lambda u, v: shapes.disc(u, v, radius - 7), dough, relief=2, bevel=10, gloss=0.05, reach=92, texture=materials.speckled(0.16, 0.06, 70)),
    ]
    for radius_of_ring, count in ((24, 6), (50, 12)):
        for k in range(count):
            angle = 2 * np.pi * k / count
            parts.append(spot(radius_of_ring * np.cos(angle), radius_of_ring * np.sin(angle), 3.0, brown, -2.5))
    return parts


def bottle_cap(rng: Rng) -> list[Part]:
    red, white = colour(rng, 0.99, 0.80, 0.72), colour(rng, 0.12, 0.04, 0.93)
    radius = rng.uniform(74, 80)
    return [
        Part(lambda u, v: shapes.wavy_disc(u, v, radius, 21, 3.0), red, relief=9, bevel=8, gloss=0.45, reach=90, texture=materials.plain()),
        Part(lambda u, v: shapes.disc(u, v, radius - 15), red, relief=3, bevel=5, gloss=0.45, reach=80, texture=materials.plain(), body=False),
        Part(lambda u, v: shapes.ring(u, v, 50, 45), white, relief=0.5, bevel=2, gloss=0.35, reach=60, body=False),
        Part(lambda u, v: shapes.wavy_disc(u, v, 22, 5, 9), white, relief=0.5, bevel=2, gloss=0.35, reach=36, body=False),
    ]


def fabric(rng: Rng) -> list[Part]:
    return [
        Part(lambda u, v: np.full_like(u, -50), colour(rng, 0.605, 0.50, 0.52), relief=0, gloss=0.03, texture=materials.weave(0.30, rng.uniform(6.5, 8.0))),
    ]


def wood(rng: Rng) -> list[Part]:
    return [
        Part(lambda u, v: np.full_like(u, -50), colour(rng, 0.075, 0.55, 0.62), relief=0, gloss=0.10, texture=materials.wood_grain(0.20, rng.uniform(10, 16))),
    ]


def socket(rng: Rng) -> list[Part]:
    ivory, shade, dark = colour(rng, 0.12, 0.10, 0.90), colour(rng, 0.12, 0.10, 0.80), (0.10, 0.10, 0.10)
    brass = colour(rng, 0.13, 0.55, 0.75)
    return [
        Part(lambda u, v: shapes.box(u, v, 80, 80, 12), ivory, relief=7, bevel=7, gloss=0.3, reach=116, texture=materials.plain(0.015)),
        Part(lambda u, v: shapes.disc(u, v, 54), shade, relief=-6, bevel=5, gloss=0.25, reach=58, body=False, texture=materials.plain(0.015)),
        Part(lambda u, v: shapes.box(u, v, 30, 2.5, 1), ivory, (0, 50), relief=3, bevel=2, reach=34, body=False, group="insert"),
        spot(-25, 0, 8, dark, -4, group="insert"),
        spot(25, 0, 8, dark, -4, group="insert"),
        Part(lambda u, v: shapes.box(u, v, 6, 10, 2), brass, (0, 44), relief=3, bevel=2, gloss=0.6, reach=16, body=False, group="upper clip"),
        Part(lambda u, v: shapes.box(u, v, 6, 10, 2), brass, (0, -44), relief=3, bevel=2, gloss=0.6, reach=16, body=False, group="lower clip"),
        Part(lambda u, v: shapes.disc(u, v, 6), colour(rng, 0.6, 0.03, 0.62), relief=3, bevel=3, gloss=0.6, reach=8, body=False, group="screw", marked=True),
        Part(lambda u, v: shapes.box(u, v, 5, 1.0), dark, relief=-1, bevel=1, reach=7, body=False, group="screw"),
    ]


def tablets(rng: Rng) -> list[Part]:
    parts = []
    for row in range(3):
        for column in range(4):
            x, y = (column - 1.5) * 64 + rng.normal(0, 2.5), (row - 1) * 64 + rng.normal(0, 2.5)
            pink = colour(rng, 0.965, 0.24, 0.90)
            angle = rng.normal(0, 6)
            parts.append(Part(lambda u, v: shapes.disc(u, v, 25), pink, (x, y), reach=28, relief=9, bevel=12, gloss=0.15, texture=materials.cloudy(0.03, 8), instance=True))
            parts.append(Part(lambda u, v: shapes.box(u, v, 20, 1.3), colour(rng, 0.965, 0.34, 0.74), (x, y), angle, reach=23, relief=-1.5, bevel=1.3, gloss=0.1, body=False, group=f"score {row}{column}"))
    return parts


def beans(rng: Rng) -> list[Part]:
    parts, places = [], []
    for _ in range(400):
        x, y = rng.uniform(-128, 128), rng.uniform(-98, 98)
        if all((x - px) ** 2 + (y - py) ** 2 > 36**2 for px, py in places):
            places.append((x, y))
    for x, y in places:
        a, b, angle = rng.uniform(18, 21), rng.uniform(11.5, 13.5), rng.normal(20, 25)
        parts.append(
            Part(lambda u, v, a=a, b=b: shapes.ellipse(u, v, a, b), colour(rng, 0.035, 0.62, 0.46, 1.5), (x, y), angle, reach=24, relief=10, bevel=11, gloss=0.35, texture=materials.cloudy(0.07, 4), instance=True)
        )
        parts.append(Part(lambda u, v, a=a: shapes.ellipse(u, v, 4.5, 1.6), (0.86, 0.78, 0.62), (x, y + 0), angle, reach=7, relief=-1, bevel=1.5, body=False))
    return parts


def pcb(rng: Rng) -> list[Part]:
    green, trace = colour(rng, 0.40, 0.68, 0.36), colour(rng, 0.40, 0.60, 0.50)
    black, silver, gold = colour(rng, 0.6, 0.08, 0.13), colour(rng, 0.6, 0.02, 0.78), colour(rng, 0.125, 0.62, 0.80)
    tan, blue = colour(rng, 0.09, 0.42, 0.74), colour(rng, 0.62, 0.60, 0.50)
    parts = [Part(lambda u, v: shapes.box(u, v, 128, 92, 6), green, relief=4, bevel=3, gloss=0.2, texture=materials.plain(0.02))]
    for y in np.linspace(-74, 74, 9):
        parts.append(Part(lambda u, v: shapes.box(u, v, 105, 1.0), trace, (0, float(y)), reach=110, relief=0.4, bevel=1, body=False))
    for x, y in ((-116, 80), (116, 80), (-116, -80), (116, -80)):
        parts += [spot(x, y, 7, gold, 0.6), spot(x, y, 3.5, (0.1, 0.1, 0.1), -2)]

    def chip(name: str, x: float, y: float, w: float, h: float, pins: int) -> None:
        for k in range(pins):
            px = x - w + (k + 0.5) * 2 * w / pins
            for side in (-1, 1):
                parts.append(Part(lambda u, v: shapes.box(u, v, 1.6, 4), silver, (px, y + side * (h + 3)), reach=6, relief=1.5, bevel=1, gloss=0.6, body=False, group=name))
        parts.insert(len(parts) - 2 * pins, Part(lambda u, v: shapes.box(u, v, w, h, 1.5), black, (x, y), reach=w + h, relief=7, bevel=2, gloss=0.15, group=name, texture=materials.plain(0.03), instance=False))
        parts.append(Part(lambda u, v: shapes.disc(u, v, 2.2), (0.45, 0.45, 0.45), (x - w + 6, y + h - 6), reach=4, relief=-0.5, bevel=1, body=False, group=name))

    chip("processor", -48, 22, 34, 24, 9)
    chip("driver", 62, -34, 20, 12, 5)
    for k, x in enumerate((20, 50, 80)):
        parts.append(Part(lambda u, v: shapes.disc(u, v, 12), silver, (x, 48), reach=15, relief=12, bevel=4, gloss=0.5, group=f"capacitor {k}"))
        parts.append(Part(lambda u, v: np.maximum(shapes.disc(u, v, 12), u + 5), blue, (x, 48), reach=15, relief=0, gloss=0.3, body=False, group=f"capacitor {k}"))
    for k, x in enumerate((-96, -72, -48, -24, 0)):
        parts.append(Part(lambda u, v: shapes.box(u, v, 5, 10, 1), tan, (x, -36), reach=13, relief=4, bevel=1.5, gloss=0.2, group=f"resistor {k}"))
        for side in (-1, 1):
            parts.append(Part(lambda u, v: shapes.box(u, v, 5, 2), silver, (x, -36 + side * 9), reach=7, relief=0.5, bevel=1, gloss=0.6, body=False, group=f"resistor {k}"))
    parts.append(Part(lambda u, v: shapes.box(u, v, 56, 9, 1), black, (-40, -72), reach=60, relief=6, bevel=2, gloss=0.1, group="header", texture=materials.plain(0.03)))
    for k in range(10):
        parts.append(Part(lambda u, v: shapes.box(u, v, 2.4, 2.4), gold, (-40 + (k - 4.5) * 11, -72), reach=5, relief=4, bevel=1.5, gloss=0.6, body=False, group="header"))
    return parts


def cracker(rng: Rng) -> list[Part]:
    gold, brown = colour(rng, 0.115, 0.50, 0.88), colour(rng, 0.085, 0.60, 0.62)
    parts = [
        Part(lambda u, v: shapes.box(u, v, 84, 84, 14), brown, relief=6, bevel=9, gloss=0.05, reach=126, texture=materials.cloudy(0.08)),
        Part(lambda u, v: shapes.box(u, v, 77, 77, 10), gold, relief=2, bevel=8, gloss=0.05, reach=116, texture=materials.speckled(0.14, 0.08, 60)),
    ]
    for row in range(4):
        for column in range(4):
            parts.append(spot((column - 1.5) * 38 + rng.normal(0, 0.8), (row - 1.5) * 38 + rng.normal(0, 0.8), 3.2, brown, -3))
    return parts


PRODUCTS: dict[str, Product] = {
    "washer": Product("washer", "object", washer, rotation_invariant=True),
    "biscuit": Product("biscuit", "object", biscuit, rotation_invariant=True),
    "bottle_cap": Product("bottle cap", "object", bottle_cap, rotation_invariant=True),
    "fabric": Product("fabric", "texture", fabric, tilt=4),
    "wood": Product("wood", "texture", wood, tilt=4),
    "socket": Product("socket", "aligned", socket, tilt=5, movable=("insert", "upper clip", "lower clip", "screw")),
    "tablets": Product("tablets", "many", tablets, tilt=3, drift=5, scale=(0.95, 1.0), movable=tuple(f"score {r}{c}" for r in range(3) for c in range(4))),
    "beans": Product("beans", "many", beans, tilt=4, drift=4),
    "pcb": Product("pcb", "board", pcb, tilt=3, drift=5, scale=(0.95, 1.02), movable=("processor", "driver", "header", *(f"capacitor {k}" for k in range(3)), *(f"resistor {k}" for k in range(5)))),
    "cracker": Product("cracker", "object", cracker, tilt=8),
}
