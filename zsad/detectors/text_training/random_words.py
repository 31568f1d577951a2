"""Sentences with random words in them, as token ids (Tamura, "Random Word Data Augmentation", BMVC 2023)."""

from __future__ import annotations

import string
from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from zsad.clip import Backbone

OPENING = "a photo of a"
_TRIALS = 50


def random_sentences(
    backbone: Backbone,
    phrases: Sequence[Sequence[str]],
    count: int,
    words: int,
    kind: str | Sequence[str],
    generator: torch.Generator,
) -> list[Int[Tensor, "text token"]]:
    """Token ids of `a photo of a [random words] [phrase].`, a tensor a side.

    The sides share their random words: text i of each has the same, so that nothing but the phrase tells them apart.
    Phrases take turns. Without random words each phrase makes one sentence.

    Args:
        phrases: of each side, with the object's words in them.
        count: sentences a side.
        words: random words a sentence.
        kind: "letters" draws strings of 3 to 8 letters; "tokens" draws from all of the tokenizer's entries that are
            words or parts of words; a list of words is drawn from as it is.
        generator: on the CPU.

    Raises:
        ValueError: the context does not hold that many words.
    """
    if words == 0:
        return [backbone.tokenize([f"{OPENING} {phrase}." for phrase in side]) for side in phrases]
    turns = [[side[index % len(side)] for index in range(count)] for side in phrases]
    if kind == "tokens":
        ids = backbone.word_ids
        drawn = ids[torch.randint(len(ids), (count, words), generator=generator)]
        return [backbone.tokenize([f"{OPENING} {phrase}." for phrase in side], drawn, OPENING) for side in turns]
    bare = max((phrase for side in phrases for phrase in side), key=len)
    trial = [_sentence(_draw_words(kind, words, generator), bare) for _ in range(_TRIALS)]
    insertions: list[str] = [""] * count
    pending = list(range(count))
    # Hopeless cases show in a few sentences, before thousands are tried again and again.
    for _ in range(_TRIALS if len(backbone.too_long(trial)) < _TRIALS else 0):
        # A tokenizer that spells unknown words may need more tokens than there are: those sentences get other words.
        for index in pending:
            insertions[index] = _draw_words(kind, words, generator)
        texts = [[_sentence(*pair) for pair in zip(insertions, side, strict=True)] for side in turns]
        tried = [[side[index] for index in pending] for side in texts]
        pending = sorted({pending[place] for side in tried for place in backbone.too_long(side)})
        if not pending:
            return [backbone.tokenize(side) for side in texts]
    raise ValueError(
        f"{words} random words before {bare!r} are more than the context of {backbone.name} holds: "
        "use fewer or shorter ones"
    )


def _sentence(words: str, phrase: str) -> str:
    return f"{OPENING} {words} {phrase}."


def _draw_words(kind: str | Sequence[str], words: int, generator: torch.Generator) -> str:
    if not isinstance(kind, str):
        return " ".join(kind[index] for index in torch.randint(len(kind), (words,), generator=generator).tolist())
    lengths = torch.randint(3, 9, (words,), generator=generator).tolist()
    letters = iter(torch.randint(26, (sum(lengths),), generator=generator).tolist())
    return " ".join("".join(string.ascii_lowercase[next(letters)] for _ in range(length)) for length in lengths)
