"""Which records the pages of the tiling pipeline show."""

import pytest
from shaded import SHARES, compute_shaded, load_shaded, shaded_study

import zsad.study
from book.tools import tiled
from book.tools.page import Page


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
