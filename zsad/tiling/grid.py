"""Tiles without a foreground: squares all over the image, to tell what the foreground adds to cutting it up."""

from __future__ import annotations

from zsad.tiling.elongated import starts
from zsad.tiling.tiles import Tile, place


def grid_tiles(side: int, height: int, width: int) -> list[Tile]:
    """Squares of `side` pixels row by row, half a side apart, the last ones flush with the edges.

    Where the image is smaller than a tile along an edge, one tile covers that edge.
    """
    rows, columns = (
        [place(start, side, side, length) for start in starts(length, side, side)] for length in (height, width)
    )
    return [Tile(top, left, side, side) for top in rows for left in columns]
