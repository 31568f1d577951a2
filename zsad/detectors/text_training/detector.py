"""What detectors trained on text alone have in common: options, and training, kept and resumed, before a prediction."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor

from zsad.clip import Backbone
from zsad.detectors.base import Prediction, check_images, check_prediction
from zsad.detectors.given import Checked, NotNegative, Positive
from zsad.detectors.options import as_json, fingerprint, object_words
from zsad.detectors.scoring import MapFrom, check_windows, score_images
from zsad.detectors.text_training.heads import Head, HeadKind, anomaly_score, make_head, train_head
from zsad.detectors.text_training.state import Purpose, kept_state, load_state, purpose_of, save_state
from zsad.leagues import League, league_of

log = logging.getLogger(__name__)

UNKNOWN_OBJECT = "object"
# Options that training does not depend on.
_AFTER_TRAINING = ("temperature", "map", "windows")


@dataclass(frozen=True)
class TextTrainedOptions(Checked):
    """Choices that every detector trained on text has.

    Attributes:
        known_name: whether texts name the object; else they say "object", and one training serves all categories.
        head: "fnn", "linear" (its control), "arcface" (a linear head with an angular margin, as in PromptStyler), or
            "prototype" (no network: the mean text of each side).
        layers: of the FNN, 2 or 3.
        dropout: fraction of the FNN's hidden units that are dropped in training.
        epochs, batch_size, learning_rate: of the head's training with AdamW.
        noise: standard deviation of Gaussian noise on the text features in training, against the gap between text and
            image features.
        seed: of everything random. Equal seeds give equal results up to rounding, whatever the device: numbers are
            drawn on the CPU, and training adds up in float64.
        temperature: the head's logits are divided by it to make a score. It leaves the ranking as it is, as long as
            sure scores do not all round to 1.
        map: "score" spreads the score of the image over its pixels: the sources of these methods state no map;
            "patches" scores every patch by itself.
        windows: sizes in patches of windows whose scores join the image's score; each costs more than the image.
        cache: a folder in which trainings are kept and resumed; it changes no result.
    """

    known_name: bool = True
    head: HeadKind = "fnn"
    layers: Literal[2, 3] = 2
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    epochs: int = 50
    batch_size: int = 128
    learning_rate: Positive = 0.001
    noise: NotNegative = 0.0
    seed: int = 0
    temperature: float = 1.0
    map: MapFrom = "score"
    windows: Sequence[int] = ()
    cache: str | Path | None = None


@dataclass(frozen=True)
class Texts:
    """Unit features of texts, which side each is on (0 normal, 1 anomalous), and which are held out of training."""

    features: Float[Tensor, "text dim"]
    sides: Int[Tensor, " text"]
    held_out: Tensor | None = None


class TextTrained:
    """A detector that trains a head on text features, when a category is first met, and scores images with it.

    No image takes part in training: it sees the backbone's text tower and the words for the object. A subclass says
    what is learned before the head, if anything, and which texts the head is trained on.
    """

    name: str

    def __init__(self, backbone: Backbone, options: TextTrainedOptions) -> None:
        check_windows(backbone, options.windows)
        self.backbone = backbone
        self._options = options
        self._states: dict[str, dict[str, Tensor]] = {}
        self._heads: dict[str, Head] = {}

    @property
    def league(self) -> League:
        """That of the backbone. What it trains sees nothing but texts."""
        return league_of(self.backbone.shown)

    @property
    def options(self) -> dict[str, Any]:
        """Every choice that can change a prediction, resolved, as plain JSON values."""
        return as_json(self._options)

    @property
    def fingerprint(self) -> str:
        """sha256 over name, options and weights. Training adds nothing: it follows from them."""
        return fingerprint(self.name, self.options, self.backbone)

    @property
    def localises(self) -> bool:
        """Whether the maps tell one place of an image from another."""
        return self._options.map != "score"

    def predict(self, images: Float[Tensor, "image 3 height width"], category: str) -> Prediction:
        """Score images of one category, after training for it where that has not been done.

        Args:
            images: RGB in [0, 1], any size; squashed to the input size of the model.
            category: the category's name, as its folder is called or in words ("metal_nut", "metal nut").

        Returns:
            Scores and maps in [0, 1], at the size and on the device of the images. Gradients flow to the images.

        Raises:
            ValueError: images outside [0, 1] or not numbers, an empty category, texts longer than the context, a
                training in the cache that belongs to something else, or a result that is not finite.
        """
        check_images(images)
        head = self.train(category)
        score = partial(anomaly_score, head, temperature=self._options.temperature)
        prediction = score_images(self.backbone, score, images, self._options.map, self._options.windows)
        return check_prediction(prediction, self.name, category)

    def train(self, category: str) -> Head:
        """The head for a category, trained now unless it is at hand or in the cache."""
        words = self._words(category)
        if words not in self._heads:
            self._train(words)
        return self._heads[words]

    def save(self, category: str, path: str | Path) -> None:
        """Write the training for a category, done now if need be, to a file that `load` takes."""
        self.train(category)
        words = self._words(category)
        save_state(path, self._states[words], self._purpose(words))

    def load(self, category: str, path: str | Path) -> None:
        """Take the training for a category from a file that `save` wrote.

        Raises:
            FileNotFoundError: no such file.
            ValueError: it is damaged, or belongs to another backbone, object or other options.
        """
        words = self._words(category)
        self._keep(words, load_state(path, self._purpose(words)))

    def texts(self, category: str) -> Texts:
        """What the head for a category is trained on."""
        self.train(category)
        words = self._words(category)
        return self._texts(words, self._states[words])

    def _learn(
        self, words: str, state: dict[str, Tensor], checkpoint: Callable[[dict[str, Tensor]], None]
    ) -> dict[str, Tensor]:
        """What is learned before the head, going on from `state`. Nothing, unless a subclass says so."""
        return {}

    def _texts(self, words: str, state: dict[str, Tensor]) -> Texts:
        raise NotImplementedError

    def _words(self, category: str) -> str:
        words = object_words(category, self.name)
        return words if self._options.known_name else UNKNOWN_OBJECT

    def _purpose(self, words: str) -> Purpose:
        options = {name: value for name, value in self.options.items() if name not in _AFTER_TRAINING}
        options["trained_in"] = "float64"  # a training that was kept in float32 is not gone on from
        return purpose_of(self.name, words, options, self.backbone.fingerprint)

    def _train(self, words: str) -> None:
        started = time.monotonic()
        purpose = self._purpose(words)
        path = None if self._options.cache is None else purpose.file_in(self._options.cache)

        def keep_on_disk(state: dict[str, Tensor]) -> None:
            if path is not None:
                save_state(path, state, purpose)

        state = kept_state(path, purpose) or {}
        if not any(name.startswith("head.") for name in state):
            with torch.inference_mode(False), torch.enable_grad():
                state = self._learn(words, state, keep_on_disk)
                head = self._train_head(self._texts(words, state))
            # Scores are computed in float32, as the embeddings of images are.
            state |= {f"head.{name}": value.float() for name, value in head.state_dict().items()}
            keep_on_disk(state)
            log.info("trained %s for %r on text in %.1f s", self.name, words, time.monotonic() - started)
        self._keep(words, state)

    def _train_head(self, texts: Texts) -> Head:
        options, generator = self._options, self._generator()
        features, sides, held_out = texts.features.double(), texts.sides, None
        head = make_head(options.head, self.backbone.embed_dim, generator, options.layers, options.dropout).to(features)
        if texts.held_out is not None:
            held_out = features[texts.held_out], sides[texts.held_out]
            features, sides = features[~texts.held_out], sides[~texts.held_out]
        train_head(
            head,
            features,
            sides,
            generator,
            epochs=options.epochs,
            batch_size=options.batch_size,
            learning_rate=options.learning_rate,
            noise=options.noise,
            held_out=held_out,
        )
        return head

    @torch.inference_mode(False)
    def _keep(self, words: str, state: dict[str, Tensor]) -> None:
        state = {name: value.to(self.backbone.device) for name, value in state.items()}
        options = self._options
        head = make_head(options.head, self.backbone.embed_dim, self._generator(), options.layers, options.dropout)
        weights = {name.removeprefix("head."): v for name, v in state.items() if name.startswith("head.")}
        head.to(self.backbone.device).load_state_dict(weights)
        self._states[words], self._heads[words] = state, head.requires_grad_(False)

    def _generator(self) -> torch.Generator:
        return torch.Generator().manual_seed(self._options.seed)
