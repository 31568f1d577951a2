"""WinCLIP+, few-shot: WinCLIP, and beside the texts a few good images of the product, compared window by window.

Jeong et al., "WinCLIP: Zero-/Few-Shot Anomaly Classification and Segmentation", CVPR 2023, section 4.3. What the text
leaves open is as in the public ports: patch tokens come from behind the tower's last norm and before its projection,
and a map is the mean of the one from the texts and the one from the references.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from zsad.clip import Backbone
from zsad.detectors.base import Prediction, check_images, check_prediction
from zsad.detectors.given import Natural
from zsad.detectors.options import fingerprint
from zsad.detectors.references import References
from zsad.detectors.winclip import WinCLIP, WinCLIPOptions
from zsad.detectors.windows import crop, harmonic_map, square_tiles, stitch
from zsad.leagues import League, league_of

# Pairs of windows whose likeness is held at once: 16 MB of float32.
PAIRS = 2**22


@dataclass(frozen=True)
class WinCLIPPlusOptions(WinCLIPOptions):
    """Every open choice of WinCLIP, and:

    Attributes:
        references: how many good images of the product a study draws for it from the training images; 0 is WinCLIP.
        reference_seed: of the draw. With one seed fewer references are among the more.
    """

    references: Natural = 0
    reference_seed: Natural = 0


class WinCLIPPlus(WinCLIP):
    """WinCLIP+ on one backbone, without references until `with_references` has given it some. Differentiable from the
    prediction down to the images that are scored.
    """

    name = "winclip_plus"
    title = "WinCLIP+"

    def __init__(self, backbone: Backbone, options: WinCLIPPlusOptions | None = None) -> None:
        self._wanted = options or WinCLIPPlusOptions()
        super().__init__(backbone, self._wanted)
        self._references: References | None = None
        self._memory: list[Tensor] = []  # filled when the first image is compared

    @property
    def wants_references(self) -> int:
        """How many good images it still has to be given before it can predict."""
        return 0 if self._references else self._wanted.references

    def with_references(self, references: References) -> WinCLIPPlus:
        """The same detector on the same backbone, comparing with these images, however many they are."""
        fitted = copy.copy(self)
        fitted._references, fitted._memory = references, []
        return fitted

    @property
    def league(self) -> League:
        """Few-shot; without references that of the backbone."""
        if not self._wanted.references and self._references is None:
            return league_of(self.backbone.shown)
        return league_of(self.backbone.shown, ["a few good images of the product"])

    @property
    def options(self) -> dict[str, Any]:
        """Every choice that can change a prediction, resolved, as plain JSON values; and which references."""
        if self._references is None:
            return super().options
        ids = list(self._references.ids)
        return super().options | {"references": len(ids), "reference_images": ids}

    @property
    def fingerprint(self) -> str:
        """sha256 over name, options, references and weights."""
        known = {} if self._references is None else {"reference_data": self._references.fingerprint}
        return fingerprint(self.name, self.options | known, self.backbone)

    def predict(self, images: Float[Tensor, "image 3 height width"], category: str) -> Prediction:
        """Score images of one category as `WinCLIP.predict`; with references, the mean of that and of how unlike the
        references an image is: its most unlike patch for the score, each patch for the map. In [0, 1].

        Raises:
            ValueError: as `WinCLIP.predict`, and where references are wanted that it was not given.
        """
        if self._references is None and not self._wanted.references:
            return super().predict(images, category)
        self._check_given()
        check_images(images)
        self._text_prototypes(category)
        tiles = self._tiles(images)
        squares = images if tiles is None else crop(images, tiles)
        embedded = self._embed(squares)
        by_text = copy.copy(self)
        by_text.backbone = _Embedded(self.backbone, embedded)  # type: ignore[assignment]
        text = WinCLIP.predict(by_text, images, category)
        grid = self._reference_map(embedded)
        height, width = images.shape[-2:]
        maps = F.interpolate(grid.unsqueeze(1), squares.shape[-2:], mode="bilinear", align_corners=False).squeeze(1)
        whole = maps if tiles is None else stitch(maps, tiles, height, width)
        peak = grid.unflatten(0, (-1, len(images))).amax(dim=(0, 2, 3))
        score, anomaly_map = peak.to(images.device), whole.to(images.device)
        found = Prediction((text.score + score) / 2, (text.map + anomaly_map) / 2)
        return check_prediction(found, self.name, category)

    def _tiles(self, images: Float[Tensor, "image 3 height width"]) -> list[tuple[int, int, int]] | None:
        """The squares that an image is cut into; None for one that is taken whole."""
        height, width = images.shape[-2:]
        return square_tiles(height, width) if height != width and self._options.non_square == "tile" else None

    def _embed(self, squares: Float[Tensor, "image 3 height width"]) -> _Embeddings:
        """Of images taken whole; windows and patches without a gradient where windows are to have none."""
        whole, states = self.backbone.embed_image_and_states(squares, [self.backbone.blocks])
        with torch.set_grad_enabled(torch.is_grad_enabled() and self._window_gradient):
            windows = self.backbone.embed_windows(squares, self._options.scales)
        state = states[self.backbone.blocks] if self._window_gradient else states[self.backbone.blocks].detach()
        norm = self.backbone.model.visual.ln_post
        patches = F.layer_norm(state, norm.normalized_shape, norm.weight.to(state), norm.bias.to(state), norm.eps)
        return _Embeddings(whole, windows, F.normalize(patches, dim=-1))

    def _reference_map(self, embedded: _Embeddings) -> Float[Tensor, "image rows columns"]:
        """The mean over scales of how unlike the most similar window of the references each patch is, in [0, 1]."""
        maps = [
            harmonic_map(unlikeness(windows, memory), self.backbone.grid, size)
            for (size, windows), memory in zip(embedded.scales, self._remembered(), strict=True)
        ]
        return torch.stack(maps).mean(dim=0)

    @torch.inference_mode(False)
    @torch.no_grad()
    def _remembered(self) -> list[Float[Tensor, "_window _dim"]]:
        """Of each scale the windows of all references."""
        if not self._memory:
            parts = []
            for image in self._check_given().decoded():
                whole = image[None].clone()  # one that was made under inference mode is of no use outside
                tiles = self._tiles(whole)
                parts.append(self._embed(whole if tiles is None else crop(whole, tiles)).scales)
            self._memory += [torch.cat([w.flatten(0, 1) for _, w in scale]) for scale in zip(*parts, strict=True)]
        return self._memory

    def _check_given(self) -> References:
        if self._references is None:
            raise ValueError(
                f"{self.name} compares with {self._wanted.references} good images and was given none: a study draws "
                "them from the training images, `zsad predict --reference GOOD_DIR` reads them, and `with_references` "
                "takes them"
            )
        return self._references


@dataclass(frozen=True)
class _Embeddings:
    """Of some images: class tokens, windows by their size, and patches; all of unit length."""

    whole: Float[Tensor, "image _dim"]
    windows: Mapping[int, Float[Tensor, "image _window _dim"]]
    patches: Float[Tensor, "image _patch _width"]

    @property
    def scales(self) -> list[tuple[int, Tensor]]:
        """What is compared with references, with the side of its windows: patches first."""
        return [(1, self.patches), *self.windows.items()]


class _Embedded:
    """What WinCLIP asks of a backbone, for images whose embeddings are at hand already."""

    def __init__(self, backbone: Backbone, found: _Embeddings) -> None:
        self._backbone, self._found = backbone, found
        self.grid = backbone.grid

    def embed_image(self, images: Tensor) -> Tensor:
        return self._backbone.embed_image(images)

    def embed_windows(self, images: Tensor, sizes: Sequence[int]) -> dict[int, Tensor]:
        return dict(self._found.windows)

    def embed_image_and_windows(self, images: Tensor, sizes: Sequence[int]) -> tuple[Tensor, dict[int, Tensor]]:
        return self._found.whole, dict(self._found.windows)


def unlikeness(
    windows: Float[Tensor, "image window dim"], memory: Float[Tensor, "_remembered dim"], pairs: int = PAIRS
) -> Float[Tensor, "image window"]:
    """Half of 1 minus the cosine of the most similar of the remembered windows, wherever that lies: in [0, 1].

    Args:
        windows, memory: of unit length.
        pairs: that are compared at once. It bounds the memory and changes no result.
    """
    flat = windows.flatten(0, 1)
    parts = memory.to(windows).split(max(1, pairs // max(1, len(flat))))
    closest = torch.stack([(flat @ part.T).amax(dim=1) for part in parts]).amax(dim=0)
    scores: Tensor = ((1 - closest) / 2).clamp(0, 1).unflatten(0, windows.shape[:2])
    return scores
