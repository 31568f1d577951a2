"""The products of demo-visa, undamaged, in their habitual colours and poses."""

from __future__ import annotations

from functools import partial

import numpy as np

from zsad.data.demo import materials, shapes
from zsad.data.demo.product import Rng, colour, spot
from zsad.data.demo.scene import Part


def tablets(rng: Rng) -> list[Part]:
    parts = []
    for row in range(2):
        for column in range(3):
            x, y = (column - 1) * 92 + rng.normal(0, 3), (row - 0.5) * 92 + rng.normal(0, 3)
            pink = colour(rng, 0.965, 0.24, 0.90)
            angle = rng.normal(0, 6)
            parts.append(
                Part(
                    lambda u, v: shapes.disc(u, v, 37),
                    pink,
                    (x, y),
                    reach=40,
                    relief=11,
                    bevel=16,
                    gloss=0.15,
                    texture=materials.cloudy(0.03, 8),
                    instance=True,
                )
            )
            parts.append(
                Part(
                    lambda u, v: shapes.box(u, v, 30, 2),
                    colour(rng, 0.965, 0.34, 0.74),
                    (x, y),
                    angle,
                    reach=34,
                    relief=-1.5,
                    bevel=2,
                    gloss=0.1,
                    body=False,
                    group=f"score {row}{column}",
                )
            )
    return parts


def beans(rng: Rng) -> list[Part]:
    parts: list[Part] = []
    places: list[tuple[float, float]] = []
    for _ in range(400):
        x, y = rng.uniform(-122, 122), rng.uniform(-92, 92)
        if all((x - px) ** 2 + (y - py) ** 2 > 56**2 for px, py in places):
            places.append((x, y))
    for x, y in places:
        outline = partial(shapes.ellipse, a=rng.uniform(28, 32), b=rng.uniform(18, 21))
        angle = rng.normal(20, 25)
        parts.append(
            Part(
                outline,
                colour(rng, 0.035, 0.62, 0.46, 1.5),
                (x, y),
                angle,
                reach=36,
                relief=13,
                bevel=16,
                gloss=0.35,
                texture=materials.cloudy(0.07, 4),
                instance=True,
            )
        )
        parts.append(
            Part(
                lambda u, v: shapes.ellipse(u, v, 7, 2.5),
                (0.86, 0.78, 0.62),
                (x, y),
                angle,
                reach=10,
                relief=-1,
                bevel=1.5,
                body=False,
            )
        )
    return parts


def pcb(rng: Rng) -> list[Part]:
    green, trace = colour(rng, 0.40, 0.68, 0.36), colour(rng, 0.40, 0.60, 0.50)
    black, silver, gold = colour(rng, 0.6, 0.08, 0.13), colour(rng, 0.6, 0.02, 0.78), colour(rng, 0.125, 0.62, 0.80)
    tan, blue = colour(rng, 0.09, 0.42, 0.74), colour(rng, 0.62, 0.60, 0.50)
    parts = [
        Part(
            lambda u, v: shapes.box(u, v, 128, 92, 6),
            green,
            relief=4,
            bevel=3,
            gloss=0.2,
            texture=materials.plain(0.02),
        )
    ]
    for y in np.linspace(-74, 74, 9):
        parts.append(
            Part(
                lambda u, v: shapes.box(u, v, 105, 1.0),
                trace,
                (0, float(y)),
                reach=110,
                relief=0.4,
                bevel=1,
                body=False,
            )
        )
    for x, y in ((-116, 80), (116, 80), (-116, -80), (116, -80)):
        parts += [spot(x, y, 7, gold, 0.6), spot(x, y, 3.5, (0.1, 0.1, 0.1), -2)]

    def chip(name: str, x: float, y: float, w: float, h: float, pins: int) -> None:
        for k in range(pins):
            px = x - w + (k + 0.5) * 2 * w / pins
            for side in (-1, 1):
                parts.append(
                    Part(
                        lambda u, v: shapes.box(u, v, 1.6, 4),
                        silver,
                        (px, y + side * (h + 3)),
                        reach=6,
                        relief=1.5,
                        bevel=1,
                        gloss=0.6,
                        body=False,
                        group=name,
                    )
                )
        parts.insert(
            len(parts) - 2 * pins,
            Part(
                lambda u, v: shapes.box(u, v, w, h, 1.5),
                black,
                (x, y),
                reach=w + h,
                relief=7,
                bevel=2,
                gloss=0.15,
                group=name,
                texture=materials.plain(0.03),
                instance=False,
            ),
        )
        parts.append(
            Part(
                lambda u, v: shapes.disc(u, v, 2.2),
                (0.45, 0.45, 0.45),
                (x - w + 6, y + h - 6),
                reach=4,
                relief=-0.5,
                bevel=1,
                body=False,
                group=name,
            )
        )

    chip("processor", -48, 22, 34, 24, 9)
    chip("driver", 62, -34, 20, 12, 5)
    for k, x in enumerate((20, 50, 80)):
        parts.append(
            Part(
                lambda u, v: shapes.disc(u, v, 12),
                silver,
                (x, 48),
                reach=15,
                relief=12,
                bevel=4,
                gloss=0.5,
                group=f"capacitor {k}",
            )
        )
        parts.append(
            Part(
                lambda u, v: np.maximum(shapes.disc(u, v, 12), u + 5),
                blue,
                (x, 48),
                reach=15,
                relief=0,
                gloss=0.3,
                body=False,
                group=f"capacitor {k}",
            )
        )
    for k, x in enumerate((-96, -72, -48, -24, 0)):
        parts.append(
            Part(
                lambda u, v: shapes.box(u, v, 5, 10, 1),
                tan,
                (x, -36),
                reach=13,
                relief=4,
                bevel=1.5,
                gloss=0.2,
                group=f"resistor {k}",
            )
        )
        for side in (-1, 1):
            parts.append(
                Part(
                    lambda u, v: shapes.box(u, v, 5, 2),
                    silver,
                    (x, -36 + side * 9),
                    reach=7,
                    relief=0.5,
                    bevel=1,
                    gloss=0.6,
                    body=False,
                    group=f"resistor {k}",
                )
            )
    parts.append(
        Part(
            lambda u, v: shapes.box(u, v, 56, 9, 1),
            black,
            (-40, -72),
            reach=60,
            relief=6,
            bevel=2,
            gloss=0.1,
            group="header",
            texture=materials.plain(0.03),
        )
    )
    for k in range(10):
        parts.append(
            Part(
                lambda u, v: shapes.box(u, v, 2.4, 2.4),
                gold,
                (-40 + (k - 4.5) * 11, -72),
                reach=5,
                relief=4,
                bevel=1.5,
                gloss=0.6,
                body=False,
                group="header",
            )
        )
    return parts


def cracker(rng: Rng) -> list[Part]:
    gold, brown = colour(rng, 0.115, 0.50, 0.88), colour(rng, 0.085, 0.60, 0.62)
    parts = [
        Part(
            lambda u, v: shapes.box(u, v, 84, 84, 14),
            brown,
            relief=6,
            bevel=9,
            gloss=0.05,
            reach=126,
            texture=materials.cloudy(0.08),
        ),
        Part(
            lambda u, v: shapes.box(u, v, 77, 77, 10),
            gold,
            relief=2,
            bevel=8,
            gloss=0.05,
            reach=116,
            texture=materials.speckled(0.14, 0.08, 60),
        ),
    ]
    for row in range(4):
        for column in range(4):
            parts.append(
                spot((column - 1.5) * 38 + rng.normal(0, 0.8), (row - 1.5) * 38 + rng.normal(0, 0.8), 3.2, brown, -3)
            )
    return parts
