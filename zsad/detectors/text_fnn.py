"""A network trained on learned text vectors alone tells normal from anomalous images.

Gao et al., "Towards Better Zero-Shot Anomaly Detection under Distribution Shift with CLIP" (poster). A text is
`[diversity words] [distribution words] [semantic words]`: the first two are learned as token vectors, the last stay
readable and frozen. The poster states no formula; losses and training follow its parent PromptStyler (Cho et al., ICCV
2023, arXiv 2307.15199) where they can: this is re-implemented from an incomplete description.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from zsad.clip import Backbone
from zsad.clip.prompts import ANOMALOUS, NORMAL
from zsad.detectors.given import Count, NotNegative, Positive
from zsad.detectors.options import check_texts
from zsad.detectors.text_training.detector import UNKNOWN_OBJECT, Texts, TextTrained, TextTrainedOptions
from zsad.detectors.text_training.learned_words import (
    GuidedTexts,
    Knowledge,
    LearnedWords,
    content_features,
    content_guidance,
    embed_words,
    learn,
    moved_right,
    nearer_own_side,
    target_guidance,
    token_vectors,
    tokens_with_room,
    word_features,
)
from zsad.detectors.text_training.precise import precise_text

SEMANTIC = {NORMAL: ("{}.",), ANOMALOUS: ("broken {}.", "damaged {}.")}
SHIFTS = ("dark", "blurry", "noisy", "low contrast")
KINDS = ("diversity", "distribution")


@dataclass(frozen=True)
class TextFNNOptions(TextTrainedOptions):
    """Every open choice of the text-trained FNN; those of `TextTrainedOptions` too.

    Attributes:
        semantic: frozen prompts with one `{}` for the object, under "normal" and "anomalous".
        diversity_words, distribution_words: how many of each are learned. The head is trained on every diversity word
            with every distribution word and every semantic prompt.
        diversity_tokens, distribution_tokens: token vectors a word.
        diversity: what makes words of a kind different from each other: the "absolute" cosine of pairs, the "signed"
            one, or None.
        diversity_of: "text features" of the words by themselves, or their "token vectors".
        guidance: what keeps the meaning of the semantic prompts behind learned words: "content" (PromptStyler's
            contrast of the two sides), "knowledge" (stay close to the bare prompt's feature), "shifts" (become the
            prompt in a dark, blurry, noisy or low-contrast photo, in turns), or None.
        guided_words: "both kinds", as all words of PromptStyler are guided; or "distribution words", which alone the
            poster says it of: then some diversity word may take the meaning away whatever stands behind it. Diversity
            words, which are the same for all objects, are guided in front of prompts of an "object".
        guidance_of: of distribution words: "full texts", `[diversity words] [distribution words] [semantic words]`,
            which the head is trained on, as PromptStyler's term acts on its classifier's own texts; or "texts without
            diversity words", in whose front a diversity word may still take the meaning away.
        guidance_words: diversity words that stand in front of each distribution word in a step, in turns: of full
            texts alone.
        guidance_temperature: of the "content" contrast. PromptStyler prints none, which is 1: that draws on all texts
            nearly alike, and a few lose their meaning. A lower one draws on those that are about to.
        guidance_weight: of that term beside the diversity of the distribution words.
        schedule: "joint" learns all words of a kind at once, "sequential" one after the other.
        word_steps, word_learning_rate, word_momentum: of each word's gradient descent. Without diversity and guidance
            words stay as they are drawn.
    """

    semantic: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=lambda: SEMANTIC)
    diversity_words: int = 80
    diversity_tokens: int = 4
    distribution_words: int = 8
    distribution_tokens: int = 4
    diversity: Literal["absolute", "signed"] | None = "absolute"
    diversity_of: Literal["text features", "token vectors"] = "text features"
    guidance: Literal["content", "knowledge", "shifts"] | None = "content"
    guided_words: Literal["both kinds", "distribution words"] = "both kinds"
    guidance_of: Literal["full texts", "texts without diversity words"] = "full texts"
    guidance_words: Count = 8
    guidance_temperature: Positive = 0.1
    guidance_weight: NotNegative = 1.0
    schedule: Literal["joint", "sequential"] = "joint"
    word_steps: int = 100
    word_learning_rate: NotNegative = 0.002
    word_momentum: NotNegative = 0.9

    def __post_init__(self) -> None:
        super().__post_init__()
        check_texts("semantic", self.semantic)


class TextFNN(TextTrained):
    """The text-trained FNN on one backbone."""

    name = "text_fnn"
    title = "text FNN"
    _options: TextFNNOptions

    def __init__(self, backbone: Backbone, options: TextFNNOptions | None = None) -> None:
        super().__init__(backbone, options or TextFNNOptions())
        self._diversity: LearnedWords | None = None

    @cached_property
    def _tower(self) -> Backbone:
        return precise_text(self.backbone)

    def word_features(self, category: str) -> dict[str, Float[Tensor, "word dim"]]:
        """Unit text features of the learned words by themselves, under "diversity" and "distribution"."""
        self.train(category)
        state = self._states[self._words(category)]
        with torch.no_grad():
            return {kind: word_features(self._tower, v.shape[1])(v) for kind in KINDS for v in [_vectors(state, kind)]}

    def meaning(self, category: str) -> dict[str, float]:
        """How far the texts that the head is trained on keep their meaning, as shares in [0, 1]: "moved right" is that
        of anomalous texts which lie further towards the anomalous side than the normal text of the same words,
        "nearer own side" that of texts which lie nearer to their own side's bare prompts than to the other's.
        """
        texts, sides = self.texts(category), self._prompts(self._words(category))
        prompts = sum(map(len, sides))
        features, anomalous = texts.features.unflatten(0, (-1, prompts)), texts.sides[:prompts] == 1
        contents = content_features(self._tower, sides)
        return {
            "moved right": moved_right(features, anomalous, contents),
            "nearer own side": nearer_own_side(features, anomalous, contents),
        }

    def _learn(
        self, words: str, state: dict[str, Tensor], checkpoint: Callable[[dict[str, Tensor]], None]
    ) -> dict[str, Tensor]:
        """Diversity words, which no object's name touches and which are learned once, then distribution words."""
        self._check_room(words)
        learned = _read(state, self.backbone.device) if state else self._drawn()
        if self._diversity is not None:
            learned["diversity"] = self._diversity
        options, both = self._options, self._options.guided_words == "both kinds"
        guidance = self._guidance(UNKNOWN_OBJECT, options.diversity_tokens) if both else None
        self._learn_kind(learned, "diversity", guidance, checkpoint)
        self._diversity = learned["diversity"]
        front = self._diversity.vectors if options.guidance_of == "full texts" else None
        guidance = self._guidance(words, options.distribution_tokens, front)
        self._learn_kind(learned, "distribution", guidance, checkpoint)
        return _write(learned)

    def _drawn(self) -> dict[str, LearnedWords]:
        options, generator = self._options, self._generator()
        sizes = {
            "diversity": (options.diversity_words, options.diversity_tokens),
            "distribution": (options.distribution_words, options.distribution_tokens),
        }
        width, device = self.backbone.word_width, self.backbone.device
        return {kind: LearnedWords.random(*sizes[kind], width, generator, device) for kind in KINDS}

    def _learn_kind(
        self,
        learned: dict[str, LearnedWords],
        kind: str,
        guidance: Knowledge | None,
        checkpoint: Callable[[dict[str, Tensor]], None],
    ) -> None:
        options, kept = self._options, learned[kind]
        of_text = options.diversity_of == "text features"
        learn(
            kept,
            word_features(self._tower, kept.vectors.shape[1]) if of_text else token_vectors,
            guidance,
            diversity=options.diversity,
            weight=options.guidance_weight,
            schedule=options.schedule,
            steps=options.word_steps,
            learning_rate=options.word_learning_rate,
            momentum=options.word_momentum,
            checkpoint=lambda: checkpoint(_write(learned)),
            description=f"{kind} words",
        )

    def _guidance(
        self, words: str, tokens: int, front: Float[Tensor, "front fronttoken width"] | None = None
    ) -> Knowledge | None:
        options, sides = self._options, self._prompts(words)
        if options.guidance is None:
            return None
        texts = GuidedTexts(self._tower, sides, tokens, front, options.guidance_words)
        if options.guidance == "content":
            return content_guidance(texts, options.guidance_temperature)
        bare = [prompt for side in sides for prompt in side]
        openings = [""] if options.guidance == "knowledge" else [f"a {shift} photo of a " for shift in SHIFTS]
        targets = torch.stack([self._tower.embed_text([opening + prompt for prompt in bare]) for opening in openings])
        return target_guidance(texts, targets)

    def _check_room(self, words: str) -> None:
        """Raise a ValueError, before anything is learned, for a text that the context does not hold."""
        options = self._options
        for prompts in self._prompts(words):
            tokens_with_room(self.backbone, prompts, options.diversity_tokens + options.distribution_tokens)

    def _prompts(self, words: str) -> list[list[str]]:
        return [
            [phrase.replace("{}", words) for phrase in self._options.semantic[side]] for side in (NORMAL, ANOMALOUS)
        ]

    def _texts(self, words: str, state: dict[str, Tensor]) -> Texts:
        diversity, distribution = (_vectors(state, kind) for kind in KINDS)
        sides = self._prompts(words)
        prompts = [prompt for side in sides for prompt in side]
        pairs = torch.cat(
            [
                diversity.repeat_interleave(len(distribution), dim=0),
                distribution.repeat(len(diversity), 1, 1),
            ],
            dim=1,
        )
        with torch.no_grad():
            features = embed_words(self._tower, pairs, prompts)
        side_of = torch.tensor([index for index, side in enumerate(sides) for _ in side], device=features.device)
        return Texts(features.flatten(0, 1), side_of.repeat(len(pairs)))


def _vectors(state: dict[str, Tensor], kind: str) -> Float[Tensor, "word token width"]:
    return state[f"{kind}.vectors"]


def _write(learned: dict[str, LearnedWords]) -> dict[str, Tensor]:
    """As tensors, to keep."""
    state: dict[str, Tensor] = {}
    for kind, words in learned.items():
        state |= {f"{kind}.vectors": words.vectors, f"{kind}.velocity": words.velocity}
        state[f"{kind}.step"] = torch.tensor(words.step)
    return state


def _read(state: dict[str, Tensor], device: torch.device) -> dict[str, LearnedWords]:
    return {
        kind: LearnedWords(
            state[f"{kind}.vectors"].to(device), state[f"{kind}.velocity"].to(device), int(state[f"{kind}.step"])
        )
        for kind in KINDS
    }
