"""The demo pictures are those of the code that `stamp.DRAWN_BY` names, whatever code draws them."""

import csv
from pathlib import Path

import demo_sample
import numpy as np

from zsad.data.demo import SUITES, camera
from zsad.data.demo.colour import times

TABLE = Path(demo_sample.__file__).with_suffix(".csv")
# In levels of 255, of block means over 3,600 pixels or more: processors round a few pixels of an image otherwise.
TOLERANCE = 0.005


def kept() -> dict[str, list[float]]:
    with TABLE.open(newline="") as file:
        return {name: [float(value) for value in values] for name, *values in csv.reader(file)}


def apart(name, planned, values: list[float]) -> float:
    return float(np.abs(np.subtract(demo_sample.measured(name, planned), values)).max())


def test_the_code_draws_what_its_name_stands_for():
    expected = kept()
    assert {demo_sample.named(*place) for place in demo_sample.sampled()} == expected.keys()
    assert {name.split("/")[0] for name in expected} == SUITES.keys()
    far = {
        demo_sample.named(*place): apart(*place, expected[demo_sample.named(*place)]) for place in demo_sample.sampled()
    }
    assert {name: value for name, value in far.items() if value > TOLERANCE} == {}


def test_a_little_more_light_is_seen(monkeypatch):
    """A thousandth, as a careless change of the code might give."""
    place = next(demo_sample.sampled())
    monkeypatch.setattr(camera, "times", lambda levels, factor: times(levels, 1.001 * factor))
    assert apart(*place, kept()[demo_sample.named(*place)]) > 10 * TOLERANCE
