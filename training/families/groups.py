"""Many of a kind, and boards with parts."""

from __future__ import annotations

import numpy as np

from zsad.data.demo import materials, shapes
from zsad.data.demo.product import Rng, colour, spot
from zsad.data.demo.scene import Part


def dice(rng: Rng) -> list[Part]:
    parts = []
    for row in range(3):
        for column in range(3):
            x, y, angle = (column - 1) * 70 + rng.normal(0, 3), (row - 1) * 70 + rng.normal(0, 3), rng.normal(0, 6)
            parts.append(
                Part(
                    lambda u, v: shapes.box(u, v, 24, 24, 6),
                    colour(rng, 0.0, 0.70, 0.66),
                    (x, y),
                    angle,
                    reach=36,
                    relief=9,
                    bevel=5,
                    gloss=0.4,
                    texture=materials.plain(0.02),
                    instance=True,
                )
            )
            for px, py in ((-11, -11), (11, 11), (0, 0), (-11, 11), (11, -11)):
                parts.append(spot(x + px, y + py, 3.6, (0.93, 0.93, 0.92), -1))
    return parts


def sweets(rng: Rng) -> list[Part]:
    parts, hues = [], (0.0, 0.09, 0.16, 0.35, 0.58)
    for row in range(4):
        for column in range(4):
            x, y = (column - 1.5) * 54 + rng.normal(0, 3), (row - 1.5) * 54 + rng.normal(0, 3)
            shade = colour(rng, hues[rng.integers(5)], 0.72, 0.78)
            parts.append(
                Part(
                    lambda u, v: shapes.ellipse(u, v, 22, 19),
                    shade,
                    (x, y),
                    rng.normal(0, 20),
                    reach=26,
                    relief=10,
                    bevel=14,
                    gloss=0.5,
                    texture=materials.plain(0.02),
                    instance=True,
                )
            )
    return parts


def pebbles(rng: Rng) -> list[Part]:
    parts = []
    for row in range(4):
        for column in range(4):
            x, y = (column - 1.5) * 58 + rng.normal(0, 5), (row - 1.5) * 54 + rng.normal(0, 5)
            seed, radius = int(rng.integers(2**31)), rng.uniform(19, 25)
            parts.append(
                Part(
                    lambda u, v, s=seed, r=radius: shapes.blob(u, v * 1.2, r, 0.12, np.random.default_rng(s)),
                    colour(rng, 0.1, 0.12, 0.58, 2),
                    (x, y),
                    rng.uniform(-30, 30),
                    reach=38,
                    relief=10,
                    bevel=12,
                    gloss=0.15,
                    texture=materials.speckled(0.2, 0.1, 16),
                    instance=True,
                )
            )
    return parts


def capsules(rng: Rng) -> list[Part]:
    parts = []
    for row in range(4):
        for column in range(3):
            x, y, angle = (column - 1) * 76 + rng.normal(0, 3), (row - 1.5) * 50 + rng.normal(0, 3), rng.normal(0, 8)
            parts.append(
                Part(
                    lambda u, v: shapes.capsule(u, v, 32, 14),
                    colour(rng, 0.16, 0.10, 0.92),
                    (x, y),
                    angle,
                    reach=36,
                    relief=9,
                    bevel=12,
                    gloss=0.5,
                    instance=True,
                )
            )
            parts.append(
                Part(
                    lambda u, v: np.maximum(shapes.capsule(u, v, 32, 14), u),
                    colour(rng, 0.58, 0.70, 0.66),
                    (x, y),
                    angle,
                    reach=36,
                    relief=0,
                    gloss=0.5,
                    body=False,
                )
            )
    return parts


def panel(rng: Rng) -> list[Part]:
    grey, dark = colour(rng, 0.58, 0.07, 0.58), colour(rng, 0.6, 0.1, 0.22)
    parts = [
        Part(
            lambda u, v: shapes.box(u, v, 104, 88, 6),
            grey,
            relief=5,
            bevel=4,
            gloss=0.25,
            reach=140,
            texture=materials.brushed(0.03),
        )
    ]
    for k, x in enumerate((-66, -22, 22, 66)):
        parts.append(
            Part(
                lambda u, v: shapes.disc(u, v, 17),
                dark,
                (x, 42),
                reach=20,
                relief=9,
                bevel=4,
                gloss=0.2,
                group=f"knob {k}",
                marked=False,
            )
        )
        parts.append(
            Part(
                lambda u, v: shapes.box(u, v, 1.8, 7),
                (0.92, 0.92, 0.9),
                (x, 50),
                reach=9,
                relief=0.5,
                bevel=1,
                body=False,
                group=f"knob {k}",
            )
        )
    for k, x in enumerate((-70, -42, -14)):
        parts.append(spot(x, -4, 6, colour(rng, (0.0, 0.15, 0.35)[k], 0.8, 0.75), 2, gloss=0.6, group=f"lamp {k}"))
    for k, x in enumerate((24, 54, 84)):
        parts.append(
            Part(
                lambda u, v: shapes.box(u, v, 9, 14, 2),
                dark,
                (x, -8),
                reach=18,
                relief=4,
                bevel=2,
                body=False,
                group=f"switch {k}",
            )
        )
    parts.append(
        Part(
            lambda u, v: shapes.box(u, v, 84, 20, 2),
            (0.16, 0.22, 0.18),
            (0, -58),
            reach=90,
            relief=-3,
            bevel=2,
            gloss=0.4,
            body=False,
        )
    )
    return parts


def amplifier(rng: Rng) -> list[Part]:
    blue, black = colour(rng, 0.60, 0.65, 0.34), colour(rng, 0.6, 0.08, 0.14)
    silver = colour(rng, 0.6, 0.02, 0.78)
    parts = [
        Part(
            lambda u, v: shapes.box(u, v, 104, 84, 4),
            blue,
            relief=4,
            bevel=3,
            gloss=0.2,
            reach=140,
            texture=materials.plain(0.02),
        )
    ]
    for k, (x, y) in enumerate(((-60, 40), (-20, 40), (20, 40))):
        parts.append(
            Part(
                lambda u, v: shapes.disc(u, v, 15),
                black,
                (x, y),
                reach=18,
                relief=12,
                bevel=4,
                gloss=0.3,
                group=f"can {k}",
            )
        )
        parts.append(
            Part(
                lambda u, v: shapes.box(u, v, 10, 1.5),
                silver,
                (x, y),
                reach=12,
                relief=0.5,
                bevel=1,
                body=False,
                group=f"can {k}",
            )
        )
    for k, y in enumerate((-60, -40, -20, 0)):
        parts.append(
            Part(
                lambda u, v: shapes.capsule(u, v, 15, 5),
                colour(rng, 0.08, 0.4, 0.72),
                (-52, y),
                reach=18,
                relief=4,
                bevel=3,
                group=f"coil {k}",
            )
        )
        parts.append(
            Part(
                lambda u, v: shapes.box(u, v, 2, 5),
                (0.6, 0.1, 0.1),
                (-56, y),
                reach=7,
                relief=0.3,
                bevel=1,
                body=False,
                group=f"coil {k}",
            )
        )
    parts.append(
        Part(
            lambda u, v: shapes.box(u, v, 28, 28, 2),
            black,
            (50, -34),
            reach=42,
            relief=6,
            bevel=2,
            group="amplifier chip",
            texture=materials.plain(0.03),
        )
    )
    parts.append(spot(32, -16, 2.5, (0.5, 0.5, 0.5), -0.5, group="amplifier chip"))
    return parts + [spot(x, y, 5, silver, 0.8) for x in (-94, 94) for y in (-74, 74)]
