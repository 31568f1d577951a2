"""The pages of the tiling pipeline, on toys that stand for it: which records they take, and what their cells show."""

import pandas as pd
import pytest
from notebook_cells import run_cells, shown_on
from shaded import SHARES, compute_shaded, load_shaded, shaded_study

import zsad.study
from book.tools import tiled
from book.tools.page import Page
from zsad.analysis import tiling


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return shaded_study(tmp_path_factory.mktemp("study"))


@pytest.fixture
def page(study, tmp_path, monkeypatch):
    real = zsad.study.compute
    monkeypatch.setattr(zsad.study, "compute", lambda *a, **k: real(*a, **k, loader=load_shaded, progress=False))
    return Page("tiling_tables", study, {}, tmp_path)


def test_a_detector_runs_on_the_suites_that_it_is_meant_for(study):
    assert tiled.pipeline_suite(study) == "toys"
    everything = compute_shaded(study)
    assert set(everything[everything["suite"] == "other"]["detector"]) == {"winclip"}
    assert tiled.pipeline_suite(study.with_overrides(suite="other")) == "other"  # a suite named by hand gets everything
    assert tiled.pipeline_suite(study.with_overrides(detectors=[{"name": "winclip"}])) is None
    assert tiled.pipeline_config(study).label == "tiling"
    everywhere = study.with_overrides(detectors=[{"name": "tiling"}])
    everywhere = everywhere.model_copy(update={"suites": {**everywhere.suites}})
    assert tiled.pipeline_suite(everywhere) == "other"
    in_visas_layout = everywhere.suites["toys"].model_copy(update={"reader": "visa"})
    everywhere.suites["toys"] = in_visas_layout  # the report's tables are of VisA
    assert tiled.pipeline_suite(everywhere) == "toys"


def test_the_study_of_the_page_is_shown_beside_the_demo_study(page):
    own, whole = tiled.shown(page)
    assert list(own.records["detector"].unique()) == list(SHARES)
    assert set(own.records["suite"]) == {"toys"}
    assert list(own.pipeline["category"]) == ["metal_nut", "washer"]
    assert set(own.draws) == {"image_f1max", "pixel_f1max"}
    assert (whole.study.name, whole.suffix) == ("demo", "-demo")
    assert set(whole.records["suite"]) == {"demo-visa"}
    assert {"winclip", "tiling"} <= set(whole.records["detector"])
    assert set(whole.records["variant"]) == {"default"}


def test_what_is_missing_is_said(study):
    without = Page("x", study.with_overrides(detectors=[{"name": "winclip"}]), {"detector": "winclip"}, None)
    assert tiled.shown(without) == []
    assert "Not in this study: the tiling pipeline" in without.numbers["conclusion"]["text"]


@pytest.fixture
def alone(page, monkeypatch):
    """A page beside which no other study is kept."""

    def missing(name):
        raise FileNotFoundError(name)

    monkeypatch.setattr(tiled, "load_records", missing)
    return page


def test_the_page_of_tables_shows_both_metrics_beside_print_and_chance(alone, monkeypatch):
    (cases,) = run_cells("tiling_tables", alone, monkeypatch)["studies"]
    ids, numbers = shown_on(alone)
    kinds = {f"{what}-tiling-{kind}" for what in ("fig", "tab") for kind in ("image", "pixel")}
    assert ids == kinds | {"tab-tiling-published-image", "tab-tiling-published-pixel", "tab-tiling-lead"}
    for kind, metric in (("image", "image_f1max"), ("pixel", "pixel_f1max")):
        table = pd.read_csv(alone.folder / "tables" / f"tab-tiling-{kind}.csv")
        levels = tiling.levels(cases.records, cases.draws, metric)
        assert table["estimate"].iloc[: len(levels)].tolist() == pytest.approx(levels["estimate"].tolist())
        assert {tiling.FLOOR, tiling.CHANCE} <= set(table["series"]) or kind == "pixel"
    printed = pd.read_csv(alone.folder / "tables" / "tab-tiling-published-image.csv")
    assert printed["method"].iloc[-1] == tiling.FLOOR
    assert "points from WinCLIP; the report prints +2.5 on VisA" in numbers["conclusion"]
    assert "hold no tiling pipeline yet" in numbers["conclusion-demo"]


def test_the_page_of_ablations_shows_each_variant_and_what_stages_cost(alone, monkeypatch):
    run_cells("tiling_ablation", alone, monkeypatch)
    ids, numbers = shown_on(alone)
    assert ids == {"fig-tiling-ablation", "tab-tiling-ablation", "tab-tiling-time"}
    times = pd.read_csv(alone.folder / "tables" / "tab-tiling-time.csv")
    assert times["part masks"].tolist() == [250.0, 250.0]
    assert "No effect at all: scaling maps by scores." in numbers["conclusion"]
