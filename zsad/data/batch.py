"""Stacks samples into the tensors that detectors and metrics take."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import interpolate

from zsad.data.sample import Sample


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
        size: side in pixels of the square that pictures and masks are squashed to; None keeps their size, which must
            then be the same for all. Pictures: antialiased bicubic, clipped to [0, 1].
            Masks: a pixel is anomalous where at least half of the area that it stands for is; a defect too thin for
            that keeps its best-covered pixels, so that no defect vanishes.

    Raises:
        ValueError: no samples, sizes that differ while `size` is None, or an anomalous sample without a mask.
    """
    if not samples:
        raise ValueError("no samples to stack.")
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
        return torch.stack([sample.image for sample in samples]), torch.stack([_mask(s) for s in samples]), labels
    images = torch.stack([resize_image(sample.image, size) for sample in samples])
    masks = torch.stack([resize_mask(_mask(sample), size) for sample in samples])
    return images, masks, labels


def resize_image(image: Float[Tensor, "3 height width"], size: int) -> Float[Tensor, "3 size size"]:
    """Squashes a picture to a square of `size` pixels: antialiased bicubic, clipped to [0, 1]."""
    if image.shape[1:] == (size, size):
        return image
    return interpolate(image[None], (size, size), mode="bicubic", antialias=True, align_corners=False)[0].clamp_(0, 1)


def resize_mask(mask: Bool[Tensor, "height width"], size: int) -> Bool[Tensor, "size size"]:
    """Squashes a mask to a square of `size` pixels by the share of each pixel's area that is anomalous."""
    if mask.shape == (size, size):
        return mask
    coverage = interpolate(mask[None, None].float(), (size, size), mode="area")[0, 0]
    threshold = min(0.5, float(coverage.max()))
    return (coverage >= threshold) & (coverage > 0)


def _mask(sample: Sample) -> Bool[Tensor, "height width"]:
    return sample.mask if sample.mask is not None else torch.zeros(sample.image.shape[1:], dtype=torch.bool)
