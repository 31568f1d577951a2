"""What is drawn a channel or a region at a time is what the whole picture at once would be, to the last bit."""

import numpy as np
import pytest
from scipy import ndimage

from zsad.data.demo.colour import blend, times
from zsad.data.demo.damage import _depth

RNG = np.random.default_rng(0)
RGB, OTHER = RNG.random((2, 9, 7, 3), np.float32)
SHARE = RNG.random((9, 7), np.float32)


def test_a_factor_a_pixel_counts_for_every_channel():
    np.testing.assert_array_equal(times(RGB, SHARE), RGB * SHARE[..., None])
    one = np.broadcast_to(RGB[0, 0], RGB.shape)
    np.testing.assert_array_equal(times(one, SHARE), one * SHARE[..., None])


@pytest.mark.parametrize("colour", [OTHER, OTHER[0, 0], OTHER[0, 0].astype(np.float64)], ids=["each", "one", "double"])
def test_blending_goes_a_share_of_the_way(colour):
    expected = RGB.copy()
    expected += (colour - expected) * SHARE[..., None]
    found = RGB.copy()
    blend(found, colour, SHARE)
    np.testing.assert_array_equal(found, expected)
    window = RGB.copy()
    blend(window[2:5, 1:4], OTHER[2:5, 1:4], SHARE[2:5, 1:4])
    np.testing.assert_array_equal(window[:2], RGB[:2])
    assert not np.array_equal(window[2:5, 1:4], RGB[2:5, 1:4])


@pytest.mark.parametrize("cut", [np.s_[3:9, 4:11], np.s_[0:6, 0:5], np.s_[:, :], np.s_[0:0, 0:0]])
def test_how_deep_a_pixel_lies_is_told_by_the_region_alone(cut):
    region = np.zeros((14, 16), bool)
    region[cut] = True
    region &= RNG.random(region.shape) < 0.9
    np.testing.assert_array_equal(_depth(region), ndimage.distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1])
