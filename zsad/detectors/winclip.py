"""WinCLIP, zero-shot: text prototypes of normal and anomalous, compared with an image and windows of its patches.

Jeong et al., "WinCLIP: Zero-/Few-Shot Anomaly Classification and Segmentation", CVPR 2023. Where the paper does not
say, and public ports disagree, the choice is an option of `WinCLIPOptions`.
"""

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from zsad.clip import Backbone
from zsad.clip.prompts import ANOMALOUS, NORMAL, STATES, TEMPLATES, clean_class_name, compose
from zsad.clip.prototypes import Average, text_prototypes
from zsad.detectors.base import Prediction, check_images, check_prediction
from zsad.detectors.given import Checked
from zsad.detectors.options import as_json, check_phrases, check_texts, fingerprint
from zsad.detectors.scoring import check_windows
from zsad.detectors.windows import crop, harmonic_map, harmonic_mean, square_tiles, stitch
from zsad.leagues import League, league_of


@dataclass(frozen=True)
class WinCLIPOptions(Checked):
    """Every open choice of WinCLIP.

    Attributes:
        templates: "22", "21" (the list of two ports: one sentence twice), or sentences with one `{}`.
        states: phrases with one `{}` for the class name, under "normal" and "anomalous".
        prompts: whole sentences under "normal" and "anomalous" instead of states and templates; `{}`, where present,
            is the class name.
        average: "unit" normalises each sentence before the mean, "raw" does not.
        replace_underscores, keep_digits: how a folder name becomes the words for the object.
        temperature: of the softmax; 0.07 or 0.01 in public ports. It cannot change the ranking of images by the class
            token, but it changes the map.
        scales: window sizes in patches; may be empty while `image_scale` is on.
        image_scale: whether the score of the whole image is one more, constant, scale of the map.
        aggregate: "anomaly" takes harmonic means of anomaly scores; "normality" of normality, inverted at the end.
        image_score: "class token" of the whole image, or "map maximum".
        non_square: "tile" cuts an image that is not square into square tiles (side: the shorter edge; stride: 0.8 of
            it; the last one flush), averages their scores and stitches their maps; "squash" resizes it to a square. The
            first is what the paper seems to do, the second what most ports do.
        multi_crop: None, or the side of extra crops as a fraction of the shorter edge, in (0, 1]: the class-token score
            is then the mean over the whole image and these crops. The paper has such a step without saying which crops;
            1.0 gives the tiles above.
        text_cache: a folder in which text prototypes are kept; it changes no result.
    """

    templates: Literal["22", "21"] | Sequence[str] = "22"
    states: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=lambda: STATES)
    prompts: Mapping[str, Sequence[str]] | None = None
    average: Average = "unit"
    replace_underscores: bool = True
    keep_digits: bool = True
    temperature: float = 0.07
    scales: Sequence[int] = (2, 3)
    image_scale: bool = True
    aggregate: Literal["anomaly", "normality"] = "anomaly"
    image_score: Literal["class token", "map maximum"] = "class token"
    non_square: Literal["tile", "squash"] = "tile"
    multi_crop: float | None = None
    text_cache: str | Path | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_phrases("templates", self.template_list)
        check_texts("states", self.states)
        if self.prompts is not None:
            check_texts("prompts", self.prompts, placeholder=False)
        if len(set(self.scales)) != len(self.scales) or any(scale < 1 for scale in self.scales):
            raise ValueError(f"scales must be different window sizes of at least 1 patch, not {self.scales}")
        if not self.scales and not self.image_scale:
            raise ValueError("a map needs at least one scale: give scales, or set image_scale=True")
        if self.multi_crop is not None and not 0 < self.multi_crop <= 1:
            raise ValueError(f"multi_crop must be in (0, 1] or None, not {self.multi_crop}")

    @property
    def template_list(self) -> tuple[str, ...]:
        return TEMPLATES[self.templates] if isinstance(self.templates, str) else tuple(self.templates)

    def sentences(self, category: str) -> dict[str, list[str]]:
        """All sentences of both sides for a category's folder name.

        Raises:
            ValueError: the name leaves no words.
        """
        class_name = clean_class_name(category, self.replace_underscores, self.keep_digits)
        if not class_name:
            raise ValueError(
                f"WinCLIP compares an image with text: give a category name, not {category!r} (keep_digits=True keeps "
                "its digits)"
            )
        if self.prompts is not None:
            return {side: [line.replace("{}", class_name) for line in lines] for side, lines in self.prompts.items()}
        return compose(class_name, self.states, self.template_list)


class WinCLIP:
    """WinCLIP on one backbone. Differentiable from the prediction down to the images."""

    name = "winclip"
    title = "WinCLIP"

    def __init__(self, backbone: Backbone, options: WinCLIPOptions | None = None) -> None:
        self.backbone = backbone
        self._options = options or WinCLIPOptions()
        self._prototypes: dict[str, Tensor] = {}
        self._window_gradient = True
        check_windows(backbone, self._options.scales)

    @property
    def league(self) -> League:
        """That of the backbone."""
        return league_of(self.backbone.shown)

    @property
    def options(self) -> dict[str, Any]:
        """Every choice that can change a prediction, resolved, as plain JSON values."""
        return as_json(self._options) | {"templates": list(self._options.template_list)}

    @property
    def fingerprint(self) -> str:
        """sha256 over name, options and weights."""
        return fingerprint(self.name, self.options, self.backbone)

    def with_class_token_gradient(self) -> "WinCLIP":
        """The same detector, with the same predictions, whose gradients reach the images through the class token alone.

        So does the WinCLIP port that the semantic robustness paper's released attack runs on: a hook detaches what the
        window branches see. Useless without `image_scale`, which alone brings the class token into the map.
        """
        variant = copy.copy(self)
        variant._window_gradient = False
        return variant

    def predict(self, images: Float[Tensor, "image 3 height width"], category: str) -> Prediction:
        """Score images of one category.

        Args:
            images: RGB in [0, 1], any size.
            category: the category's name, as its folder is called or in words ("metal_nut", "metal nut").

        Returns:
            Scores and maps in (0, 1), at the size and on the device of the images.

        Raises:
            ValueError: images outside [0, 1] or not numbers, a category that leaves no words or has letters that the
                tokenizer lacks, or a result that is not finite.
        """
        check_images(images)
        self._text_prototypes(category)  # a name that says nothing fails before the images are embedded
        height, width = images.shape[-2:]
        tiled = height != width and self._options.non_square == "tile"
        if tiled:
            tiles = square_tiles(height, width)
            part = self._predict_squashed(crop(images, tiles), category)
            prediction = Prediction(_mean_over_tiles(part.score, len(tiles)), stitch(part.map, tiles, height, width))
        else:
            prediction = self._predict_squashed(images, category)
        if self._options.multi_crop is not None:
            prediction = Prediction(self._multi_crop_score(images, category), prediction.map)
        if self._options.image_score == "map maximum":
            prediction = Prediction(prediction.map.flatten(1).amax(dim=1), prediction.map)
        prediction = Prediction(prediction.score.to(images.device), prediction.map.to(images.device))
        return check_prediction(prediction, self.name, category)

    def _predict_squashed(self, images: Float[Tensor, "image 3 height width"], category: str) -> Prediction:
        """Class-token score, and map at the size given, of images taken whole."""
        options, grid = self._options, self.backbone.grid
        if self._window_gradient:
            image, windows = self.backbone.embed_image_and_windows(images, options.scales)
        else:
            image = self.backbone.embed_image(images)
            with torch.no_grad():
                windows = self.backbone.embed_windows(images, options.scales)
        whole = self._probabilities(image, category)
        side = 1 if options.aggregate == "anomaly" else 0
        maps = [
            harmonic_map(self._probabilities(embeddings, category)[..., side], grid, size)
            for size, embeddings in windows.items()
        ]
        if options.image_scale:
            maps.append(whole[:, side, None, None].expand(-1, *grid))
        merged = harmonic_mean(torch.stack(maps))
        if options.aggregate == "normality":
            merged = 1 - merged
        resized = F.interpolate(merged.unsqueeze(1), size=images.shape[-2:], mode="bilinear", align_corners=False)
        return Prediction(whole[:, 1], resized.squeeze(1))

    def _multi_crop_score(
        self, images: Float[Tensor, "image 3 height width"], category: str
    ) -> Float[Tensor, " image"]:
        """Mean class-token score over the whole image, squashed, and square crops of it."""
        tiles = square_tiles(images.shape[-2], images.shape[-1], self._options.multi_crop or 1.0)
        features = torch.cat([self.backbone.embed_image(images), self.backbone.embed_image(crop(images, tiles))])
        return _mean_over_tiles(self._probabilities(features, category)[:, 1], 1 + len(tiles))

    def _probabilities(self, features: Float[Tensor, "*batch dim"], category: str) -> Float[Tensor, "*batch 2"]:
        """Softmax over (normal, anomalous)."""
        prototypes = self._text_prototypes(category).to(features.dtype)
        return (features @ prototypes.T / self._options.temperature).softmax(dim=-1)

    def _text_prototypes(self, category: str) -> Float[Tensor, "2 dim"]:
        if category not in self._prototypes:
            sentences = self._options.sentences(category)
            self._prototypes[category] = text_prototypes(
                self.backbone,
                [sentences[NORMAL], sentences[ANOMALOUS]],
                self._options.average,
                self._options.text_cache,
            )
        return self._prototypes[category]


def _mean_over_tiles(scores: Float[Tensor, " tile_image"], tiles: int) -> Float[Tensor, " image"]:
    means: Tensor = scores.unflatten(0, (tiles, -1)).mean(dim=0)
    return means
