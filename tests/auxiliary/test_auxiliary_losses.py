"""The losses against what their formulas say, written out pixel by pixel."""

import math

import pytest
import torch

from zsad.auxiliary.losses import dice_loss, dice_loss_of_both_sides, focal_loss
from zsad.detectors.anomalyclip import upsampling


def focal_by_hand(probabilities, masks):
    total, pixels = 0.0, 0
    for image, mask in zip(probabilities.tolist(), masks.tolist(), strict=True):
        normal, anomalous = image
        for row in range(len(mask)):
            for column in range(len(mask[0])):
                truth = [1e-5, 1 - 1e-5] if mask[row][column] else [1 - 1e-5, 1e-5]
                p = truth[0] * normal[row][column] + truth[1] * anomalous[row][column] + 1e-5
                total += -((1 - p) ** 2) * math.log(p)
                pixels += 1
    return total / pixels


def dice_by_hand(maps, masks):
    shares = []
    for image, mask in zip(maps.tolist(), masks.tolist(), strict=True):
        pairs = [(p, m) for ps, ms in zip(image, mask, strict=True) for p, m in zip(ps, ms, strict=True)]
        common = sum(p for p, m in pairs if m)
        shares.append((2 * common + 1) / (sum(p for p, _ in pairs) + sum(m for _, m in pairs) + 1))
    return 1 - sum(shares) / len(shares)


@pytest.fixture
def example():
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(3, 2, 5, 7, generator=generator, dtype=torch.float64)
    masks = (torch.rand(3, 5, 7, generator=generator) > 0.7).double()
    masks[0] = 0
    return logits.softmax(dim=1), masks


def test_the_focal_loss_is_its_formula(example):
    probabilities, masks = example
    assert float(focal_loss(probabilities[:, 1], masks)) == pytest.approx(focal_by_hand(*example), rel=1e-12)


def test_the_gradient_of_the_focal_loss_agrees_with_finite_differences(example):
    anomalous, masks = example[0][:, 1].clone().requires_grad_(), example[1]
    assert torch.autograd.gradcheck(lambda maps: 3 * focal_loss(maps, masks), anomalous)


def test_the_dice_loss_is_its_formula_and_a_mean_over_images(example):
    probabilities, masks = example
    assert float(dice_loss(probabilities[:, 1], masks)) == pytest.approx(dice_by_hand(probabilities[:, 1], masks))


def test_the_dice_loss_of_both_sides_is_that_of_each(example):
    (normal, anomalous), masks = example[0].unbind(1), example[1]
    by_hand = dice_by_hand(anomalous, masks) + dice_by_hand(normal, 1 - masks)
    each = torch.ones(masks.shape[1:], dtype=torch.float64)
    assert float(dice_loss_of_both_sides(anomalous, masks, each)) == pytest.approx(by_hand)


def test_the_dice_loss_of_patches_is_that_of_their_upsampled_map(example):
    generator = torch.Generator().manual_seed(1)
    patches, masks = torch.rand(3, 2, 3, generator=generator, dtype=torch.float64), example[1]
    down, across = (upsampling(*sizes).double() for sizes in ((2, 5), (3, 7)))
    anomalous = down @ patches @ across.T
    by_hand = dice_by_hand(anomalous, masks) + dice_by_hand(1 - anomalous, 1 - masks)
    damaged, pixels = down.T @ masks @ across, torch.outer(down.sum(dim=0), across.sum(dim=0))
    assert float(dice_loss_of_both_sides(patches, damaged, pixels)) == pytest.approx(by_hand)


def test_a_map_that_is_right_costs_nothing_and_a_sure_wrong_one_stays_finite():
    right = torch.zeros(1, 4, 4)
    right[0, 1:3, 1:3] = 1
    assert abs(float(focal_loss(right, right))) < 1e-9
    assert float(dice_loss(right, right)) == pytest.approx(0, abs=1e-6)
    wrong = (1 - right).requires_grad_()
    loss = focal_loss(wrong, right)
    loss.backward()
    assert 10 < float(loss.detach()) < 12  # -log 2e-5
    assert wrong.grad.isfinite().all()
