"""How APRIL-GAN's layers are trained: on a focal and a dice term a tap (Chen et al., arXiv 2305.17382)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from zsad.auxiliary.learner import Training
from zsad.auxiliary.losses import dice_loss, focal_loss
from zsad.auxiliary.named import data_set_named
from zsad.clip import Backbone
from zsad.clip.prototypes import text_prototypes
from zsad.detectors import check_options
from zsad.detectors.april_gan import VECTORS, AprilGANOptions, Layers, part_of, probabilities, taps_of

EPOCHS = {"mvtec_ad": 3, "visa": 15}
DEMO_EPOCHS = 3
"""As printed for MVTec AD, for both demo suites and for any data set that the paper does not name: no rule for stopping
is published. Chosen before either suite was tested."""
MOSAIC = 0.2  # for data sets in MVTec AD's place alone
CHOICES = ("taps", "compared_with")


class AprilGANLearner:
    """Trains `zsad.detectors.april_gan.Layers`; see `zsad.auxiliary.Learner`.

    Raises:
        ValueError: a choice other than `CHOICES`, or one that the backbone or the options refuse.
    """

    def __init__(self, backbone: Backbone, choices: Mapping[str, Any], seed: int) -> None:
        if unknown := sorted(set(choices) - set(CHOICES)):
            raise ValueError(f"april_gan learns with no {', '.join(unknown)}; known: {', '.join(CHOICES)}")
        self._options: AprilGANOptions = check_options("april_gan", choices)
        self._backbone = backbone
        self._taps = taps_of(backbone, self._options.taps)
        self._text: dict[str, Tensor] = {}
        self.part = part_of(self._options.compared_with)
        self.choices: Mapping[str, Any] = {"taps": list(self._taps)}
        width, dim = backbone.model.visual.transformer.width, backbone.embed_dim
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            layers = Layers(width, dim, len(self._taps), self._options.compared_with == VECTORS)
            if layers.vectors is not None:
                normal, anomalous = self._prototypes("object").cpu()
                layers.vectors.data = _pairs(len(self._taps), dim, float(normal @ anomalous))
        self.module: nn.Module = layers.to(backbone.device)

    @classmethod
    def published(cls, suite: str) -> Training:
        """3 epochs with mosaics on MVTec AD, 15 without on VisA, by any of their usual names; on others `DEMO_EPOCHS`,
        with mosaics on demo-mvtec alone."""
        named = data_set_named(suite) or suite
        mosaic = MOSAIC if named in ("mvtec_ad", "demo-mvtec") else 0.0
        return Training(epochs=EPOCHS.get(named, DEMO_EPOCHS), mosaic=mosaic)

    def features(self, images: Float[Tensor, "image 3 height width"]) -> dict[str, Tensor]:
        """The patch tokens behind each tap."""
        _, states = self._backbone.embed_image_and_states(images, self._taps)
        return {str(tap): states[tap] for tap in self._taps}

    def loss(
        self,
        features: dict[str, Tensor],
        masks: Bool[Tensor, "image height width"],
        labels: Bool[Tensor, " image"],
        categories: Sequence[str],
    ) -> Float[Tensor, ""]:
        """Sum over the taps. Each image is compared with the sentences of its own category."""
        text = torch.stack([self._prototypes(category) for category in categories])
        truth = masks.to(text)
        logits: list[Tensor] = self.module([features[str(tap)] for tap in self._taps], text, self._options.temperature)
        maps = [probabilities(one, self._backbone)[:, 1] for one in logits]
        return torch.stack([focal_loss(one, truth) + dice_loss(one, truth) for one in maps]).sum()

    def _prototypes(self, category: str) -> Tensor:
        if category not in self._text:
            self._text[category] = text_prototypes(self._backbone, self._options.sentences(category))
        return self._text[category]


def _pairs(count: int, dim: int, cosine: float) -> Float[Tensor, "pair 2 dim"]:
    """Pairs of unit vectors in random directions, as far apart as the two sides of text are.

    At APRIL-GAN's temperature vectors at right angles begin with a softmax near 0 or 1, where gradients vanish: a
    control that learns nothing would say nothing of the text.
    """
    first, other = F.normalize(torch.randn(2, count, dim), dim=-1)
    across = F.normalize(other - (other * first).sum(dim=-1, keepdim=True) * first, dim=-1)
    return torch.stack([first, cosine * first + (1 - cosine**2) ** 0.5 * across], dim=1)
