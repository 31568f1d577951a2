"""What notebooks show and export. Study and kernel are real objects; only the computing of records is left out."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml
from toys import tiny_study

import zsad.study
from book.tools import page as notebook
from book.tools import plots
from book.tools.page import Page, start
from book.tools.parameters import DEVICE, PAGE_DIR, UnknownParameter
from book.tools.plots.gallery import gallery
from book.tools.world import world
from zsad.study import load_study
from zsad.study.incomplete import Failures, IncompleteError

SPEC = {"detector": "winclip", "options": {}, "shift": {"kind": "none"}}
SIDECAR = {"code": {}, "commit": "a" * 40, "dirty": False, "spec": SPEC}


@pytest.fixture
def page(tmp_path):
    return Page("rotation", load_study("quick", check_models=False), {}, tmp_path)


def exports(page):
    return json.loads((page.folder / "rotation.json").read_text())


def test_figures_and_tables_are_listed_with_their_origin(page, capsys):
    figure, _ = plots.new_figure(1, 1)
    page.uses(pd.DataFrame({"x": [1.0, 2.0]}))
    page.figure(figure, "fig-a", "<strong>A.</strong> Less < more.")
    page.table(pd.DataFrame({"n": [0.123456], "s": ["x"]}), "tab-a", "B.", formats={"n": "{:.1f}"})
    page.number("drop", 3.21, "3.2 points")
    content = exports(page)
    assert [(item["id"], item["kind"], item["title"], item["caption"]) for item in content["items"]] == [
        ("fig-a", "figure", "A", "A. Less < more."),
        ("tab-a", "table", "B", "B."),
    ]
    assert {item["records"] for item in content["items"]} == {f"{page.sources.records_hash()} in build/records"}
    assert all(item["commit"] and item["study"] == "quick" for item in content["items"])
    assert content["numbers"] == {"drop": {"value": 3.21, "text": "3.2 points"}}
    assert (page.folder / "tables" / "tab-a.csv").read_text() == "n,s\n0.123456,x\n"
    assert not list((page.folder / "tables").glob("records-*")), "no cells were read"


def test_a_figure_offers_the_records_of_its_study(page, monkeypatch):
    shown: list[dict[str, str]] = []
    monkeypatch.setattr(notebook, "display", lambda bundle, raw: shown.append(bundle))
    monkeypatch.setattr(
        "book.tools.origin.load_sidecars", lambda records, study: {key: SIDECAR for key in records["key"]}
    )
    page.uses(pd.DataFrame({"study": ["quick"], "estimate": [0.5], "key": ["a" * 64]}))
    page.uses(pd.DataFrame({"study": ["demo"], "estimate": [0.7], "key": ["b" * 64]}))
    page.figure(plots.new_figure(1, 1)[0], "fig-a", "A.")
    (offered,) = (page.folder / "tables").glob("*.csv")
    assert offered.name == "records-rotation-quick.csv"
    assert pd.read_csv(offered)["estimate"].tolist() == [0.5]
    page.uses(pd.DataFrame({"study": ["quick"], "estimate": [0.6], "key": ["c" * 64]}))
    page.figure(plots.new_figure(1, 1)[0], "fig-b", "B.")
    assert pd.read_csv(offered)["estimate"].tolist() == [0.5, 0.6]
    assert all('href="tables/records-rotation-quick.csv"' in shown[0][f"text/{kind}"] for kind in ("html", "markdown"))


def test_a_figure_names_the_league_of_what_the_page_computed_with(page, monkeypatch):
    found = SimpleNamespace(result=pd.DataFrame(), contents="c", provenance={**SIDECAR, "key": "k"})
    monkeypatch.setattr(notebook, "computed", lambda *arguments, **options: found)
    page.computed(print, backbone=SimpleNamespace(name="demo-b", shown=["captions"]), index=0)
    assert " · league text only · " in page.origin()
    page.computed(print, detector=SimpleNamespace(name="tiling", league="auxiliary anomalies"))
    assert " · leagues text only (demo-b), auxiliary anomalies (tiling) · " in page.origin()
    assert "league" not in page.origin("demo")


def test_names_with_tags_in_them_are_shown_as_they_stand(tmp_path, monkeypatch):
    """A category is a folder's name, and may be anything."""
    shown, evil = [], "<img src=x onerror=alert(1)>"
    monkeypatch.setattr(notebook, "display", lambda item, raw=False, **_: shown.append(item if raw else item.data))
    suites = {evil: {"reader": "folder", "root": "toys", "categories": [evil]}}
    page = Page("rotation", tiny_study(tmp_path, suites=suites, sweeps={}), {"category": evil}, tmp_path)
    page.banner()
    page.lacks([f"no folder {evil}"])
    page.figure("<svg></svg>", "fig-a", f"<strong>A {evil}.</strong> Of <code>{evil}</code>.")
    page.table(pd.DataFrame({"category": [evil], evil: [1.0]}), "tab-b", f"<strong>B {evil}.</strong>")
    page.say(f"**C** {evil}.")
    banner, lacking, figure, table, said = shown
    for html in (banner, lacking, figure["text/html"], table["text/html"], said):
        assert "<img" not in html
        assert "&lt;img src=x onerror=alert(1)" in html
    assert "<strong>A &lt;img" in figure["text/html"]
    for directive in (figure["text/markdown"], table["text/markdown"]):
        assert r"\<img src=x onerror=alert(1)\>" in directive.replace("<code>", "")
    assert exports(page)["items"][0]["title"] == f"A {evil}"
    assert evil not in gallery([(evil, [(np.zeros((4, 4, 3), np.uint8), evil)])])


def test_an_id_is_used_once(page):
    page.figure("<p>x</p>", "fig-a", "A.")
    with pytest.raises(ValueError, match="the id 'fig-a'"):
        page.figure("<p>y</p>", "fig-a", "B.")


def test_the_records_hash_is_about_content_not_order(page):
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    sources = page.sources
    assert sources.records_hash() == "none"
    page.uses(frame)
    one = sources.records_hash()
    page.uses(frame.iloc[::-1])
    assert sources.records_hash() == one
    page.uses(frame.assign(a=[1.0, 2.0000001]))
    assert sources.records_hash() != one


def test_the_world_is_named():
    study = load_study("quick", check_models=False)
    assert world(study).startswith("Demo world")
    two = study.model_copy(update={"suites": dict.fromkeys(["demo-mvtec", "demo-visa"]), "backbones": ["demo-b"]})
    assert "(demo-mvtec, demo-visa) seen by a small model trained on rendered products (demo-b)" in world(two)
    many = two.model_copy(update={"backbones": ["demo-b", "demo-l", "demo-mae"]})
    assert "seen by small models trained on rendered products (3 models)" in world(many)
    assert world(load_study("paper", check_models=False)).startswith("Real world")
    mixed = study.model_copy(update={"backbones": ["ViT-L-14"]})
    assert world(mixed).startswith("Mixed world: rendered pictures")


def test_a_figure_of_another_study_names_that_ones_world(page):
    page.study = load_study("paper", check_models=False)
    assert page.origin().startswith("Real world · study paper")
    assert page.origin("demo").startswith("Demo world · study demo")
    assert page.origin(notebook.PUBLISHED).startswith("In print, not measured here · results/published · notebook")


def test_start_applies_overrides_and_refuses_unknown_parameters(tmp_path, monkeypatch):
    monkeypatch.setenv(PAGE_DIR, str(tmp_path))
    variables = {
        "study": "quick",
        "category": None,
        "limit": 4,
        "In": ["", "study = 1\nlimit = 2", "# Parameters\nlimit = 4"],
    }
    page = start(variables, "rotation")
    assert page.study.limit == 4
    assert page.overrides == {"limit": "4"}
    assert exports(page)["world"].startswith("Demo world")
    with pytest.raises(UnknownParameter, match="limits"):
        start(variables | {"In": ["", "study = 1\nlimit = 2", "# Parameters\nlimits = 4"]}, "rotation")


def test_a_page_leaves_missing_suites_out_and_says_so(tmp_path, monkeypatch, capsys):
    (tmp_path / "data" / "toys").mkdir(parents=True)
    fields = tiny_study(tmp_path).model_dump(mode="json")
    fields["suites"]["away"] = {"reader": "mvtec_ad", "root": "away"}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(fields))
    shown = []
    monkeypatch.setattr(notebook, "display", lambda html, **_: shown.append(html.data))
    page = start({"study": str(path)}, "rotation")
    assert list(page.study.suites) == ["toys"]
    (lacking,) = [text for text in shown if "Not shown" in text]
    assert f"suite away: no folder {tmp_path / 'data' / 'away'}" in lacking


def test_a_page_shows_what_there_is_and_says_what_is_not(page, monkeypatch):
    shown = []
    monkeypatch.setattr(notebook, "display", lambda html, **_: shown.append(html.data))
    failures, some = Failures(), pd.DataFrame({"a": [1]})
    failures.add("tiling on ViT-L-14", "no <weights>", ("visa", "pcb1", "ViT-L-14"))

    def incomplete(*arguments, **selection):
        raise IncompleteError("quick", some, failures)

    monkeypatch.setattr("zsad.study.compute", incomplete, raising=False)
    assert page.records("none") is some
    assert page.records("none") is some
    (text,) = shown
    assert "tiling on ViT-L-14: no &lt;weights&gt;" in text
    some = some.iloc[:0]
    with pytest.raises(IncompleteError, match="could not be computed"):
        page.records("none")


def test_numbers_are_glued_as_they_are_to_be_read(page, monkeypatch):
    glued = {}
    monkeypatch.setattr(notebook, "glue", lambda key, value, display: glued.update({key: repr(value)}))
    page.number("drop", 3.21, "it's −3.2 points")
    assert glued == {"drop": "it's −3.2 points"}


def test_tables_have_one_minus_sign(page, monkeypatch):
    shown: list[dict[str, str]] = []
    monkeypatch.setattr(notebook, "display", lambda bundle, raw: shown.append(bundle))
    page.table(pd.DataFrame({"n": [-1.25]}), "tab-a", "A.", formats={"n": "{:+.1f}"})
    assert all("−1.2" in shown[0][f"text/{kind}"] for kind in ("html", "markdown"))
    assert (page.folder / "tables" / "tab-a.csv").read_text() == "n\n-1.25\n"


def test_a_finding_is_said_and_kept_as_the_conclusion(page, monkeypatch):
    shown = []
    monkeypatch.setattr(notebook, "display", lambda item, raw=False: shown.append(item.data))
    page.finding("AUROC falls by **3.2 points**; a < b.")
    assert shown == ["**Finding.** AUROC falls by **3.2 points**; a &lt; b."]
    assert page.numbers["conclusion"]["text"] == "AUROC falls by 3.2 points; a < b."


def test_what_is_folded_lies_in_one_block_behind_its_title(page, monkeypatch):
    shown = []
    monkeypatch.setattr(notebook, "display", lambda item, raw=False, **_: shown.append(item if raw else item.data))
    with page.folded("How it was measured"):
        page.say("On **all** images; a < b.")
        page.table(pd.DataFrame({"n": ["1"]}), "tab-a", "A.")
    page.say("After.")
    folded, after = shown
    assert after == "After."
    assert folded["text/markdown"].startswith("::::::{dropdown} How it was measured\n")
    assert folded["text/markdown"].endswith("::::::")
    assert "On **all** images; a &lt; b." in folded["text/markdown"]
    assert ":::{table} A.\n:name: tab-a" in folded["text/markdown"]
    assert folded["text/html"].startswith('<details class="zsad-fold"><summary>How it was measured</summary>')
    assert "<strong>all</strong> images; a &lt; b." in folded["text/html"]
    assert [item["id"] for item in exports(page)["items"]] == ["tab-a"]


def test_an_empty_fold_is_not_shown_and_a_failing_one_ends(page, monkeypatch):
    shown = []
    monkeypatch.setattr(notebook, "display", lambda item, raw=False: shown.append(item))
    with page.folded("Nothing"):
        pass
    assert not shown
    with pytest.raises(RuntimeError), page.folded("Broken"):
        raise RuntimeError
    page.say("After.")
    assert len(shown) == 1


def test_the_banner_of_a_real_world_names_the_models_that_the_page_has_used(page, monkeypatch):
    said = []

    class Handle:
        def update(self, html):
            said.append(html.data)

    monkeypatch.setattr(notebook, "display", lambda html, **_: [said.append(html.data), Handle()][1])
    page.study = load_study("paper", check_models=False)
    page.banner()
    assert "seen by" not in said[-1], "nothing is used yet"
    records = pd.DataFrame({"study": ["paper", "paper"], "backbone": ["ViT-L-14", "ViT-L-14"]})
    page.uses(records)
    assert "Real world: mvtec_ad" in said[-1]
    assert said[-1].count("seen by ViT-L-14.") == 1
    page.uses(records)
    page.uses(records.assign(study="another", backbone="ViT-B-16-plus-240"))
    assert len(said) == 2, "nothing new"
    page.uses(records.assign(backbone="ViT-B-16-plus-240"))
    assert "seen by ViT-B-16-plus-240, ViT-L-14." in said[-1]


def test_weights_of_ones_own_are_called_so(tmp_path):
    own = {"name": "mine", "architecture": "ViT-B-16", "weights": "mine.pt"}
    study = tiny_study(tmp_path, backbones=["ViT-L-14", own])
    assert world(study) == "Real world: toys seen by ViT-L-14, mine (weights of your own)."
    assert world(study, ["ViT-L-14"]) == "Real world: toys seen by ViT-L-14."
    assert world(study, []) == "Real world: toys."


def test_without_the_studys_device_a_page_shows_what_is_there_and_asks_models_on_the_cpu(tmp_path, monkeypatch, caplog):
    computed = []
    monkeypatch.setattr(zsad.study, "compute", lambda study, *_, **__: computed.append(study.device) or pd.DataFrame())
    path = tmp_path / "mine.yaml"
    (tmp_path / "data" / "toys").mkdir(parents=True)
    path.write_text(yaml.safe_dump({**tiny_study(tmp_path).model_dump(mode="json"), "device": "cuda:99"}))
    page = start({"study": str(path)}, "rotation")
    assert page.study.device == "cpu"
    assert "device cuda:99 is not available here" in caplog.text
    page.records("none")
    page.records("none", study=page.study.with_overrides(bootstrap=30))
    assert computed == ["cuda:99", "cuda:99"], "records are not computed elsewhere unasked"
    monkeypatch.setenv(DEVICE, "cpu")
    page = start({"study": str(path)}, "rotation")
    page.records("none")
    assert computed[2:] == ["cpu"]
    assert page.overrides == {}, "it changes no result"
