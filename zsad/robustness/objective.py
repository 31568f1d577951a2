"""What the attacker of one image wants: a low segmentation loss, a low pixel AUROC of that image alone, or a score that
takes it for the other kind.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

_BELOW_ALL = -(2**40)  # below the bits of any float32


def segmentation_loss(
    maps: Float[Tensor, "image height width"],
    masks: Bool[Tensor, "image height width"],
    valid_mask: Bool[Tensor, "image height width"] | None = None,
) -> Float[Tensor, " image"]:
    """Mean score of an image's anomalous pixels less that of its normal ones; the attacker MINIMISES it.

    As in the released code of Stangl et al. (arXiv 2405.07969): without anomalous pixels their mean counts as 0, and
    the attack raises the score of the whole image. In [-1, 1] for scores in [0, 1]; differentiable to the maps.
    Where `valid_mask` is False a pixel is neither.
    """
    anomalous, normal = masks.to(maps.dtype), (~masks).to(maps.dtype)
    if valid_mask is not None:
        anomalous, normal = anomalous * valid_mask, normal * valid_mask
    found = (maps * anomalous).sum((1, 2)) / (anomalous.sum((1, 2)) + 1e-8)
    false = (maps * normal).sum((1, 2)) / (normal.sum((1, 2)) + 1e-8)
    return found - false


def image_loss(scores: Float[Tensor, " image"], anomalous: Bool[Tensor, " image"]) -> Float[Tensor, " image"]:
    """The image score of an anomalous image, and that of a normal one with its sign turned; the attacker MINIMISES it:
    damaged products are to look good, and good ones damaged. Images at their lowest give the lowest image AUROC that
    their shifts can give, since each goes as far as it can past all others. Ours: the published attack (Stangl et al.)
    aims at maps alone. Differentiable to the scores.
    """
    return torch.where(anomalous, scores, -scores)


def pixel_auroc_per_image(
    maps: Float[Tensor, "image height width"],
    masks: Bool[Tensor, "image height width"],
    valid_mask: Bool[Tensor, "image height width"] | None = None,
) -> Float[Tensor, " image"]:
    """Area under the ROC over the pixels of each image, equal values counted half; exact for float32 maps.

    NaN for an image whose pixels (those of `valid_mask`, by default all) are all normal or all anomalous. float64.
    """
    values, anomalous = _order_preserving(maps.float().flatten(1)), masks.flatten(1)
    left_out = torch.zeros_like(anomalous) if valid_mask is None else ~valid_mask.flatten(1)
    # What is left out goes below everything as if it were normal; what it loses there is taken off again.
    values, anomalous = values.masked_fill(left_out, _BELOW_ALL), anomalous & ~left_out
    beaten = left_out.sum(1)
    place = torch.arange(values.shape[1], device=maps.device)
    positive = anomalous.sum(1)
    # The sum of the ranks of anomalous pixels, once where they lose every tie and once where they win it: the mean of
    # the two counts ties half, and no tie has to be looked for.
    losing = _sorted(2 * values + ~anomalous) % 2 == 0
    winning = _sorted(2 * values + anomalous) % 2 == 1
    wins = (place * losing).sum(1) + (place * winning).sum(1) - positive * (positive - 1) - 2 * positive * beaten
    return wins.double() / (2 * positive * (len(place) - positive - beaten)).double()


def _order_preserving(values: Float[Tensor, "image pixel"]) -> Int[Tensor, "image pixel"]:
    """float32 values as integers that compare alike: their bits, reversed below zero. Adding 0 makes -0 a 0."""
    bits = (values + 0.0).view(torch.int32)
    return torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits).long()


def _sorted(keys: Int[Tensor, "image pixel"]) -> Int[Tensor, "image pixel"]:
    """Each row in ascending order. On a CPU, NumPy is ten times as fast as torch."""
    if keys.device.type == "cpu":
        return torch.from_numpy(np.sort(keys.numpy(), axis=1))
    return keys.sort(dim=1).values
