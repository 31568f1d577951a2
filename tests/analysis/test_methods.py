"""Every detector of the package has its words, and what it was never shown follows from its league."""

from typing import get_args

import pytest

from book.tools.leagues import told_by
from zsad.analysis.methods import METHODS, in_words
from zsad.detectors import DETECTORS
from zsad.leagues import League


def test_every_detector_is_told_in_words_by_its_class_or_here():
    assert [name for name in DETECTORS if not told_by(name) and name not in METHODS] == []
    assert set(METHODS) <= set(DETECTORS)
    assert all(words.sees and words.learned for words in METHODS.values())


def test_what_a_detectors_class_says_of_it_is_taken_from_there(monkeypatch):
    class Told:
        sees, learned = "one image", "nothing"

    class Half:
        sees = "one image"

    monkeypatch.setitem(DETECTORS, "told", (Told, None))
    monkeypatch.setitem(DETECTORS, "half", (Half, None))
    assert in_words("told", "text only", told_by("told"))[:2] == ("one image", "nothing")
    assert in_words("half", "text only", told_by("half"))[:2] == ("–", "–")


@pytest.mark.parametrize("league", get_args(League))
def test_every_league_says_what_was_never_shown(league):
    never = in_words("winclip", league)[2]
    assert ("text" in never.split(", ")) == (league == "no text")
    assert ("other anomalies" in never) == (league in ("text only", "no text", "was shown masks of other products"))


def test_a_detector_of_ones_own_has_a_dash():
    assert in_words("toy", "text only")[:2] == ("–", "–")
