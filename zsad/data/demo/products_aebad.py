"""The product of demo-aebad, undamaged: the blade of a turbine, standing on its root."""

from __future__ import annotations

from functools import partial

import numpy as np

from zsad.data.demo import materials, shapes
from zsad.data.demo.product import Rng, colour, spot
from zsad.data.demo.scene import Part
from zsad.data.demo.shapes import Field

TOP, BOTTOM, BEND = 98.0, -52.0, 9.0  # ends of the airfoil, and how far its middle bows to the left (units)


def _bow(v: Field) -> Field:
    """Offset of the airfoil's centre line at height v."""
    middle, half = np.float32((TOP + BOTTOM) / 2), np.float32((TOP - BOTTOM) / 2)
    return np.float32(BEND) * (((v - middle) / half) ** 2 - 1)


def _airfoil(u: Field, v: Field) -> Field:
    """Wider at the root than at the tip; approximate distance."""
    taper = np.float32(1) + np.float32(0.0016) * (v - np.float32(BOTTOM))
    centre = np.float32((TOP + BOTTOM) / 2)
    return shapes.box((u - _bow(v)) * taper, v - centre, 44, (TOP - BOTTOM) / 2, 8)


def blade(rng: Rng) -> list[Part]:
    alloy, dark = colour(rng, 0.10, 0.08, 0.60), colour(rng, 0.10, 0.06, 0.20)
    parts = [
        Part(_airfoil, alloy, reach=130, relief=12, bevel=34, gloss=0.45, texture=materials.brushed(0.035)),
        Part(
            lambda u, v: shapes.box(u, v, 62, 8, 3),
            alloy,
            (0, -58),
            reach=66,
            relief=6,
            bevel=4,
            gloss=0.4,
            texture=materials.plain(0.02),
        ),
    ]
    for half_width, y in ((40, -72), (32, -84), (38, -94)):  # the fir-tree root
        parts.append(
            Part(
                partial(shapes.box, half_width=half_width, half_height=6.5, corner=3),
                alloy,
                (0, y),
                reach=half_width + 8,
                relief=5,
                bevel=3,
                gloss=0.4,
                texture=materials.plain(0.02),
            )
        )
    for k in range(8):  # cooling holes along the leading edge
        y = -34 + 16 * k
        bow = BEND * (((y - (TOP + BOTTOM) / 2) / ((TOP - BOTTOM) / 2)) ** 2 - 1)
        parts.append(spot(bow - 27 / (1 + 0.0016 * (y - BOTTOM)), y, 2.6, dark, -2))
    return parts
