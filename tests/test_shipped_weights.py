"""The weights that ship: each file is what its card says, and together they stay small."""

from __future__ import annotations

import hashlib
import json

import pytest

from zsad.clip.zoo import WEIGHTS

MOST_BYTES = 60_000_000
FILES = sorted(path for path in WEIGHTS.iterdir() if path.is_file())


def test_together_they_stay_below_60_megabytes():
    assert sum(path.stat().st_size for path in FILES) < MOST_BYTES


def test_each_file_has_its_card_and_nothing_else_lies_there():
    assert {path.suffix for path in FILES} == {".json", ".safetensors"}
    cards, weights = ({path.stem for path in FILES if path.suffix == kind} for kind in (".json", ".safetensors"))
    assert cards == weights


@pytest.mark.parametrize("name", [path.stem for path in FILES if path.suffix == ".json"])
def test_a_card_names_its_file_and_the_sha256_of_its_weights(name):
    card = json.loads((WEIGHTS / f"{name}.json").read_text())
    assert card["name"] == name
    assert card["sha256"] == hashlib.sha256((WEIGHTS / f"{name}.safetensors").read_bytes()).hexdigest()
