"""Rotation against outside references and geometry."""

import math

import pytest
import torch
from scipy import ndimage

from zsad.perturb import rotate_map, semantic
from zsad.perturb.rotation import inside_frame, rotate_mask

BOTH = pytest.mark.parametrize("rotation", ["three_pass", "bilinear"])
SIZES = pytest.mark.parametrize("size", [(64, 64), (63, 63), (64, 81), (80, 63)])


@BOTH
@pytest.mark.parametrize("turns", [-3, -2, -1, 1, 2, 3, 5])
@pytest.mark.parametrize("side", [16, 17])
def test_quarter_turns_of_a_square_are_exact_and_counter_clockwise(rotation, turns, side):
    images = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    expected = torch.rot90(images, turns, (-2, -1))
    torch.testing.assert_close(semantic(images, 90.0 * turns, rotation=rotation), expected, rtol=0, atol=2e-5)
    maps = rotate_map(images[:, 0], 90.0 * turns, rotation)
    torch.testing.assert_close(maps, expected[:, 0], rtol=0, atol=2e-5)


@BOTH
def test_a_half_turn_of_an_oblong_is_exact(rotation):
    images = torch.rand(2, 3, 16, 23, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(semantic(images, 180, rotation=rotation), images.flip(-1, -2), rtol=0, atol=2e-5)


@pytest.mark.parametrize("angle", [46.0, 89.0, 134.0, -50.0, 269.0])
def test_beyond_45_degrees_an_exact_quarter_turn_comes_first(angle):
    """What is left is a turn by at most 45 degrees, of noise too, up to the corners; clockwise, in the mirror."""
    images = torch.rand(2, 3, 24, 24, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    turns = round(angle / 90)
    turned, rest = torch.rot90(images, turns, (-2, -1)), angle - 90 * turns
    expected = semantic(turned, rest) if rest > 0 else semantic(turned.flip(-1), -rest).flip(-1)
    torch.testing.assert_close(semantic(images, angle), expected, rtol=0, atol=1e-9)


@BOTH
def test_a_positive_angle_turns_counter_clockwise(rotation):
    """A spot right of the centre goes up."""
    maps = torch.zeros(1, 41, 41)
    maps[0, 20, 35] = 1
    degrees = math.degrees(math.atan2(12, 9))
    row, column = divmod(int(rotate_map(maps, degrees, rotation).argmax()), 41)
    assert (row, column) == (20 - 12, 20 + 9)


@BOTH
@SIZES
@pytest.mark.parametrize("angle", [-160.0, -90.0, -44.0, 7.5, 45.0, 46.0, 100.0])
def test_agrees_with_scipy(smooth, disc, rotation, size, angle):
    images = smooth(1, *size, dtype=torch.float64)
    ours = semantic(images, angle, rotation=rotation)[0]
    theirs = ndimage.rotate(images[0].numpy(), angle, axes=(-1, -2), reshape=False, order=3, mode="nearest")
    difference = (ours - torch.from_numpy(theirs)).abs()[:, disc(*size)]
    assert difference.max() < (0.02 if rotation == "bilinear" else 2 / 255)


@BOTH
@SIZES
@pytest.mark.parametrize("angle", [-75.0, -20.0, 33.0, 90.0, 139.0])
def test_there_and_back_is_the_identity_in_the_disc(smooth, disc, rotation, size, angle):
    images = smooth(2, *size, dtype=torch.float64)
    back = semantic(semantic(images, angle, rotation=rotation), -angle, rotation=rotation)
    difference = (back - images).abs()[..., disc(*size)]
    assert difference.max() < (0.03 if rotation == "bilinear" else 2 / 255)


@BOTH
@SIZES
@pytest.mark.parametrize("angle", [-75.0, 33.0, 50.0])
def test_a_map_made_from_a_turned_image_is_turned_back(smooth, disc, rotation, size, angle):
    """The 'detector' is the mean over the channels: it moves with the image."""
    images = smooth(2, *size, dtype=torch.float64)
    maps = rotate_map(semantic(images, angle, rotation=rotation).mean(1), -angle, rotation)
    assert (maps - images.mean(1)).abs()[..., disc(*size)].max() < (0.03 if rotation == "bilinear" else 2 / 255)
    wrong_way = rotate_map(semantic(images, angle, rotation=rotation).mean(1), angle, rotation)
    assert (wrong_way - images.mean(1)).abs()[..., disc(*size)].max() > 0.05


@BOTH
def test_corners_of_a_turned_map_are_zero_and_the_rest_is_kept(rotation, disc):
    maps = rotate_map(torch.ones(2, 40, 50), torch.tensor([45.0, -30.0]), rotation)
    for corner in (maps[:, 0, 0], maps[:, 0, -1], maps[:, -1, 0], maps[:, -1, -1]):
        assert (corner == 0).all()
    torch.testing.assert_close(maps[:, disc(40, 50, 0.95)], torch.ones(2, int(disc(40, 50, 0.95).sum())))
    theirs = ndimage.rotate(torch.ones(40, 50).numpy(), 45, reshape=False, order=1, mode="grid-constant")
    assert abs(maps[0].sum().item() / theirs.sum() - 1) < 0.01


@BOTH
def test_a_turned_map_is_never_negative(rotation):
    maps = torch.zeros(1, 32, 32)
    maps[0, 10:20, 12:18] = 1
    for angle in (0.0, 17.0, 90.0, 101.0):
        assert rotate_map(maps, angle, rotation).min() >= 0
        assert rotate_map(-maps, angle, rotation).abs().max() == 0


@BOTH
@pytest.mark.parametrize("size", [(6, 6), (6, 7)])
def test_gradients_of_a_turned_map(rotation, size):
    maps = torch.rand(2, *size, generator=torch.Generator().manual_seed(2), dtype=torch.float64) * 0.2 + 0.6
    angles = torch.tensor([21.0, -74.0], dtype=torch.float64)
    inputs = [maps.requires_grad_(), angles.requires_grad_()]
    assert torch.autograd.gradcheck(lambda maps, angles: rotate_map(maps, angles, rotation), inputs, atol=1e-6)


def test_maps_in_a_batch_equal_maps_alone():
    maps = torch.rand(4, 15, 22, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    angles = torch.tensor([0.0, -89.0, 50.0, 180.0], dtype=torch.float64)
    alone = [rotate_map(maps[i : i + 1], float(angles[i])) for i in range(4)]
    torch.testing.assert_close(rotate_map(maps, angles), torch.cat(alone), rtol=0, atol=1e-12)


def test_masks_turn_with_the_image_and_lose_what_leaves_the_frame():
    generator = torch.Generator().manual_seed(3)
    masks = torch.rand(3, 20, 20, generator=generator) < 0.3
    assert torch.equal(rotate_mask(masks, 0.0), masks)
    assert torch.equal(rotate_mask(masks, torch.zeros(3)), masks)
    for turns in (1, 2, 3):
        assert torch.equal(rotate_mask(masks, 90.0 * turns), torch.rot90(masks, turns, (1, 2)))
    mixed = rotate_mask(masks, torch.tensor([0.0, 90.0, 31.0]))
    assert torch.equal(mixed[:2], torch.stack((masks[0], torch.rot90(masks[1]))))
    assert torch.equal(mixed[2:], rotate_mask(masks[2:], 31.0))
    corner = torch.zeros(1, 40, 40, dtype=torch.bool)
    corner[:, :4, -4:] = True
    assert not rotate_mask(corner, 45.0).any()


def test_a_turned_mask_covers_what_is_bright_in_the_turned_image():
    block = torch.zeros(1, 40, 50, dtype=torch.bool)
    block[:, 8:20, 25:40] = True
    turned = semantic(block[:, None].expand(-1, 3, -1, -1).float(), 27.0)[:, 0] > 0.5
    differing = (rotate_mask(block, 27.0) != turned).sum().item()
    assert differing < 0.08 * block.sum().item()


@pytest.mark.parametrize("angle", [90.0, 180.0, 270.0, -90.0, -180.0])
def test_a_quarter_turn_of_a_square_leaves_no_corner_empty(angle):
    """Pixels of the rim come from exactly the rim: rounding must not put them outside."""
    for side in (7, 40, 241):
        assert inside_frame(torch.zeros(1, side, side, dtype=torch.bool), angle).all()


def test_a_half_turn_of_an_oblong_leaves_no_corner_empty_and_a_quarter_turn_leaves_what_sticks_out():
    oblong = torch.zeros(1, 40, 61, dtype=torch.bool)
    assert inside_frame(oblong, 180.0).all()
    inside = inside_frame(oblong, 90.0)[0]
    rows, columns = torch.meshgrid(torch.arange(40) - 19.5, torch.arange(61) - 30.0, indexing="ij")
    assert torch.equal(inside, (columns.abs() <= 19.5) & (rows.abs() <= 30.0))


def test_an_angle_that_is_not_one_a_mask():
    with pytest.raises(ValueError, match="angle has shape"):
        rotate_mask(torch.zeros(2, 4, 4, dtype=torch.bool), torch.zeros(3))
