import re
from collections import Counter

import open_clip
import pytest
import torch
from tiny_clip import TOKENIZER, tiny_backbone, tiny_model

from zsad.clip import Backbone
from zsad.detectors.text_training.random_words import random_sentences

PHRASES = [["nut", "flawless nut"], ["damaged nut", "nut with flaw"]]
SPELLING = {token: entry for entry, token in TOKENIZER.ids.items()}
BPE = open_clip.get_tokenizer("ViT-B-16")


def draw(kind, count=40, words=3, seed=0, backbone=None):
    generator = torch.Generator().manual_seed(seed)
    return random_sentences(backbone or tiny_backbone(), PHRASES, count, words, kind, generator)


def read(row):
    """Entries of the test tokenizer between start and end."""
    ids = row[1 : int(row.argmax())].tolist()
    assert int(row[0]) == TOKENIZER.start
    return [SPELLING[token] for token in ids]


def test_strings_of_letters_stand_before_the_phrase():
    backbone = Backbone(tiny_model(text={"vocab_size": BPE.vocab_size}), BPE)
    sides = draw("letters", backbone=backbone)
    phrases = Counter()
    for row in torch.cat(sides):
        text = BPE.decode(row[1 : int(row.argmax())].tolist()).strip()
        found = re.fullmatch(r"a photo of a ([a-z]{3,8}) ([a-z]{3,8}) ([a-z]{3,8}) (.+?) \.", text)
        assert found, text
        phrases[found[4]] += 1
    assert phrases == {"nut": 20, "flawless nut": 20, "damaged nut": 20, "nut with flaw": 20}


def test_tokens_are_drawn_from_the_whole_vocabulary_without_start_end_and_padding():
    sides = draw("tokens", count=400)
    opening = TOKENIZER.encode("a photo of a")
    at = 1 + len(opening)
    inserted = torch.cat([side[:, at : at + 3] for side in sides])
    assert set(inserted.flatten().tolist()) == set(range(1, TOKENIZER.start))
    counts = inserted.flatten().bincount(minlength=TOKENIZER.start)[1:].float()
    expected = 2400 / len(counts)
    assert ((counts - expected).abs() < 5 * expected**0.5 * 2**0.5).all()
    assert read(sides[1][0])[-2:] == ["damaged", "nut"]
    assert all(row[1:at].tolist() == opening for row in sides[0])


def test_a_list_of_words_is_drawn_from_as_it_is():
    words = ["photo", "with", "the"]
    rows = [read(row) for row in draw(words, count=60)[0]]
    assert {word for row in rows for word in row[4:7]} == set(words)
    assert all(row[:4] == ["a", "photo", "of", "a"] for row in rows)


@pytest.mark.parametrize("kind", ["letters", "tokens", ["photo", "with"]])
def test_the_sides_share_their_random_words(kind):
    for normal, anomalous in zip(*draw(kind), strict=True):
        normal, anomalous = read(normal), read(anomalous)
        shared = len(anomalous) - 2 if anomalous[-2:] == ["damaged", "nut"] else len(anomalous) - 3
        assert normal[:shared] == anomalous[:shared]
        assert shared > 4


def test_seeds_decide():
    assert all(torch.equal(*pair) for pair in zip(draw("letters"), draw("letters"), strict=True))
    assert not torch.equal(draw("letters")[0], draw("letters", seed=1)[0])


def test_without_random_words_each_phrase_makes_one_sentence():
    sides = draw("letters", words=0)
    assert [[read(row)[4:] for row in side] for side in sides] == [
        [["nut"], ["flawless", "nut"]],
        [["damaged", "nut"], ["nut", "with", "flaw"]],
    ]


def test_spelled_words_that_do_not_fit_are_drawn_again():
    """Twelve strings of 3 to 8 letters, 66 tokens on average, do not always fit beside the sentence."""
    sides = draw("letters", count=30, words=12)
    assert all(side.shape == (30, 77) for side in sides)
    for row in torch.cat(sides):
        assert read(row)[-1] in ("nut", "flaw")


@pytest.mark.parametrize(("kind", "words"), [("letters", 40), ("tokens", 72), (["photo"], 72)])
def test_more_words_than_the_context_holds_are_refused(kind, words):
    with pytest.raises(ValueError, match=r"context of tiny.*use fewer"):
        draw(kind, words=words)


def test_the_most_words_that_fit_do():
    assert read(draw(["photo"], words=68)[1][1])[-3:] == ["nut", "with", "flaw"]
