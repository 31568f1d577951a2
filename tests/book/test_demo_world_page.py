"""The page of the demo world, of toys in its place: which kinds of defect are seen, and how wide intervals are."""

from pathlib import Path

import pandas as pd
import pytest
from notebook_cells import run_cells, shown_on
from tiny_clip import tiny_backbone
from toys import load_reddish, tiny_study, write_suite

import zsad.study
from book.tools.page import Page
from zsad import metrics
from zsad.study import compute
from zsad.study.config import Study
from zsad.study.results import load_table

WHOLE = {"name": "matrix", "over": "all", "angle": [0.0, 30.0]}
PART = {"name": "doses", "over": ["washer"], "angle": [0.0, 15.0]}


def without_model(page, function, variants, **arguments):
    """Chance, in the place of what other words give: no part of this test."""
    return pd.DataFrame({"prompts": list(variants), "auroc": 0.5})


@pytest.fixture
def page(tmp_path, monkeypatch):
    root = write_suite(tmp_path / "data" / "toys", normal=8, anomalous=12)
    for folder in ("test", "ground_truth"):
        (root / "washer" / folder / "stain").rename(root / "washer" / folder / "turned")
    monkeypatch.setattr(Study, "is_demo", lambda self, suite: True)
    for module in ("zsad.study.run", "zsad.study.data"):
        monkeypatch.setattr(f"{module}.ensure_suite", lambda *_, **__: None)  # the toys are written
    for module in ("zsad.detectors", "zsad.study.run"):
        monkeypatch.setattr(f"{module}.load_backbone_of", lambda *_, **__: tiny_backbone())
    monkeypatch.setattr(zsad.study, "compute", lambda *a, **k: compute(*a, **k, loader=load_reddish, progress=False))
    monkeypatch.setattr(Page, "computed", without_model)
    return Page("demo_world", tiny_study(tmp_path, sweeps=[WHOLE, PART]), {}, tmp_path / "page")


def test_each_kind_is_measured_by_itself_and_intervals_are_those_of_whole_suites(page, monkeypatch):
    variables = run_cells("demo_world", page, monkeypatch)
    kinds, halves = variables["kinds"], variables["halves"]
    ids, numbers = shown_on(page)
    assert {"fig-kinds", "tab-widths"} <= ids
    assert kinds.loc[kinds["pose"], ["category", "defect"]].to_numpy().tolist() == [["washer", "turned"]]
    records = compute(page.study, "none", loader=load_reddish, progress=False)
    images = load_table(records, "images", page.study)
    images["defect"] = [Path(image).parent.name for image in images["id"]]
    for row in kinds.itertuples():
        of = images[(images["category"] == row.category) & images["defect"].isin(("good", row.defect))]
        assert row.estimate == pytest.approx(100 * metrics.image_auroc(of["score"].to_numpy(), of["label"].to_numpy()))
    assert "Of 3 kinds of damage to a surface " in numbers["kinds"]
    assert "Of 1 kind of wrong pose " in numbers["kinds"]
    assert "Without the wrong poses mean image AUROC of toys " in numbers["kinds"]
    assert halves[["setting", "value"]].to_numpy().tolist() == [["angle", 30.0]], "the other turns the washer alone"
    table = pd.read_csv(page.folder / "tables" / "tab-widths.csv")
    assert table["half"].tolist() == pytest.approx(halves["half"].tolist())
    assert numbers["widths"].startswith("Asked are at most 2.0 points ")


def test_of_few_images_and_without_shifts_it_says_so(page, monkeypatch):
    page.study = page.study.model_copy(update={"limit": 8, "sweeps": []})
    said = []
    monkeypatch.setattr(Page, "say", lambda page, text: said.append(text))
    run_cells("demo_world", page, monkeypatch)
    assert shown_on(page)[0] == {"fig-gallery", "tab-clean", "tab-bfloat16", "tab-controls"}
    assert any("it takes 5 test images of a kind" in text for text in said)
    assert "Not said here: no shift of this study is of a whole suite." in said


def test_where_nothing_is_kept_neither_is_shown(page, monkeypatch):
    nothing = compute(page.study, "none", loader=load_reddish, progress=False)[:0]
    monkeypatch.setattr(page, "records", lambda *_, **__: nothing)
    monkeypatch.setattr(Page, "shows_kept", True)
    run_cells("demo_world", page, monkeypatch)
    assert shown_on(page)[0] == {"fig-gallery", "tab-controls"}
