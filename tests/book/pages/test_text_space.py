"""What is measured between texts and pictures, on points whose distances are known."""

import numpy as np
import pytest

from book.tools.pages.text_space import DRAWN, LEARNED, Pictures, Texts, _draw, conclude, measures, principal_plane
from zsad.metrics import expanded, interval

X, Y, Z = np.eye(3)
SIDES = np.array([False, False, True, True])


def texts(shift: np.ndarray, spread: float = 0.1) -> Texts:
    """Two texts a side, `spread` to both sides of 0 and of `shift`."""
    return Texts(np.stack([spread * Z, -spread * Z, shift + spread * Z, shift - spread * Z]), SIDES)


def pictures(damage: np.ndarray) -> Pictures:
    features = np.stack([5 * X, 5 * X, 5 * X + damage, 5 * X + damage])
    return Pictures(features, SIDES, features)


def test_gap_spread_sides_and_direction_are_what_they_say():
    table = measures({"along": texts(Y), "across": texts(Z), "against": texts(-2 * Y)}, pictures(0.5 * Y), seed=0)
    assert table.loc["along", "gap"][0] == pytest.approx(np.linalg.norm(5 * X + 0.25 * Y - 0.5 * Y))
    assert [table.loc[name, "direction"][0] for name in table.index] == pytest.approx([1, 0, -1])
    assert [table.loc[name, "sides"][0] for name in table.index] == pytest.approx([1, 1, 2])
    assert table.loc["along", "spread"][0] == pytest.approx(0.1)
    low, high = table.loc["along", "gap"][1:]
    assert low == pytest.approx(high)  # the pictures of a side are all alike: drawing them again changes nothing


def test_intervals_come_from_the_pictures():
    generator = np.random.default_rng(0)
    noisy = pictures(0.5 * Y)
    noisy = Pictures(noisy.features + 0.2 * generator.normal(size=(4, 3)), noisy.anomalous, noisy.corrupted)
    value, low, high = measures({"t": texts(Y)}, noisy, seed=0).loc["t", "gap"]
    assert low < value < high


def test_the_plane_holds_the_largest_variances():
    generator = np.random.default_rng(1)
    points = generator.normal(size=(60, 5)) * [3, 0.1, 2, 0.2, 0.3] + 7
    plane = principal_plane(points)
    values, vectors = np.linalg.eigh(np.cov(points.T))
    assert plane.shares == pytest.approx((values[-1] / values.sum(), values[-2] / values.sum()))
    assert np.abs(plane.axes @ vectors[:, [-1, -2]]) == pytest.approx(np.eye(2), abs=1e-6)
    assert plane(points).mean(0) == pytest.approx([0, 0], abs=1e-9)


def test_the_conclusion_says_what_learning_changed():
    seen = pictures(0.5 * Y)
    table = measures({DRAWN: texts(Y, 0.1), LEARNED: texts(Y, 0.4)}, seen, seed=0)
    text = conclude(table, seen)
    assert "spread of the texts from 0.10 to 0.40" in text
    assert "distance of their sides from 1.00 to 1.00" in text
    assert "10.0 times that of normal from anomalous pictures (0.50)" in text


def test_few_pictures_of_one_side_make_intervals_wider():
    """Two anomalous ones: the pictures as drawn, with deviations grown as far as those ask for."""
    features = np.random.default_rng(1).normal(Z, 0.1, (12, 3))
    few = Pictures(features, np.arange(12) < 2, features)
    table = measures({"t": texts(Y)}, few, seed=0)
    generator = np.random.default_rng(0)
    drawn = [np.linalg.norm(features[_draw(few.anomalous, generator)].mean(0) - Y / 2) for _ in range(200)]
    low, high = interval(expanded(np.array(drawn)[:, None], np.array([2]))[:, 0])
    assert table.loc["t", "gap"][1:] == pytest.approx((max(low, 0), high))
    assert -1 <= table.loc["t", "direction"][1] < table.loc["t", "direction"][2] <= 1
