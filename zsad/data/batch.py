"""Sizes of images and masks: resized, or squashed and stacked into one tensor."""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import interpolate

from zsad.data.sample import Sample
from zsad.limits import check_number


def stack(
    samples: Sequence[Sample], size: int | None = None
) -> tuple[
    Float[Tensor, "image 3 height width"],
    Bool[Tensor, "image height width"],
    Bool[Tensor, " image"],
]:
    """Images (float32 RGB in [0, 1]), masks and labels of some samples.

    Args:
        samples: at least one. A normal sample without a mask gets an all-False mask.
        size: side in pixels of the square that images and masks are squashed to; None keeps their size, which must
            then be the same for all. Images: antialiased bicubic, clipped to [0, 1].
            Masks: a pixel is anomalous where at least half of the area that it stands for is; a defect too thin for
            that keeps its best-covered pixels, so that no defect vanishes.

    Raises:
        ValueError: no samples, a `size` out of `zsad.limits`, sizes that differ while it is None, or an anomalous
            sample without a mask.
    """
    if not samples:
        raise ValueError("no samples to stack.")
    if size is not None:
        check_number("size", size)
    unmasked = [sample.id for sample in samples if sample.label and sample.mask is None]
    if unmasked:
        raise ValueError(
            f"{len(unmasked)} anomalous samples have no mask ({unmasked[0]} is the first): pixel metrics need masks; "
            "see Dataset.has_masks."
        )
    labels = torch.tensor([sample.label for sample in samples])
    if size is None:
        sizes = {tuple(sample.image.shape[1:]): sample.id for sample in samples}
        if len(sizes) > 1:
            listed = ", ".join(f"{name} is {width} x {height}" for (height, width), name in sizes.items())
            raise ValueError(f"images of different sizes cannot be stacked ({listed}): pass size= to squash them.")
        return torch.stack([sample.image for sample in samples]), torch.stack([mask_of(s) for s in samples]), labels
    images = torch.stack([resize_image(sample.image, (size, size)) for sample in samples])
    masks = torch.stack([resize_mask(mask_of(sample), (size, size)) for sample in samples])
    return images, masks, labels


def fitted_size(
    height: int, width: int, short_side: int | Literal["native"], squashed: bool = False
) -> tuple[int, int]:
    """The height and width, in pixels, that an image is resized to.

    Args:
        short_side: what its shorter side becomes, the longer one keeping the aspect to the nearest pixel; "native"
            leaves both as they are.
        squashed: a square of `short_side` pixels instead, whatever the aspect.

    Raises:
        ValueError: a square of native size.
    """
    if short_side == "native":
        if squashed:
            raise ValueError("a square needs a side in pixels: 'native' is none")
        return height, width
    if squashed:
        return short_side, short_side
    scale = short_side / min(height, width)
    return max(short_side, round(height * scale)), max(short_side, round(width * scale))


def resize_image(image: Float[Tensor, "3 height width"], size: tuple[int, int]) -> Float[Tensor, "3 rows columns"]:
    """Resizes an image to (height, width): antialiased bicubic, clipped to [0, 1]; as it is where it has that size."""
    if image.shape[1:] == size:
        return image
    return interpolate(image[None], size, mode="bicubic", antialias=True, align_corners=False)[0].clamp_(0, 1)


def resize_mask(mask: Bool[Tensor, "height width"], size: tuple[int, int]) -> Bool[Tensor, "rows columns"]:
    """Resizes a mask to (height, width) by the share of each pixel's area that is anomalous, see `stack`."""
    if mask.shape == size:
        return mask
    coverage = interpolate(mask[None, None].float(), size, mode="area")[0, 0]
    threshold = min(0.5, float(coverage.max()))
    return (coverage >= threshold) & (coverage > 0)


def mask_of(sample: Sample) -> Bool[Tensor, "height width"]:
    """The sample's mask; an empty one where it has none, as normal samples may."""
    return sample.mask if sample.mask is not None else torch.zeros(sample.image.shape[1:], dtype=torch.bool)
