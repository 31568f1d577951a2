"""One mask of a part of the image, cut to its bounding box so that thousands of small ones stay small."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Shaped
from numpy import ndarray


@dataclass(frozen=True, eq=False)
class Part:
    """A mask that is not empty.

    Attributes:
        top, left: where its bounding box begins, in pixels of the image.
        mask: what of the box belongs to the part.
    """

    top: int
    left: int
    mask: Bool[ndarray, "rows columns"]

    @classmethod
    def of(cls, mask: Bool[ndarray, "height width"]) -> Part | None:
        """The part that a mask of the whole image shows; None for an empty mask."""
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not len(rows):
            return None
        top, left = int(rows[0]), int(columns[0])
        return cls(top, left, mask[top : rows[-1] + 1, left : columns[-1] + 1].copy())

    @property
    def area(self) -> int:
        """Number of pixels."""
        return int(self.mask.sum())

    @property
    def window(self) -> tuple[slice, slice]:
        """Its bounding box as an index into the image."""
        rows, columns = self.mask.shape
        return slice(self.top, self.top + rows), slice(self.left, self.left + columns)

    def values(self, image: Shaped[ndarray, "height width"]) -> Shaped[ndarray, " pixel"]:
        """What a map of the image shows at the part's pixels."""
        pixels: ndarray = image[self.window][self.mask]
        return pixels

    def full(self, height: int, width: int) -> Bool[ndarray, "height width"]:
        """The mask at the size of the image."""
        image = np.zeros((height, width), bool)
        image[self.window] = self.mask
        return image
