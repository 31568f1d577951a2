"""Every detector of the package has its words, and what it was never shown follows from what its parts were shown."""

from typing import get_args

import pytest
from tiny_clip import tiny_backbone

import zsad
from book.tools.leagues import told_by
from zsad.analysis.methods import METHODS, in_words, ruled_out, shown_to
from zsad.detectors import DETECTORS
from zsad.detectors.acr import ACR, ACROptions
from zsad.leagues import League

TEST_BATCH = "good training images, a few good images, other anomalies, masks of damage"


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


@pytest.mark.parametrize(("name", "options"), [("musc", {}), ("acr", {"head": None})])
def test_what_compares_test_images_was_shown_no_damage_beside_them_and_what_its_clip_was(name, options):
    """A league's rank says nothing of what lies below it."""
    told = in_words(name, "test batch", detector=zsad.load_detector(name, tiny_backbone(), **options))
    assert told[2] == TEST_BATCH
    assert in_words(name, "test batch")[2] == "–"


def test_acr_says_through_which_extractor_it_looks_and_what_that_was_shown():
    told = in_words("acr", "test batch", detector=zsad.load_detector("acr", tiny_backbone(), head=None))
    assert told[0].endswith("together, through tiny's tower: shown captions, which name damage")
    assert told[1] == "nothing", "it has no head"

    class Net:
        grid, side, shown, digest = (1, 1), 8, ("class labels",), "d"

        def __call__(self, images):
            raise NotImplementedError

    detector = ACR(tiny_backbone(), ACROptions(head=None, extractor="wide_resnet50_2"), Net())
    told = in_words("acr", "test batch", detector=detector)
    assert told[0].endswith("through wide_resnet50_2: shown class labels")
    assert told[2] == f"{TEST_BATCH}, text", "its backbone's captions play no part"


def test_what_learned_from_anomalies_was_shown_their_masks_and_its_other_output_was_not():
    class Part:
        shown = ("captions",)

    class Learner:
        def __init__(self):
            self.backbone, self._shown = Part(), ("anomalies of other products",)

    league = "auxiliary anomalies"
    assert ruled_out(league, shown_to(Learner(), league)) == ruled_out(league, None)
    assert shown_to(Learner(), "text only") == {"captions"}
    assert ruled_out("unknown", ["unknown", "captions"]) == []
    assert shown_to(object(), league) is None


def test_a_detector_of_ones_own_has_a_dash():
    assert in_words("toy", "text only")[:2] == ("–", "–")
