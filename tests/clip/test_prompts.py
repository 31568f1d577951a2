import re

import pytest

from zsad.clip.prompts import STATES, TEMPLATES, clean_class_name, compose


def test_counts_of_sentences():
    sentences = compose("metal nut")
    assert {side: len(lines) for side, lines in sentences.items()} == {"normal": 154, "anomalous": 88}
    assert len({*sentences["normal"], *sentences["anomalous"]}) == 242
    ported = compose("metal nut", templates=TEMPLATES["21"])
    assert {side: len(lines) for side, lines in ported.items()} == {"normal": 147, "anomalous": 84}


def test_the_list_of_21_has_one_sentence_twice():
    assert len(TEMPLATES["21"]) == 21
    assert len(set(TEMPLATES["21"])) == 20
    assert TEMPLATES["21"].count("a jpeg corrupted photo of the {}.") == 2
    assert set(TEMPLATES["22"]) - set(TEMPLATES["21"]) == {
        "a cropped photo of a {}.",
        "a jpeg corrupted photo of a {}.",
    }


def test_every_text_has_one_place_to_fill():
    for line in [*TEMPLATES["22"], *STATES["normal"], *STATES["anomalous"]]:
        assert line.count("{}") == 1
    assert all(re.fullmatch(r"a .*photo of (a|the) .*\{\}.*\.", line) for line in TEMPLATES["22"])


def test_sentences_read_as_meant():
    sentences = compose("metal nut")
    assert "a photo of a small flawless metal nut." in sentences["normal"]
    assert "a photo of the metal nut with damage for visual inspection." in sentences["anomalous"]
    assert not any("{" in line for lines in sentences.values() for line in lines)


@pytest.mark.parametrize(
    ("category", "options", "expected"),
    [
        ("metal_nut", {}, "metal nut"),
        ("metal nut", {}, "metal nut"),
        ("pipe_fryum", {"replace_underscores": False}, "pipe_fryum"),
        ("pcb1", {}, "pcb1"),
        ("macaroni2", {"keep_digits": False}, "macaroni"),
        ("type_2_cap", {"keep_digits": False}, "type cap"),
        ("AeBAD_S", {}, "aeroengine blade"),
        ("AeBAD S", {"keep_digits": False}, "aeroengine blade"),
    ],
)
def test_class_names(category, options, expected):
    assert clean_class_name(category, **options) == expected
