"""The attack and the objective of FARE, on a tower whose answers are known."""

from __future__ import annotations

import pytest
import torch

from training.train_fare import EPSILON, STEP, attack, measure, squared_distance

GREY = torch.full((4, 3, 6, 6), 0.5)


def sums(images: torch.Tensor) -> torch.Tensor:
    """One value a picture: red against blue."""
    return (images[:, 0] - images[:, 2]).flatten(1).sum(1, keepdim=True)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def test_the_attack_finds_the_corner_of_the_ball_of_a_linear_tower():
    # Away from the target the best change of a linear tower is the corner, +-epsilon in red and the opposite in blue.
    found = attack(sums, GREY, sums(GREY) - 5.0, EPSILON, 12, generator())
    change = found - GREY
    assert torch.allclose(change[:, 0], torch.full_like(change[:, 0], EPSILON))
    assert torch.allclose(change[:, 2], torch.full_like(change[:, 2], -EPSILON))
    assert (change[:, 1].abs() <= EPSILON + 1e-7).all()


@pytest.mark.parametrize("iterations", [1, 3])
def test_the_attack_stays_in_the_ball_and_in_the_range_of_a_picture(iterations):
    images = torch.rand(
        3, 3, 6, 6, generator=torch.Generator().manual_seed(8)
    ).round()  # only 0 and 1: every change is cut on one side
    found = attack(sums, images, sums(images), EPSILON, iterations, generator())
    assert ((found - images).abs() <= EPSILON + 1e-7).all()
    assert ((found >= 0) & (found <= 1)).all()
    assert not torch.equal(found, images)


def test_without_room_the_attack_returns_the_picture():
    assert torch.equal(attack(sums, GREY, sums(GREY), 0.0, 5, generator()), GREY)


def test_distance_is_the_squared_length_of_the_difference():
    a, b = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[1.0, 0.0], [3.0, 4.0]])
    assert squared_distance(a, b).tolist() == [4.0, 25.0]


def test_an_untouched_tower_is_at_no_distance_when_clean_and_at_some_under_attack():
    found = measure(sums, sums, GREY, 5, generator())
    assert found["clean_distance"] == 0
    largest = (2 * 36 * EPSILON) ** 2
    assert (2 * 36 * STEP) ** 2 < found["attacked_distance"] <= largest * 1.001
