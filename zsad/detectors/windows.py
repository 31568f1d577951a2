"""From scores of overlapping windows to one map: harmonic averaging, and square tiles of an image."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

# Below this a score counts as this: its reciprocal, and the square of that in a gradient, stay inside float32.
FLOOR = 1e-18


def harmonic_map(
    scores: Float[Tensor, "image window"], grid: tuple[int, int], size: int
) -> Float[Tensor, "image rows columns"]:
    """Harmonic mean, at every patch, of the scores of the `size` x `size` windows that cover it (WinCLIP, section 4.2).

    Args:
        scores: one value in (0, 1] a window, row by row, stride 1.
        grid: rows and columns of patches.
    """
    rows, columns = grid[0] - size + 1, grid[1] - size + 1
    inverse = 1 / scores.clamp_min(FLOOR).unflatten(1, (rows, columns))
    return _sum_over_windows(torch.ones_like(inverse), size) / _sum_over_windows(inverse, size)


def harmonic_mean(maps: Float[Tensor, "scale image rows columns"]) -> Float[Tensor, "image rows columns"]:
    """Harmonic mean over scales."""
    return maps.shape[0] / (1 / maps.clamp_min(FLOOR)).sum(dim=0)


def _sum_over_windows(values: Float[Tensor, "image rows columns"], size: int) -> Tensor:
    # A pooling and not a convolution: on a GPU a convolution may round to TF32.
    padded = F.pad(values.unsqueeze(1), (size - 1,) * 4)
    return F.avg_pool2d(padded, size, stride=1, divisor_override=1).squeeze(1)


def tile_starts(length: int, side: int, stride: int) -> list[int]:
    """Where tiles of `side` pixels start along an edge of `length`: every `stride`, the last one flush with the end."""
    return sorted({*range(0, length - side, stride), length - side})


def square_tiles(height: int, width: int, side_fraction: float = 1.0) -> list[tuple[int, int, int]]:
    """(top, left, side) of square tiles over an image, row by row; stride 0.8 of the side.

    Args:
        side_fraction: side of a tile as a fraction of the shorter edge, in (0, 1].
    """
    side = max(1, round(side_fraction * min(height, width)))
    stride = max(1, math.floor(0.8 * side))
    return [(top, left, side) for top in tile_starts(height, side, stride) for left in tile_starts(width, side, stride)]


def crop(
    images: Float[Tensor, "image 3 height width"], tiles: list[tuple[int, int, int]]
) -> Float[Tensor, "tile_image 3 side side"]:
    """Cut tiles of equal side out of every image: all images of the first tile, then of the second, and so on."""
    return torch.cat([images[:, :, top : top + side, left : left + side] for top, left, side in tiles])


def stitch(
    maps: Float[Tensor, "tile_image side side"], tiles: list[tuple[int, int, int]], height: int, width: int
) -> Float[Tensor, "image height width"]:
    """Put maps of tiles (ordered as `crop` orders them) back, averaging where tiles overlap."""
    total: Tensor = torch.zeros((), dtype=maps.dtype, device=maps.device)
    count: Tensor = torch.zeros((), dtype=maps.dtype, device=maps.device)
    for part, (top, left, side) in zip(maps.chunk(len(tiles)), tiles, strict=True):
        margins = (left, width - left - side, top, height - top - side)
        total = total + F.pad(part, margins)
        count = count + F.pad(torch.ones_like(part[:1]), margins)
    return total / count
