"""The pages of the tiling pipeline, on toys that stand for it: which records they take, and what their cells show."""

import json

import pandas as pd
import pytest
from notebook_cells import run_cells, shown_on
from shaded import SHARES, compute_shaded, load_shaded, shaded_study

import zsad.study
from book.tools import tiled
from book.tools.page import Page
from zsad.analysis import published, tiling

REAL_COMPUTE = zsad.study.compute
MASKS = "was shown masks of other products"


def items_of(page: Page) -> list[dict[str, str]]:
    """What a page lists of its figures and tables."""
    return json.loads((page.folder / f"{page.name}.json").read_text())["items"]


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


def test_the_pipeline_and_its_variants_are_shown(page):
    (own,) = tiled.shown(page)
    assert list(own.records["detector"].unique()) == list(SHARES)
    assert set(own.records["suite"]) == {"toys"}
    assert list(own.pipeline["category"]) == ["metal_nut", "washer"]
    assert set(own.draws) == {"image_f1max", "pixel_f1max"}
    assert {*own.leagues("image_f1max").values(), *own.leagues("pixel_f1max").values()} == {"text only"}


@pytest.fixture
def kept(page, study, monkeypatch):
    """Gives a page whose study is kept, of some detectors and of some of them in part, and computes nothing."""

    def keep(*labels, without=()):
        records = compute_shaded(study)
        there = records["detector"].isin(labels)
        for label, category in without:
            there &= (records["detector"] != label) | (records["category"] != category)
        monkeypatch.setattr("zsad.study.kept.load_records", lambda study: records[there])
        monkeypatch.setattr("book.tools.page.is_kept", lambda name: True)
        monkeypatch.setattr(zsad.study, "compute", None)
        return page

    return keep


@pytest.mark.parametrize("name", ["tiling_tables", "tiling_ablation"])
def test_a_page_of_which_nothing_is_kept_says_so(name, kept, monkeypatch):
    page = kept("winclip")
    run_cells(name, page, monkeypatch)
    ids, numbers = shown_on(page)
    assert {id for id in ids if "published" not in id} == set()
    assert "hold no tiling pipeline yet" in numbers["conclusion"]


def test_what_is_kept_of_the_pipeline_is_shown(kept, monkeypatch):
    page = kept(*SHARES)
    run_cells("tiling_tables", page, monkeypatch)
    ids, numbers = shown_on(page)
    assert {"fig-tiling-image", "tab-tiling-image", "fig-tiling-pixel", "tab-tiling-pixel"} <= ids
    assert "points from WinCLIP" in numbers["conclusion"]


def test_all_are_shown_on_the_pipelines_categories_and_what_lacks_some_is_left_out(kept, monkeypatch):
    page, said = kept(*SHARES, without=[("tiling", "washer"), ("clipseg alone", "metal_nut")]), []
    monkeypatch.setattr(page, "say", said.append)
    (own,) = tiled.shown(page)
    assert {*zip(own.records["detector"], own.records["category"], strict=True)} == {
        (label, "metal_nut") for label in ("winclip", "tiling", "not scaled")
    }
    assert said == ["Left out, as they lack categories that the pipeline has (how many): clipseg alone (1)."]


def test_the_tables_ask_for_their_methods_alone(page):
    (own,) = tiled.shown(page, variants=False)
    assert set(own.records["detector"]) == {"winclip", "clipseg alone", "tiling"}


def test_what_is_missing_is_said(study):
    without = Page("x", study.with_overrides(detectors=[{"name": "winclip"}]), {"detector": "winclip"}, None)
    assert tiled.shown(without) == []
    assert "Not in this study: the tiling pipeline" in without.numbers["conclusion"]["text"]


def test_the_page_of_tables_shows_both_metrics_beside_print_and_chance(page, monkeypatch):
    (cases,) = run_cells("tiling_tables", page, monkeypatch)["studies"]
    ids, numbers = shown_on(page)
    kinds = {f"{what}-tiling-{kind}" for what in ("fig", "tab") for kind in ("image", "pixel")}
    assert ids == kinds | {"tab-tiling-published-image", "tab-tiling-published-pixel", "tab-tiling-lead"}
    for kind, metric in (("image", "image_f1max"), ("pixel", "pixel_f1max")):
        table = pd.read_csv(page.folder / "tables" / f"tab-tiling-{kind}.csv")
        levels = tiling.levels(cases.records, cases.draws, metric)
        assert table["estimate"].iloc[: len(levels)].tolist() == pytest.approx(levels["estimate"].tolist())
        assert {tiling.FLOOR, tiling.CHANCE} <= set(table["series"]) or kind == "pixel"
    captions = {item["id"]: item["caption"] for item in items_of(page)}
    assert "All methods are of the league “text only”." in captions["tab-tiling-image"]
    assert "All methods are of the league “text only”." in captions["tab-tiling-pixel"]
    assert set(table["league"].dropna()) == {"text only"}
    printed = pd.read_csv(page.folder / "tables" / "tab-tiling-published-image.csv")
    assert printed["method"].iloc[-1] == tiling.FLOOR
    untested = "The report's comparison is of VisA, and toys is another data set: it is not tested."
    assert f"points from WinCLIP. {untested} " in numbers["conclusion"]
    assert untested in captions["tab-tiling-lead"]


def test_a_whole_visa_stands_beside_the_report(page, monkeypatch):
    monkeypatch.setitem(published.DATA_SETS, "toys", "VisA")
    run_cells("tiling_tables", page, monkeypatch)
    assert "points from WinCLIP; the report prints +2.5 on VisA" in shown_on(page)[1]["conclusion"]
    (lead,) = [item["caption"] for item in items_of(page) if item["id"] == "tab-tiling-lead"]
    assert "on the same pictures. Report: the difference of its printed means on VisA. Undecided" in lead


def test_a_table_of_methods_of_different_leagues_marks_each(page, monkeypatch):
    def load(study, config, backbone):
        detector = load_shaded(study, config, backbone)
        detector.league = MASKS if config.name == "tiling" else "text only"
        if config.label == "clipseg alone":
            detector.league_of_scores = "text only"
        return detector

    def keep(self, frame, id, *arguments, **options):
        tables[id] = frame.set_index(frame.columns[0])
        return table(self, frame, id, *arguments, **options)

    tables, table = {}, Page.table
    monkeypatch.setattr(Page, "table", keep)
    monkeypatch.setattr("zsad.study.compute", lambda *a, **k: REAL_COMPUTE(*a, **k, loader=load, progress=False))
    (cases,) = run_cells("tiling_tables", page, monkeypatch)["studies"]
    assert cases.leagues("pixel_f1max") == {"WinCLIP": "text only", "CLIPSeg alone": MASKS, "tiling pipeline": MASKS}
    assert cases.leagues("image_f1max") == {**cases.leagues("pixel_f1max"), "CLIPSeg alone": "text only"}
    captions = {item["id"]: item["caption"] for item in items_of(page)}
    for kind in ("image", "pixel"):
        marked, leagues = tables[f"tab-tiling-{kind}"]["league"], cases.leagues(f"{kind}_f1max")
        assert {name: marked[name] for name in leagues} == leagues
        assert "The methods are of different leagues" in captions[f"tab-tiling-{kind}"]
    assert tables["tab-tiling-image"].loc[tiling.FLOOR, "league"] == "–"


def test_the_page_of_ablations_shows_each_variant_and_what_stages_cost(page, monkeypatch):
    run_cells("tiling_ablation", page, monkeypatch)
    ids, numbers = shown_on(page)
    assert ids == {"fig-tiling-ablation", "tab-tiling-ablation", "tab-tiling-time"}
    times = pd.read_csv(page.folder / "tables" / "tab-tiling-time.csv")
    assert times.set_index("stage").loc["part masks"].tolist() == [250.0, 250.0]
    assert "No effect at all: scaling maps by scores." in numbers["conclusion"]
