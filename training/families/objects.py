"""Single objects that pre-training shows, also damaged."""

from __future__ import annotations

import numpy as np

from zsad.data.demo import materials, shapes
from zsad.data.demo.product import Rng, colour, spot
from zsad.data.demo.scene import Part

BLACK = (0.10, 0.10, 0.11)


def plate(rng: Rng) -> list[Part]:
    white, rim = colour(rng, 0.58, 0.03, 0.92), colour(rng, 0.61, 0.60, 0.62)
    radius = rng.uniform(76, 90)
    return [
        Part(
            lambda u, v: shapes.disc(u, v, radius),
            white,
            relief=6,
            bevel=14,
            gloss=0.4,
            reach=100,
            texture=materials.plain(0.015),
        ),
        Part(
            lambda u, v: shapes.ring(u, v, radius - 5, radius - 10),
            rim,
            relief=0.3,
            bevel=2,
            gloss=0.4,
            reach=100,
            body=False,
        ),
        Part(lambda u, v: shapes.disc(u, v, radius * 0.58), white, relief=-3, bevel=8, gloss=0.4, reach=80, body=False),
    ]


def gear(rng: Rng) -> list[Part]:
    steel, teeth = colour(rng, 0.58, 0.06, 0.56), int(rng.integers(12, 22))
    parts = [
        Part(
            lambda u, v: np.maximum(shapes.wavy_disc(u, v, 74, teeth, 9), shapes.disc(u, v, 79)),
            steel,
            relief=8,
            bevel=4,
            gloss=0.5,
            reach=86,
            texture=materials.turned_metal(0.05),
        ),
        Part(
            lambda u, v: shapes.ring(u, v, 55, 26),
            steel,
            relief=-3,
            bevel=4,
            gloss=0.5,
            reach=60,
            body=False,
            texture=materials.turned_metal(0.05),
        ),
        spot(0, 0, 14, BLACK, -6),
    ]
    return parts


def lid(rng: Rng) -> list[Part]:
    yellow = colour(rng, 0.145, 0.78, 0.86)
    return [
        Part(
            lambda u, v: shapes.disc(u, v, 82),
            yellow,
            relief=8,
            bevel=7,
            gloss=0.35,
            reach=90,
            texture=materials.plain(),
        ),
        Part(lambda u, v: shapes.ring(u, v, 66, 62), yellow, relief=3, bevel=2, gloss=0.35, reach=70, body=False),
        Part(
            lambda u, v: shapes.box(u, v, 26, 6, 5),
            yellow,
            relief=4,
            bevel=3,
            gloss=0.35,
            reach=32,
            body=False,
            group="grip",
        ),
    ]


def coin(rng: Rng) -> list[Part]:
    gold = colour(rng, 0.12, 0.52, 0.72)
    points = int(rng.integers(6, 11))
    return [
        Part(
            lambda u, v: shapes.disc(u, v, 70),
            gold,
            relief=5,
            bevel=4,
            gloss=0.6,
            reach=78,
            texture=materials.cloudy(0.05),
        ),
        Part(lambda u, v: shapes.ring(u, v, 66, 60), gold, relief=2.5, bevel=2, gloss=0.6, reach=70, body=False),
        Part(
            lambda u, v: shapes.wavy_disc(u, v, 30, points, 10),
            gold,
            relief=3.5,
            bevel=4,
            gloss=0.6,
            reach=44,
            body=False,
        ),
    ]


def button(rng: Rng) -> list[Part]:
    purple = colour(rng, 0.77, 0.45, 0.50)
    parts = [
        Part(
            lambda u, v: shapes.disc(u, v, 66),
            purple,
            relief=8,
            bevel=10,
            gloss=0.45,
            reach=74,
            texture=materials.cloudy(0.07, 4),
        ),
        Part(
            lambda u, v: shapes.disc(u, v, 46),
            purple,
            relief=-3,
            bevel=6,
            gloss=0.45,
            reach=52,
            body=False,
            texture=materials.cloudy(0.07, 4),
        ),
    ]
    return parts + [spot(x, y, 6.5, BLACK, -4) for x in (-15, 15) for y in (-15, 15)]


def badge(rng: Rng) -> list[Part]:
    navy, silver = colour(rng, 0.64, 0.62, 0.42), colour(rng, 0.6, 0.03, 0.80)
    return [
        Part(lambda u, v: shapes.polygon(u, v, 72, 6), silver, relief=6, bevel=4, gloss=0.5, reach=90),
        Part(
            lambda u, v: shapes.polygon(u, v, 62, 6),
            navy,
            relief=-1.5,
            bevel=3,
            gloss=0.3,
            reach=80,
            body=False,
            texture=materials.plain(),
        ),
        Part(
            lambda u, v: shapes.wavy_disc(u, v, 24, 5, 10),
            silver,
            relief=2,
            bevel=3,
            gloss=0.5,
            reach=36,
            body=False,
            group="emblem",
        ),
        Part(
            lambda u, v: shapes.box(u, v, 34, 4, 1),
            silver,
            (0, -44),
            relief=1,
            bevel=2,
            gloss=0.5,
            reach=38,
            body=False,
            group="bar",
        ),
    ]


def wheel(rng: Rng) -> list[Part]:
    rubber, alloy = colour(rng, 0.6, 0.05, 0.20), colour(rng, 0.6, 0.03, 0.72)
    count = int(rng.integers(5, 8))
    parts = [
        Part(
            lambda u, v: shapes.wavy_disc(u, v, 84, 40, 1.2),
            rubber,
            relief=9,
            bevel=12,
            gloss=0.1,
            reach=92,
            texture=materials.cloudy(0.06),
        ),
        Part(
            lambda u, v: shapes.disc(u, v, 56),
            alloy,
            relief=-4,
            bevel=5,
            gloss=0.5,
            reach=62,
            body=False,
            texture=materials.plain(),
        ),
    ]
    for k in range(count):
        angle = 2 * np.pi * k / count
        parts.append(spot(36 * np.cos(angle), 36 * np.sin(angle), 10, BLACK, -5))
    return [*parts, spot(0, 0, 9, alloy, 3)]


def clock(rng: Rng) -> list[Part]:
    white, frame = colour(rng, 0.13, 0.05, 0.93), colour(rng, 0.07, 0.55, 0.40)
    parts = [
        Part(
            lambda u, v: shapes.disc(u, v, 86),
            frame,
            relief=8,
            bevel=6,
            gloss=0.3,
            reach=92,
            texture=materials.wood_grain(0.08),
        ),
        Part(
            lambda u, v: shapes.disc(u, v, 74),
            white,
            relief=-5,
            bevel=4,
            gloss=0.2,
            reach=80,
            body=False,
            texture=materials.plain(0.01),
        ),
    ]
    for k in range(12):
        angle = np.pi / 2 - 2 * np.pi * k / 12
        long = 8 if k % 3 == 0 else 4
        parts.append(
            Part(
                lambda u, v, s=long: shapes.box(u, v, s, 1.8),
                BLACK,
                (62 * np.cos(angle), 62 * np.sin(angle)),
                np.rad2deg(angle),
                reach=11,
                relief=0.5,
                bevel=1,
                body=False,
                group=f"mark {k}",
            )
        )
    for name, length, width, angle in (("hour", 30, 3.0, 150), ("minute", 46, 2.0, 30)):
        a = np.deg2rad(angle)
        parts.append(
            Part(
                lambda u, v, s=length, w=width: shapes.box(u, v, s / 2, w, 1),
                BLACK,
                (length / 2 * np.cos(a), length / 2 * np.sin(a)),
                angle,
                reach=length,
                relief=2,
                bevel=1,
                body=False,
                group=name,
            )
        )
    return parts


def bracket(rng: Rng) -> list[Part]:
    zinc = colour(rng, 0.14, 0.12, 0.70)
    parts = [
        Part(
            lambda u, v: np.minimum(shapes.box(u + 44, v, 26, 84, 8), shapes.box(u, v + 58, 70, 26, 8)),
            zinc,
            relief=6,
            bevel=4,
            gloss=0.5,
            reach=130,
            texture=materials.brushed(0.05),
        )
    ]
    return parts + [spot(x, y, 9, BLACK, -5) for x, y in ((-44, 62), (-44, 14), (0, -58), (46, -58))]


def soap(rng: Rng) -> list[Part]:
    mint = colour(rng, 0.42, 0.28, 0.84)
    parts = [
        Part(
            lambda u, v: shapes.box(u, v, 88, 58, 40),
            mint,
            relief=14,
            bevel=26,
            gloss=0.25,
            reach=112,
            texture=materials.cloudy(0.03, 3),
        )
    ]
    for k, x in enumerate((-30, -10, 10, 30)):
        parts.append(
            Part(
                lambda u, v: shapes.ring(u, v, 9, 6),
                mint,
                (x, 0),
                reach=12,
                relief=-2,
                bevel=2,
                gloss=0.2,
                body=False,
                group=f"letter {k}",
            )
        )
    return parts


def domino(rng: Rng) -> list[Part]:
    ivory = colour(rng, 0.125, 0.16, 0.90)
    parts = [
        Part(
            lambda u, v: shapes.box(u, v, 48, 94, 8),
            ivory,
            relief=8,
            bevel=6,
            gloss=0.35,
            reach=112,
            texture=materials.plain(0.015),
        ),
        Part(lambda u, v: shapes.box(u, v, 40, 1.5), BLACK, relief=-1, bevel=1, reach=44, body=False),
    ]
    for half in (-1, 1):
        for k, (x, y) in enumerate(((-22, -22), (22, 22), (0, 0), (-22, 22), (22, -22))):
            parts.append(spot(x, 47 * half + y, 7, BLACK, -3, group=f"pip {half}{k}"))
    return parts


def remote(rng: Rng) -> list[Part]:
    shell, red = colour(rng, 0.6, 0.06, 0.24), colour(rng, 0.0, 0.75, 0.72)
    grey = colour(rng, 0.6, 0.03, 0.62)
    parts = [
        Part(
            lambda u, v: shapes.box(u, v, 44, 100, 16),
            shell,
            relief=10,
            bevel=10,
            gloss=0.25,
            reach=116,
            texture=materials.plain(0.03),
        )
    ]
    parts.append(spot(-22, 76, 8, red, 3, group="power"))
    for row in range(4):
        for column in range(3):
            parts.append(
                Part(
                    lambda u, v: shapes.box(u, v, 8, 5.5, 3),
                    grey,
                    ((column - 1) * 24, 40 - row * 24),
                    reach=12,
                    relief=3,
                    bevel=2,
                    gloss=0.2,
                    body=False,
                    group=f"key {row}{column}",
                )
            )
    return parts


def ruler(rng: Rng) -> list[Part]:
    amber = colour(rng, 0.11, 0.55, 0.78)
    parts = [
        Part(
            lambda u, v: shapes.box(u, v, 108, 24, 2),
            amber,
            relief=4,
            bevel=3,
            gloss=0.2,
            reach=116,
            texture=materials.wood_grain(0.10, 9),
        )
    ]
    for k in range(31):
        long = 9 if k % 5 == 0 else 5
        parts.append(
            Part(
                lambda u, v, s=long: shapes.box(u, v, 0.9, s),
                BLACK,
                (-102 + 6.8 * k, 24 - long),
                reach=12,
                relief=-0.3,
                bevel=1,
                body=False,
            )
        )
    return parts


def sponge(rng: Rng) -> list[Part]:
    yellow, green = colour(rng, 0.14, 0.62, 0.88), colour(rng, 0.38, 0.55, 0.42)
    return [
        Part(
            lambda u, v: shapes.box(u, v, 92, 60, 10),
            yellow,
            relief=12,
            bevel=8,
            gloss=0.0,
            reach=112,
            texture=materials.speckled(0.35, 0.12, 40),
        ),
        Part(
            lambda u, v: shapes.box(u, v + 48, 91, 12, 6),
            green,
            relief=1,
            bevel=3,
            gloss=0.0,
            reach=112,
            texture=materials.speckled(0.2, 0.2, 90),
            body=False,
        ),
    ]
