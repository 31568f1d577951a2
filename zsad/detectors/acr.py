"""ACR: batch normalisation puts what most test images have near a learned centre; what lies far from it is anomalous.

Li et al., "Zero-Shot Anomaly Detection via Batch Normalization", NeurIPS 2023 (arXiv 2302.07849); what the text leaves
open is as in the authors' code. The head is meta-trained on undamaged images of other products (`zsad.auxiliary.acr`),
on features of a frozen extractor. No text takes part.

A shift that moves the features of all images alike is taken out by the normalisation, whatever the head: a test batch
that is shifted as a whole says little of it, one of which half is shifted says more.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float
from scipy.ndimage import gaussian_filter
from torch import Tensor
from torch.nn import functional as F

from zsad.clip import Backbone
from zsad.detectors.acr_head import Head, load_heads
from zsad.detectors.base import Prediction
from zsad.detectors.batch import BatchDetector, Features
from zsad.detectors.given import Checked, Count, Natural
from zsad.detectors.options import as_json, fingerprint
from zsad.detectors.patch_features import PatchFeatures, TowerFeatures, WideResNetFeatures
from zsad.leagues import League, league_of
from zsad.paths import expanded

_SIGMA = 4 / 224  # of the smoothing, in sides of the square
_LEAST = 10  # images: mean and deviation of fewer say little


@dataclass(frozen=True)
class ACROptions(Checked):
    """Every open choice of ACR.

    Attributes:
        head: the name of one that ships with the package, or the path of the .safetensors that `zsad meta-train` wrote,
            with its card beside it, which holds one for each product that it was not shown; None is the control,
            without any training: the length of a patch's vector once batch normalisation has given each channel mean 0
            and deviation 1.
        extractor: "tower", a block of the backbone's image tower; or "wide_resnet50_2", layer3 of the ImageNet net as
            published, for which no head ships.
        tap: that block, counted from 1; by default the one after two thirds of the tower.
        copies: whether as many noisy copies as there are images take part in the normalisation, as in training. The
            control has none.
        seed: of their noise.
        weights_folder: where heads lie that are given by their name; by default those that ship.
    """

    head: str | None = "demo-acr"
    extractor: Literal["tower", "wide_resnet50_2"] = "tower"
    tap: Count | None = None
    copies: bool = True
    seed: Natural = 0
    weights_folder: str | Path | None = None


class ACR(BatchDetector):
    """ACR on an extractor of patch features."""

    name = "acr"
    title = "ACR"

    def __init__(
        self, backbone: Backbone, options: ACROptions | None = None, extractor: PatchFeatures | None = None
    ) -> None:
        options = options or ACROptions()
        self.backbone = backbone
        self._options = dataclasses.replace(options, tap=options.tap or two_thirds(backbone.blocks))
        self._extractor = extractor or self._chosen()
        folder = None if options.weights_folder is None else expanded(options.weights_folder)
        self._heads = None if options.head is None else load_heads(options.head, self._extractor.digest, folder)
        self._shown = self._extractor.shown
        if self._heads is not None:
            self._heads.to(backbone.device)
            self._shown += self._heads.shown

    def _chosen(self) -> PatchFeatures:
        if self._options.extractor == "wide_resnet50_2":
            return WideResNetFeatures(self.backbone.device)
        assert self._options.tap is not None, "it has been resolved"
        return TowerFeatures(self.backbone, self._options.tap)

    @property
    def league(self) -> League:
        """It sees the test images together."""
        return league_of(self._shown, ["test images"])

    @property
    def options(self) -> dict[str, Any]:
        """Every choice that can change a prediction, resolved, as plain JSON values; heads go by their name, wherever
        they lie."""
        head = self._options.head
        named = dataclasses.replace(
            self._options, head=head and Path(head).name.removesuffix(".safetensors"), weights_folder=None
        )
        return {name: value for name, value in as_json(named).items() if name != "weights_folder"}

    @property
    def fingerprint(self) -> str:
        """sha256 over name, options and weights, the heads' and the extractor's."""
        digests = [self._extractor.digest, None if self._heads is None else self._heads.digest]
        return fingerprint(self.name, {**self.options, "digests": digests}, self.backbone)

    @property
    def least_images(self) -> int:
        """A number of images that batch normalisation has some sense with."""
        return _LEAST

    def features(self, images: Float[Tensor, "image 3 height width"]) -> Features:
        """The extractor's patches, as they are."""
        return {"patches": self._extractor(images)}

    def compare(self, features: Features, category: str) -> Prediction:
        """Distances at each position by itself, smoothed to maps; an image's score is its map's maximum."""
        patches = features["patches"]
        head = None if self._heads is None else self._heads.of(category)
        distances = torch.empty(patches.shape[:2])
        # Noise goes by rank, not by place: the answers do not depend on the order of the images.
        order = torch.stack([image.double().mean() for image in patches]).argsort()
        generator = torch.Generator().manual_seed(self._options.seed)
        for position in range(patches.shape[1]):
            distances[order, position] = self._distances(head, patches[order, position], generator)
        grid, side = distances.unflatten(1, self._extractor.grid), self._extractor.side
        maps = F.interpolate(grid.unsqueeze(1), (side, side), mode="bilinear", align_corners=False).squeeze(1)
        smooth = torch.from_numpy(gaussian_filter(maps.numpy(), (0, _SIGMA * side, _SIGMA * side)))
        return Prediction(smooth.flatten(1).amax(dim=1), smooth)

    def _distances(
        self, head: Head | None, points: Float[Tensor, "image channel"], generator: torch.Generator
    ) -> Float[Tensor, " image"]:
        if head is None:
            return F.batch_norm(points, None, None, training=True).square().sum(dim=1)
        batch = points
        if self._options.copies:
            batch = torch.cat([points, points + head.noise * torch.randn(points.shape, generator=generator)])
        distances: Tensor = head.net(batch.to(self.backbone.device))[: len(points)]
        return distances.cpu()


def two_thirds(blocks: int) -> int:
    """The block, counted from 1, after two thirds of a tower."""
    return round(2 * blocks / 3)
