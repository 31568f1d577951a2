"""The page of a few good pictures, of a real study of toys: what it shows follows from the study's records."""

import shutil

import pandas as pd
import pytest
from notebook_cells import order_on, run_cells, shown_on
from tiny_clip import tiny_backbone
from toys import tiny_study, write_suite

from book.tools.page import Page
from zsad.study import compute

FEW = [
    "winclip",
    {"name": "winclip_plus", "label": "winclip+ 1", "options": {"references": 1}},
    {"name": "winclip_plus", "label": "winclip+ 3", "options": {"references": 3}},
]


@pytest.fixture
def study(tmp_path, monkeypatch):
    for module in ("zsad.detectors", "zsad.study.run"):
        monkeypatch.setattr(f"{module}.load_backbone_of", lambda *_, **__: tiny_backbone())
    root = write_suite(tmp_path / "data" / "toys")
    others = write_suite(tmp_path / "others", normal=4, seed=5)
    for category in ("washer", "metal_nut"):
        shutil.copytree(others / category / "test/good", root / category / "train/good")
    return tiny_study(tmp_path, detectors=FEW, sweeps={})


def test_it_says_what_it_found_before_it_shows_it_image_level_first(study, tmp_path, monkeypatch):
    page = Page("few_shot", study, {}, tmp_path / "page")
    met = order_on("few_shot", page, monkeypatch)
    assert met == ["finding", "fig-few-shot", "fig-few-shot-pixel", "> tab-few-shot-image", "> tab-few-shot-pixel"]
    _, numbers = shown_on(page)
    assert numbers["conclusion"].startswith("On toys (20 test images of metal nut and washer) image AUROC is ")
    table = pd.read_csv(page.folder / "tables" / "tab-few-shot-image.csv")
    records = compute(study, "none", progress=False)
    of = records[records["metric"] == "image_auroc"].groupby("detector")["estimate"].mean()
    assert table["references"].tolist() == [0, 1, 3]
    assert table["league"].tolist() == ["text only", "few-shot", "few-shot"]
    assert [float(words.split()[0]) for words in table["iAUROC"]] == [round(100 * of[d], 1) for d in of.index]


def test_a_study_that_gives_none_says_how_to(study, tmp_path, monkeypatch):
    page = Page("few_shot", study.with_overrides(detectors=["winclip"]), {}, tmp_path / "page")
    run_cells("few_shot", page, monkeypatch)
    ids, numbers = shown_on(page)
    assert ids == set()
    assert "Not in this study: a detector that is given good pictures (`winclip_plus`)" in numbers["conclusion"]
