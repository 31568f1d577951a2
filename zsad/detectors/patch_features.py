"""Frozen extractors of one vector a patch: a block of a backbone's image tower, or the ResNet of published ACR."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F
from torchvision.models import wide_resnet50_2
from torchvision.models.feature_extraction import create_feature_extractor

from zsad.clip import Backbone
from zsad.clip.checkpoint import load_state, read_state, state_digest
from zsad.detectors.learned import weights_digest
from zsad.leagues import Shown
from zsad.tiling.weights import download_folder

WIDE_RESNET = "wide_resnet50_2-95faca4d.pth"  # torchvision's IMAGENET1K_V1; the digits begin the file's SHA-256
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@runtime_checkable
class PatchFeatures(Protocol):
    """Images to patches, row by row. `side` is that of the square, in pixels, that images are squashed to; `digest`
    tells extractors apart."""

    grid: tuple[int, int]
    side: int
    shown: tuple[Shown, ...]

    @property
    def digest(self) -> str: ...

    def __call__(self, images: Float[Tensor, "image 3 height width"]) -> Float[Tensor, "image patch channel"]: ...


class TowerFeatures:
    """Patch tokens after one block (counted from 1) of a backbone's image tower, as the tower holds them."""

    def __init__(self, backbone: Backbone, block: int) -> None:
        backbone.check_blocks([block])
        self._backbone, self._block = backbone, block
        self.grid, self.side, self.shown = backbone.grid, backbone.image_size, backbone.shown

    @cached_property
    def digest(self) -> str:
        """Of the weights, in whatever type they are held, and the block."""
        return f"{weights_digest(self._backbone)} {self._block}"

    def __call__(self, images: Float[Tensor, "image 3 height width"]) -> Float[Tensor, "image patch channel"]:
        return self._backbone.embed_image_and_states(images, [self._block])[1][self._block]


class WideResNetFeatures:
    """`layer3` of torchvision's wide_resnet50_2 at 224 pixels: 14 x 14 places of 1024 numbers. Images are squashed to
    the square, where the authors of ACR crop its middle.

    Args:
        state: weights; by default those published for ImageNet, which lie in torch's folder of checkpoints.
    """

    grid, side = (14, 14), 224
    shown: tuple[Shown, ...] = ("class labels",)

    def __init__(self, device: str | torch.device = "cpu", state: Mapping[str, Tensor] | None = None) -> None:
        model = wide_resnet50_2(weights=None)
        load_state(model, _published() if state is None else state)
        self._model = create_feature_extractor(model, {"layer3": "found"}).to(device).eval().requires_grad_(False)
        self._device = torch.device(device)

    @cached_property
    def digest(self) -> str:
        """Of the weights."""
        return state_digest(self._model)

    def __call__(self, images: Float[Tensor, "image 3 height width"]) -> Float[Tensor, "image patch channel"]:
        x = images.to(self._device).float()
        size = (self.side, self.side)
        x = F.interpolate(x, size, mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
        mean, std = (x.new_tensor(values).view(3, 1, 1) for values in (_MEAN, _STD))
        found: Tensor = self._model((x - mean) / std)["found"]
        return found.flatten(2).transpose(1, 2)


def _published() -> dict[str, Tensor]:
    path = download_folder() / WIDE_RESNET
    if not path.is_file():
        raise FileNotFoundError(
            f"no file {path}: download {WIDE_RESNET} (about 132 MB), torchvision's weights IMAGENET1K_V1 of "
            "wide_resnet50_2, and put it there; the environment variable TORCH_HOME moves the folder"
        )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if not WIDE_RESNET.removesuffix(".pth").endswith(digest[:8]):
        raise ValueError(f"{path} has sha256 {digest}: the download was cut or is another file; get it again")
    return read_state(path)
