"""AnomalyCLIP: two learned prompts that name no product, and patch tokens that attend to each other's values.

Zhou et al., "AnomalyCLIP: Object-agnostic Prompt Learning for Zero-shot Anomaly Detection", ICLR 2024 (arXiv
2310.18961), as their code computes it. The prompts were learned from anomalies of other products, with masks
(`zsad.auxiliary.anomalyclip`); the towers stay as they are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.ndimage import gaussian_filter1d
from torch import Tensor
from torch.nn import functional as F

from zsad.clip import Backbone
from zsad.detectors.anomalyclip_checkpoint import FOLDERS, PUBLISHED_EPOCH, read_checkpoint
from zsad.detectors.base import Prediction, check_images, check_prediction
from zsad.detectors.given import Checked, Count, NotNegative
from zsad.detectors.learned import Learned, check_read_as, check_tensors, load_learned, part_name
from zsad.detectors.options import as_json, fingerprint
from zsad.leagues import League, league_of
from zsad.paths import expanded

SENTENCES = ("object.", "damaged object.")  # behind the learned words of the normal and of the anomalous side
WORDS = 12  # learned vectors a side
PLACES = 4  # of these, the first whose states are replaced between the blocks
MOST_SETS = 8  # blocks before which that happens, of a text tower with 9 or more
PUBLISHED_BACKBONE = "ViT-L-14-336-AnomalyCLIP"
PUBLISHED_SIZE = 518  # pixels of the input that `sigma` is meant for
_FIRST_VALUE_BLOCK = 5 / 24  # of the depth: 6 of 24


@dataclass(frozen=True)
class AnomalyCLIPOptions(Checked):
    """Every open choice of AnomalyCLIP.

    Attributes:
        trained_on: the name of the data set that the prompts were learned from; or the path of their file: a
            .safetensors that `zsad train` wrote, or an `epoch_N.pth` of the authors, in its folder.
        weights_folder: where prompts lie that are named by their data set; by default those that ship.
        deep_tokens: whether learned tokens also replace states between the blocks of the text tower.
        tokens: patch tokens of the "V-V" path (`zsad.clip.taps`), or "plain" ones, the tower's own.
        class_norm: whether the class token passes the tower's last norm before the projection; in the authors' code it
            does not.
        taps: blocks, counted from 1, whose maps are summed; none stands for the last, which published prompts are for.
        temperature: of the softmax over both sides.
        sigma: of the Gaussian that smooths the map, in pixels of an image of 518.
    """

    trained_on: str | Path = "demo-visa"
    weights_folder: str | Path | None = None
    deep_tokens: bool = True
    tokens: Literal["V-V", "plain"] = "V-V"
    class_norm: bool = False
    taps: Sequence[Count] = ()
    temperature: float = 0.07
    sigma: NotNegative = 4.0

    @property
    def part(self) -> str:
        """What prompts for these choices are called: those that were trained for others do not fit."""
        changed = {
            "shallow": not self.deep_tokens,
            "plain": self.tokens == "plain",
            "norm": self.class_norm,
            f"taps-{'-'.join(map(str, self.taps))}": bool(self.taps),
        }
        return "-".join(["anomalyclip", *(name for name, holds in changed.items() if holds)])


def plainly_named(options: AnomalyCLIPOptions, backbone: Backbone) -> AnomalyCLIPOptions:
    """The same options, with a last tap that is named as one that is not: prompts for both are the same."""
    return dataclasses.replace(options, taps=()) if tuple(options.taps) == (backbone.blocks,) else options


class AnomalyCLIP:
    """AnomalyCLIP on one backbone. Differentiable from the prediction down to the images.

    Raises:
        FileNotFoundError, ValueError: as `load_learned` and `read_checkpoint`; a tap that the backbone does not have,
            choices that prompts of the authors were not learned with, or prompts of other shapes.
    """

    name = "anomalyclip"
    title = "AnomalyCLIP"

    def __init__(self, backbone: Backbone, options: AnomalyCLIPOptions | None = None) -> None:
        self.backbone = backbone
        self._options = plainly_named(options or AnomalyCLIPOptions(), backbone)
        self._features = FrozenFeatures(backbone, self._options)
        learned = self._load()
        self._digest, self._shown = learned.digest, learned.shown
        self.trained_on = learned.trained_on
        self._sides = text_features(backbone, learned.tensors)

    @property
    def league(self) -> League:
        """That of the backbone and of what the prompts were learned from: anomalies of other products."""
        return league_of(self.backbone.shown, self._shown)

    @property
    def options(self) -> dict[str, Any]:
        """Every choice that can change a prediction, resolved, as plain JSON values."""
        resolved = dataclasses.replace(
            self._options, trained_on=self.trained_on.suite, weights_folder=None, taps=self._features.taps
        )
        return {name: value for name, value in as_json(resolved).items() if name != "weights_folder"}

    @property
    def fingerprint(self) -> str:
        """sha256 over name, options, backbone and prompts."""
        return fingerprint(self.name, {**self.options, "prompts": self._digest}, self.backbone)

    def predict(self, images: Float[Tensor, "image 3 height width"], category: str) -> Prediction:
        """Score images of one category; its name plays no part.

        Args:
            images: RGB in [0, 1], any size; squashed to the input size of the model.

        Returns:
            Scores in [0, 1] and maps in [0, number of taps], at the size and on the device of the images.

        Raises:
            ValueError: images outside [0, 1] or not numbers, or a result that is not finite.
        """
        check_images(images)
        image, patches = self._features(images)
        sides, temperature = self._sides.to(image.dtype), self._options.temperature
        score = torch.softmax(image @ sides.T / temperature, dim=-1)[:, 1]
        grids = [anomalous_patches(tokens, sides, temperature, self.backbone.grid) for tokens in patches.values()]
        sides_of_map = zip(self.backbone.grid, images.shape[-2:], strict=True)
        down, across = (self._spread(cells, length).to(score) for cells, length in sides_of_map)
        summed = down @ torch.stack(grids).sum(dim=0) @ across.T
        prediction = Prediction(score.to(images.device), summed.to(images.device))
        return check_prediction(prediction, self.name, category)

    def _spread(self, cells: int, length: int) -> Float[Tensor, "length cells"]:
        """From patches to pixels along one axis of a map, as a matrix that gradients pass: to the input size, smoothed
        there as published, and on to the size of the images.
        """
        size = self.backbone.image_size
        at_input = self._smoother @ upsampling(cells, size)
        return at_input if length == size else upsampling(size, length) @ at_input

    @cached_property
    def _smoother(self) -> Float[Tensor, "size size"]:
        """What scipy's Gaussian does along one axis of a map at the input size."""
        size = self.backbone.image_size
        sigma = self._options.sigma * size / PUBLISHED_SIZE
        return torch.from_numpy(gaussian_filter1d(np.eye(size), sigma, axis=0) if sigma else np.eye(size)).float()

    def _load(self) -> Learned:
        options, path = self._options, expanded(self._options.trained_on)
        if options.weights_folder is not None and not path.suffix:
            path = _in_folder(expanded(options.weights_folder), options.part, self.backbone.name, path.name)
        shapes = prompt_shapes(self.backbone)
        if path.suffix == ".pth":
            check_read_as(path, self.backbone, PUBLISHED_BACKBONE)
            learned = read_checkpoint(path, self.backbone, SENTENCES, shapes)
            self._check_published(path, deep="deep" in learned.tensors)
            return learned
        learned = load_learned(options.part, path, self.backbone)
        if not options.deep_tokens or not deep_sets(self.backbone):
            del shapes["deep"]
        check_tensors(learned.path, learned.tensors, shapes, f"the text tower of {self.backbone.name}")
        return learned

    def _check_published(self, path: Path, deep: bool) -> None:
        """The authors' files do not say what they were learned with: it is what was published."""
        asked = {**vars(self._options), "taps": list(self._features.taps)}
        published = {"deep_tokens": deep, "tokens": "V-V", "class_norm": False, "taps": [self.backbone.blocks]}
        if wrong := {name: value for name, value in published.items() if asked[name] != value}:
            raise ValueError(
                f"{path} was learned with {_in_words(wrong)}, not {_in_words({name: asked[name] for name in wrong})}: "
                "choose what it was learned with, or train prompts for your choices with `zsad train anomalyclip`"
            )


def _in_folder(folder: Path, part: str, backbone: str, suite: str) -> Path:
    """The file of prompts that were learned from a suite: of `zsad train`, or the authors'."""
    files = [folder / f"{part_name(part, backbone, suite)}.safetensors"]
    files += [folder / name / PUBLISHED_EPOCH for name, known in FOLDERS.items() if known == suite]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        raise FileNotFoundError(
            f"{folder} does not hold {' or '.join(str(file.relative_to(folder)) for file in files)}: `zsad train` "
            "writes the first, and a .pth is in the folder checkpoints/ of the GitHub repository zqhang/AnomalyCLIP"
        )
    return found


class FrozenFeatures:
    """What the frozen image tower says of images: the class token, and patch tokens by tap, all of unit length."""

    def __init__(self, backbone: Backbone, options: AnomalyCLIPOptions) -> None:
        self.backbone, self.class_norm = backbone, options.class_norm
        self.taps = tuple(options.taps) or (backbone.blocks,)
        backbone.check_blocks(self.taps)
        self.value_path_from = None
        if options.tokens == "V-V":
            self.value_path_from = round(_FIRST_VALUE_BLOCK * backbone.blocks) + 1

    def __call__(
        self, images: Float[Tensor, "image 3 height width"]
    ) -> tuple[Float[Tensor, "image dim"], dict[int, Float[Tensor, "image patch dim"]]]:
        return self.backbone.embed_image_and_taps(images, self.taps, self.value_path_from, self.class_norm)


def _in_words(choices: Mapping[str, Any]) -> str:
    """As they are given."""
    return ", ".join(f"{name}={value!r}" for name, value in choices.items())


def prompt_shapes(backbone: Backbone) -> dict[str, tuple[int, ...]]:
    """Of learned prompts with deep tokens for a backbone, by name."""
    words = (WORDS, backbone.word_width)
    return {"normal": words, "anomalous": words, "deep": (deep_sets(backbone), PLACES, backbone.word_width)}


def deep_sets(backbone: Backbone) -> int:
    """Before how many blocks of the text tower states are replaced: the published 8, or fewer in a shallower tower."""
    return min(MOST_SETS, backbone.text_blocks - 1)


def text_features(
    backbone: Backbone, prompts: Mapping[str, Tensor], tokens: Int[Tensor, "2 token"] | None = None
) -> Float[Tensor, "2 dim"]:
    """Unit features of the two prompts, normal first, in float32; gradients flow to the prompts.

    Args:
        prompts: vectors "normal" and "anomalous" (word, width), and "deep" (set, place, width) where states are
            replaced. As in the authors' code, these are rounded to float16 where they are used.
        tokens: `prompt_tokens` for so many words, for who asks often.
    """
    words = torch.stack([prompts["normal"], prompts["anomalous"]]).to(backbone.device)
    if tokens is None:
        tokens = prompt_tokens(backbone, words.shape[1])
    deep = prompts["deep"].to(backbone.device).half().float() if "deep" in prompts else None
    return backbone.float32_text.embed_tokens(tokens, words.float(), deep=deep)


def prompt_tokens(backbone: Backbone, words: int) -> Int[Tensor, "2 token"]:
    """Token ids of both prompts, with room for so many learned words."""
    tower = backbone.float32_text
    return tower.tokenize(SENTENCES, tower.word_ids[0].expand(len(SENTENCES), words))


def anomalous_patches(
    patches: Float[Tensor, "image patch dim"],
    sides: Float[Tensor, "2 dim"],
    temperature: float,
    grid: tuple[int, int],
) -> Float[Tensor, "image row column"]:
    """The probability that a patch is anomalous: softmax over both sides."""
    probabilities: Tensor = torch.softmax(patches @ sides.T / temperature, dim=-1)[..., 1].unflatten(1, grid)
    return probabilities


def upsampling(cells: int, size: int) -> Float[Tensor, "size cell"]:
    """Bilinear resizing along one axis, as a matrix."""
    return F.interpolate(torch.eye(cells)[None], size, mode="linear", align_corners=False)[0].T
