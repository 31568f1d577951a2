import inspect

import pytest
import torch

from zsad.data import Sample, stack


def sample(height: int = 8, width: int = 8, mask: torch.Tensor | None = None, label: bool = False) -> Sample:
    generator = torch.Generator().manual_seed(height * 100 + width)
    image = torch.rand(3, height, width, generator=generator)
    return Sample(image, mask, label, "nut", f"{height}x{width}.png", "bent" if label else "good")


def test_native_size_is_left_alone():
    mask = torch.eye(8, dtype=torch.bool)
    samples = [sample(mask=mask, label=True), sample()]
    images, masks, labels = stack(samples)
    assert torch.equal(images[0], samples[0].image)
    assert torch.equal(masks[0], mask)
    assert not masks[1].any()
    assert labels.tolist() == [True, False]
    assert torch.equal(stack(samples, size=8)[0], images)


def test_different_sizes_need_a_size():
    samples = [sample(8, 8), sample(8, 9)]
    with pytest.raises(ValueError, match=r"8x8\.png is 8 x 8, 8x9\.png is 9 x 8.*size="):
        stack(samples)
    images, masks, _ = stack(samples, size=4)
    assert images.shape == (2, 3, 4, 4)
    assert masks.shape == (2, 4, 4)


def test_squashed_picture_stays_in_range_and_keeps_its_mean():
    black_and_white = torch.zeros(3, 40, 60)
    black_and_white[:, :, 30:] = 1
    images, _, _ = stack([Sample(black_and_white, None, False, "nut", "a.png", "good")], size=20)
    assert images.min() == 0
    assert images.max() == 1  # bicubic overshoots at the edge without the clip
    assert images.mean() == pytest.approx(0.5, abs=1e-3)


def test_antialiasing_averages_what_is_finer_than_the_target():
    noise = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0))
    images, _, _ = stack([Sample(noise, None, False, "nut", "a.png", "good")], size=16)
    assert images.std() < noise.std() / 3  # sampling single points would keep the noise as it is


def test_mask_follows_the_area():
    mask = torch.zeros(40, 40, dtype=torch.bool)
    mask[10:20, 20:30] = True  # exactly one block of 10 x 10
    mask[30:40, 0:4] = True  # four tenths of a block: less than half
    _, masks, _ = stack([sample(40, 40, mask, label=True)], size=4)
    assert masks[0].nonzero().tolist() == [[1, 2]]


def test_a_thin_defect_does_not_vanish():
    mask = torch.zeros(100, 100, dtype=torch.bool)
    mask[51, 20:60] = True  # a tenth of each pixel that it crosses
    _, masks, _ = stack([sample(100, 100, mask, label=True)], size=10)
    assert masks[0].nonzero().tolist() == [[5, column] for column in range(2, 6)]


def test_enlarged_mask():
    mask = torch.tensor([[True, False], [False, False]])
    _, masks, _ = stack([sample(2, 2, mask, label=True)], size=4)
    assert masks[0].nonzero().tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_anomalous_sample_without_mask_is_refused():
    with pytest.raises(ValueError, match=r"1 anomalous samples have no mask \(8x8\.png"):
        stack([sample(label=True)])


def test_no_samples():
    with pytest.raises(ValueError, match="no samples"):
        stack([])


@pytest.mark.parametrize("size", [0, -4, 2.5, 10**9])
def test_a_size_is_checked_before_room_is_taken_for_it(size):
    with pytest.raises(ValueError, match="size must be a whole number from 1 to 8,192"):
        inspect.unwrap(stack)([sample(40, 40)], size=size)
