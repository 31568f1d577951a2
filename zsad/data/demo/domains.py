"""The conditions that a suite's images are taken under: the table, the lamp, and how camera and product stand."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, UInt8
from numpy import ndarray
from PIL import Image

from zsad.data.demo.camera import Look
from zsad.data.demo.product import Product


@dataclass(frozen=True)
class Domain:
    """What a photographer's session fixes.

    Attributes:
        look: table, lamp and camera.
        tilt, drift, scale: pose of the product in place of its habitual one (see `Product`); None keeps it.
        lean: how far the camera leans: corners of the image lie up to this share of a side further in, each by
            itself. At most 1/16, the margin that damage keeps from the image's border.
    """

    look: Look
    tilt: float | None = None
    drift: float | None = None
    scale: tuple[float, float] | None = None
    lean: float = 0.0

    def pose(self, product: Product) -> Product:
        """The product as it is placed here."""
        return replace(
            product,
            tilt=product.tilt if self.tilt is None else self.tilt,
            drift=product.drift if self.drift is None else self.drift,
            scale=self.scale or product.scale,
        )


def leaning(
    image: UInt8[ndarray, "height width 3"],
    mask: Bool[ndarray, "height width"],
    lean: float,
    rng: np.random.Generator,
) -> tuple[UInt8[ndarray, "height width 3"], Bool[ndarray, "height width"]]:
    """Image and mask as a leaning camera sees them: four points near the corners become the corners."""
    height, width = mask.shape
    inwards = rng.uniform(0, lean, (4, 2)) * [[1, 1], [-1, 1], [-1, -1], [1, -1]]
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    place = _homography(corners * [width, height], (corners + inwards) * [width, height])
    warp = ((width, height), Image.Transform.PERSPECTIVE, place)
    leant = Image.fromarray(image).transform(*warp, Image.Resampling.BICUBIC)
    marked = Image.fromarray(mask.astype(np.uint8)).transform(*warp, Image.Resampling.NEAREST)
    return np.asarray(leant), np.asarray(marked) > 0


def _homography(points: np.ndarray, images: np.ndarray) -> tuple[float, ...]:
    """The numbers a to h that take each of four points (x, y) to ((ax + by + c), (dx + ey + f)) / (gx + hy + 1)."""
    rows = []
    for (x, y), (u, v) in zip(points, images, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    return tuple(float(number) for number in np.linalg.solve(np.array(rows), images.ravel()))
