"""The products that pre-training shows damaged. None of them is a category of the demo suites."""

from __future__ import annotations

import numpy as np

from zsad.data.demo import materials, shapes
from zsad.data.demo.products import Product, Rng, colour, spot
from zsad.data.demo.scene import Part

BLACK = (0.10, 0.10, 0.11)


def plate(rng: Rng) -> list[Part]:
    white, rim = colour(rng, 0.58, 0.03, 0.92), colour(rng, 0.61, 0.60, 0.62)
    radius = rng.uniform(76, 90)
    return [
        Part(lambda u, v: shapes.disc(u, v, radius), white, relief=6, bevel=14, gloss=0.4, reach=100, texture=materials.plain(0.015)),
        Part(lambda u, v: shapes.ring(u, v, radius - 5, radius - 10), rim, relief=0.3, bevel=2, gloss=0.4, reach=100, body=False),
        Part(lambda u, v: shapes.disc(u, v, radius * 0.58), white, relief=-3, bevel=8, gloss=0.4, reach=80, body=False),
    ]


def gear(rng: Rng) -> list[Part]:
    steel, teeth = colour(rng, 0.58, 0.06, 0.56), int(rng.integers(12, 22))
    parts = [
        Part(lambda u, v: np.maximum(shapes.wavy_disc(u, v, 74, teeth, 9), shapes.disc(u, v, 79)), steel, relief=8, bevel=4, gloss=0.5, reach=86, texture=materials.turned_metal(0.05)),
        Part(lambda u, v: shapes.ring(u, v, 55, 26), steel, relief=-3, bevel=4, gloss=0.5, reach=60, body=False, texture=materials.turned_metal(0.05)),
        spot(0, 0, 14, BLACK, -6),
    ]
    return parts


def lid(rng: Rng) -> list[Part]:
    yellow = colour(rng, 0.145, 0.78, 0.86)
    return [
        Part(lambda u, v: shapes.disc(u, v, 82), yellow, relief=8, bevel=7, gloss=0.35, reach=90, texture=materials.plain()),
        Part(lambda u, v: shapes.ring(u, v, 66, 62), yellow, relief=3, bevel=2, gloss=0.35, reach=70, body=False),
        Part(lambda u, v: shapes.box(u, v, 26, 6, 5), yellow, relief=4, bevel=3, gloss=0.35, reach=32, body=False, group="grip"),
    ]


def coin(rng: Rng) -> list[Part]:
    gold = colour(rng, 0.12, 0.52, 0.72)
    points = int(rng.integers(6, 11))
    return [
        Part(lambda u, v: shapes.disc(u, v, 70), gold, relief=5, bevel=4, gloss=0.6, reach=78, texture=materials.cloudy(0.05)),
        Part(lambda u, v: shapes.ring(u, v, 66, 60), gold, relief=2.5, bevel=2, gloss=0.6, reach=70, body=False),
        Part(lambda u, v: shapes.wavy_disc(u, v, 30, points, 10), gold, relief=3.5, bevel=4, gloss=0.6, reach=44, body=False),
    ]


def button(rng: Rng) -> list[Part]:
    purple = colour(rng, 0.77, 0.45, 0.50)
    parts = [
        Part(lambda u, v: shapes.disc(u, v, 66), purple, relief=8, bevel=10, gloss=0.45, reach=74, texture=materials.cloudy(0.07, 4)),
        Part(lambda u, v: shapes.disc(u, v, 46), purple, relief=-3, bevel=6, gloss=0.45, reach=52, body=False, texture=materials.cloudy(0.07, 4)),
    ]
    return parts + [spot(x, y, 6.5, BLACK, -4) for x in (-15, 15) for y in (-15, 15)]


def badge(rng: Rng) -> list[Part]:
    navy, silver = colour(rng, 0.64, 0.62, 0.42), colour(rng, 0.6, 0.03, 0.80)
    return [
        Part(lambda u, v: shapes.polygon(u, v, 72, 6), silver, relief=6, bevel=4, gloss=0.5, reach=90),
        Part(lambda u, v: shapes.polygon(u, v, 62, 6), navy, relief=-1.5, bevel=3, gloss=0.3, reach=80, body=False, texture=materials.plain()),
        Part(lambda u, v: shapes.wavy_disc(u, v, 24, 5, 10), silver, relief=2, bevel=3, gloss=0.5, reach=36, body=False, group="emblem"),
        Part(lambda u, v: shapes.box(u, v, 34, 4, 1), silver, (0, -44), relief=1, bevel=2, gloss=0.5, reach=38, body=False, group="bar"),
    ]


def wheel(rng: Rng) -> list[Part]:
    rubber, alloy = colour(rng, 0.6, 0.05, 0.20), colour(rng, 0.6, 0.03, 0.72)
    count = int(rng.integers(5, 8))
    parts = [
        Part(lambda u, v: shapes.wavy_disc(u, v, 84, 40, 1.2), rubber, relief=9, bevel=12, gloss=0.1, reach=92, texture=materials.cloudy(0.06)),
        Part(lambda u, v: shapes.disc(u, v, 56), alloy, relief=-4, bevel=5, gloss=0.5, reach=62, body=False, texture=materials.plain()),
    ]
    for k in range(count):
        angle = 2 * np.pi * k / count
        parts.append(spot(36 * np.cos(angle), 36 * np.sin(angle), 10, BLACK, -5))
    return [*parts, spot(0, 0, 9, alloy, 3)]


def clock(rng: Rng) -> list[Part]:
    white, frame = colour(rng, 0.13, 0.05, 0.93), colour(rng, 0.07, 0.55, 0.40)
    parts = [
        Part(lambda u, v: shapes.disc(u, v, 86), frame, relief=8, bevel=6, gloss=0.3, reach=92, texture=materials.wood_grain(0.08)),
        Part(lambda u, v: shapes.disc(u, v, 74), white, relief=-5, bevel=4, gloss=0.2, reach=80, body=False, texture=materials.plain(0.01)),
    ]
    for k in range(12):
        angle = np.pi / 2 - 2 * np.pi * k / 12
        long = 8 if k % 3 == 0 else 4
        parts.append(Part(lambda u, v, s=long: shapes.box(u, v, s, 1.8), BLACK, (62 * np.cos(angle), 62 * np.sin(angle)), np.rad2deg(angle), reach=11, relief=0.5, bevel=1, body=False, group=f"mark {k}"))
    for name, length, width, angle in (("hour", 30, 3.0, 150), ("minute", 46, 2.0, 30)):
        a = np.deg2rad(angle)
        parts.append(Part(lambda u, v, s=length, w=width: shapes.box(u, v, s / 2, w, 1), BLACK, (length / 2 * np.cos(a), length / 2 * np.sin(a)), angle, reach=length, relief=2, bevel=1, body=False, group=name))
    return parts


def bracket(rng: Rng) -> list[Part]:
    zinc = colour(rng, 0.14, 0.12, 0.70)
    parts = [Part(lambda u, v: np.minimum(shapes.box(u + 44, v, 26, 84, 8), shapes.box(u, v + 58, 70, 26, 8)), zinc, relief=6, bevel=4, gloss=0.5, reach=130, texture=materials.brushed(0.05))]
    return parts + [spot(x, y, 9, BLACK, -5) for x, y in ((-44, 62), (-44, 14), (0, -58), (46, -58))]


def soap(rng: Rng) -> list[Part]:
    mint = colour(rng, 0.42, 0.28, 0.84)
    parts = [Part(lambda u, v: shapes.box(u, v, 88, 58, 40), mint, relief=14, bevel=26, gloss=0.25, reach=112, texture=materials.cloudy(0.03, 3))]
    for k, x in enumerate((-30, -10, 10, 30)):
        parts.append(Part(lambda u, v: shapes.ring(u, v, 9, 6), mint, (x, 0), reach=12, relief=-2, bevel=2, gloss=0.2, body=False, group=f"letter {k}"))
    return parts


def domino(rng: Rng) -> list[Part]:
    ivory = colour(rng, 0.125, 0.16, 0.90)
    parts = [
        Part(lambda u, v: shapes.box(u, v, 48, 94, 8), ivory, relief=8, bevel=6, gloss=0.35, reach=112, texture=materials.plain(0.015)),
        Part(lambda u, v: shapes.box(u, v, 40, 1.5), BLACK, relief=-1, bevel=1, reach=44, body=False),
    ]
    for half in (-1, 1):
        for k, (x, y) in enumerate(((-22, -22), (22, 22), (0, 0), (-22, 22), (22, -22))):
            parts.append(spot(x, 47 * half + y, 7, BLACK, -3, group=f"pip {half}{k}"))
    return parts


def remote(rng: Rng) -> list[Part]:
    shell, red = colour(rng, 0.6, 0.06, 0.24), colour(rng, 0.0, 0.75, 0.72)
    grey = colour(rng, 0.6, 0.03, 0.62)
    parts = [Part(lambda u, v: shapes.box(u, v, 44, 100, 16), shell, relief=10, bevel=10, gloss=0.25, reach=116, texture=materials.plain(0.03))]
    parts.append(spot(-22, 76, 8, red, 3, group="power"))
    for row in range(4):
        for column in range(3):
            parts.append(Part(lambda u, v: shapes.box(u, v, 8, 5.5, 3), grey, ((column - 1) * 24, 40 - row * 24), reach=12, relief=3, bevel=2, gloss=0.2, body=False, group=f"key {row}{column}"))
    return parts


def ruler(rng: Rng) -> list[Part]:
    amber = colour(rng, 0.11, 0.55, 0.78)
    parts = [Part(lambda u, v: shapes.box(u, v, 108, 24, 2), amber, relief=4, bevel=3, gloss=0.2, reach=116, texture=materials.wood_grain(0.10, 9))]
    for k in range(31):
        long = 9 if k % 5 == 0 else 5
        parts.append(Part(lambda u, v, s=long: shapes.box(u, v, 0.9, s), BLACK, (-102 + 6.8 * k, 24 - long), reach=12, relief=-0.3, bevel=1, body=False))
    return parts


def sponge(rng: Rng) -> list[Part]:
    yellow, green = colour(rng, 0.14, 0.62, 0.88), colour(rng, 0.38, 0.55, 0.42)
    return [
        Part(lambda u, v: shapes.box(u, v, 92, 60, 10), yellow, relief=12, bevel=8, gloss=0.0, reach=112, texture=materials.speckled(0.35, 0.12, 40)),
        Part(lambda u, v: shapes.box(u, v + 48, 91, 12, 6), green, relief=1, bevel=3, gloss=0.0, reach=112, texture=materials.speckled(0.2, 0.2, 90), body=False),
    ]


def dice(rng: Rng) -> list[Part]:
    parts = []
    for row in range(3):
        for column in range(3):
            x, y, angle = (column - 1) * 70 + rng.normal(0, 3), (row - 1) * 70 + rng.normal(0, 3), rng.normal(0, 6)
            parts.append(Part(lambda u, v: shapes.box(u, v, 24, 24, 6), colour(rng, 0.0, 0.70, 0.66), (x, y), angle, reach=36, relief=9, bevel=5, gloss=0.4, texture=materials.plain(0.02), instance=True))
            for px, py in ((-11, -11), (11, 11), (0, 0), (-11, 11), (11, -11)):
                parts.append(spot(x + px, y + py, 3.6, (0.93, 0.93, 0.92), -1))
    return parts


def sweets(rng: Rng) -> list[Part]:
    parts, hues = [], (0.0, 0.09, 0.16, 0.35, 0.58)
    for row in range(4):
        for column in range(4):
            x, y = (column - 1.5) * 54 + rng.normal(0, 3), (row - 1.5) * 54 + rng.normal(0, 3)
            shade = colour(rng, hues[rng.integers(5)], 0.72, 0.78)
            parts.append(Part(lambda u, v: shapes.ellipse(u, v, 22, 19), shade, (x, y), rng.normal(0, 20), reach=26, relief=10, bevel=14, gloss=0.5, texture=materials.plain(0.02), instance=True))
    return parts


def pebbles(rng: Rng) -> list[Part]:
    parts = []
    for row in range(4):
        for column in range(4):
            x, y = (column - 1.5) * 58 + rng.normal(0, 5), (row - 1.5) * 54 + rng.normal(0, 5)
            seed, radius = int(rng.integers(2**31)), rng.uniform(19, 25)
            parts.append(Part(lambda u, v, s=seed, r=radius: shapes.blob(u, v * 1.2, r, 0.12, np.random.default_rng(s)), colour(rng, 0.1, 0.12, 0.58, 2), (x, y), rng.uniform(-30, 30), reach=38, relief=10, bevel=12, gloss=0.15, texture=materials.speckled(0.2, 0.1, 16), instance=True))
    return parts


def capsules(rng: Rng) -> list[Part]:
    parts = []
    for row in range(4):
        for column in range(3):
            x, y, angle = (column - 1) * 76 + rng.normal(0, 3), (row - 1.5) * 50 + rng.normal(0, 3), rng.normal(0, 8)
            parts.append(Part(lambda u, v: shapes.capsule(u, v, 32, 14), colour(rng, 0.16, 0.10, 0.92), (x, y), angle, reach=36, relief=9, bevel=12, gloss=0.5, instance=True))
            parts.append(Part(lambda u, v: np.maximum(shapes.capsule(u, v, 32, 14), u), colour(rng, 0.58, 0.70, 0.66), (x, y), angle, reach=36, relief=0, gloss=0.5, body=False))
    return parts


def panel(rng: Rng) -> list[Part]:
    grey, dark = colour(rng, 0.58, 0.07, 0.58), colour(rng, 0.6, 0.1, 0.22)
    parts = [Part(lambda u, v: shapes.box(u, v, 104, 88, 6), grey, relief=5, bevel=4, gloss=0.25, reach=140, texture=materials.brushed(0.03))]
    for k, x in enumerate((-66, -22, 22, 66)):
        parts.append(Part(lambda u, v: shapes.disc(u, v, 17), dark, (x, 42), reach=20, relief=9, bevel=4, gloss=0.2, group=f"knob {k}", marked=False))
        parts.append(Part(lambda u, v: shapes.box(u, v, 1.8, 7), (0.92, 0.92, 0.9), (x, 50), reach=9, relief=0.5, bevel=1, body=False, group=f"knob {k}"))
    for k, x in enumerate((-70, -42, -14)):
        parts.append(spot(x, -4, 6, colour(rng, (0.0, 0.15, 0.35)[k], 0.8, 0.75), 2, gloss=0.6, group=f"lamp {k}"))
    for k, x in enumerate((24, 54, 84)):
        parts.append(Part(lambda u, v: shapes.box(u, v, 9, 14, 2), dark, (x, -8), reach=18, relief=4, bevel=2, body=False, group=f"switch {k}"))
    parts.append(Part(lambda u, v: shapes.box(u, v, 84, 20, 2), (0.16, 0.22, 0.18), (0, -58), reach=90, relief=-3, bevel=2, gloss=0.4, body=False))
    return parts


def amplifier(rng: Rng) -> list[Part]:
    blue, black = colour(rng, 0.60, 0.65, 0.34), colour(rng, 0.6, 0.08, 0.14)
    silver = colour(rng, 0.6, 0.02, 0.78)
    parts = [Part(lambda u, v: shapes.box(u, v, 104, 84, 4), blue, relief=4, bevel=3, gloss=0.2, reach=140, texture=materials.plain(0.02))]
    for k, (x, y) in enumerate(((-60, 40), (-20, 40), (20, 40))):
        parts.append(Part(lambda u, v: shapes.disc(u, v, 15), black, (x, y), reach=18, relief=12, bevel=4, gloss=0.3, group=f"can {k}"))
        parts.append(Part(lambda u, v: shapes.box(u, v, 10, 1.5), silver, (x, y), reach=12, relief=0.5, bevel=1, body=False, group=f"can {k}"))
    for k, y in enumerate((-60, -40, -20, 0)):
        parts.append(Part(lambda u, v: shapes.capsule(u, v, 15, 5), colour(rng, 0.08, 0.4, 0.72), (-52, y), reach=18, relief=4, bevel=3, group=f"coil {k}"))
        parts.append(Part(lambda u, v: shapes.box(u, v, 2, 5), (0.6, 0.1, 0.1), (-56, y), reach=7, relief=0.3, bevel=1, body=False, group=f"coil {k}"))
    parts.append(Part(lambda u, v: shapes.box(u, v, 28, 28, 2), black, (50, -34), reach=42, relief=6, bevel=2, group="amplifier chip", texture=materials.plain(0.03)))
    parts.append(spot(32, -16, 2.5, (0.5, 0.5, 0.5), -0.5, group="amplifier chip"))
    return parts + [spot(x, y, 5, silver, 0.8) for x in (-94, 94) for y in (-74, 74)]


def _sheet(hue: float, saturation: float, value: float, texture: materials.Texture, gloss: float = 0.05):
    def parts(rng: Rng) -> list[Part]:
        return [Part(lambda u, v: np.full_like(u, -50), colour(rng, hue, saturation, value), relief=0, gloss=gloss, texture=texture)]

    return parts


def _brickwork(rng: Rng) -> list[Part]:
    parts = [Part(lambda u, v: np.full_like(u, -50), colour(rng, 0.1, 0.10, 0.66), texture=materials.cloudy(0.08, 20))]
    for row in range(-3, 4):
        for column in range(-3, 4):
            x, y = column * 84 + (42 if row % 2 else 0), row * 40
            parts.append(Part(lambda u, v: shapes.box(u, v, 38, 16, 2), colour(rng, 0.03, 0.58, 0.56, 1.5), (x, y), reach=44, relief=3, bevel=3, gloss=0.02, texture=materials.cloudy(0.10, 5)))
    return parts


FAMILIES: dict[str, Product] = {
    "plate": Product("plate", "object", plate),
    "gear": Product("gear", "object", gear),
    "lid": Product("lid", "object", lid, movable=("grip",)),
    "coin": Product("coin", "object", coin),
    "button": Product("button", "object", button),
    "badge": Product("badge", "aligned", badge, tilt=6, movable=("emblem", "bar")),
    "wheel": Product("wheel", "object", wheel),
    "clock": Product("clock", "aligned", clock, tilt=5, movable=("hour", "minute", *(f"mark {k}" for k in range(12)))),
    "bracket": Product("bracket", "aligned", bracket, tilt=6),
    "soap": Product("soap", "aligned", soap, tilt=6, movable=tuple(f"letter {k}" for k in range(4))),
    "domino": Product("domino", "aligned", domino, tilt=6, movable=tuple(f"pip {h}{k}" for h in (-1, 1) for k in range(5))),
    "remote": Product("remote", "aligned", remote, tilt=6, movable=("power", *(f"key {r}{c}" for r in range(4) for c in range(3)))),
    "ruler": Product("ruler", "aligned", ruler, tilt=6),
    "sponge": Product("sponge", "object", sponge),
    "dice": Product("dice", "many", dice, tilt=4, drift=5),
    "sweets": Product("sweets", "many", sweets, tilt=4, drift=5),
    "pebbles": Product("pebbles", "many", pebbles, tilt=4, drift=5),
    "capsules": Product("capsules", "many", capsules, tilt=4, drift=5),
    "panel": Product("panel", "board", panel, tilt=4, drift=6, movable=(*(f"knob {k}" for k in range(4)), *(f"lamp {k}" for k in range(3)), *(f"switch {k}" for k in range(3)))),
    "amplifier": Product("amplifier", "board", amplifier, tilt=4, drift=6, movable=("amplifier chip", *(f"can {k}" for k in range(3)), *(f"coil {k}" for k in range(4)))),
    "carpet": Product("carpet", "texture", _sheet(0.99, 0.55, 0.46, materials.speckled(0.4, 0.3, 110)), tilt=4),
    "leather": Product("leather", "texture", _sheet(0.06, 0.55, 0.40, materials.leathery(0.25)), tilt=4),
    "marble": Product("marble", "texture", _sheet(0.58, 0.04, 0.86, materials.veined(0.3), 0.3), tilt=4),
    "tile": Product("tile", "texture", _sheet(0.1, 0.08, 0.60, materials.speckled(0.5, 0.2, 70), 0.2), tilt=4),
    "cork": Product("cork", "texture", _sheet(0.085, 0.45, 0.70, materials.speckled(0.45, 0.15, 45)), tilt=4),
    "canvas": Product("canvas", "texture", _sheet(0.12, 0.14, 0.80, materials.weave(0.22, 5.0)), tilt=4),
    "curtain": Product("curtain", "texture", _sheet(0.40, 0.40, 0.45, materials.striped(0.25, 22)), tilt=4),
    "brickwork": Product("brickwork", "texture", _brickwork, tilt=3),
}
