"""Textures that fill the picture."""

from __future__ import annotations

import numpy as np

from zsad.data.demo import materials, shapes
from zsad.data.demo.product import Rng, colour
from zsad.data.demo.scene import Part


def sheet(hue: float, saturation: float, value: float, texture: materials.Texture, gloss: float = 0.05):
    def parts(rng: Rng) -> list[Part]:
        return [
            Part(
                lambda u, v: np.full_like(u, -50),
                colour(rng, hue, saturation, value),
                relief=0,
                gloss=gloss,
                texture=texture,
            )
        ]

    return parts


def brickwork(rng: Rng) -> list[Part]:
    parts = [Part(lambda u, v: np.full_like(u, -50), colour(rng, 0.1, 0.10, 0.66), texture=materials.cloudy(0.08, 20))]
    for row in range(-3, 4):
        for column in range(-3, 4):
            x, y = column * 84 + (42 if row % 2 else 0), row * 40
            parts.append(
                Part(
                    lambda u, v: shapes.box(u, v, 38, 16, 2),
                    colour(rng, 0.03, 0.58, 0.56, 1.5),
                    (x, y),
                    reach=44,
                    relief=3,
                    bevel=3,
                    gloss=0.02,
                    texture=materials.cloudy(0.10, 5),
                )
            )
    return parts
