"""The tokenizer of the demo CLIPs: one token a known word, a word never seen in training spelled letter by letter."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor

PAD = 0
CHARACTERS = string.ascii_lowercase + string.digits


class WordTokenizer:
    """Turns text into token ids the way open_clip's tokenizers do: start token, words, end token, zeros.

    The end token has the highest id, because open_clip finds it with an argmax. Punctuation is dropped and letters
    are lower-cased. The vocabulary stays in the hundreds, where the tokenizer of the published CLIPs has 49,408
    entries: the embedding table of a demo model is then small beside its transformer.

    Args:
        vocabulary: the known words, lower-case, each once.
        context_length: tokens a text may have, start and end included. A longer text is cut, its end token kept.

    Raises:
        ValueError: a word is repeated or is not made of lower-case letters.
    """

    def __init__(self, vocabulary: Sequence[str], context_length: int = 77) -> None:
        if len(set(vocabulary)) != len(vocabulary):
            repeated = sorted({word for word in vocabulary if list(vocabulary).count(word) > 1})
            raise ValueError(f"the vocabulary repeats {repeated}: give each word once")
        odd = [word for word in vocabulary if not re.fullmatch(r"[a-z]+", word)]
        if odd:
            raise ValueError(f"vocabulary entries must be lower-case words of letters, not {odd[:5]}")
        words = [word for word in vocabulary if len(word) > 1]
        self.vocabulary = tuple(vocabulary)
        self.context_length = context_length
        self.ids = {entry: index for index, entry in enumerate([*CHARACTERS, *words], start=PAD + 1)}
        self.start = len(self.ids) + 1
        self.end = self.start + 1
        self.vocab_size = self.end + 1

    def encode(self, text: str) -> list[int]:
        """Token ids of one text, without start, end and padding."""
        ids: list[int] = []
        for word in re.findall(r"[a-z]+|[0-9]", text.lower()):
            ids += [self.ids[word]] if word in self.ids else [self.ids[letter] for letter in word]
        return ids

    def __call__(self, texts: str | Sequence[str], context_length: int | None = None) -> Int[Tensor, "text token"]:
        """Token ids of several texts, padded with zeros to the context length."""
        length = context_length or self.context_length
        texts = [texts] if isinstance(texts, str) else list(texts)
        tokens = torch.full((len(texts), length), PAD, dtype=torch.long)
        for row, text in zip(tokens, texts, strict=True):
            ids = [self.start, *self.encode(text)[: length - 2], self.end]
            row[: len(ids)] = torch.tensor(ids)
        return tokens
