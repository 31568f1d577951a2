"""The page of leagues, of a study of toys: what it shows, and what it says where there is nothing to show."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from notebook_cells import run_cells, shown_on
from tiny_clip import tiny_backbone
from toys import CATEGORIES, Reddish, tiny_study, write_suite

import zsad
import zsad.study
import zsad.study.run
from book.tools.leagues import Leagues, by_league, measured, pictured
from book.tools.page import Page
from zsad.clip.zoo import WEIGHTS
from zsad.leagues import never_shown
from zsad.study.load import load_study


@pytest.fixture
def study(tmp_path):
    write_suite(tmp_path / "data" / "toys")
    return tiny_study(tmp_path, detectors=["winclip", {"name": "winclip", "label": "other"}, "clip"])


def load(study, detector, backbone, towers=None):
    return Reddish(name=detector.name)


@pytest.fixture
def page(study, tmp_path, monkeypatch):
    with_toys = zsad.study.compute
    monkeypatch.setattr(zsad.study, "compute", lambda *a, **k: with_toys(*a, **k, loader=load, progress=False))
    monkeypatch.setattr(zsad.study.run, "load_study_detector", load)
    return Page("leagues", study, {}, tmp_path)


def test_the_page_shows_methods_by_league_and_a_map_of_each(page, monkeypatch, capsys):
    run_cells("leagues", page, monkeypatch)
    ids, numbers = shown_on(page)
    assert {"fig-leagues", "fig-leagues-image-toys", "fig-leagues-pixel", "fig-methods-text-only", "tab-leagues",
            "tab-leagues-image", "tab-leagues-pixel-toys"} <= ids  # fmt: skip
    assert numbers["conclusion"].startswith("No two methods of one league are both measured and printed. Without a")
    table = pd.read_csv(page.folder / "tables" / "tab-leagues-image.csv")
    assert table["method"].tolist() == ["WinCLIP", "CLIP"]  # and not the variant


def test_a_detector_that_has_labels_of_its_own_alone_is_shown_in_its_league_by_the_first(tmp_path, monkeypatch):
    for module in ("zsad.detectors", "zsad.study.run"):
        monkeypatch.setattr(f"{module}.load_backbone_of", lambda *_, **__: tiny_backbone())
    root, others = write_suite(tmp_path / "data" / "toys"), write_suite(tmp_path / "others", seed=5)
    for category in CATEGORIES:
        shutil.copytree(others / category / "test/good", root / category / "train/good")
    few = [{"name": "winclip_plus", "label": f"plus {n}", "options": {"references": n}} for n in (1, 3)]
    page = Page("leagues", tiny_study(tmp_path, detectors=["winclip", *few], sweeps={}), {}, tmp_path / "page")
    run_cells("leagues", page, monkeypatch)
    ids, numbers = shown_on(page)
    assert {"fig-methods-few-shot", "tab-variants-winclip_plus"} <= ids
    table = pd.read_csv(page.folder / "tables" / "tab-leagues-image.csv")
    assert table[["league", "method"]].to_numpy().tolist() == [["text only", "WinCLIP"], ["few-shot", "plus 1"]]
    assert numbers["variants-winclip_plus"].startswith("Against plus 1 as it is")


def test_the_picture_is_of_the_largest_defect_and_of_every_method_as_it_is(page):
    found = measured(page)
    assert (found.methods, found.place) == (["winclip", "clip"], ("toys", "metal_nut"))
    image, mask, methods = pictured(found)
    assert mask.sum() == 144
    red = image[..., 0].astype(float) - image[..., 1]
    assert methods["clip"].map == pytest.approx(np.clip(red / 255, 0, 1), abs=1e-6)
    assert methods["winclip"].words[0].startswith("one image: windows")


def test_a_study_without_results_says_so_and_shows_nothing(page, monkeypatch, capsys):
    nothing = page.records("none").iloc[:0]
    monkeypatch.setattr(Page, "records", lambda *arguments, **selection: nothing)
    run_cells("leagues", page, monkeypatch)
    ids, numbers = shown_on(page)
    assert ids == set()
    assert numbers["conclusion"].startswith("Not in this study: results without a shift.")


def test_methods_are_grouped_in_the_order_of_leagues():
    leagues = {"a": "x", "b": "y", "c": "x"}
    assert list(by_league(["a", "b", "c"], leagues, ["y", "z", "x"]).items()) == [("y", ["b"]), ("x", ["a", "c"])]


def test_of_what_was_trained_with_several_seeds_the_spread_is_shown_and_said_in_the_main_caption(
    study, tmp_path, monkeypatch, page
):
    page.study = study.with_overrides(detectors=["winclip", {"name": "text_fnn", "seeds": [0, 1, 2]}], sweeps=[])
    run_cells("leagues", page, monkeypatch)
    assert "tab-leagues-seeds" in shown_on(page)[0]
    table = pd.read_csv(page.folder / "tables" / "tab-leagues-seeds.csv")
    assert table[["method", "trainings"]].to_numpy().tolist() == [["text FNN", 3]]
    main = next(item for item in json.loads((page.folder / "leagues.json").read_text())["items"]
                if item["id"] == "tab-leagues-image")  # fmt: skip
    assert "leave its seed out: text FNN lies up to 0.0 points apart over 3 trainings" in main["caption"]


def test_what_a_league_was_never_shown_is_read_from_its_methods(tmp_path):
    """MuSc and ACR knew text before they were given a test batch, and no damage; a CLIP is as its league says."""
    found = Leagues(Page("leagues", load_study("demo"), {}, tmp_path), pd.DataFrame())
    leagues = {"musc": "test batch", "acr": "test batch", "clip": "text only"}
    kept = {name: zsad.load_detector(name, tiny_backbone(), **({"head": None} if name == "acr" else {}))
            for name in ("musc", "acr")}  # fmt: skip
    found.__dict__.update(methods=list(leagues), of_scores=leagues, of_maps=leagues, detectors=kept)
    assert found.never_shown == {
        "test batch": ["normal images of the product", "a few good images of the product",
                       "anomalies of other products", "masks of damage of other products"],
        "text only": never_shown("text only"),
    }  # fmt: skip


def test_how_a_control_was_trained_is_read_from_the_cards_of_its_suites(tmp_path):
    """Of the demo study: on demo-mvtec both were trained on demo-visa, elsewhere on demo-mvtec."""
    found = Leagues(Page("leagues", load_study("demo"), {}, tmp_path), pd.DataFrame())
    ((label, ended),) = found.control_losses("april_gan")
    cards = {name: json.loads((WEIGHTS / f"{name}-demo-b-{suite}.json").read_text())["losses"]
             for suite in ("demo-visa",) for name in ("april_gan", "april_gan_vectors")}  # fmt: skip
    assert label == "learned vectors"
    assert [one.trained_on for one in ended] == ["demo-visa", "demo-mvtec"]
    assert (ended[0].control, ended[0].plain) == (cards["april_gan_vectors"], cards["april_gan"])
    assert found.control_losses("anomalyclip") == []
