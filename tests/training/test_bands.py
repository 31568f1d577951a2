"""What is measured of a demo CLIP, by slower ways to the same, and the table it is kept in."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from tiny_clip import TOKENIZER, random_images, tiny_backbone, tiny_model

from training import bands
from zsad.clip import Backbone
from zsad.data.demo import SUITES
from zsad.detectors.winclip import WinCLIPOptions
from zsad.metrics import aupro, pixel_auroc

MEASURED = Path(bands.__file__).parent / "measured"
DEFECTS = ["good", "dent", "rust", "good", "rust"]


def shown(seed: int = 0) -> bands.Shown:
    """Pictures of noise, and a square of damage in three of them."""
    images = (255 * random_images(5, 64, 64, seed)).byte().permute(0, 2, 3, 1).numpy()
    masks = np.zeros((5, 64, 64), bool)
    for row, defect in enumerate(DEFECTS):
        masks[row, 8 * row : 8 * row + 16, 20:40] = defect != "good"
    return images, masks, DEFECTS


@pytest.mark.parametrize(("name", "value_path_from"), [("plain", None), ("vv", 2)])
def test_maps_are_those_of_the_last_blocks_patches_against_winclips_prompts(name, value_path_from):
    # Of three blocks the path leaves the first alone.
    backbone, images = Backbone(tiny_model(vision={"layers": 3}), TOKENIZER), random_images(2)
    patches = backbone.embed_image_and_taps(images, [3], value_path_from)[1][3]
    sentences = WinCLIPOptions().sentences("nut")
    sides = torch.stack([F.normalize(backbone.embed_text(s).mean(0), dim=-1) for s in sentences.values()])
    scores = (patches @ sides.T / 0.07).softmax(-1)[..., 1].unflatten(1, backbone.grid)
    wanted = F.interpolate(scores[:, None], images.shape[-2:], mode="bilinear")[:, 0]
    found = bands.patch_maps(backbone, images, bands.prototypes(backbone, "nut"))
    assert torch.allclose(found[name], wanted, atol=1e-5)
    assert not torch.allclose(found["plain"], found["vv"], atol=1e-3)


def test_maps_alone_are_measured_as_they_are_beside_the_detectors():
    backbone, pictures = tiny_backbone(), shown()
    whole, alone = (bands.look(backbone, pictures[0], "nut", maps_alone) for maps_alone in (False, True))
    assert list(alone) == ["plain", "vv"]
    row = bands.measure(backbone, whole, pictures, "nut")
    assert set(row) >= set(bands.BANDS)
    assert bands.measure(backbone, alone, pictures, "nut") == {name: row[name] for name in bands.MAPS}
    for name in alone:
        assert row[f"{name}_pixel_auroc"] == pixel_auroc(whole[name], pictures[1])
        assert row[f"{name}_aupro"] == aupro(whole[name], pictures[1])


def test_winclips_own_columns_are_those_of_its_scores_and_maps():
    backbone, pictures = tiny_backbone(), shown()
    seen = bands.look(backbone, pictures[0], "nut")
    anomalous = np.array([defect != "good" for defect in DEFECTS])
    seen["winclip score"], seen["winclip map"] = 1.0 * anomalous, 1.0 * pictures[1]
    row = bands.measure(backbone, seen, pictures, "nut")
    assert [row[name] for name in ("image_auroc", "pixel_auroc", "aupro", "share_outside")] == [1, 1, 1, 1]
    assert row["naive_pixel_auroc"] < 1
    kinds = dict(bands.by_defect(seen, pictures))
    assert list(kinds) == ["dent", "rust"]
    assert kinds["rust"]["image_auroc"] == 1


def test_a_table_holds_a_row_a_suite_seed_and_category(tmp_path, monkeypatch, capsys):
    drawn = []

    def small(suite, seed, style, each):
        drawn.append((suite, seed, style, each))
        return {category: shown(number) for number, category in enumerate([*SUITES[suite].categories][:2])}

    monkeypatch.setattr(bands, "load_demo_weights", lambda *asked, **options: tiny_backbone())
    monkeypatch.setattr(bands, "suite_images", small)
    path, options = tmp_path / "maps.csv", ["--maps", "--seed", "1", "--suite", "demo-mvtec", "--suite", "demo-visa"]
    monkeypatch.setattr(sys, "argv", ["bands", "weights", *options, "--out", str(path)])
    bands.main()
    assert drawn == [("demo-mvtec", 1, {}, None), ("demo-visa", 1, {}, None)]
    table = pd.read_csv(path)
    assert [*table] == ["backbone", "suite", "seed", "category", "images", *bands.MAPS]
    assert table["suite"].tolist() == ["demo-mvtec"] * 2 + ["demo-visa"] * 2
    assert (table["seed"] == 1).all()
    assert (table["images"] == 5).all()
    seen = bands.look(tiny_backbone(), shown()[0], "washer", maps_alone=True)
    assert table["vv_aupro"][0] == round(aupro(seen["vv"], shown()[1]), 4)
    assert "plain_pixel_auroc" in capsys.readouterr().out


def test_a_table_that_was_stopped_keeps_the_categories_that_were_measured(tmp_path, monkeypatch):
    def stopped(backbone, images, words, maps_alone):
        if words != "washer":
            raise KeyboardInterrupt
        return {name: np.random.default_rng(0).random(images.shape[:3]) for name in bands.TOKENS}

    monkeypatch.setattr(bands, "load_demo_weights", lambda *asked, **options: tiny_backbone())
    monkeypatch.setattr(bands, "suite_images", lambda *asked: {"washer": shown(), "biscuit": shown()})
    monkeypatch.setattr(bands, "look", stopped)
    path = tmp_path / "maps.csv"
    monkeypatch.setattr(sys, "argv", ["bands", "weights", "--maps", "--suite", "demo-mvtec", "--out", str(path)])
    with pytest.raises(KeyboardInterrupt):
        bands.main()
    assert pd.read_csv(path)["category"].tolist() == ["washer"]


@pytest.mark.parametrize("path", sorted(MEASURED.glob("*.csv")), ids=lambda path: path.stem)
def test_a_kept_table_holds_every_category_of_its_suite(path):
    table = pd.read_csv(path)
    (backbone,), (suite,), (seed,) = (table[column].unique() for column in ("backbone", "suite", "seed"))
    assert path.stem == f"maps-{backbone}-{suite}-{seed}"
    assert [*table] == ["backbone", "suite", "seed", "category", "images", *bands.MAPS]
    assert table["category"].tolist() == [*SUITES[suite].categories]
    assert table[[*bands.MAPS]].stack().between(0, 1).all()


def test_images_are_those_of_the_suite_unless_its_defects_are_otherwise():
    usual = bands.suite_images("demo-mvtec", 100, {}, each=1)
    assert set(usual) == set(SUITES["demo-mvtec"].categories)
    images, masks, defects = usual["washer"]
    assert defects == ["good", "good", "scratch", "rust", "dent", "chip", "contamination"]
    assert (masks.any((1, 2)) == np.array([defect != "good" for defect in defects])).all()
    larger = bands.suite_images("demo-mvtec", 100, {"size": (40, 41)}, each=1)["washer"]
    assert (images[:2] == larger[0][:2]).all()
    assert larger[1].sum() > 1.5 * masks.sum()
