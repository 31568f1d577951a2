"""APRIL-GAN, zero-shot: patch tokens of several blocks, each through a learned linear layer, compared with text.

Chen, Han and Zhang, "APRIL-GAN: A Zero-/Few-Shot Anomaly Classification and Segmentation Method for CVPR 2023 VAND
Workshop Challenge", arXiv 2305.17382; what the paper leaves open is as in the authors' code. The layers are trained on
anomalies of other products (`zsad.auxiliary.april_gan`); the score of an image takes no part in that.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from zsad.clip import Backbone
from zsad.clip.checkpoint import read_state
from zsad.clip.prompts import ANOMALOUS, NORMAL, STATES, clean_class_name, compose
from zsad.clip.prototypes import text_prototypes
from zsad.detectors.base import Prediction, check_images, check_prediction
from zsad.detectors.given import Checked
from zsad.detectors.learned import Learned, TrainedOn, check_read_as, check_tensors, load_learned, part_name
from zsad.detectors.options import as_json, fingerprint
from zsad.leagues import League, league_of
from zsad.paths import expanded

TEXT, VECTORS = "text", "learned vectors"
STATES_35 = {NORMAL: STATES[NORMAL], ANOMALOUS: (STATES[ANOMALOUS][0], "broken {}", *STATES[ANOMALOUS][1:])}
_LOOKS = ("bad", "low resolution", "cropped", "bright", "dark", "close-up", "black and white", "jpeg corrupted",
          "blurry", "good")  # fmt: skip
_DETERMINERS = ("a", "the", "my", "one", "a cool", "the cool", "a large", "the large", "a small", "the small")
TEMPLATES_35 = (
    *(f"a {look} photo of {article} {{}}." for look in _LOOKS for article in ("a", "the")),
    *(f"a photo of {determiner} {{}}." for determiner in _DETERMINERS),
    *(f"there is {article} {{}} in the scene." for article in ("a", "the")),
    *(f"this is {article} {{}} in the scene." for article in ("a", "the", "one")),
)
_PUBLISHED_BACKBONE = "ViT-L-14-336-APRIL-GAN"
# The authors' files name what they were trained on.
_PUBLISHED = {"mvtec": "mvtec_ad", "visa": "visa"}
_ENTRY = "trainable_linearlayer"
_REPOSITORY = "the GitHub repository ByChelsea/VAND-APRIL-GAN"


@dataclass(frozen=True)
class AprilGANOptions(Checked):
    """Every open choice of APRIL-GAN.

    Attributes:
        trained_on: the name of the data set that the layers were trained on; or the path of their file: a .safetensors
            that `zsad train april_gan` wrote, or one of the authors', `mvtec_pretrained.pth` or `visa_pretrained.pth`,
            whose names say what they were trained on.
        weights_folder: where the files of layers lie that are named by their data set; by default those that ship.
        taps: blocks, counted from 1, whose patch tokens are taken; by default those at the quarters of the tower.
        compared_with: "text", or its control, two "learned vectors" a tap that stand in for normal and anomalous text
            in the map, the same for all products.
        temperature: of both softmaxes.
        replace_underscores: how a folder name becomes the words for the object; the authors leave it as it is.
        text_cache: a folder in which text prototypes are kept; it changes no result.
    """

    trained_on: str | Path = "demo-visa"
    weights_folder: str | Path | None = None
    taps: Sequence[int] | None = None
    compared_with: Literal["text", "learned vectors"] = "text"
    temperature: float = 0.01
    replace_underscores: bool = False
    text_cache: str | Path | None = None

    def sentences(self, category: str) -> list[list[str]]:
        """The sentences about a category, a list a side: normal first.

        Raises:
            ValueError: its name leaves no words.
        """
        words = clean_class_name(category, self.replace_underscores)
        if not words:
            raise ValueError(f"APRIL-GAN compares an image with text: give a category name, not {category!r}")
        sides = compose(words, STATES_35, TEMPLATES_35)
        return [sides[NORMAL], sides[ANOMALOUS]]


class Layers(nn.Module):
    """What is learned: a linear layer a tap, and, for the control, two vectors a tap.

    Args:
        width, dim: of patch tokens, and of text.
        taps: how many.
        vectors: whether the sides are learned too.
    """

    def __init__(self, width: int, dim: int, taps: int, vectors: bool = False) -> None:
        super().__init__()
        self.fc = nn.ModuleList([nn.Linear(width, dim) for _ in range(taps)])
        self.vectors = nn.Parameter(torch.randn(taps, 2, dim)) if vectors else None

    def forward(
        self,
        states: Sequence[Float[Tensor, "image patch width"]],
        text: Float[Tensor, "#image 2 dim"],
        temperature: float,
    ) -> list[Float[Tensor, "image patch 2"]]:
        """For each tap, the cosines of patches with both sides over the temperature; `text` is not used by the
        control."""
        logits, dtype = [], next(self.parameters()).dtype
        for tap, (layer, state) in enumerate(zip(self.fc, states, strict=True)):
            sides = text if self.vectors is None else F.normalize(self.vectors[tap], dim=-1).unsqueeze(0)
            patches = F.normalize(layer(state.to(dtype)), dim=-1)
            logits.append(patches @ sides.to(patches.dtype).transpose(1, 2) / temperature)
        return logits


class AprilGAN:
    """APRIL-GAN on one backbone. Differentiable from the prediction down to the images."""

    name = "april_gan"
    title = "APRIL-GAN"

    def __init__(self, backbone: Backbone, options: AprilGANOptions | None = None) -> None:
        self.backbone = backbone
        self._options = options or AprilGANOptions()
        self.taps = taps_of(backbone, self._options.taps)
        learned = load_layers(backbone, self.taps, self._options)
        self._digest, self._shown = learned.digest, learned.shown
        self.trained_on = learned.trained_on
        self._layers = _layers(backbone, self.taps, self._options.compared_with)
        shapes = {name: tensor.shape for name, tensor in self._layers.state_dict().items()}
        check_tensors(learned.path, learned.tensors, shapes, f"{backbone.name} with {len(self.taps)} taps")
        self._layers.load_state_dict(dict(learned.tensors))
        self._layers.to(backbone.device).requires_grad_(False)
        self._prototypes: dict[str, Tensor] = {}

    @property
    def league(self) -> League:
        """That of the maps: of the backbone and of what the layers were trained on, anomalies of other products."""
        return league_of(self.backbone.shown, self._shown)

    @property
    def league_of_scores(self) -> League:
        """That of the backbone: an image is scored by text alone."""
        return league_of(self.backbone.shown)

    @property
    def options(self) -> dict[str, Any]:
        """Every choice that can change a prediction, resolved, as plain JSON values."""
        resolved = dataclasses.replace(
            self._options, trained_on=self.trained_on.suite, taps=self.taps, weights_folder=None
        )
        return {name: value for name, value in as_json(resolved).items() if name != "weights_folder"}

    @property
    def fingerprint(self) -> str:
        """sha256 over name, options, backbone and layers."""
        return fingerprint(self.name, {**self.options, "layers": self._digest}, self.backbone)

    def predict(self, images: Float[Tensor, "image 3 height width"], category: str) -> Prediction:
        """Score images of one category.

        Args:
            images: RGB in [0, 1], any size; squashed to the input size of the model.
            category: the category's name, as its folder is called.

        Returns:
            Scores in [0, 1], and maps from 0 to the number of taps, at the size and on the device of the images.

        Raises:
            ValueError: images outside [0, 1] or not numbers, a category that leaves no words, sentences longer than the
                context, or a result that is not finite.
        """
        check_images(images)
        text = self._text(category)
        image, states = self.backbone.embed_image_and_states(images, self.taps)
        score = (image @ text.to(image.dtype).T / self._options.temperature).softmax(dim=-1)[:, 1]
        logits = self._layers([states[tap] for tap in self.taps], text.unsqueeze(0), self._options.temperature)
        maps = sum_of_maps(logits, self.backbone)
        if maps.shape[1:] != images.shape[2:]:
            maps = F.interpolate(maps.unsqueeze(1), images.shape[2:], mode="bilinear", align_corners=False).squeeze(1)
        return check_prediction(Prediction(score.to(images.device), maps.to(images.device)), self.name, category)

    def _text(self, category: str) -> Float[Tensor, "2 dim"]:
        if category not in self._prototypes:
            sentences = self._options.sentences(category)
            self._prototypes[category] = text_prototypes(self.backbone, sentences, cache=self._options.text_cache)
        return self._prototypes[category]


def sum_of_maps(
    logits: Sequence[Float[Tensor, "image patch 2"]], backbone: Backbone
) -> Float[Tensor, "image size size"]:
    """The anomaly maps of all taps, added up, at the backbone's input size."""
    return torch.stack([probabilities(one, backbone)[:, 1] for one in logits]).sum(dim=0)


def probabilities(logits: Float[Tensor, "image patch 2"], backbone: Backbone) -> Float[Tensor, "image 2 size size"]:
    """Of normal and anomalous at each pixel of the backbone's input: brought to that size first, as the authors do."""
    grid = logits.transpose(1, 2).unflatten(2, backbone.grid)
    size = (backbone.image_size, backbone.image_size)
    return F.interpolate(grid, size, mode="bilinear", align_corners=True).softmax(dim=1)


def taps_of(backbone: Backbone, taps: Sequence[int] | None) -> tuple[int, ...]:
    """The blocks that are asked for; by default those at the quarters of the tower, halves rounded up: 6, 12, 18, 24.

    Raises:
        ValueError: a block that the backbone does not have.
    """
    chosen = taps or [max(1, math.floor(backbone.blocks * quarter / 4 + 0.5)) for quarter in (1, 2, 3, 4)]
    backbone.check_blocks(chosen)
    return tuple(chosen)


def load_layers(backbone: Backbone, taps: Sequence[int], options: AprilGANOptions) -> Learned:
    """The layers that the options name.

    Raises:
        FileNotFoundError: they are not there.
        ValueError: they are damaged, no tensors, or belong to something else.
    """
    part, path = part_of(options.compared_with), expanded(options.trained_on)
    if options.weights_folder is not None and not path.suffix:
        path = _in_folder(expanded(options.weights_folder), part_name(part, backbone.name, path.name), path.name)
    if path.suffix == ".pth":
        check_read_as(path, backbone, _PUBLISHED_BACKBONE)
        _check_published_taps(path, backbone, taps)
        return _published(path, options.compared_with)
    return load_learned(part, path, backbone, {"taps": list(taps)})


def part_of(compared_with: str) -> str:
    """What the learned part is called."""
    return "april_gan" if compared_with == TEXT else "april_gan_vectors"


def _layers(backbone: Backbone, taps: Sequence[int], compared_with: str) -> Layers:
    with torch.random.fork_rng(devices=[]):
        return Layers(backbone.model.visual.transformer.width, backbone.embed_dim, len(taps), compared_with == VECTORS)


def _in_folder(folder: Path, name: str, suite: str) -> Path:
    """The file of layers that were trained on a suite: of `zsad train`, or the authors'."""
    files = [folder / f"{name}.safetensors"]
    files += [folder / f"{word}_pretrained.pth" for word, known in _PUBLISHED.items() if known == suite]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        raise FileNotFoundError(
            f"{folder} does not hold {' or '.join(file.name for file in files)}: `zsad train` writes the first, "
            f"and a .pth is in exps/pretrained of {_REPOSITORY}"
        )
    return found


def _published(path: Path, compared_with: str) -> Learned:
    """One of the authors' files, float32: the entry `trainable_linearlayer` holds fc.0.weight, fc.0.bias, ..."""
    suite = next((suite for word, suite in _PUBLISHED.items() if path.stem == f"{word}_pretrained"), None)
    if suite is None:
        raise ValueError(
            f"{path}: the name of a published file says what it was trained on, mvtec_pretrained.pth or "
            "visa_pretrained.pth; give it that name"
        )
    if compared_with != TEXT:
        raise ValueError(f"{path} was trained with text: it has no {compared_with}")
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}: it is exps/pretrained/{path.name} of {_REPOSITORY}")
    return Learned(path.stem, read_state(path, _ENTRY), TrainedOn(suite), path=path)


def _check_published_taps(path: Path, backbone: Backbone, taps: Sequence[int]) -> None:
    """The authors' files do not say which blocks their layers are for: it is those that were published."""
    if tuple(taps) != (published := taps_of(backbone, None)):
        raise ValueError(
            f"{path} was learned with taps={list(published)}, not taps={list(taps)}: choose what it was learned with, "
            "or train layers for your choices with `zsad train april_gan`"
        )
