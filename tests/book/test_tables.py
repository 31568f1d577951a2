"""Tables as a reader wants them: nothing said twice, numbers told from words."""

import json

import pandas as pd
import pytest

from book.tools import page as notebook
from book.tools.page import Page
from book.tools.tables import Parts, in_parts, is_wide, told_once
from zsad.study import load_study


def test_what_is_the_same_in_every_row_is_said_once():
    frame = pd.DataFrame({"suite": ["s", "s"], "n": [6, 6], "empty": ["", ""], "method": ["a", "b"], "x": [1.0, 2.0]})
    left, said = told_once(frame)
    assert list(left) == ["method", "x"]
    assert said == "In every row: suite s; n 6."


@pytest.mark.parametrize(
    ("frame", "left"),
    [
        ({"suite": ["s"], "x": [1.0]}, ["suite", "x"]),  # one row says everything once
        ({"method": ["a", "b"], "change": [0.0, 0.0]}, ["method", "change"]),
        ({"a": ["s", "s"], "b": ["s", "s"], "c": ["s", "s"]}, ["b", "c"]),
        ({"method": ["a", "b"], "x": [float("nan"), 1.0]}, ["method", "x"]),
    ],
)
def test_a_table_stays_a_table(frame, left):
    assert list(told_once(pd.DataFrame(frame))[0]) == left


def test_a_column_that_was_never_measured_is_said():
    left, said = told_once(pd.DataFrame({"method": ["a", "b"], "x": [1, 2], "printed": [None, float("nan")]}))
    assert list(left) == ["method", "x"]
    assert said == "In every row: printed –."


def test_numbers_are_told_from_words():
    assert in_parts(["83.9", "−6.2 (−7.2 to −5.1)", "–", "1,470", "5 %"]) == [
        Parts("83.9", ""),
        Parts("−6.2", "(−7.2 to −5.1)"),
        Parts("–", ""),
        Parts("1,470", ""),
        Parts("5 %", ""),
    ]
    for words in (["severity 4"], ["3d"], ["–", ""], ["12.5", "none up to ±45 degrees"], []):
        assert in_parts(words) is None


def test_a_table_is_wide_where_its_cells_would_fold():
    interval = "−25.6 (−31.8 to −20.3)"
    assert not is_wide(["shift", "a", "b"], [["rotation", interval, interval]])
    assert is_wide(["shift", "a", "b", "c", "d"], [["rotation", *[interval] * 4]])
    assert not is_wide(["side", "states", "number"], [["normal", "; ".join(["flawless [o]"] * 40), "7"]])


def test_a_page_says_it_in_the_caption_and_keeps_it_in_the_file(tmp_path, monkeypatch):
    shown: list[dict[str, str]] = []
    monkeypatch.setattr(notebook, "display", lambda bundle, raw: shown.append(bundle))
    page = Page("rotation", load_study("quick", check_models=False), {}, tmp_path)
    frame = pd.DataFrame({"suite": ["s", "s"], "method": ["a", "b"], "x": [1.0, 2.25]})
    page.table(frame, "tab-a", "<strong>A.</strong>", formats={"x": "{:.1f}"})
    for kind in ("html", "markdown"):
        assert "In every row: suite s." in shown[0][f"text/{kind}"]
        assert shown[0][f"text/{kind}"].count("suite") == 1
    assert (tmp_path / "tables" / "tab-a.csv").read_text() == "suite,method,x\ns,a,1.0\ns,b,2.25\n"
    (item,) = json.loads((tmp_path / "rotation.json").read_text())["items"]
    assert item["title"] == "A"
