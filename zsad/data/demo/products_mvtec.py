"""The products of demo-mvtec, undamaged, in their habitual colours and poses."""

from __future__ import annotations

import numpy as np

from zsad.data.demo import materials, shapes
from zsad.data.demo.product import Rng, colour, spot
from zsad.data.demo.scene import Part


def washer(rng: Rng) -> list[Part]:
    steel = colour(rng, 0.60, 0.05, 0.66)
    outer, inner = rng.uniform(72, 80), rng.uniform(30, 36)
    return [
        Part(
            lambda u, v: shapes.ring(u, v, outer, inner),
            steel,
            relief=7,
            bevel=6,
            gloss=0.6,
            reach=90,
            texture=materials.turned_metal(0.04),
        ),
        Part(
            lambda u, v: shapes.ring(u, v, (outer + inner) / 2 + 2, (outer + inner) / 2 - 2),
            steel,
            relief=-1.2,
            bevel=2,
            gloss=0.6,
            reach=70,
            texture=materials.plain(0.02),
            body=False,
        ),
    ]


def biscuit(rng: Rng) -> list[Part]:
    dough, brown = colour(rng, 0.095, 0.55, 0.80), colour(rng, 0.075, 0.62, 0.55)
    radius = rng.uniform(74, 82)
    parts = [
        Part(
            lambda u, v: shapes.wavy_disc(u, v, radius, 28, 1.8),
            brown,
            relief=6,
            bevel=9,
            gloss=0.05,
            reach=92,
            texture=materials.cloudy(0.08),
        ),
        Part(
            lambda u, v: shapes.disc(u, v, radius - 7),
            dough,
            relief=2,
            bevel=10,
            gloss=0.05,
            reach=92,
            texture=materials.speckled(0.16, 0.06, 70),
        ),
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
        Part(
            lambda u, v: shapes.wavy_disc(u, v, radius, 21, 3.0),
            red,
            relief=9,
            bevel=8,
            gloss=0.45,
            reach=90,
            texture=materials.plain(),
        ),
        Part(
            lambda u, v: shapes.disc(u, v, radius - 15),
            red,
            relief=3,
            bevel=5,
            gloss=0.45,
            reach=80,
            texture=materials.plain(),
            body=False,
        ),
        Part(lambda u, v: shapes.ring(u, v, 50, 45), white, relief=0.5, bevel=2, gloss=0.35, reach=60, body=False),
        Part(
            lambda u, v: shapes.wavy_disc(u, v, 22, 5, 9), white, relief=0.5, bevel=2, gloss=0.35, reach=36, body=False
        ),
    ]


def fabric(rng: Rng) -> list[Part]:
    return [
        Part(
            lambda u, v: np.full_like(u, -50),
            colour(rng, 0.605, 0.50, 0.52),
            relief=0,
            gloss=0.03,
            texture=materials.weave(0.30, rng.uniform(6.5, 8.0)),
        ),
    ]


def wood(rng: Rng) -> list[Part]:
    return [
        Part(
            lambda u, v: np.full_like(u, -50),
            colour(rng, 0.075, 0.55, 0.62),
            relief=0,
            gloss=0.10,
            texture=materials.wood_grain(0.20, rng.uniform(10, 16)),
        ),
    ]


def socket(rng: Rng) -> list[Part]:
    ivory, shade, dark = colour(rng, 0.12, 0.10, 0.90), colour(rng, 0.12, 0.10, 0.80), (0.10, 0.10, 0.10)
    brass = colour(rng, 0.13, 0.55, 0.75)
    return [
        Part(
            lambda u, v: shapes.box(u, v, 80, 80, 12),
            ivory,
            relief=7,
            bevel=7,
            gloss=0.3,
            reach=116,
            texture=materials.plain(0.015),
        ),
        Part(
            lambda u, v: shapes.disc(u, v, 54),
            shade,
            relief=-6,
            bevel=5,
            gloss=0.25,
            reach=58,
            body=False,
            texture=materials.plain(0.015),
        ),
        Part(
            lambda u, v: shapes.box(u, v, 30, 2.5, 1),
            ivory,
            (0, 50),
            relief=3,
            bevel=2,
            reach=34,
            body=False,
            group="insert",
        ),
        spot(-25, 0, 8, dark, -4, group="insert"),
        spot(25, 0, 8, dark, -4, group="insert"),
        Part(
            lambda u, v: shapes.box(u, v, 6, 10, 2),
            brass,
            (0, 44),
            relief=3,
            bevel=2,
            gloss=0.6,
            reach=16,
            body=False,
            group="upper clip",
        ),
        Part(
            lambda u, v: shapes.box(u, v, 6, 10, 2),
            brass,
            (0, -44),
            relief=3,
            bevel=2,
            gloss=0.6,
            reach=16,
            body=False,
            group="lower clip",
        ),
        Part(
            lambda u, v: shapes.disc(u, v, 6),
            colour(rng, 0.6, 0.03, 0.62),
            relief=3,
            bevel=3,
            gloss=0.6,
            reach=8,
            body=False,
            group="screw",
            marked=True,
        ),
        Part(lambda u, v: shapes.box(u, v, 5, 1.0), dark, relief=-1, bevel=1, reach=7, body=False, group="screw"),
    ]
