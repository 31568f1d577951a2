"""The contrastive loss against a slow one, and against CLIP's own."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from training.losses import contrastive_loss, twin_loss


def test_it_is_the_mean_over_positives_of_minus_the_log_of_the_softmax():
    generator = torch.Generator().manual_seed(0)
    logits, true = torch.randn(6, 8, generator=generator), torch.rand(6, 8, generator=generator) < 0.4
    true[2] = False  # a row without any
    slow = []
    for row, own in zip(logits.tolist(), true.tolist(), strict=True):
        total = sum(math.exp(value) for value in row)
        losses = [-math.log(math.exp(value) / total) for value, is_own in zip(row, own, strict=True) if is_own]
        if losses:
            slow.append(sum(losses) / len(losses))
    assert torch.isclose(contrastive_loss(logits, true), torch.tensor(sum(slow) / len(slow)))


def test_with_one_positive_a_row_it_is_clips():
    logits = torch.randn(5, 5, generator=torch.Generator().manual_seed(1))
    expected = F.cross_entropy(logits, torch.arange(5))
    assert torch.isclose(contrastive_loss(logits, torch.eye(5, dtype=torch.bool)), expected)


def test_twins_have_nothing_to_learn_where_they_look_alike_and_much_where_they_do_not():
    same, texts = torch.ones(3, 4), (torch.zeros(3, 4), torch.eye(4)[:3])
    alike = twin_loss(same, same, *texts)
    # Both choose between the same captions: log(1 + e) and log(1 + 1/e), and neither is further along: log 2.
    assert torch.isclose(alike, torch.tensor((math.log(1 + math.e) + math.log(1 + 1 / math.e)) / 2 + math.log(2)))
    right = twin_loss(-20 * texts[1], 20 * texts[1], *texts)
    wrong = twin_loss(20 * texts[1], -20 * texts[1], *texts)
    assert right < 1e-6
    assert torch.isclose(wrong, torch.tensor(60.0))
