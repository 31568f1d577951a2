"""Stage 4, the foreground: all kept masks together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from zsad.tiling.part import Part


def union(parts: Sequence[Part], height: int, width: int) -> Bool[ndarray, "height width"]:
    """Pixels that belong to any part. Holes stay open and edges as they are: the report names no morphology."""
    foreground = np.zeros((height, width), bool)
    for part in parts:
        foreground[part.window] |= part.mask
    return foreground
