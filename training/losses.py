"""The terms of a demo CLIP's loss."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def naming_loss(
    views: Tensor,
    products: Tensor,
    damaged: Tensor,
    texts: Tensor,
    text_products: Tensor,
    text_damaged: Tensor,
    scale: Tensor,
) -> Tensor:
    """Cross-entropy over the batch's captions; those of the same product in the same state are positives."""
    own = (products[:, None] == text_products) & (damaged[:, None] == text_damaged)
    present = own.any(0)
    log_probability = (scale * views @ texts.T).masked_fill(~present, -1e4).log_softmax(1)
    return (-(log_probability * own).sum(1) / own.sum(1)).mean()


def state_loss(views: Tensor, damaged: Tensor, direction: Tensor, scale: Tensor, weight: Tensor) -> Tensor:
    """Own state against the opposite one: logistic loss along the text direction from undamaged to damaged.

    views and direction end in the embedding axis and broadcast; damaged and weight have the other axes of views.
    """
    logit = scale * (views * direction).sum(-1)
    losses = F.binary_cross_entropy_with_logits(logit, damaged.float(), reduction="none")
    return (losses * weight).sum() / weight.sum()
