"""Leagues of printed methods, in captions, and in tables."""

from typing import get_args

import pandas as pd
import pytest

from zsad.analysis.leagues import in_words, of_printed, told_apart, with_leagues
from zsad.leagues import League
from zsad.study.project import project_root

PUBLISHED = project_root() / "results" / "published"
LEAGUES = pd.read_csv(PUBLISHED / "leagues.csv")
TABLE = pd.DataFrame({"method": ["WinCLIP", "tiling pipeline", "floor"], "mean": ["1", "2", "3"]})
TEXT, MASKS = "text only", "was shown masks of other products"


@pytest.mark.parametrize("path", sorted(PUBLISHED.glob("*.csv")), ids=lambda path: path.stem)
def test_every_printed_method_has_one_league_and_it_is_one_of_ours(path):
    methods = set(pd.read_csv(path)["method"])
    for output in ("image", "pixel"):
        leagues = of_printed(LEAGUES, output)
        assert len(leagues) == len(LEAGUES), "no method twice"
        assert methods <= set(leagues)
        assert set(leagues.values()) <= set(get_args(League))
    assert LEAGUES["why"].str.len().min() > 0


def test_no_other_file_in_print_names_leagues():
    assert [path.stem for path in PUBLISHED.glob("*.csv") if "league" in pd.read_csv(path, nrows=1)] == []


def test_a_caption_names_the_league_only_where_all_have_it():
    assert in_words({"a": TEXT, "b": TEXT}) == "All methods are of the league “text only”."
    assert "different leagues" in in_words({"a": TEXT, "b": MASKS})
    assert in_words({"a": "not recorded", "b": "not recorded"}) == "The league of the methods is not recorded."
    for half in ({"a": TEXT, "b": "not recorded"}, {"a": "text only or not recorded"}):
        assert in_words(half) == "The league of some methods is not recorded."


def test_a_caption_names_who_is_of_another_league_whoever_that_is():
    said = told_apart({"a": TEXT, "b": MASKS, "c": TEXT, "d": "no text", "e": MASKS, "f": TEXT})
    assert said == (
        "Of another league than the others, which are “text only”, and not to be ranked with them: b and e (“was shown "
        "masks of other products”), d (“no text”)."
    )
    one = {"a": TEXT, "b": TEXT}
    assert told_apart(one) == in_words(one)
    assert told_apart({"a": TEXT, "b": MASKS}) == in_words({"a": TEXT, "b": MASKS}), "neither is the rule"
    assert told_apart({"a": TEXT, "b": "not recorded"}) == "The league of some methods is not recorded."


@pytest.mark.parametrize("page", ["poster_table", "tiling_tables"])
def test_no_caption_names_a_league_by_hand(page):
    """Another detector needs no edit there."""
    cells = (project_root() / "notebooks" / f"{page}.py").read_text(encoding="utf-8")
    strings = "\n".join(line for line in cells.splitlines() if not line.startswith("#"))
    for words in ("trained on other", "trained on anomalies", "batch of test images", "no text at all"):
        assert words not in strings


def test_a_table_that_mixes_leagues_marks_every_method():
    assert with_leagues(TABLE, {"WinCLIP": TEXT, "tiling pipeline": TEXT}) is TABLE
    marked = with_leagues(TABLE, {"WinCLIP": TEXT, "tiling pipeline": MASKS})
    assert [*marked.columns] == ["method", "league", "mean"]
    assert marked["league"].tolist() == [TEXT, MASKS, "–"]
    assert "league" not in TABLE
