"""What is measured between texts and images, on points whose distances are known."""

import numpy as np
import pytest

from zsad.analysis.embeddings import Sides, distances, in_words, learning_sentence, principal_plane
from zsad.metrics import expanded, interval

X, Y, Z = np.eye(3)
SIDES = np.array([False, False, True, True])


def texts(shift: np.ndarray, spread: float = 0.1) -> Sides:
    """Two texts a side, `spread` to both sides of 0 and of `shift`."""
    return Sides(np.stack([spread * Z, -spread * Z, shift + spread * Z, shift - spread * Z]), SIDES)


def images(damage: np.ndarray) -> Sides:
    features = np.stack([5 * X, 5 * X, 5 * X + damage, 5 * X + damage])
    return Sides(features, SIDES)


def test_gap_spread_sides_and_direction_are_what_they_say():
    table = distances({"along": texts(Y), "across": texts(Z), "against": texts(-2 * Y)}, images(0.5 * Y), seed=0)
    assert table.loc["along", "gap"] == pytest.approx(np.linalg.norm(5 * X + 0.25 * Y - 0.5 * Y))
    assert [table.loc[name, "direction"] for name in table.index] == pytest.approx([1, 0, -1])
    assert [table.loc[name, "sides"] for name in table.index] == pytest.approx([1, 1, 2])
    assert table.loc["along", "spread"] == pytest.approx(0.1)
    low, high = table.loc["along", ["gap_low", "gap_high"]]
    assert low == pytest.approx(high)  # the images of a side are all alike: drawing them again changes nothing


def test_intervals_come_from_the_images():
    generator = np.random.default_rng(0)
    noisy = images(0.5 * Y)
    noisy = Sides(noisy.features + 0.2 * generator.normal(size=(4, 3)), noisy.anomalous)
    table = distances({"t": texts(Y)}, noisy, seed=0)
    value, low, high = table.loc["t", ["gap", "gap_low", "gap_high"]]
    assert low < value < high
    (shown,) = in_words(table).to_dict("records")
    assert shown["gap"] == f"{value:.2f} ({low:.2f} to {high:.2f})"
    assert shown["sides"] == "1.00"


def test_the_plane_holds_the_largest_variances():
    generator = np.random.default_rng(1)
    points = generator.normal(size=(60, 5)) * [3, 0.1, 2, 0.2, 0.3] + 7
    plane = principal_plane(points)
    values, vectors = np.linalg.eigh(np.cov(points.T))
    assert plane.shares == pytest.approx((values[-1] / values.sum(), values[-2] / values.sum()))
    assert np.abs(plane.axes @ vectors[:, [-1, -2]]) == pytest.approx(np.eye(2), abs=1e-6)
    assert plane(points).mean(0) == pytest.approx([0, 0], abs=1e-9)


def test_the_conclusion_says_what_learning_changed():
    seen = images(0.5 * Y)
    table = distances({"drawn": texts(Y, 0.1), "learned": texts(Y, 0.4)}, seen, seed=0)
    text = learning_sentence(table, seen, "drawn", "learned")
    assert "spread of the texts from 0.10 to 0.40" in text
    assert "distance of their sides from 1.00 to 1.00" in text
    assert "10.0 times that of normal from anomalous images (0.50)" in text


def test_few_images_of_one_side_make_intervals_wider():
    """Two anomalous ones: the deviations of the images as drawn, grown as far as those ask for."""
    features = np.random.default_rng(1).normal(Z, 0.1, (12, 3))
    anomalous = np.arange(12) < 2
    row = distances({"t": texts(Y)}, Sides(features, anomalous), seed=0).loc["t"]
    generator = np.random.default_rng(0)
    sides = [np.flatnonzero(anomalous == side) for side in (False, True)]
    drawn = [
        np.linalg.norm(features[np.concatenate([generator.choice(s, len(s)) for s in sides])].mean(0) - Y / 2)
        for _ in range(200)
    ]
    low, high = interval(expanded(np.array(drawn)[:, None], np.array([2]))[:, 0])
    assert (row["gap_low"], row["gap_high"]) == pytest.approx((max(low, 0), high))
    assert -1 <= row["direction_low"] < row["direction_high"] <= 1
