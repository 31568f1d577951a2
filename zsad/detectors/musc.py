"""MuSc: unlabelled test images score each other; what few of the others have is anomalous.

Li et al., "MuSc: Zero-Shot Industrial Anomaly Classification and Segmentation with Mutual Scoring of the Unlabeled
Images", ICLR 2024 (arXiv 2401.16753); what the text leaves open is as in the authors' code. No text takes part.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from zsad.clip import Backbone
from zsad.detectors.base import Prediction
from zsad.detectors.batch import BatchDetector, Features
from zsad.detectors.given import Checked, Count
from zsad.detectors.options import as_json, fingerprint
from zsad.leagues import League, league_of

# Pairs of patches whose likeness is held at once: 16 MB of float32.
PAIRS = 2**22


@dataclass(frozen=True)
class MuScOptions(Checked):
    """Every open choice of MuSc.

    Attributes:
        degrees: r, the sides in patches of the neighbourhoods that a patch is averaged over; odd.
        taps: blocks of the image tower, counted from 1, whose patch tokens are compared; by default those after each
            quarter of the tower, as published for its 24 blocks (6, 12, 18, 24).
        lowest: the share of the other images, those with the most similar patch, whose distances are averaged. Images
            with the same damage are few, so that a damaged patch finds little like it in the others of that share.
        neighbours: RsCIN's numbers of images with the most similar class tokens (the image itself is the first) over
            which an image's score is averaged, once for each number. Off by default: the authors chose the numbers for
            each data set (1, 2, 3 for MVTec AD, 1, 8, 9 for VisA), and nothing but the test set could tell which.
    """

    degrees: Sequence[Count] = (1, 3, 5)
    taps: Sequence[Count] | None = None
    lowest: Annotated[float, Field(gt=0, le=1)] = 0.3
    neighbours: Sequence[Count] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.degrees or any(degree % 2 == 0 for degree in self.degrees):
            raise ValueError(f"degrees must be odd numbers of patches, at least one, not {list(self.degrees)}")


class MuSc(BatchDetector):
    """MuSc on the image tower of one backbone."""

    name = "musc"
    title = "MuSc"

    def __init__(self, backbone: Backbone, options: MuScOptions | None = None) -> None:
        options = options or MuScOptions()
        taps = quarters(backbone.blocks) if options.taps is None else options.taps
        backbone.check_blocks(taps)
        self.backbone = backbone
        self._options = dataclasses.replace(options, taps=taps)
        self._taps = tuple(taps)

    @property
    def league(self) -> League:
        """It sees the test images together."""
        return league_of(self.backbone.shown, ["test images"])

    @property
    def options(self) -> dict[str, Any]:
        """Every choice that can change a prediction, resolved, as plain JSON values."""
        return as_json(self._options)

    @property
    def fingerprint(self) -> str:
        """sha256 over name, options and weights."""
        return fingerprint(self.name, self.options, self.backbone)

    @property
    def least_images(self) -> int:
        """So many that the lowest share of the others is at least one image, and as many as there are neighbours."""
        return max(math.ceil(1 / self._options.lowest) + 1, 2, *self._options.neighbours)

    def features(self, images: Float[Tensor, "image 3 height width"]) -> Features:
        """Patch tokens after each tap, made to have mean 0 and deviation 1 over an image, and the class token."""
        whole, states = self.backbone.embed_image_and_states(images, self._taps)
        tapped = [F.layer_norm(states[tap], states[tap].shape[1:]) for tap in self._taps]
        return {"patches": torch.stack(tapped, dim=1), "image": whole}

    def compare(self, features: Features, category: str) -> Prediction:
        """The mean of the mutual scores over taps and degrees, as maps; an image's score is its map's maximum."""
        options, patches = self._options, features["patches"]
        total = torch.zeros(len(patches), patches.shape[2])
        for tap in range(len(self._taps)):
            for degree in options.degrees:
                total += mutual_scores(
                    patches[:, tap], self.backbone.grid, degree, options.lowest, device=self.backbone.device
                )
        grid = (total / (len(self._taps) * len(options.degrees))).unflatten(1, self.backbone.grid)
        side = self.backbone.image_size
        maps = F.interpolate(grid.unsqueeze(1), (side, side), mode="bilinear", align_corners=True).squeeze(1)
        score = maps.flatten(1).amax(dim=1)
        return Prediction(rescored(score, features["image"], options.neighbours) if options.neighbours else score, maps)


def quarters(blocks: int) -> tuple[int, ...]:
    """The blocks, counted from 1, that end each quarter of a tower."""
    return tuple(dict.fromkeys(math.ceil(blocks * quarter / 4) for quarter in (1, 2, 3, 4)))


def mutual_scores(
    patches: Float[Tensor, "image patch channel"],
    grid: tuple[int, int],
    degree: int,
    lowest: float,
    device: str | torch.device = "cpu",
    pairs: int = PAIRS,
) -> Float[Tensor, "image patch"]:
    """How far each patch is from the others' images: its distance to the most similar patch of each other image, and of
    these distances the mean of the `lowest` share, the interval average. In [0, 2], on the CPU.

    Args:
        patches: of one tap, row by row; read a few images at a time.
        degree: side of the neighbourhood that a patch is averaged over before it is given unit length.
        pairs: of patches, that are compared at once. It bounds the memory and changes no result.
    """
    count, length = patches.shape[:2]
    kept = max(1, int((count - 1) * lowest))
    at_once = max(1, math.isqrt(pairs) // length)
    parts = [slice(start, min(start + at_once, count)) for start in range(0, count, at_once)]
    scores = torch.empty(count, length)
    for part in parts:
        mine = aggregated(patches[part].to(device), grid, degree)
        nearest = torch.empty(*mine.shape[:2], count, device=device)  # cosine of the most similar patch of each image
        for other in parts:
            theirs = mine if other == part else aggregated(patches[other].to(device), grid, degree)
            cosines = (mine.flatten(0, 1) @ theirs.flatten(0, 1).T).unflatten(1, theirs.shape[:2])
            nearest[:, :, other] = cosines.amax(dim=2).unflatten(0, mine.shape[:2])
        own = torch.arange(len(mine), device=device)
        nearest[own, :, own + part.start] = -torch.inf
        closest = nearest.topk(kept, dim=2).values
        scores[part] = (2 - 2 * closest).clamp(min=0).sqrt().mean(dim=2).cpu()
    return scores


def aggregated(
    patches: Float[Tensor, "image patch channel"], grid: tuple[int, int], degree: int
) -> Float[Tensor, "image patch channel"]:
    """Patches averaged over the square of `degree` patches around them, of unit length; beyond the image lies 0."""
    if degree > 1:
        planes = patches.transpose(1, 2).unflatten(2, grid)
        patches = F.avg_pool2d(planes, degree, stride=1, padding=degree // 2).flatten(2).transpose(1, 2)
    return F.normalize(patches, dim=-1).contiguous()


def rescored(
    score: Float[Tensor, " image"], tokens: Float[Tensor, "image dim"], neighbours: Sequence[int]
) -> Float[Tensor, " image"]:
    """RsCIN: scores from 0 to 1, averaged over each image's k nearest (by the cosine of class tokens, which weighs
    them), and over the numbers k. No label takes part.
    """
    low, high = score.aminmax()
    scaled = (score - low) / (high - low) if high > low else torch.zeros_like(score)
    cosines = tokens @ tokens.T
    means = []
    for k in neighbours:
        weights, places = cosines.topk(k, dim=1)
        means.append((weights * scaled[places]).sum(dim=1) / weights.sum(dim=1))
    return torch.stack(means).mean(dim=0)
