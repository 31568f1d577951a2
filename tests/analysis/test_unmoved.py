"""Rates that no bootstrap draw moves are shown without an interval."""

import pytest

from zsad.analysis.differences import Difference
from zsad.analysis.unmoved import seen_points, seen_span


@pytest.mark.parametrize(
    ("found", "images", "shown"),
    [
        (Difference(100.0, 100.0, 100.0, 3), 12, "+100.0 (of 12 images)"),
        (Difference(0.0, 0.0, 0.0, 3), 1470, "+0.0 (of 1,470 images)"),
        (Difference(0.0, 0.0, 0.0, 3), None, "+0.0 (no draw differs)"),
        (Difference(-91.7, -100.0, -64.1, 3), 12, "−91.7 (−100.0 to −64.1)"),
    ],
)
def test_an_interval_without_width_is_none(found, images, shown):
    assert seen_points(found, images) == shown
    assert seen_span(found.value, found.low, found.high, images, sign=True) == shown
