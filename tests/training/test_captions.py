"""A caption is true of the picture it was written for, and of no picture that shows otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from training import captions
from training.captions import Caption, write
from zsad.tiling.prompts import LOCALISING


def written(product: str, defect: str, count: int = 300) -> list[Caption]:
    rng = np.random.default_rng(2)
    return [write(product, defect, rng) for _ in range(count)]


@pytest.mark.parametrize("defect", ["", *captions.KIND_WORDS])
def test_a_caption_is_true_of_its_own_picture(defect):
    for product in ("gear", "bottle cap", "red plastic disc"):
        assert all(caption.tells(product, defect) for caption in written(product, defect))


def test_a_caption_is_false_of_the_other_state_and_of_another_product():
    for caption in [*written("gear", ""), *written("gear", "crack")]:
        assert not caption.tells("gear", "" if caption.damaged else "crack")
        assert not caption.tells("coin", "crack" if caption.damaged else "")


def test_a_caption_that_names_a_kind_is_false_of_other_kinds():
    naming = [caption for caption in written("gear", "crack") if caption.kinds]
    assert len(naming) > 50
    assert all(not caption.tells("gear", "stain") for caption in naming)
    assert any(
        caption.tells("gear", "crack") and caption.tells("gear", "scratch") for caption in written("gear", "scratch")
    )


def test_a_caption_may_leave_out_colour_and_material_but_not_the_shape():
    seen = {caption.words for caption in written("red plastic disc", "")}
    assert seen == {
        frozenset(words) for words in (["disc"], ["red", "disc"], ["plastic", "disc"], ["red", "plastic", "disc"])
    }
    assert all(
        caption.tells("blue metal disc", "") == (caption.words == {"disc"})
        for caption in written("red plastic disc", "")
    )


def test_no_sentence_says_both_states():
    normal = {caption.text for caption in written("gear", "", 3000)}
    damaged = {caption.text for defect in captions.KIND_WORDS for caption in written("gear", defect, 1000)}
    assert not normal & damaged


def test_the_vocabulary_holds_every_word_of_captions_and_of_the_localising_prompts():
    known = set(captions.vocabulary())
    rng = np.random.default_rng(0)
    products = ("gear", "bottle cap", "red plastic discs", "white granite board")
    texts = [write(p, d, rng).text for p in products for d in ("", *captions.KIND_WORDS) for _ in range(100)]
    for text in [*texts, *LOCALISING]:
        assert set(text.replace("-", " ").split()) <= known, text
