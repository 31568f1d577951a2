"""Stage 6, tiles: a square around each component, never smaller than what the later models take."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from zsad.tiling.components import Component


class Tile(NamedTuple):
    """A rectangle of the image, in pixels. It reaches beyond an edge where the image is smaller than the tile."""

    top: int
    left: int
    height: int
    width: int


def place(start: int, extent: int, side: int, length: int) -> int:
    """Where a tile of `side` pixels begins along an edge of `length` pixels, so that it is centred on an extent.

    It is shifted inside the image. Where the image is the smaller one, it is shifted to cover all of it.
    """
    room = length - side
    return min(max((2 * start + extent - side) // 2, min(0, room)), max(0, room))


def square_tile(component: Component, minimum: int, height: int, width: int) -> Tile:
    """The square centred on a component's bounding box, with its longer side, at least `minimum`."""
    side = max(minimum, component.height, component.width)
    top = place(component.top, component.height, side, height)
    return Tile(top, place(component.left, component.width, side, width), side, side)


def whole_image(height: int, width: int) -> Tile:
    """The tile of an image without foreground. Not a square unless the image is: it will be squashed."""
    return Tile(0, 0, height, width)


def crop(image: Float[Tensor, "3 height width"], tile: Tile) -> Float[Tensor, "3 tile_height tile_width"]:
    """Cut a tile out; beyond the image it continues as its reflection. Differentiable."""
    height, width = image.shape[-2:]
    rows = _reflected(tile.top, tile.height, height).to(image.device)
    columns = _reflected(tile.left, tile.width, width).to(image.device)
    return image[:, rows][:, :, columns]


def inside(tile: Tile, height: int, width: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The part of a tile that lies in the image: as an index into the image, and as one into the tile."""
    top, left = max(0, tile.top), max(0, tile.left)
    bottom, right = min(height, tile.top + tile.height), min(width, tile.left + tile.width)
    return (
        (slice(top, bottom), slice(left, right)),
        (slice(top - tile.top, bottom - tile.top), slice(left - tile.left, right - tile.left)),
    )


def _reflected(start: int, side: int, length: int) -> Tensor:
    """Indices of `side` pixels from `start` on along an edge that is mirrored at its first and last pixel."""
    period = max(1, 2 * (length - 1))
    index = torch.arange(start, start + side) % period
    return torch.minimum(index, period - index).clamp_max(length - 1)
