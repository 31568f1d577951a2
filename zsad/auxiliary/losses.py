"""The two losses that compare an anomaly map with a mask, as APRIL-GAN and AnomalyCLIP take them.

They are those of the code of both works (Chen et al., arXiv 2305.17382; Zhou et al., arXiv 2310.18961).
"""

from jaxtyping import Bool, Float
from torch import Tensor

_SMOOTH = 1e-5


def focal_loss(
    probabilities: Float[Tensor, "image 2 height width"], masks: Bool[Tensor, "image height width"]
) -> Float[Tensor, ""]:
    """Mean over all pixels of -(1 - p)^2 log p, p the probability of what the pixel is (Lin et al., 2017, gamma 2).

    There is no weight for the rarer side. As in that code the truth is clamped to [1e-5, 1 - 1e-5], and p lies 1e-5
    higher, so that it is never 0.

    Args:
        probabilities: of normal and anomalous, which sum to 1.
        masks: True where the product is damaged.
    """
    anomalous = masks.to(probabilities.dtype).clamp(_SMOOTH, 1 - _SMOOTH)
    right = probabilities[:, 1] * anomalous + probabilities[:, 0] * (1 - anomalous) + _SMOOTH
    return -((1 - right) ** 2 * right.log()).mean()


def dice_loss(
    probabilities: Float[Tensor, "image height width"], masks: Bool[Tensor, "image height width"]
) -> Float[Tensor, ""]:
    """1 - the mean over images of (2 |p m| + 1) / (|p| + |m| + 1), |.| the sum over pixels (Milletari et al., 2016)."""
    truth = masks.to(probabilities.dtype)
    common = (probabilities * truth).flatten(1).sum(dim=1)
    both = probabilities.flatten(1).sum(dim=1) + truth.flatten(1).sum(dim=1)
    return 1 - ((2 * common + 1) / (both + 1)).mean()
