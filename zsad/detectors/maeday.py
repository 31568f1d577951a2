"""MAEDAY, zero-shot: what a masked autoencoder paints wrong, from many random quarters of the image.

Schwartz, Arbelle, Karlinsky, Harary, Scheidegger, Doveh, Giryes, "MAEDAY: MAE for few and zero shot AnomalY-Detection",
arXiv 2211.14307. No code is published, and neither is how masks are drawn, where errors count, or how a score is made
from them: this is re-implemented from an incomplete description, and each of these is an option.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F
from torchvision.transforms.functional import gaussian_blur

from zsad.detectors.base import Prediction, check_images, check_prediction
from zsad.detectors.given import Checked, Count, Natural, NotNegative, Share
from zsad.detectors.options import as_json, fingerprint
from zsad.leagues import League, league_of
from zsad.mae.autoencoder import Autoencoder


@dataclass(frozen=True)
class MAEDAYOptions(Checked):
    """Every open choice of MAEDAY.

    Attributes:
        masks: how many. They are the same for every image: other masks for each would add noise between images.
        seed: of the masks.
        errors: of the "hidden" patches alone, for which the model was trained, each pixel's divided by how often it was
            hidden; or of "all" patches, which adds what the model says, untrained, of those that it sees.
        sigma: of the Gaussian that smooths the errors, in pixels of the model's input; 0 for none.
        top_share: an image's score is the mean over this share of its pixels, those of the largest errors; 0: the
            largest alone.
    """

    masks: Count = 32
    seed: Natural = 0
    errors: Literal["hidden", "all"] = "hidden"
    sigma: NotNegative = 1.4
    top_share: Share = 0.0


class MAEDAY:
    """MAEDAY on one masked autoencoder. Differentiable from the prediction down to the images.

    A score is a squared difference of colours in [0, 1], summed over the channels. The category's name is not used.
    """

    name = "maeday"
    title = "MAEDAY"
    looks_through = "masked autoencoder"

    def __init__(self, backbone: Autoencoder, options: MAEDAYOptions | None = None) -> None:
        self.backbone = backbone
        self._options = options or MAEDAYOptions()
        self._hidden = backbone.draw_masks(self._options.masks, self._options.seed)
        counted = self._hidden if self._options.errors == "hidden" else torch.ones_like(self._hidden)
        self._counted = counted.float()

    @property
    def league(self) -> League:
        """That of the autoencoder."""
        return league_of(self.backbone.shown)

    @property
    def options(self) -> dict[str, Any]:
        """Every choice that can change a prediction, resolved, as plain JSON values."""
        return as_json(self._options)

    @property
    def fingerprint(self) -> str:
        """sha256 over name, options and weights."""
        return fingerprint(self.name, self.options, self.backbone)

    def predict(self, images: Float[Tensor, "image 3 height width"], category: str = "") -> Prediction:
        """Score images; each by itself.

        Args:
            images: RGB in [0, 1], any size; squashed to the input size of the model.
            category: of no consequence.

        Returns:
            Scores and maps of at least 0, at the size and on the device of the images.

        Raises:
            ValueError: images outside [0, 1] or not numbers, or a result that is not finite.
        """
        check_images(images)
        fitted = self.backbone.fitted(images)
        together = max(1, self.backbone.at_once // self._options.masks)
        errors = torch.cat([self.errors(part) for part in fitted.split(together)])
        smooth = _smoothed(errors, self._options.sigma)
        pixels = max(1, round(self._options.top_share * smooth[0].numel()))
        score = smooth.flatten(1).topk(pixels, dim=1).values.mean(dim=1)
        resized = F.interpolate(smooth.unsqueeze(1), images.shape[-2:], mode="bilinear", align_corners=False).squeeze(1)
        return check_prediction(Prediction(score.to(images.device), resized.to(images.device)), self.name, category)

    def errors(self, images: Float[Tensor, "image 3 side side"]) -> Float[Tensor, "image side side"]:
        """The mean error of every pixel, of images on the device that have the model's input size. A patch that no mask
        hides has none."""
        true = self.backbone.in_patches(images).unsqueeze(1)
        total = torch.zeros(())
        for hidden, counted in zip(
            *(m.split(self.backbone.at_once) for m in (self._hidden, self._counted)), strict=True
        ):
            squared = (self.backbone.paint(images, hidden) - true).square().sum(dim=-1)
            total = total.to(squared) + (squared * counted.unsqueeze(-1)).sum(dim=1)
        mean = total / self._counted.sum(dim=0).clamp(min=1).unsqueeze(-1)
        rows, columns = self.backbone.grid
        side = self.backbone.patch_size
        placed: Tensor = mean.unflatten(1, (rows, columns)).unflatten(3, (side, side)).transpose(2, 3)
        return placed.flatten(3).flatten(1, 2)


def _smoothed(maps: Float[Tensor, "image side side"], sigma: float) -> Float[Tensor, "image side side"]:
    if sigma == 0:
        return maps
    radius = min(math.ceil(4 * sigma), maps.shape[-1] - 1)
    smooth: Tensor = gaussian_blur(maps.unsqueeze(1), [2 * radius + 1] * 2, [sigma] * 2).squeeze(1)
    return smooth
