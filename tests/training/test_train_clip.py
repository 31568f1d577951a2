"""A training that is stopped and goes on ends as one that was not, and one that learns tells damage."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from narrow import NARROW

from training import model, train_clip
from training.bank import Bank
from training.train_clip import Recipe, Run, train

SIDE = 120
RECIPE = Recipe(
    shape="demo-b", counts={"damaged": 3, "studied": 2, "posed": 1}, augmentation="none", steps=4, peak=1e-3,
    scale=(15, 60), partial=0.5, kept=5, blocks=(2, 3), detail=0.3, seed=1,
)  # fmt: skip


def bank(count: int, shown: int, defect: str, product: str) -> Bank:
    rng = np.random.default_rng(count)
    pictures = rng.integers(0, 60, (count, shown, SIDE, SIDE, 3), dtype=np.uint8)
    pictures[:, -1] += np.uint8(150 if defect else 0)
    return Bank(pictures, np.array([product] * count), np.array([defect] * count), np.full(count, 3.0))


BANKS = {
    "damaged": bank(8, 2, "hole", "gear"),
    "studied": bank(4, 1, "", "washer"),
    "posed": bank(2, 1, "turned", "clock"),
}


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    monkeypatch.setattr(model, "MODELS", dict(NARROW))


def weights(path) -> bytes:
    return (path / "model.safetensors").read_bytes()


def test_one_that_was_stopped_ends_with_the_same_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(train_clip, "KEPT_EVERY", 2)
    train("model", BANKS, RECIPE, tmp_path / "work", tmp_path / "whole")
    step, done = Run.step, []

    def stopped(run: Run) -> dict[str, float]:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(1)
        return step(run)

    monkeypatch.setattr(Run, "step", stopped)
    with pytest.raises(KeyboardInterrupt):
        train("model", BANKS, RECIPE, tmp_path / "kept", tmp_path / "parts")
    assert not (tmp_path / "parts" / "model.safetensors").exists()
    monkeypatch.setattr(Run, "step", step)
    train("model", BANKS, RECIPE, tmp_path / "kept", tmp_path / "parts")
    assert weights(tmp_path / "whole") == weights(tmp_path / "parts")


def test_another_recipes_training_is_not_gone_on_from(tmp_path, caplog):
    path = tmp_path / "kept"
    Run(RECIPE, BANKS).keep(path)
    drawn_anew = {**BANKS, "studied": replace(BANKS["studied"], seed=9)}
    others = Run(replace(RECIPE, seed=2), BANKS), Run(RECIPE, drawn_anew), Run(RECIPE, BANKS, "float32")
    for other in others:
        caplog.clear()
        other.done = 7
        other.go_on(path)
        assert other.done == 7
        assert "another recipe" in caplog.text


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_the_towers_multiply_in_the_dtype_that_is_asked_for(dtype):
    run, seen = Run(RECIPE, BANKS, dtype), set()
    for block in (run.model.visual.transformer.resblocks[0], run.model.transformer.resblocks[0]):
        block.mlp.register_forward_hook(lambda module, given, out: seen.add(out.dtype))
    run.step()
    assert seen == {getattr(torch, dtype)}


def test_the_card_says_how_it_was_made(tmp_path):
    train("model", BANKS, RECIPE, tmp_path, tmp_path, "float32")
    card = json.loads((tmp_path / "model.json").read_text())
    assert card["training"]["pictures"] == {"damaged": [0, 8], "studied": [0, 4], "posed": [0, 2]}
    assert card["training"]["history"][-1]["step"] == 3
    assert card["training"]["augmentation"] == "none"
    assert card["training"]["dtype"] == "float32"


def test_it_learns_to_tell_before_from_after(monkeypatch):
    seen = {"image_size": SIDE, "patch_size": 24, "width": 64, "layers": 3, "head_width": 32}
    monkeypatch.setitem(model.MODELS, "demo-b", {**NARROW["demo-b"], "vision_cfg": seen})
    counts = {"damaged": 4, "studied": 1, "posed": 1}
    run = Run(replace(RECIPE, steps=60, peak=5e-3, partial=0.0, counts=counts), BANKS)
    terms = [run.step() for _ in range(60)]
    by_chance = 2 * math.log(2)
    for term in ("twin", "block twin"):
        assert sum(step[term] for step in terms[-5:]) / 5 < 0.3 * by_chance
