"""Stage 5, instances: the connected components of the foreground."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int32
from numpy import ndarray
from scipy import ndimage

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Component:
    """One connected piece of foreground: its number in the labels (from 1), bounding box and area, in pixels."""

    label: int
    top: int
    left: int
    height: int
    width: int
    area: int


def connected_components(
    foreground: Bool[ndarray, "height width"], connectivity: int = 8, min_area: int = 0
) -> tuple[Int32[ndarray, "height width"], list[Component]]:
    """Labels (0: background) and the components, from top to bottom.

    Args:
        connectivity: 8, where pixels that touch at a corner are connected, or 4.
        min_area: smaller components are dropped, and their pixels are background.
    """
    found, count = ndimage.label(foreground, np.ones((3, 3)) if connectivity == 8 else None)
    areas = np.bincount(found.ravel(), minlength=count + 1)
    kept = np.flatnonzero(areas[1:] >= min_area) + 1
    renumbered = np.zeros(count + 1, np.int32)
    renumbered[kept] = np.arange(1, len(kept) + 1)
    boxes = ndimage.find_objects(found)
    components = []
    for label, old in enumerate(kept, start=1):
        rows, columns = boxes[old - 1]
        height, width = rows.stop - rows.start, columns.stop - columns.start
        components.append(Component(label, rows.start, columns.start, height, width, int(areas[old])))
    log.debug("%d components of foreground, %d of them below %d pixels", count, count - len(components), min_area)
    return renumbered[found], components
