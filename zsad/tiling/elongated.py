"""Stage 7, long components with many parts: tiles along the long axis, so that every part is central in some tile.

In the report: an aspect ratio above 1.5 either way and more than 20 parts found by SAM; steps of half the short axis.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int32, Int64
from numpy import ndarray

from zsad.tiling.components import Component
from zsad.tiling.part import Part
from zsad.tiling.tiles import Tile, place


def parts_of_components(
    parts: Sequence[Part], labels: Int32[ndarray, "height width"], count: int, share: float = 0.5
) -> Int64[ndarray, " component"]:
    """How many parts each of `count` components consists of: a part counts where at least `share` of its area lies."""
    numbers = np.zeros(count + 1, np.int64)
    for part in parts:
        inside = np.bincount(part.values(labels), minlength=count + 1)
        numbers += inside >= share * part.area
    return numbers[1:]


def is_elongated(component: Component, parts: int, aspect: float = 1.5, many: int = 20) -> bool:
    """Whether the longer side is more than `aspect` times the shorter one, and there are more than `many` parts."""
    long, short = max(component.height, component.width), min(component.height, component.width)
    return long > aspect * short and parts > many


def starts(length: int, side: int, short: int) -> list[int]:
    """Where tiles of `side` begin along an axis of `length`: every `short` / 2, the last one flush with the end."""
    last = max(0, length - side)
    steps = range(2 * last // short + 1)
    return sorted({last, *(step * short // 2 for step in steps if step * short // 2 < last)})


def tiles_along(component: Component, minimum: int, height: int, width: int) -> list[Tile]:
    """Squares along the long axis of a component's bounding box, centred on it across; side: the shorter side, at least
    `minimum`. Where one square is longer than the component it is the only one, centred.
    """
    upright = component.height > component.width
    long, short = max(component.height, component.width), min(component.height, component.width)
    side = max(minimum, short)
    tiles = []
    for start in starts(long, side, short):
        extent = min(side, long)
        if upright:
            top = place(component.top + start, extent, side, height)
            left = place(component.left, component.width, side, width)
        else:
            top = place(component.top, component.height, side, height)
            left = place(component.left + start, extent, side, width)
        tiles.append(Tile(top, left, side, side))
    return tiles
