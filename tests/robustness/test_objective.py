import itertools
import math

import pytest
import torch

from zsad import metrics
from zsad.robustness.objective import image_loss, pixel_auroc_per_image, segmentation_loss


def maps_and_masks(count: int = 6, side: int = 9, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, side, side, generator=generator), torch.rand(count, side, side, generator=generator) < 0.3


def auroc_by_pairs(anomaly_map: torch.Tensor, mask: torch.Tensor) -> float:
    """Every anomalous pixel against every normal one."""
    wins = [
        1.0 if anomalous > normal else 0.5 if anomalous == normal else 0.0
        for anomalous in anomaly_map[mask].tolist()
        for normal in anomaly_map[~mask].tolist()
    ]
    return sum(wins) / len(wins)


@pytest.mark.parametrize("steps", [None, 3, 1], ids=["distinct", "many ties", "few values"])
def test_auroc_counts_pairs_of_pixels(steps):
    """Negative values and ties included; -0.0 and 0.0 are one value."""
    maps, masks = maps_and_masks()
    if steps is not None:
        maps = (maps * steps).round() / steps
        assert (torch.signbit(maps) & (maps == 0)).any()
    found = pixel_auroc_per_image(maps, masks)
    assert found.tolist() == pytest.approx([auroc_by_pairs(*pair) for pair in zip(maps, masks, strict=True)], abs=1e-12)


@pytest.mark.parametrize("steps", [None, 3], ids=["distinct", "many ties"])
def test_pixels_that_do_not_count_take_no_part(steps):
    maps, masks = maps_and_masks()
    maps = maps if steps is None else (maps * steps).round() / steps
    valid_mask = torch.rand(maps.shape, generator=torch.Generator().manual_seed(5)) < 0.6
    found, loss = pixel_auroc_per_image(maps, masks, valid_mask), segmentation_loss(maps, masks, valid_mask)
    for index, (m, k, c) in enumerate(zip(maps, masks, valid_mask, strict=True)):
        assert found[index].item() == pytest.approx(auroc_by_pairs(m[c], k[c]), abs=1e-12)
        assert loss[index].item() == pytest.approx((m[k & c].mean() - m[~k & c].mean()).item(), abs=1e-6)
    assert pixel_auroc_per_image(maps, masks, valid_mask & ~masks).isnan().all(), "no anomalous pixel counts"


def test_auroc_equals_the_pooled_metric_of_that_picture():
    maps, masks = maps_and_masks(count=4, side=60, seed=1)
    maps[:, 20:40] = 0  # as the corners of a map that was turned back
    found = pixel_auroc_per_image(maps, masks)
    for index in range(4):
        assert found[index].item() == pytest.approx(metrics.pixel_auroc(maps[index, None], masks[index, None]))


def test_a_constant_map_is_worth_a_half_and_one_class_nothing():
    maps = torch.stack((torch.ones(4, 4), torch.rand(4, 4), torch.rand(4, 4)))
    masks = torch.stack((torch.eye(4), torch.zeros(4, 4), torch.ones(4, 4))).bool()
    first, *others = pixel_auroc_per_image(maps, masks).tolist()
    assert first == 0.5
    assert all(math.isnan(value) for value in others)


def test_loss_is_the_mean_of_anomalous_less_that_of_normal_pixels():
    maps, masks = maps_and_masks()
    expected = [(m[k].mean() - m[~k].mean()).item() for m, k in zip(maps, masks, strict=True)]
    assert segmentation_loss(maps, masks).tolist() == pytest.approx(expected, abs=1e-6)


def test_without_anomalous_pixels_only_the_normal_ones_count():
    maps, _ = maps_and_masks()
    loss = segmentation_loss(maps, torch.zeros_like(maps, dtype=torch.bool))
    assert loss.tolist() == pytest.approx((-maps.mean((1, 2))).tolist(), abs=1e-6)


def test_raising_normal_pixels_lowers_the_loss_and_its_gradient_says_so():
    maps, masks = maps_and_masks()
    assert (segmentation_loss(maps + (~masks).float(), masks) < segmentation_loss(maps, masks)).all()
    maps.requires_grad_()
    segmentation_loss(maps, masks).sum().backward()
    assert (maps.grad[~masks] < 0).all()
    assert (maps.grad[masks] > 0).all()


def test_what_makes_each_image_lowest_makes_their_auroc_lowest():
    """Of every choice of one of three scores an image, the one that is lowest for each gives the lowest image AUROC."""
    scores = torch.rand(5, 3, generator=torch.Generator().manual_seed(2))
    anomalous = torch.tensor([True, False, True, False, False])
    every = [torch.tensor(choice) for choice in itertools.product(range(3), repeat=5)]
    aurocs = [metrics.image_auroc(scores.gather(1, choice[:, None])[:, 0], anomalous) for choice in every]
    loss = image_loss(scores.flatten(), anomalous.repeat_interleave(3)).view(5, 3)
    worst = scores.gather(1, loss.argmin(1, keepdim=True))[:, 0]
    assert metrics.image_auroc(worst, anomalous) == min(aurocs) < max(aurocs)
