"""RWDA: a network trained on sentences with random words in them tells normal from anomalous images.

Tamura, "Random Word Data Augmentation with CLIP for Zero-Shot Anomaly Detection", BMVC 2023 (arXiv 2308.11119). No code
is published and many choices are not stated: this is re-implemented from an incomplete description.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from zsad.clip import Backbone
from zsad.clip.prompts import ANOMALOUS, NORMAL
from zsad.detectors.options import check_phrases, check_texts
from zsad.detectors.text_training.detector import Texts, TextTrained, TextTrainedOptions
from zsad.detectors.text_training.random_words import random_sentences

STATES = {NORMAL: ("{}", "flawless {}", "perfect {}"), ANOMALOUS: ("damaged {}", "broken {}", "{} with defect")}
_HELD_OUT = 0.1


@dataclass(frozen=True)
class RWDAOptions(TextTrainedOptions):
    """Every open choice of RWDA; those of `TextTrainedOptions` too.

    Attributes:
        generator: "letters" draws strings of 3 to 8 letters; "tokens" draws from the tokenizer's entries, whole words
            and parts of words; or a list of words to draw from. The tokenizer of the demo backbones knows a hundred
            words, which "tokens" mixes with single letters; it spells strings of letters, whose tokens those backbones
            have hardly seen in training.
        random_words: of a sentence; 0 is the control without any.
        states: phrases with one `{}` for the object, under "normal" and "anomalous".
        sentences: with random words, on each side. A tenth of them tells when to stop training.
    """

    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    batch_size: int = 256
    generator: Literal["letters", "tokens"] | Sequence[str] = "letters"
    random_words: int = 4
    states: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=lambda: STATES)
    sentences: int = 10_000

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.generator, str):
            check_phrases("generator", self.generator, placeholder=False)
        check_texts("states", self.states)


class RWDA(TextTrained):
    """RWDA on one backbone."""

    name = "rwda"
    title = "RWDA"
    _options: RWDAOptions

    def __init__(self, backbone: Backbone, options: RWDAOptions | None = None) -> None:
        super().__init__(backbone, options or RWDAOptions())

    def _texts(self, words: str, state: dict[str, Tensor]) -> Texts:
        options = self._options
        phrases = [[phrase.replace("{}", words) for phrase in options.states[side]] for side in (NORMAL, ANOMALOUS)]
        tokens = random_sentences(
            self.backbone, phrases, options.sentences, options.random_words, options.generator, self._generator()
        )
        with torch.no_grad():
            features = torch.cat([self.backbone.embed_tokens(side) for side in tokens])
        sides = torch.tensor([index for index, side in enumerate(tokens) for _ in side], device=features.device)
        if options.random_words == 0:
            return Texts(features, sides)
        held_out = torch.zeros(2, options.sentences, dtype=torch.bool, device=features.device)
        held_out[:, -round(_HELD_OUT * options.sentences) :] = True
        return Texts(features, sides, held_out.flatten())
