"""What models were shown, and the leagues that follow."""

import json

import pytest

from zsad.clip import zoo
from zsad.clip.released import RELEASED
from zsad.leagues import check_shown, decided_by, league_of, never_shown
from zsad.tiling import clipseg, isnet
from zsad.tiling import zoo as tiling_zoo

CLIP, FARE = ["captions"], ["pictures", "captions"]
THINGS, DAMAGE = ["masks of ordinary things"], ["masks of damage of other products"]
ANOMALIES = ["anomalies of other products"]


@pytest.mark.parametrize(
    ("parts", "league"),
    [
        ([CLIP], "text only"),
        ([FARE], "text only"),
        ([CLIP, THINGS], "text only"),
        ([["pictures"]], "no text"),
        ([["pictures"], THINGS], "no text"),
        ([["class labels"]], "no text"),
        ([CLIP + DAMAGE], "was shown masks of other products"),
        ([CLIP, THINGS, DAMAGE], "was shown masks of other products"),
        ([CLIP, ANOMALIES], "auxiliary anomalies"),
        ([CLIP + DAMAGE, ANOMALIES], "auxiliary anomalies"),
        ([CLIP, ["normal images of the product"], ANOMALIES], "normal images of the product"),
        ([CLIP, ["a few good images of the product"], ANOMALIES], "few-shot"),
        ([["a few good images of the product"], ["normal images of the product"]], "normal images of the product"),
        ([["pictures"], ["test images"]], "test batch"),
        ([CLIP, ["unknown"], ANOMALIES], "unknown"),
    ],
)
def test_a_league_is_decided_by_the_most_that_any_part_was_shown(parts, league):
    assert league_of(*parts) == league == league_of(*reversed(parts))


def test_what_has_no_name_and_nothing_at_all_are_refused():
    with pytest.raises(ValueError, match="x was shown 'rumours'; known: 'pictures', 'captions', "):
        check_shown(["captions", "rumours"], "x")
    with pytest.raises(ValueError, match="x was shown nothing; known: "):
        check_shown([], "x")
    with pytest.raises(ValueError, match="was shown nothing"):
        league_of(CLIP, [])


def test_what_was_shown_comes_once_and_in_order():
    assert check_shown(["captions", "pictures", "captions"], "x") == ("pictures", "captions")


@pytest.mark.parametrize("path", sorted(zoo.WEIGHTS.glob("*.json")), ids=lambda path: path.stem)
def test_every_card_that_ships_says_what_its_weights_were_shown(path):
    shown = json.loads(path.read_text()).get("shown", [])
    assert list(check_shown(shown, path.stem)) == shown
    assert "unknown" not in shown


def test_published_models_were_shown_no_damage():
    backbones = [model.shown for model in RELEASED.values()]
    assert {league_of(shown) for shown in backbones} == {"text only"}
    segmenters = (isnet.IsNet.shown, tiling_zoo.SAM_SHOWN, clipseg.SHOWN)
    assert league_of(backbones[0], *segmenters) == "text only"


@pytest.mark.parametrize(
    ("league", "decides", "never"),
    [
        ("text only", "captions", "anomalies of other products"),
        ("no text", None, "captions"),
        ("auxiliary anomalies", "anomalies of other products", "normal images of the product"),
        ("test batch", "test images", None),
        ("unknown", "unknown", None),
    ],
)
def test_what_makes_a_league_is_shown_to_it_and_what_would_make_another_is_not(league, decides, never):
    assert decided_by(league) == decides
    assert decides is None or league_of([decides]) == league
    assert decides not in never_shown(league)
    assert never is None or never in never_shown(league)
    assert all(league_of([thing]) != league for thing in never_shown(league))


def test_no_model_of_the_demo_world_was_shown_masks_of_damage() -> None:
    """Backbones and segmenters that ship; what is trained on auxiliary anomalies says so."""
    cards = [json.loads(path.read_text()) for path in sorted(zoo.WEIGHTS.glob("demo-*.json"))]
    shown = {card["name"]: card["shown"] for card in cards if "shown" in card}
    assert {"demo-b", "demo-l", "demo-l-fare2", "demo-dis", "demo-sam", "demo-clipseg", "demo-mae"} <= shown.keys()
    assert {league_of(things) for things in shown.values()} <= {"text only", "no text"}
