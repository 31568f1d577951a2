"""The two losses that compare an anomaly map with a mask, as APRIL-GAN and AnomalyCLIP take them.

They are those of the code of both works (Chen et al., arXiv 2305.17382; Zhou et al., arXiv 2310.18961).
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

_SMOOTH = 1e-5


def focal_loss(
    anomalous: Float[Tensor, "image height width"], masks: Float[Tensor, "image height width"]
) -> Float[Tensor, ""]:
    """Mean over all pixels of -(1 - p)^2 log p, p the probability of what the pixel is (Lin et al., 2017, gamma 2).

    There is no weight for the rarer side. As in that code the truth is clamped to [1e-5, 1 - 1e-5], and p lies 1e-5
    higher, so that it is never 0.

    Args:
        anomalous: the probability that a pixel is; that it is not is the rest.
        masks: 1 where the product is damaged, else 0.
    """
    loss: Tensor = _Focal.apply(anomalous, masks)
    return loss


class _Focal(torch.autograd.Function):
    """The focal loss with its derivative written out: autograd would pass over the pixels twice as often."""

    @staticmethod
    def forward(ctx: Any, anomalous: Tensor, masks: Tensor) -> Tensor:
        scale = 1 - 2 * _SMOOTH
        wrong = (anomalous - masks).mul_(scale)  # 1 - p, with its sign
        size = wrong.abs()
        p = 1 - size
        weighted = p.log().mul_(wrong)
        loss = -torch.dot(wrong.flatten(), weighted.flatten()) / p.numel()
        # Half of (2 log p - (1 - p) / p) (1 - p), in memory that is there: that is what this waits for.
        ctx.save_for_backward(weighted.addcdiv_(wrong.mul_(size), p, value=-0.5))
        ctx.share = -2 * scale / p.numel()
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, incoming: Tensor) -> tuple[Tensor, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * (incoming * ctx.share), None


def dice_loss(
    anomalous: Float[Tensor, "image height width"], masks: Float[Tensor, "image height width"]
) -> Float[Tensor, ""]:
    """1 - the mean over images of (2 |p m| + 1) / (|p| + |m| + 1), |.| the sum over pixels (Milletari et al., 2016)."""
    return _dice((anomalous * masks).sum(dim=(1, 2)), anomalous.sum(dim=(1, 2)), masks.sum(dim=(1, 2)))


def dice_loss_of_both_sides(
    anomalous: Float[Tensor, "image row column"],
    damaged: Float[Tensor, "image row column"],
    pixels: Float[Tensor, "row column"],
) -> Float[Tensor, ""]:
    """`dice_loss`, and that of the probability and mask of what is not damaged, added.

    Sums over the pixels of a map that was upsampled are sums over its patches, each with the share of the pixels that
    it stands for.

    Args:
        anomalous: the probability that a patch is.
        damaged: how many damaged pixels it stands for.
        pixels: how many in all.
    """
    common, found = (anomalous * damaged).sum(dim=(1, 2)), (anomalous * pixels).sum(dim=(1, 2))
    there, size = damaged.sum(dim=(1, 2)), pixels.sum()
    return _dice(common, found, there) + _dice(size - found - there + common, size - found, size - there)


def _dice(common: Tensor, found: Tensor, there: Tensor) -> Tensor:
    """From |p m|, |p| and |m| of each image."""
    return 1 - ((2 * common + 1) / (found + there + 1)).mean()
