"""The pages of worst cases: a real study of toys is searched, shown and concluded from; only the pictures are toys."""

import json

import pandas as pd
import pytest
from toys import load_reddish, tiny_study, write_suite

import zsad.study
from book.tools.page import Page
from book.tools.pages.search import comparable, searches_of_study, show_doublings, show_searches
from book.tools.pages.worst_choices import ablation_pairs, show_ablations
from zsad.study import compute
from zsad.study.shifts import Worst

BLOCKS = [
    {"budget": 8, "over": ["washer"]},
    {"name": "grid", "search": "grid", "budget": 9, "settings": ["angle", "hue"], "over": ["washer"]},
    {"name": "mask", "align": "mask", "budget": 8, "settings": ["angle"], "over": ["washer"]},
]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    write_suite(folder / "data" / "toys")
    study = tiny_study(folder, worst=BLOCKS, sweeps={"over": ["washer"], "hue": [0.0, 1.0]})
    compute(study, progress=False, loader=load_reddish)
    return study


@pytest.fixture
def page(study, tmp_path, monkeypatch):
    """A page whose records are computed with the toy detector."""
    with_toys = zsad.study.compute
    monkeypatch.setattr(zsad.study, "compute", lambda *a, **k: with_toys(*a, **k, loader=load_reddish, progress=False))
    return Page("worst_cases", study, {}, tmp_path)


def exports(page):
    return json.loads((page.folder / f"{page.name}.json").read_text())


def test_searches_that_differ_in_their_way_alone_are_compared_and_ablations_tabulated(page):
    found = searches_of_study(page)
    assert [cases.block.name for cases in comparable(found)] == ["default", "grid"]
    assert comparable(found[:1]) == []
    assert show_searches(page, found)
    assert not show_searches(page, found[2:], "-alone")
    assert show_doublings(page, found[0])
    show_ablations(page, found)
    content = exports(page)
    shown = {"fig-search", "fig-search-wins", "tab-search", "fig-doubling", "tab-ablations"}
    assert shown == {item["id"] for item in content["items"]}
    table = pd.read_csv(page.folder / "tables" / "tab-search.csv")
    assert set(table["other"]) == {"grid"}
    assert table.groupby(["criterion", "setting"])["forwards"].max().to_dict() == {
        ("auroc", "angle"): 8, ("auroc", "hue"): 8}  # fmt: skip
    assert (table["images"] == 10).all(), "normal images too, by their loss"
    assert "refine wins against grid on" in content["numbers"]["conclusion_search"]["text"]
    assert "of 2 comparisons" in content["numbers"]["short_search"]["text"]
    ablations = pd.read_csv(page.folder / "tables" / "tab-ablations.csv")
    assert set(ablations["instead"]) == {"align: mask"}


def test_records_without_each_image_s_tries_are_said_to_lack_them(page, monkeypatch):
    found = searches_of_study(page)
    monkeypatch.setattr("book.tools.pages.search.load_sidecars", lambda *_: {"key": {"tables": ["samples"]}})
    assert not show_searches(page, found)
    assert not show_doublings(page, found[0])
    assert page.items == []


def test_an_ablation_changes_one_option_alone():
    blocks = [
        Worst(),
        Worst(name="a", criterion="loss"),
        Worst(name="b", criterion="loss", align="mask"),
        Worst(name="c", gradient="class_token"),
        Worst(name="d", search="adam"),
        Worst(name="e", search="adam", gradient="class_token"),
    ]
    names = {
        o: [(x.name, y.name) for x, y in ablation_pairs(blocks, o)] for o in ("criterion", "align", "gradient", "?")
    }
    assert names == {"criterion": [("default", "a")], "align": [("a", "b")], "gradient": [("d", "e")], "?": []}
