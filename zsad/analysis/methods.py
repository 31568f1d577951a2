"""Methods in a few words, for a picture of each: what it sees of an image, and what was learned for it beforehand.

A detector's class may say both itself, as `sees` and `learned`; one that says neither and has no words here is shown by
its title, with a dash for each. What it was never shown follows from its league (`zsad.leagues.never_shown`).
"""

from collections.abc import Mapping
from typing import NamedTuple

from zsad.leagues import Shown, never_shown


class InWords(NamedTuple):
    """What a detector looks at, and what was learned to detect beyond its backbone."""

    sees: str
    learned: str


# By a detector's name in `zsad.detectors.DETECTORS`, of those whose class does not say it.
METHODS: Mapping[str, InWords] = {
    "winclip": InWords("one image: windows of two sizes and the whole, beside sentences", "nothing"),
    "clip": InWords("one image as a whole, beside two sentences", "nothing"),
    "clip_ac": InWords("one image as a whole, beside 80 templates a side", "nothing"),
    "rwda": InWords("one image as a whole", "a network, on sentences with random words"),
    "text_fnn": InWords("one image as a whole", "words and a network, on text vectors"),
    "tiling": InWords("one image: tiles of its foreground, beside sentences", "nothing; its segmenters were"),
    "anomalyclip": InWords(
        "one image and its patches, beside two prompts", "the prompts, on anomalies of other products"
    ),
    "april_gan": InWords(
        "one image and its patches at several depths, beside sentences",
        "for its maps a linear layer a depth, on anomalies of other products",
    ),
    "maeday": InWords("one image, three quarters hidden at a time", "to paint what is hidden, on undamaged products"),
    "acr": InWords("all test images of a product together", "a head, on undamaged images of other products"),
    "musc": InWords("all test images of a product together", "nothing"),
    "winclip_plus": InWords("one image, beside sentences and a few good images of the product", "nothing"),
}

SHORT: dict[Shown, str] = {
    "test images": "other test images",
    "normal images of the product": "good training images",
    "a few good images of the product": "a few good images",
    "anomalies of other products": "other anomalies",
    "masks of damage of other products": "masks of damage",
    "captions": "text",
}


def in_words(name: str, league: str, told: InWords | None = None) -> tuple[str, str, str]:
    """What a detector sees, what was learned for it, and what no part of it was shown (of a league that rules nothing
    out, what no detector is); a dash for what is said nowhere.

    Args:
        told: what its class says of it, where that says both.
    """
    words = told or METHODS.get(name) or InWords("–", "–")
    return *words, ", ".join(SHORT[thing] for thing in never_shown(league)) or "labels of test images"
