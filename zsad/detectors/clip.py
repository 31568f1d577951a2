"""Plain CLIP: one sentence for a normal object, one for an anomalous one.

Two definitions of this baseline are in print. Zhou et al., "AnomalyCLIP", ICLR 2024, compare the image with a pair of
sentences. Jeong et al., "WinCLIP", CVPR 2023, have a row for the normal sentence alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from zsad.clip import Backbone
from zsad.clip.prototypes import text_prototypes
from zsad.detectors.base import Prediction, check_images, check_prediction
from zsad.detectors.given import Checked
from zsad.detectors.options import as_json, fingerprint, object_words
from zsad.detectors.scoring import MapFrom, score_images
from zsad.leagues import League, league_of


@dataclass(frozen=True)
class CLIPOptions(Checked):
    """Every open choice of plain CLIP.

    Attributes:
        definition: "AnomalyCLIP" compares "A photo of a normal [object]." with "A photo of an anomalous [object].";
            "WinCLIP" has "normal [object]" alone: the score is half the distance (1 - cosine) to it.
        normal_word, anomalous_word: the words in these sentences. Results are known to depend on them.
        temperature: of the softmax over both sides. It leaves the ranking of images and pixels as it is, as long as
            sure scores do not all round to 1: CLIP's own 0.01 comes near that.
        map: "patches" compares every patch with the sentences, as AnomalyCLIP's authors did; "score" spreads the score
            of the image over its pixels.
        text_cache: a folder in which text prototypes are kept; it changes no result.
    """

    definition: Literal["AnomalyCLIP", "WinCLIP"] = "AnomalyCLIP"
    normal_word: str = "normal"
    anomalous_word: str = "anomalous"
    temperature: float = 0.07
    map: MapFrom = "patches"
    text_cache: str | Path | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for option in ("normal_word", "anomalous_word"):
            if not getattr(self, option).strip():
                raise ValueError(f"{option} must not be empty")

    def sentences(self, words: str) -> list[list[str]]:
        """The sentences about an object, a list a side: normal first."""
        if self.definition == "WinCLIP":
            return [[f"{self.normal_word} {words}"]]
        return [[photo_of(f"{state} {words}")] for state in (self.normal_word, self.anomalous_word)]


class CLIP:
    """CLIP on one backbone. Differentiable from the prediction down to the images."""

    name = "clip"
    title = "CLIP"
    _defaults: type[CLIPOptions] = CLIPOptions

    def __init__(self, backbone: Backbone, options: CLIPOptions | None = None) -> None:
        self.backbone = backbone
        self._options = options or self._defaults()
        self._heads: dict[str, Callable[[Tensor], Tensor]] = {}

    @property
    def league(self) -> League:
        """That of the backbone."""
        return league_of(self.backbone.shown)

    @property
    def options(self) -> dict[str, Any]:
        """Every choice that can change a prediction, resolved, as plain JSON values."""
        return as_json(self._options)

    @property
    def fingerprint(self) -> str:
        """sha256 over name, options and weights."""
        return fingerprint(self.name, self.options, self.backbone)

    @property
    def localises(self) -> bool:
        """Whether the maps tell one place of an image from another."""
        return self._options.map != "score"

    def predict(self, images: Float[Tensor, "image 3 height width"], category: str) -> Prediction:
        """Score images of one category.

        Args:
            images: RGB in [0, 1], any size; squashed to the input size of the model.
            category: the category's name, as its folder is called or in words ("metal_nut", "metal nut").

        Returns:
            Scores and maps in [0, 1], at the size and on the device of the images.

        Raises:
            ValueError: images outside [0, 1] or not numbers, an empty category, sentences longer than the context, or
                a result that is not finite.
        """
        check_images(images)
        head = self._head(object_words(category, self.name))
        prediction = score_images(self.backbone, head, images, self._options.map)
        return check_prediction(prediction, self.name, category)

    def _head(self, words: str) -> Callable[[Tensor], Tensor]:
        if words not in self._heads:
            sentences = self._options.sentences(words)
            prototypes = text_prototypes(self.backbone, sentences, cache=self._options.text_cache)
            self._heads[words] = prototype_head(prototypes, self._options.temperature)
        return self._heads[words]


def photo_of(phrase: str) -> str:
    return f"A photo of {'an' if phrase[0].lower() in 'aeiou' else 'a'} {phrase}."


def prototype_head(prototypes: Float[Tensor, "side dim"], temperature: float) -> Callable[[Tensor], Tensor]:
    """Anomaly scores of unit embeddings: softmax over both sides, or half the distance to the only one."""

    def head(features: Tensor) -> Tensor:
        cosines = features @ prototypes.to(features.dtype).T
        if prototypes.shape[0] == 1:
            return (1 - cosines[..., 0]) / 2
        return torch.softmax(cosines / temperature, dim=-1)[..., 1]

    return head
