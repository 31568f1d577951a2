"""How AnomalyCLIP's prompts are learned (`zsad.detectors.anomalyclip`): what is drawn, and the loss, as in its code."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from zsad.auxiliary.learner import Training
from zsad.auxiliary.losses import dice_loss_of_both_sides, focal_loss
from zsad.clip import Backbone
from zsad.detectors.anomalyclip import (
    PLACES,
    WORDS,
    AnomalyCLIPOptions,
    FrozenFeatures,
    anomalous_patches,
    deep_sets,
    plainly_named,
    prompt_tokens,
    text_features,
    upsampling,
)
from zsad.detectors.options import as_json

SPREAD = 0.02  # standard deviation of what vectors are drawn with
MAP_WEIGHT = 4.0  # of each map's loss beside the image's
CHOICES = ("deep_tokens", "tokens", "class_norm", "taps")


class Prompts(nn.Module):
    """The learned vectors: the words of the normal and of the anomalous side, and what replaces states.

    Args:
        sets: before how many blocks of the text tower states are replaced.
        width: of the text tower.
    """

    def __init__(self, sets: int, width: int, generator: torch.Generator) -> None:
        super().__init__()
        drawn: dict[str, tuple[int, ...]] = {"normal": (WORDS, width), "anomalous": (WORDS, width)}
        if sets:
            drawn["deep"] = (sets, PLACES, width)
        for name, shape in drawn.items():
            self.register_parameter(name, nn.Parameter(SPREAD * torch.randn(shape, generator=generator)))


class AnomalyCLIPLearner:
    """The prompts of AnomalyCLIP in training, on one backbone (a `zsad.auxiliary.Learner`).

    Args:
        choices: those of `CHOICES` that differ from the published ones.
        seed: of the vectors that training begins with.

    Raises:
        ValueError: another choice, or a tap that the backbone does not have.
    """

    def __init__(self, backbone: Backbone, choices: Mapping[str, Any], seed: int) -> None:
        if unknown := sorted(set(choices) - set(CHOICES)):
            raise ValueError(f"anomalyclip learns with no {', '.join(unknown)}; known: {', '.join(CHOICES)}")
        self._options = plainly_named(AnomalyCLIPOptions(**choices), backbone)
        self._backbone = backbone
        self._frozen = FrozenFeatures(backbone, self._options)
        self._tokens = prompt_tokens(backbone, WORDS)
        self._spread = [upsampling(cells, backbone.image_size).to(backbone.device) for cells in backbone.grid]
        sets = deep_sets(backbone) if self._options.deep_tokens else 0
        generator = torch.Generator().manual_seed(seed)
        self.module: nn.Module = Prompts(sets, backbone.word_width, generator).to(backbone.device)
        self.part = self._options.part
        resolved = as_json(dataclasses.replace(self._options, taps=self._frozen.taps))
        self.choices: Mapping[str, Any] = {name: resolved[name] for name in CHOICES}

    @classmethod
    def published(cls, suite: str) -> Training:
        """15 epochs, whatever the suite."""
        return Training(epochs=15)

    def features(self, images: Float[Tensor, "image 3 height width"]) -> dict[str, Tensor]:
        """Class tokens, and patch tokens by tap."""
        image, patches = self._frozen(images)
        return {"class": image, **{f"patches {tap}": tokens for tap, tokens in patches.items()}}

    def loss(
        self,
        features: dict[str, Tensor],
        masks: Bool[Tensor, "image height width"],
        labels: Bool[Tensor, " image"],
        categories: Sequence[str],
    ) -> Float[Tensor, ""]:
        """Cross-entropy of the images, and for each tap 4 (focal + dice of what is damaged + dice of what is not)."""
        sides = text_features(self._backbone, dict(self.module.named_parameters()), self._tokens)
        temperature = self._options.temperature
        loss = F.cross_entropy(features["class"] @ sides.T / temperature, labels.long())
        down, across = self._spread
        truth = masks.to(sides)
        damaged = down.T @ truth @ across
        pixels = torch.outer(down.sum(dim=0), across.sum(dim=0))
        for tap in self._frozen.taps:
            patches = anomalous_patches(features[f"patches {tap}"], sides, temperature, self._backbone.grid)
            anomalous = down @ patches @ across.T  # both sides' probabilities sum to 1, upsampled too
            dice = dice_loss_of_both_sides(patches, damaged, pixels)
            loss = loss + MAP_WEIGHT * (focal_loss(anomalous, truth) + dice)
        return loss
