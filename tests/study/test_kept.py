"""What is kept of a study, against what computing gives."""

import pandas as pd
import pytest
from toys import load_reddish, tiny_study, write_suite

import zsad.study
from book.tools import page as shown_by
from book.tools import unkept
from book.tools.absent import say_absent, say_not_kept
from book.tools.page import Page
from zsad.study import compute, kept, results
from zsad.study.cells import Selection, requests
from zsad.study.export import export
from zsad.study.kept import Kept, is_kept, lacking_in_words

WORST = {"name": "few", "limit": 4, "budget": 2, "settings": ["hue"]}


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A toy study that is kept but for its sweep of hue, and cannot be computed."""
    write_suite(tmp_path / "data" / "toys")
    study = tiny_study(tmp_path, worst=WORST)
    records = compute(study, progress=False, loader=load_reddish)
    for module in (kept, results):
        monkeypatch.setattr(module, "committed_folder", lambda name: tmp_path / "results" / name)
    export(records[records["setting"].ne("hue") | records["shift"].ne("uniform")], study, tmp_path / "results" / "tiny")
    monkeypatch.setattr(zsad.study, "compute", lambda *a, **k: pd.DataFrame({"computed": [True]}))
    return study


@pytest.mark.parametrize(
    "selection",
    [
        {"shift": "none"},
        {"shift": "none", "variant": "few"},
        {"shift": "uniform", "setting": "angle", "categories": ["washer"]},
        {"shift": "worst", "backbones": ["demo-b"]},
    ],
)
def test_what_is_kept_is_what_would_be_computed(study, selection):
    found, lacking = Kept(study).select(Selection(**selection))
    assert not lacking
    pd.testing.assert_frame_equal(found, compute(study, **selection, progress=False, loader=load_reddish))


def test_records_come_in_the_order_of_the_study_in_whatever_order_they_are_kept(study):
    expected, _ = Kept(study).select(Selection("uniform"))
    kept = Kept(study)
    kept.__dict__["records"] = kept.records.sort_values("value", ascending=False, kind="stable", ignore_index=True)
    pd.testing.assert_frame_equal(kept.select(Selection("uniform"))[0], expected)
    assert not expected["value"].is_monotonic_decreasing


def test_what_is_not_kept_is_named(study):
    found, lacking = Kept(study).select(Selection("uniform"))
    assert set(found["setting"]) == {"angle"}
    assert [(r.variant, r.shift.setting, r.shift.value) for r in lacking] == [
        ("default", "hue", 0),
        ("default", "hue", 1),
    ]
    assert lacking_in_words("tiny", lacking) == (
        "Not kept in results/tiny yet: 2 of uniform on toys (`zsad run tiny` computes them)."
    )
    assert "(`zsad run '../my studies/tiny.yaml'` computes them)" in lacking_in_words(
        "tiny", lacking, "../my studies/tiny.yaml"
    )


def test_a_page_shows_what_is_kept_and_computes_where_parameters_change_it(study, tmp_path):
    page = Page("p", study, {}, tmp_path)
    assert page.shows_kept
    assert set(page.records("uniform")["setting"]) == {"angle"}
    assert page.records("uniform", "hue").empty
    assert not page._lacking
    changed = Page("p", study, {"limit": "4"}, tmp_path)
    assert not changed.shows_kept
    assert "computed" in changed.records("uniform")
    assert "computed" in page.records("uniform", study=study), "a changed copy is another study"


def test_one_note_behind_what_is_said_first_says_what_is_not_kept_and_grows(study, tmp_path, monkeypatch):
    class Handle:
        def update(self, note):
            said.append(note.data)

    said = []
    for module in (shown_by, unkept):
        monkeypatch.setattr(module, "display", lambda note, **how: [said.append(note.data), Handle()][1])
    page = Page("p", study, {}, tmp_path)
    page.records("none")
    assert not said
    page.records("uniform", "hue", categories=["washer"])
    page.records("uniform")
    assert not said, "the finding comes first"
    page.finding("Hue does nothing.")
    page.records("uniform")
    assert len(said) == 2, "the same is not said twice"
    assert "Hue does nothing." in said.pop(0)
    assert "<summary>2 of the results that this page asks for are not kept yet</summary>" in said[0]
    assert "2 of uniform on toys (<code>zsad run tiny</code> computes them)" in said[0]
    page._unkept.add(Kept(study).select(Selection("uniform", "angle"))[1] + requests(study, Selection("worst")))
    assert len(said) == 2
    assert "4 of the results" in said[1]


def test_a_study_that_lies_elsewhere_is_computed_from_its_file(study, tmp_path, monkeypatch):
    said = []
    page = Page("p", study, {}, tmp_path, asked="/elsewhere/tiny.yaml")
    monkeypatch.setattr(Page, "say", lambda page, text: said.append(text))
    assert "`zsad run /elsewhere/tiny.yaml` computes them" in say_not_kept(page, "sweep")
    assert "Add it to `/elsewhere/tiny.yaml`" in say_absent(page, "sweep")
    assert "Add it to `study/tiny.yaml`" in say_absent(Page("p", study, {}, tmp_path, asked="tiny"), "sweep")
    assert "`zsad run other` computes them" in say_not_kept(page, "sweep", "other")
    assert len(said) == 4


def test_a_study_without_such_a_folder_is_not_kept(study, tmp_path):
    assert is_kept("tiny")
    assert not is_kept("other")
    (tmp_path / "results" / "other").mkdir()
    assert not is_kept("other")
    with pytest.raises(FileNotFoundError):
        Kept(study.model_copy(update={"name": "other"})).select(Selection("none"))
