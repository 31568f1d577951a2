"""The two losses that compare an anomaly map with a mask, as APRIL-GAN and AnomalyCLIP take them.

They are those of the code of both works (Chen et al., arXiv 2305.17382; Zhou et al., arXiv 2310.18961).
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

_SMOOTH = 1e-5


def focal_loss(
    anomalous: Float[Tensor, "image height width"], masks: Bool[Tensor, "image height width"]
) -> Float[Tensor, ""]:
    """Mean over all pixels of -(1 - p)^2 log p, p the probability of what the pixel is (Lin et al., 2017, gamma 2).

    There is no weight for the rarer side. As in that code the truth is clamped to [1e-5, 1 - 1e-5], and p lies 1e-5
    higher, so that it is never 0.

    Args:
        anomalous: the probability that a pixel is; that it is not is the rest.
        masks: True where the product is damaged.
    """
    right = torch.where(masks, anomalous, 1 - anomalous) * (1 - 2 * _SMOOTH) + 2 * _SMOOTH
    return -((1 - right) ** 2 * right.log()).mean()


def dice_loss(
    anomalous: Float[Tensor, "image height width"], masks: Bool[Tensor, "image height width"]
) -> Float[Tensor, ""]:
    """1 - the mean over images of (2 |p m| + 1) / (|p| + |m| + 1), |.| the sum over pixels (Milletari et al., 2016)."""
    return _dice(*_sums(anomalous, masks))


def dice_loss_of_both_sides(
    anomalous: Float[Tensor, "image height width"], masks: Bool[Tensor, "image height width"]
) -> Float[Tensor, ""]:
    """`dice_loss`, and that of the probability and mask of what is not damaged, added; the pixels are summed once."""
    common, found, there = _sums(anomalous, masks)
    pixels = masks[0].numel()
    neither = pixels - found - there + common
    return _dice(common, found, there) + _dice(neither, pixels - found, pixels - there)


def _sums(anomalous: Tensor, masks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """|p m|, |p| and |m| of each image."""
    truth = masks.to(anomalous.dtype)
    common, found, there = (values.flatten(1).sum(dim=1) for values in (anomalous * truth, anomalous, truth))
    return common, found, there


def _dice(common: Tensor, found: Tensor, there: Tensor) -> Tensor:
    return 1 - ((2 * common + 1) / (found + there + 1)).mean()
