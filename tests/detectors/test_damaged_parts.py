"""Files of learned parts that can be read and are not what they should be: each is named, with a way out."""

import hashlib
import json
import shutil

import pytest
import torch
from learned_prompts import random_prompts, ship_prompts
from safetensors.torch import save
from tiny_clip import tiny_backbone
from tiny_parts import ship_untrained

import zsad
import zsad.leagues
from zsad.clip import zoo

AGAIN = r".*copy both again from where they were written, or train again \(`zsad train`\)"


@pytest.fixture
def own(tmp_path):
    return ship_prompts(tmp_path / "own")


def load(path, name="anomalyclip", **options):
    return zsad.load_detector(name, tiny_backbone(), trained_on=str(path), **options)


def rewrite(path, payload):
    """The file, with a card that knows it."""
    path.write_bytes(payload)
    card = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps({**card, "sha256": hashlib.sha256(payload).hexdigest()}))


PROMPTS = random_prompts()


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({"anomalous": PROMPTS["anomalous"], "deep": PROMPTS["deep"]}, "normal is missing"),
        (random_prompts(width=48), r"anomalous is \(12, 48\), not \(12, 32\)"),
        (random_prompts(sets=2), r"deep is \(2, 4, 32\), not \(1, 4, 32\)"),
        ({**PROMPTS, "more": torch.zeros(2)}, "more has no place"),
        ({**PROMPTS, "normal": PROMPTS["normal"] * torch.nan}, "normal has numbers that are not finite"),
    ],
)
def test_tensors_that_do_not_fit_are_named(own, tensors, words):
    rewrite(own, save({name: tensor.contiguous() for name, tensor in tensors.items()}))
    with pytest.raises(ValueError, match=rf"{own.name} does not fit the text tower of tiny: .*{words}.*train anew"):
        load(own)


def test_prompts_have_no_deep_tokens_where_none_are_asked_for(own):
    path = own.with_name("anomalyclip-shallow-tiny-demo-visa.safetensors")
    assert load(path, deep_tokens=False).options["deep_tokens"] is False
    rewrite(path, own.read_bytes())
    with pytest.raises(ValueError, match="deep has no place"):
        load(path, deep_tokens=False)


def test_a_cut_file_that_its_card_knows_is_named(own):
    rewrite(own, own.read_bytes()[:-40])
    with pytest.raises(ValueError, match=rf"{own.name} is damaged, although .*json knows it{AGAIN}"):
        load(own)


@pytest.mark.parametrize(
    ("card", "words"),
    [
        ("{bad", "is no card, or is damaged"),
        ("[1]", "it holds list, not entries by name"),
        ("{}", "it lacks 'sha256'"),
    ],
)
def test_a_card_that_is_none_is_named(own, card, words):
    own.with_suffix(".json").write_text(card)
    with pytest.raises(ValueError, match=rf"{own.stem}\.json .*{words}{AGAIN}"):
        load(own)


@pytest.mark.parametrize(("entry", "value"), [("trained_on", None), ("images", ["a"]), ("choices", [1])])
def test_an_entry_of_a_card_that_is_of_another_kind_is_named(own, entry, value):
    card = json.loads(own.with_suffix(".json").read_text())
    own.with_suffix(".json").write_text(json.dumps({**card, entry: value}))
    with pytest.raises(ValueError, match=rf"{own.stem}\.json: {entry} is not as `zsad train` writes it"):
        load(own)
    own.with_suffix(".json").write_text(json.dumps({name: v for name, v in card.items() if name != "trained_on"}))
    with pytest.raises(ValueError, match=r"\.json .* it lacks 'trained_on'"):
        load(own)


def test_the_way_out_is_that_of_whose_file_it_is(own, tmp_path, monkeypatch):
    shutil.copytree(own.parent, shipped := tmp_path / "shipped")
    monkeypatch.setattr(zoo, "WEIGHTS", shipped)
    for path, given, way_out in (
        (own, own, AGAIN),
        (shipped / own.name, "demo-visa", ".*reinstall the package or check"),
    ):
        path.write_bytes(path.read_bytes()[:-2] + b"xy")
        with pytest.raises(ValueError, match=rf"{path}.*damaged or was replaced{way_out}"):
            load(given)
        path.unlink()
        with pytest.raises(FileNotFoundError, match=rf"{path} is missing{way_out}"):
            load(given)


@pytest.mark.parametrize("name", ["anomalyclip", "april_gan"])
@pytest.mark.parametrize("given", ["epoch_15.pt", "weights/layers.bin", "part.CKPT"])
def test_a_file_of_another_kind_is_no_name_of_a_data_set(name, given):
    with pytest.raises(ValueError, match=rf"{given} is no file of a learned part: give the \.safetensors"):
        load(given, name)


@pytest.mark.parametrize("name", ["anomalyclip", "april_gan"])
@pytest.mark.parametrize(
    ("shown", "league"),
    [
        (["anomalies of other products"], "auxiliary anomalies"),
        (["captions"], "text only"),
        (["anomalies of other products", "normal images of the product"], "normal images of the product"),
        (None, "unknown"),
    ],
)
def test_the_league_is_that_of_what_the_card_says_a_part_was_shown(own, tmp_path, name, shown, league):
    ship_untrained(tmp_path / "own", tiny_backbone())
    card = tmp_path / "own" / f"{name}-tiny-demo-visa.json"
    says = {key: value for key, value in json.loads(card.read_text()).items() if key != "shown"}
    card.write_text(json.dumps(says if shown is None else says | {"shown": shown}))
    found = zsad.leagues.leagues_of_outputs(load(card.with_suffix(".safetensors"), name))
    assert found == {"scores": "text only" if name == "april_gan" else league, "maps": league}


def test_a_card_that_names_something_unheard_of_is_refused(own):
    card = own.with_suffix(".json")
    card.write_text(json.dumps({**json.loads(card.read_text()), "shown": ["everything"]}))
    with pytest.raises(ValueError, match=rf"{own.stem} was shown .everything.; known: "):
        load(own)
