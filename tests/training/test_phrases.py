"""Phrases are for ordinary things, and mean what they say."""

from __future__ import annotations

import numpy as np
import pytest

from training.families import FAMILIES
from training.families.generic import COLOURS, _shade
from training.phrases import COLOUR_WORDS, NONE, NOUNS, Phrase, colour_word, draw_phrases, meant, noun_of
from zsad.data.demo.products import PRODUCTS
from zsad.tiling.prompts import LOCALISING


@pytest.mark.parametrize("name", list(COLOURS))
def test_a_colour_goes_by_the_word_that_it_was_drawn_from(name):
    rng = np.random.default_rng(0)
    words = [colour_word(_shade(rng, name)) for _ in range(200)]
    assert words.count(name) > 150, {word: words.count(word) for word in set(words)}


def test_parts_are_called_by_their_groups():
    assert noun_of("key 03") == "key"
    assert noun_of("pip -10") == "pip"
    assert {"knob", "letter", "mark"} <= set(NOUNS)


def test_no_phrase_is_a_localising_prompt_but_for_the_marks_of_a_clock():
    rng = np.random.default_rng(1)
    products = np.array(["red plastic disc", "gear", "clock", "white stone board"])
    colours, nouns = rng.integers(0, len(COLOUR_WORDS), (4, 6, 6)), rng.integers(0, len(NOUNS), (4, 6, 6))
    drawn = [phrase for _ in range(400) for phrase in draw_phrases(products, colours, nouns, rng)]
    assert len(drawn) == 2400
    assert {phrase.text for phrase in drawn} & set(LOCALISING) <= {"a mark"}
    products = (*FAMILIES.values(), *PRODUCTS.values())
    assert [p.name for p in products if "mark" in map(noun_of, p.movable)] == ["clock"]


def test_a_phrase_means_the_products_colours_and_parts_that_it_names():
    product = np.ones((2, 4, 4), np.uint8)
    colours, nouns = np.full((2, 2, 4, 4), NONE)
    colours[0, :2], nouns[1, 0, 0] = 3, 5
    about = (["red plastic disc", "gear"], product, colours, nouns)
    assert meant(Phrase("plastic", frozenset(["plastic"])), *about).mean((1, 2)).tolist() == [1, 0]
    assert meant(Phrase("a gear", frozenset(["gear"])), *about).mean((1, 2)).tolist() == [0, 1]
    assert meant(Phrase("green", colour=3), *about).mean((1, 2)).tolist() == [0.5, 0]
    assert meant(Phrase("a knob", noun=5), *about).sum((1, 2)).tolist() == [0, 1]
