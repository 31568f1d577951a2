"""The page of mixed batches, of a real study of toys."""

import pytest
from notebook_cells import order_on, run_cells, shown_on
from tiny_clip import tiny_backbone
from toys import tiny_study, write_suite

from book.tools.page import Page
from zsad.analysis.batches import ALIKE, HALF, METRICS
from zsad.study import compute

TABLES = [f"> tab-batches-{metric}" for metric in METRICS]
BLOCK = {"over": ["washer"], "hue": [0.0, 2.0]}


@pytest.fixture
def study(tmp_path, monkeypatch):
    for module in ("zsad.detectors", "zsad.study.run"):
        monkeypatch.setattr(f"{module}.load_backbone_of", lambda *_, **__: tiny_backbone())
    write_suite(tmp_path / "data" / "toys")
    return tiny_study(
        tmp_path, detectors=["clip", "musc"], sweeps=[{**BLOCK, "name": ALIKE}, {**BLOCK, "name": HALF, "share": 0.5}]
    )


def test_half_a_batch_stands_beside_the_whole(study, tmp_path, monkeypatch):
    compute(study, progress=False)
    page = Page("batches", study, {}, tmp_path / "page")
    assert order_on("batches", page, monkeypatch) == ["finding", "fig-batches", *TABLES]
    _, numbers = shown_on(page)
    for words in ("MuSc, toys", "CLIP, toys", "(all) and", "On 10 test images of 1 product a suite at most."):
        assert words in numbers["conclusion"]


def test_a_study_without_such_blocks_says_so(study, tmp_path, monkeypatch):
    page = Page(
        "batches", study.with_overrides(detectors=["clip"]).model_copy(update={"sweeps": []}), {}, tmp_path / "p"
    )
    run_cells("batches", page, monkeypatch)
    ids, numbers = shown_on(page)
    assert ids == set()
    assert "Not in this study: mixed batches" in numbers["conclusion"]
