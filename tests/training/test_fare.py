"""The attack and the objective of FARE, on a tower whose answers are known."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from narrow import NARROW

from training import fare, model
from training.bank import Bank
from training.captions import vocabulary
from training.fare import STEP, FareRecipe, attack, measure, squared_distance, tune
from zsad.clip.zoo import load_demo_weights, read_demo_weights

EPSILON = 2 / 255
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
    found = measure(sums, sums, GREY, EPSILON, generator())
    assert found["clean_distance"] == 0
    largest = (2 * 36 * EPSILON) ** 2
    assert (2 * 36 * STEP) ** 2 < found["attacked_distance"] <= largest * 1.001


PICTURES = np.random.default_rng(0).integers(0, 256, (12, 1, 120, 120, 3), dtype=np.uint8)
BANKS = {"studied": Bank(PICTURES, np.array(["washer"] * 12), np.array([""] * 12), np.ones(12))}
RECIPE = FareRecipe(iterations=1, steps=4, batch=2)


@pytest.fixture
def original(tmp_path, monkeypatch):
    monkeypatch.setattr(fare, "HELD_OUT", 2)
    monkeypatch.setattr(fare, "KEPT_EVERY", 1)
    monkeypatch.setattr(model, "MODELS", NARROW)
    torch.manual_seed(0)
    words = vocabulary()
    untrained, config, _ = model.build("demo-b", words)
    model.save("model", untrained, {"model_cfg": config, "vocabulary": words}, tmp_path / "out", {})
    return tmp_path


def test_a_tuned_model_differs_in_its_image_tower_and_says_what_it_was_shown(original):
    tune("tuned", "model", BANKS, RECIPE, original / "work", original / "out")
    before, after = (load_demo_weights(name, original / "out") for name in ("model", "tuned"))
    changed = {
        name.split(".")[0]
        for name, value in after.model.state_dict().items()
        if not torch.equal(value, before.model.state_dict()[name])
    }
    assert changed == {"visual"}
    assert (before.shown, after.shown) == (("captions",), ("pictures", "captions"))


def test_what_a_tuning_multiplies_in_is_what_was_asked_for(original, monkeypatch):
    asked = set()
    monkeypatch.setattr(torch, "autocast", lambda *given, **options: pytest.fail("beside what was asked for"))
    monkeypatch.setattr(fare, "multiplying_in", lambda dtype, device: asked.add(dtype) or nullcontext())
    tune("tuned", "model", BANKS, RECIPE, original / "work", original / "out", dtype="float32")
    assert asked == {"float32"}
    assert read_demo_weights("tuned", original / "out")[0]["training"]["dtype"] == "float32"


def test_a_tuning_that_was_stopped_ends_with_the_same_weights(original, monkeypatch):
    tune("whole", "model", BANKS, RECIPE, original / "work", original / "out")
    calls, real = [], fare.attack

    def stopped(*arguments, **options):
        calls.append(1)
        if len(calls) == 3:  # the first measures the original
            raise KeyboardInterrupt
        return real(*arguments, **options)

    monkeypatch.setattr(fare, "attack", stopped)
    with pytest.raises(KeyboardInterrupt):
        tune("cut", "model", BANKS, RECIPE, original / "work", original / "out")
    assert not (original / "out" / "cut.safetensors").exists()
    monkeypatch.setattr(fare, "attack", real)
    tune("cut", "model", BANKS, RECIPE, original / "work", original / "out")
    whole, cut = ((original / "out" / f"{name}.safetensors").read_bytes() for name in ("whole", "cut"))
    assert whole == cut
