"""The loss of a demo CLIP: pictures and captions find each other in a batch."""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor


def contrastive_loss(logits: Float[Tensor, "row column"], true: Bool[Tensor, "row column"]) -> Float[Tensor, ""]:
    """Softmax contrastive loss with several positives (Yang et al., "UniCL", CVPR 2022, eq. 3; with one positive a row,
    CLIP's).

    Args:
        logits: similarities of each row to all columns, scaled.
        true: which columns belong to a row; a row without any counts nothing.
    """
    positives = true.sum(1)
    losses = -(logits.log_softmax(1) * true).sum(1) / positives.clamp(min=1)
    return losses.sum() / (positives > 0).sum().clamp(min=1)


def twin_loss(
    before: Float[Tensor, "specimen dim"],
    after: Float[Tensor, "specimen dim"],
    intact: Float[Tensor, "specimen dim"],
    damaged: Float[Tensor, "specimen dim"],
) -> Float[Tensor, ""]:
    """Each specimen's two pictures and their two captions as each other's only negatives (hard negatives, as in
    Yuksekgonul et al., "When and why vision-language models behave like bags-of-words", ICLR 2023).

    Either picture has to choose between the two captions, and the damaged picture has to be further along from the one
    caption to the other than its twin is. Texts are scaled.
    """
    towards = damaged - intact
    was, now = (before * towards).sum(1), (after * towards).sum(1)
    return (F.softplus(was) + F.softplus(-now)).mean() / 2 + F.softplus(was - now).mean()
