"""What the masked autoencoder is shown, and that a training that was stopped ends as one that was not."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_mae import TINY

from training import make, schedule, train_mae
from training.bank import Bank
from training.families import FAMILIES
from training.schedule import Recipe, Trainer
from zsad.data.demo.products import PRODUCTS
from zsad.mae.zoo import check_plain_pixels, load_demo_autoencoder

RECIPE = Recipe(steps=4, batch=3, peak=1e-3, seed=1)


def bank(shown: int, rows: list[tuple[str, str, float]]) -> Bank:
    """Picture k of specimen n is of brightness 10 n + k."""
    pictures = np.zeros((len(rows), shown, 40, 40, 3), np.uint8)
    pictures += np.arange(len(rows), dtype=np.uint8)[:, None, None, None, None] * 10
    pictures += np.arange(shown, dtype=np.uint8)[None, :, None, None, None]
    products, defects, zooms = zip(*rows, strict=True)
    return Bank(pictures, np.array(products), np.array(defects), np.array(zooms))


TWINS = bank(
    2, [("gear", "hole", 1.0), ("gear", "hole", 2.0), ("red plastic disc", "dent", 1.0), ("coin", "rust", 1.0)]
)
SINGLE = bank(1, [("clock", "", 1.0), ("clock", "turned", 1.0), ("washer", "", 1.0), ("lid", "", 3.0)])
BANKS = {"damaged": TWINS, "posed": SINGLE}


def test_it_is_shown_whole_undamaged_products_of_named_families():
    assert train_mae.undamaged(TWINS)[:, 0, 0, 0].tolist() == [0, 30]  # before damage; no detail, no random product
    assert train_mae.undamaged(SINGLE)[:, 0, 0, 0].tolist() == [0]  # no fault of pose, no category of the suites
    assert not set(FAMILIES) & {product.name for product in PRODUCTS.values()}
    assert "studied" not in make.PAINTERS["demo-mae"][0]


def test_pictures_are_cut_turned_and_lit_anew():
    picture = np.zeros((1, 40, 40, 3), np.uint8)
    picture[:, :20] = 200
    x = train_mae.varied(picture.repeat(64, 0), 32, np.random.default_rng(0))
    assert x.shape == (64, 3, 32, 32)
    assert 0 <= x.min() <= x.max() <= 1
    corners = {tuple((part[0, [0, 0, -1, -1], [0, -1, 0, -1]] > 0.05).tolist()) for part in x}
    assert {(True, True, False, False), (False, True, False, True), (False, False, True, True)} <= corners
    assert len({round(part.max().item(), 3) for part in x}) > 50
    assert (x.amin((1, 2, 3)) < 0.05).all()  # both halves are in every square


def test_what_it_multiplies_in_is_what_was_asked_for(tmp_path, monkeypatch):
    asked = set()
    monkeypatch.setattr(torch, "autocast", lambda *given, **options: pytest.fail("beside what was asked for"))
    monkeypatch.setattr(train_mae, "multiplying_in", lambda dtype: asked.add(dtype) or nullcontext())
    train_mae.train("mae", BANKS, replace(RECIPE, steps=1), tmp_path, tmp_path, TINY, dtype="float32")
    assert asked == {"float32"}
    assert json.loads((tmp_path / "mae.json").read_text())["training"]["dtype"] == "float32"


def test_one_that_was_stopped_ends_with_the_same_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(schedule, "KEPT_EVERY", 2)
    train_mae.train("mae", BANKS, RECIPE, tmp_path / "work", tmp_path / "whole", TINY)
    step, done = Trainer._step, []

    def stopped(trainer: Trainer, terms: dict[str, torch.Tensor]) -> dict[str, float]:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(1)
        return step(trainer, terms)

    monkeypatch.setattr(Trainer, "_step", stopped)
    with pytest.raises(KeyboardInterrupt):
        train_mae.train("mae", BANKS, RECIPE, tmp_path / "kept", tmp_path / "parts", TINY)
    assert not (tmp_path / "parts").exists()
    monkeypatch.setattr(Trainer, "_step", step)
    train_mae.train("mae", BANKS, RECIPE, tmp_path / "kept", tmp_path / "parts", TINY)
    whole, parts = ((tmp_path / name / "mae.safetensors").read_bytes() for name in ("whole", "parts"))
    assert whole == parts
    card = json.loads((tmp_path / "parts" / "mae.json").read_text())
    assert card["shown"] == ["pictures"]
    assert card["training"]["pictures"] == 3
    assert load_demo_autoencoder("mae", tmp_path / "parts").grid == (4, 4)


def test_it_learns_how_bright_a_plain_picture_is(tmp_path):
    plain = bank(1, [("coin", "", 1.0)] * 20)
    train_mae.train("mae", {"posed": plain}, replace(RECIPE, steps=80, batch=8, peak=5e-3), tmp_path, tmp_path, TINY)
    check_plain_pixels(load_demo_autoencoder("mae", tmp_path), "mae")


def test_the_shipped_one_was_made_by_the_recipe_of_today():
    card = json.loads((make.WEIGHTS / "demo-mae.json").read_text())
    banks, recipe = make.PAINTERS["demo-mae"]
    assert {name: card["training"][name] for name in vars(recipe)} == vars(recipe)
    assert card["training"]["banks"] == {name: [make.BANKS[name][1], make.BANKS[name][0]] for name in banks}
    assert card["model_cfg"] == train_mae.CONFIG
    assert card["shown"] == ["pictures"]
