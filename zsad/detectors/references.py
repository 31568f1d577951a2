"""Good images of a product that a detector compares others with, and what is known of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from zsad.detectors.base import check_images

# Sides may differ by this factor: crops of a line's pictures do by a few pixels.
ASPECTS = 1.1


@dataclass(frozen=True)
class References:
    """A few good images of one product.

    Attributes:
        ids: what each is called, in order.
        fingerprint: sha256 over all that decides the images.
        decoded: gives them in that order, each (3, height, width) RGB in [0, 1]; called when the first image is
            compared with them.
    """

    ids: tuple[str, ...]
    fingerprint: str
    decoded: Callable[[], Iterable[Float[Tensor, "3 _height _width"]]]

    def __post_init__(self) -> None:
        if not self.ids:
            raise ValueError("references are at least one good image, and there is none")


def as_references(images: Sequence[Float[Tensor, "3 _height _width"]], ids: Sequence[str] | None = None) -> References:
    """References of images at hand, by default numbered.

    Raises:
        ValueError: no image, not an id for each, or an image outside [0, 1].
    """
    names = tuple(f"image {index}" for index in range(len(images))) if ids is None else tuple(ids)
    digest = hashlib.sha256()
    for name, image in zip(names, images, strict=True):
        check_images(image[None])
        digest.update(f"{name} {image.dtype} {tuple(image.shape)}".encode())
        digest.update(image.detach().cpu().contiguous().numpy().data)
    return References(names, digest.hexdigest(), lambda: images)


def check_aspect(height: int, width: int, references: Iterable[tuple[int, int]]) -> None:
    """Raise a ValueError for an image of other proportions than those of one of the references, whose heights and
    widths are given: squashed to the model's square, the same product would look different in both.
    """
    for rows, columns in references:
        if not 1 / ASPECTS <= (width / height) / (columns / rows) <= ASPECTS:
            raise ValueError(
                f"it is {width} x {height} pixels and a reference is {columns} x {rows}: in other proportions the "
                "product looks different to the model; give references that are framed like the images to be scored"
            )
