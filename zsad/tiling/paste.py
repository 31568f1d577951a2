"""Stage 11, fusion: maps of tiles go back to their places, and pixels of several tiles get the average."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from zsad.tiling.tiles import Tile, inside


class Canvas:
    """Sums of maps and how many there are at each pixel: memory does not grow with the number of tiles.

    Args:
        images, height, width: size of the maps to be made.
    """

    def __init__(self, images: int, height: int, width: int, device: str | torch.device = "cpu") -> None:
        self.total = torch.zeros(images, height, width, device=device)
        self.count = torch.zeros(images, height, width, device=device)

    def add(self, image: int, tile: Tile, values: Float[Tensor, "tile_height tile_width"], times: int = 1) -> None:
        """Paste a tile's map; `times` is the number of components that share the tile, each of which counts."""
        (rows, columns), part = inside(tile, *self.total.shape[-2:])
        self.total[image, rows, columns] += times * values[part]
        self.count[image, rows, columns] += times

    def average(self, outside: float = 0.0) -> Float[Tensor, "image height width"]:
        """The maps; `outside` where no tile was pasted."""
        return torch.where(self.count > 0, self.total / self.count.clamp_min(1), outside)
