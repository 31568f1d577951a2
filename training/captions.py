"""What is written under a training picture, and which pictures a sentence is true of.

A sentence names the product, or what is seen of it (colour, material, shape), and often its state: in the words of
WinCLIP's prompts, in rarer ones, or by the kind of damage. It speaks of the whole picture, never of a place in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.families import FAMILIES
from training.families.generic import COLOURS, MATERIALS, OUTLINES
from zsad.data.demo.products import PRODUCTS

TEMPLATES = (
    "a photo of {}", "a cropped photo of {}", "a close-up photo of {}", "a bright photo of {}", "a dark photo of {}",
    "a jpeg corrupted photo of {}", "a blurry photo of {}", "a photo of a small {}", "a photo of a large {}",
    "a photo of {} for visual inspection", "a photo of {} for anomaly detection", "a picture of {}", "{}",
    "a product photo of {}", "an image of {}",
)  # fmt: skip
NORMAL = (
    "{}", "{}", "flawless {}", "perfect {}", "unblemished {}", "{} without flaw", "{} without defect",
    "{} without damage", "intact {}", "new {}", "normal {}", "good {}",
)  # fmt: skip
NORMAL_RARELY = (
    "amazing {}", "pristine {}", "undamaged {}", "{} in good condition", "unbroken {}", "complete {}",
    "{} without any imperfections", "{} without any scratches", "{} without any marks", "{} without blemish",
)  # fmt: skip
ANOMALOUS = (
    "damaged {}", "damaged {}", "{} with flaw", "{} with flaw", "{} with defect", "{} with defect", "{} with damage",
    "{} with damage", "broken {}", "defective {}", "anomalous {}", "bad {}",
)  # fmt: skip
ANOMALOUS_RARELY = (
    "flawed {}", "{} in poor condition", "worn {}", "{} with imperfections", "faulty {}", "{} with a blemish",
    "{} with a fault", "{} with an imperfection", "{} with some damage", "{} with an anomaly", "{} with an abnormality",
    "{} with a mistake", "{} with an error", "abnormal {}",
)  # fmt: skip
KIND_WORDS = {
    "scratch": ("scratched {}", "{} with a scratch", "{} with scratches", "{} with a cut", "{} with a mark"),
    "crack": ("cracked {}", "{} with a crack", "fractured {}", "{} with a tear", "{} with a break", "{} with a rip"),
    "hole": ("{} with a hole", "{} with a tear", "burst {}"), "dent": ("dented {}", "{} with a dent", "bent {}"),
    "stain": ("stained {}", "{} with a stain", "{} with marks", "{} with a mark"),
    "contamination": ("contaminated {}", "{} with contamination", "{} with dirt"),
    "rust": ("rusty {}", "{} with rust"), "discolouration": ("discoloured {}", "{} with discolouration"),
    "burn": ("burnt {}", "{} with a burn"),
    "chip": ("chipped {}", "incomplete {}", "{} with a break", "shattered {}", "snapped {}", "{} in pieces"),
    "turned": ("{} with a turned part",), "misplaced": ("{} with a misplaced part",),
    "missing": ("{} with a missing part", "{} with a missing component", "incomplete {}"),
}  # fmt: skip
SHARE_OF_KINDS, SHARE_OF_RARE = 0.3, 0.2
DESCRIBED = {*COLOURS, *MATERIALS}  # what a sentence may leave out


@dataclass(frozen=True)
class Caption:
    """A sentence: `words` name the product; `damaged` its state, and `kinds` the damage that it means (none: any)."""

    text: str
    words: frozenset[str]
    damaged: bool
    kinds: frozenset[str]

    def tells(self, product: str, defect: str) -> bool:
        """Whether it is true of a picture of a product with a kind of damage ("" for none)."""
        if not self.words <= set(product.split()) or self.damaged != bool(defect):
            return False
        return not self.kinds or defect in self.kinds


def write(product: str, defect: str, rng: np.random.Generator) -> Caption:
    """A caption for a picture of a product, by its full name, with a kind of damage ("" for none)."""
    words = [word for word in product.split() if word not in DESCRIBED or rng.random() < 0.6]
    kinds: frozenset[str] = frozenset()
    if defect and rng.random() < SHARE_OF_KINDS:
        state = _one(KIND_WORDS[defect], rng)
        kinds = frozenset(kind for kind, phrases in KIND_WORDS.items() if state in phrases)
    else:
        rare = rng.random() < SHARE_OF_RARE
        often, rarely = (ANOMALOUS, ANOMALOUS_RARELY) if defect else (NORMAL, NORMAL_RARELY)
        state = _one(rarely if rare else often, rng)
    template, phrase = _one(TEMPLATES, rng), state.format(" ".join(words))
    article = "" if " a " in template.split("{}")[0][-9:] else _one(("", "a ", "the "), rng)
    text = template.format(article + phrase).replace("a a ", "a ")
    return Caption(text, frozenset(words), bool(defect), kinds)


def _one(options: tuple[str, ...], rng: np.random.Generator) -> str:
    return options[rng.integers(len(options))]


def vocabulary() -> list[str]:
    """Every word of the captions."""
    sentences = [*TEMPLATES, *NORMAL, *NORMAL_RARELY, *ANOMALOUS, *ANOMALOUS_RARELY]
    sentences += [phrase for phrases in KIND_WORDS.values() for phrase in phrases]
    sentences += [product.name for product in (*FAMILIES.values(), *PRODUCTS.values())]
    sentences += [*COLOURS, *MATERIALS, *OUTLINES, *(f"{shape}s" for shape in OUTLINES), "a the of object board part"]
    words = {word for text in sentences for word in text.replace("{}", " ").replace("-", " ").split()}
    return sorted(words)
