"""Ordinary phrases for what a picture shows: products, materials, shapes, colours and parts. None is for damage."""

from __future__ import annotations

import colorsys
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from training.families import FAMILIES
from training.families.generic import COLOURS, MATERIALS
from zsad.data.demo.products import PRODUCTS

COLOUR_WORDS = tuple(COLOURS)
NONE = 255  # no word


def noun_of(group: str) -> str:
    """What a part is called by the name of its group: "key 03" is a key, "mark 3" a mark."""
    return re.sub(r"[^a-z ]", "", group).strip()


NOUNS = tuple(sorted({noun_of(group) for p in (*FAMILIES.values(), *PRODUCTS.values()) for group in p.movable}))


def colour_word(rgb: Sequence[float]) -> str:
    """The everyday word for a colour, channels in [0, 1]."""
    hue, saturation, value = colorsys.rgb_to_hsv(*rgb)
    if value < 0.22:
        return "black"
    if saturation < 0.15:
        return "white" if value > 0.8 else "grey"
    if hue < 0.12 and value < 0.55 and saturation < 0.75:
        return "brown"
    if hue > 0.85 and saturation < 0.6 and value > 0.7:
        return "pink"
    borders = ((0.035, "red"), (0.11, "orange"), (0.21, "yellow"), (0.44, "green"), (0.55, "turquoise"),
               (0.70, "blue"), (0.84, "purple"), (0.92, "pink"), (1.0, "red"))  # fmt: skip
    return next(word for border, word in borders if hue <= border)


@dataclass(frozen=True)
class Phrase:
    """A text and what it means: words that a product's name must hold, or the colour or noun of parts."""

    text: str
    product: frozenset[str] = frozenset()
    colour: int | None = None
    noun: int | None = None


def draw_phrases(products: ndarray, colours: ndarray, nouns: ndarray, rng: np.random.Generator) -> list[Phrase]:
    """Six phrases about some of the pictures: two for products, one for a material or shape, two for colours, one for a
    kind of part. Maps of colours and nouns are (picture, row, column).
    """
    phrases = []
    for name in rng.choice(products, 2):
        phrases.append(Phrase(_one(("a photo of a {}", "a {}", "the {}"), rng).format(name), frozenset(name.split())))
    words = [word for name in products for word in str(name).split()]
    made = [word for word in words if word in MATERIALS] or words
    word = _one((*made, *(word for word in words if word not in COLOURS)), rng)
    phrases.append(Phrase(_one(("{}", "something of {}", "a {} part"), rng).format(word), frozenset([word])))
    seen = [int(number) for number in np.unique(colours) if number != NONE] or [0]
    for number in rng.choice(seen, 2):
        text = _one(("{}", "a {} part", "something {}"), rng).format(COLOUR_WORDS[number])
        phrases.append(Phrase(text, colour=int(number)))
    parts = [int(number) for number in np.unique(nouns) if number != NONE] or [*range(len(NOUNS))]
    number = parts[rng.integers(len(parts))]
    phrases.append(Phrase(_one(("a {}", "the {}"), rng).format(NOUNS[number]), noun=number))
    return phrases


def meant(
    phrase: Phrase, names: Sequence[str], product: ndarray, colours: ndarray, nouns: ndarray
) -> Float[Tensor, "picture row column"]:
    """What a phrase means in each picture; all maps are (picture, row, column)."""
    if phrase.colour is not None:
        return torch.from_numpy(colours == phrase.colour).float()
    if phrase.noun is not None:
        return torch.from_numpy(nouns == phrase.noun).float()
    named = np.array([phrase.product <= set(name.split()) for name in names])
    return torch.from_numpy(product.astype(bool) & named[:, None, None]).float()


def _one(options: Sequence[str], rng: np.random.Generator) -> str:
    return str(options[rng.integers(len(options))])
