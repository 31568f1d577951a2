"""One command makes a model from nothing, and makes nothing twice."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
from narrow import NARROW

from training import bank, fare, make, model, schedule, train_acr
from zsad.auxiliary.acr import MetaRecipe
from zsad.clip.zoo import WEIGHTS, load_demo_weights, read_demo_weights
from zsad.detectors.acr_head import load_heads
from zsad.detectors.patch_features import TowerFeatures


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    monkeypatch.setattr(model, "MODELS", NARROW)


def test_every_demo_model_that_ships_has_its_command():
    assert {path.stem for path in WEIGHTS.glob("demo-*.json")} == set(make.NAMES)


@pytest.mark.parametrize(
    ("name", "differs"), [("demo-b-colour", "augmentation"), ("demo-b-turned", "augmentation"), ("demo-l", "shape")]
)
def test_a_sibling_differs_from_demo_b_in_one_thing(name, differs):
    first, other = asdict(make.RECIPES["demo-b"]), asdict(make.RECIPES[name])
    assert {key for key in first if first[key] != other[key]} == {differs}
    assert first["augmentation"] == "none"


def test_a_model_and_what_it_begins_with_come_out_of_one_call(tmp_path, monkeypatch):
    small = replace(make.B, counts={"damaged": 2, "studied": 1, "posed": 1}, steps=2, blocks=(3,))
    monkeypatch.setattr(make, "BANKS", {"damaged": (3, 1), "studied": (2, 2), "posed": (2, 3)})
    monkeypatch.setattr(make, "RECIPES", {"demo-l": replace(small, shape="demo-l")})
    monkeypatch.setattr(make, "FARE", {"demo-l-fare2": ("demo-l", fare.FareRecipe(iterations=1, steps=2, batch=1))})
    monkeypatch.setattr(fare, "HELD_OUT", 2)
    make.make("demo-l-fare2", tmp_path / "work", tmp_path / "out")
    assert load_demo_weights("demo-l-fare2", tmp_path / "out").grid == (16, 16)
    first = (tmp_path / "out" / "demo-l.safetensors").read_bytes()

    def rendered(*arguments: object) -> None:
        raise AssertionError("a picture was rendered again")

    monkeypatch.setattr(bank, "render", rendered)
    make.make("demo-l", tmp_path / "work", tmp_path / "out")
    assert (tmp_path / "out" / "demo-l.safetensors").read_bytes() == first


def test_a_segmenter_begins_with_the_clip_of_todays_recipe(tmp_path, monkeypatch):
    small = replace(make.B, counts={"damaged": 2, "studied": 1, "posed": 1}, steps=1, blocks=(3,))
    monkeypatch.setattr(make, "BANKS", {"damaged": (3, 1), "studied": (2, 2), "posed": (2, 3)})
    monkeypatch.setattr(make, "RECIPES", {"demo-b": small})
    monkeypatch.setattr(make, "SCENES", (6, 4))
    monkeypatch.setattr(make, "SEGMENTERS", {"demo-clipseg": schedule.Recipe(1, 2, 1e-3, 0)})
    work, out = tmp_path / "work", tmp_path / "out"
    make.make("demo-clipseg", work, out)
    begun, _ = read_demo_weights("demo-b", out)
    assert read_demo_weights("demo-clipseg", out)[0]["training"]["start_sha256"] == begun["sha256"]

    monkeypatch.setattr(make, "train", lambda name, *rest: trained.append(name))
    trained = []
    (work / "demo-b.kept").unlink()
    make.make("demo-clipseg", work, out)
    assert not trained
    monkeypatch.setattr(make, "RECIPES", {"demo-b": replace(small, seed=1)})
    make.make("demo-clipseg", work, out)
    assert trained == ["demo-b"]


def test_a_head_of_acr_reads_the_clip_beside_it_and_the_first_pictures_of_its_banks(tmp_path, monkeypatch):
    small = replace(make.B, counts={"damaged": 2, "studied": 1, "posed": 1}, steps=1, blocks=(3,))
    monkeypatch.setattr(make, "BANKS", {"damaged": (3, 1), "studied": (2, 2), "posed": (2, 3)})
    monkeypatch.setattr(make, "RECIPES", {"demo-b": small})
    monkeypatch.setattr(train_acr, "RECIPE", MetaRecipe(steps=1, tasks=1, shots=2))
    monkeypatch.setattr(train_acr, "families", lambda banks: {"any": [p for b in banks for p in b.pictures[:, 0]]})
    make.make("demo-acr", tmp_path / "work", tmp_path / "out")
    seen_through = TowerFeatures(load_demo_weights("demo-b", tmp_path / "out"), 1)
    load_heads(str(tmp_path / "out" / "demo-acr.safetensors"), seen_through.digest)
    card, _ = read_demo_weights("demo-acr", tmp_path / "out")
    assert card["training"]["pictures"] == {"any": 3 + 2}  # damaged and posed, none of the suites' categories
    assert card["training"]["steps"] == 1


def test_a_bank_that_was_stopped_goes_on_to_the_same_pictures(tmp_path, monkeypatch):
    bank.write_bank(tmp_path / "whole", "studied", 5, 7, workers=1)
    bank.write_bank(tmp_path / "cut", "studied", 5, 7, workers=1)
    facts = tmp_path / "cut" / "facts.jsonl"
    rows = facts.read_text().splitlines(keepends=True)
    facts.write_text("".join(rows[:3]) + rows[3][:10])  # killed while it wrote the fourth
    bank.write_bank(tmp_path / "cut", "studied", 5, 7, workers=1)
    whole, cut = (bank.read_bank(tmp_path / name) for name in ("whole", "cut"))
    assert (whole.pictures == cut.pictures).all()
    assert facts.read_text() == (tmp_path / "whole" / "facts.jsonl").read_text()
