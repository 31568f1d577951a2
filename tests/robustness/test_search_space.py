import math

import pytest

from zsad.robustness.search_space import Bounds, search_space


def test_the_defaults_are_those_of_the_released_attack():
    bounds = Bounds()
    assert bounds.interval("angle") == (-90, 90)
    assert bounds.interval("hue") == (-math.pi, math.pi)
    assert bounds.interval("saturation") == (-0.5, 0.5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"angle": -1.0}, "angle is a half-width and cannot be -1.0"),
        ({"hue": math.nan}, "hue is a half-width and cannot be nan"),
        ({"saturation": 1.5}, "saturation, -1.5 to 1.5, must lie within ±1"),
        ({"hue": 4}, "hue, -4 to 4, must lie within ±3.14159"),
        ({"angle": math.inf}, "angle, -inf to inf, must lie within ±180"),
        ({"angle": (10, -10)}, "angle are reversed: 10 > -10"),
        ({"angle": (5, 10)}, "angle, 5 to 10, must contain 0"),
        ({"hue": (math.nan, 1.0)}, "hue, nan to 1, must contain 0"),
        ({"hue": (-1.0, 0.0, 1.0)}, "hue must be a half-width or a pair"),
    ],
)
def test_bounds_that_make_no_sense(given, message):
    with pytest.raises(ValueError, match=message):
        Bounds(**given)


def test_a_setting_searches_its_own_parameter_and_3d_all_that_have_room():
    assert search_space("hue", Bounds()).names == ("hue",)
    assert search_space("3d", Bounds()).names == ("angle", "hue", "saturation")
    flat = search_space("3d", Bounds(hue=0, angle=(0, 20)))
    assert flat.names == ("angle", "saturation")
    assert flat.low.tolist() == [0, -0.5]
    assert flat.high.tolist() == [20, 0.5]


def test_only_a_full_turn_of_hue_is_a_circle():
    assert search_space("3d", Bounds()).periodic == (False, True, False)
    assert search_space("hue", Bounds(hue=3.0)).periodic == (False,)
    assert search_space("angle", Bounds(angle=180)).periodic == (False,)


def test_a_setting_without_parameters():
    for setting in ("none", "tilt"):
        with pytest.raises(ValueError, match=f"setting '{setting}' has no worst case to search; known: angle, sat"):
            search_space(setting, Bounds())
    with pytest.raises(ValueError, match="the bounds of setting 'hue' are all 0"):
        search_space("hue", Bounds(hue=0))
