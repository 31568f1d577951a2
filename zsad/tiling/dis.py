"""A small network for dichotomous segmentation, and any such network as a soft foreground."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import Conv2dNormActivation

from zsad.clip.checkpoint import state_digest
from zsad.leagues import UNKNOWN, Shown, check_shown

IMAGES_AT_ONCE = 16


class SmallDIS(nn.Module):
    """A U-Net whose decoder predicts the mask at every stage, as IS-Net does; the first prediction is the finest.

    Args:
        widths: channels of the stages, each half as large as the one before; the first works at half the input size.
    """

    def __init__(self, widths: Sequence[int] = (24, 48, 72, 96)) -> None:
        super().__init__()
        first, *rest = widths
        self.stem = Conv2dNormActivation(3, first, 5, stride=2)
        self.encoder = nn.ModuleList([_stage(first, first, 1)])
        self.encoder.extend(_stage(before, after, 2) for before, after in zip(widths, rest, strict=False))
        # Dilation lets the deepest stage see the whole image.
        self.bottom = nn.Sequential(*(Conv2dNormActivation(widths[-1], widths[-1], 3, dilation=d) for d in (2, 4)))
        pairs = list(zip(widths, rest, strict=False))[::-1]
        self.decoder = nn.ModuleList(_stage(skip + below, skip, 1) for skip, below in pairs)
        self.sides = nn.ModuleList(nn.Conv2d(skip, 1, 3, padding=1) for skip, _ in pairs)

    def forward(self, images: Float[Tensor, "image 3 height width"]) -> list[Float[Tensor, "image height width"]]:
        """Logits of foreground at the input size, the finest first.

        Args:
            images: normalised; height and width multiples of 2 to the number of stages.
        """
        features = []
        x = self.stem(images)
        for stage in self.encoder:
            x = stage(x)
            features.append(x)
        x = self.bottom(x)
        predictions = []
        for stage, side, skip in zip(self.decoder, self.sides, features[-2::-1], strict=True):
            x = stage(torch.cat([F.interpolate(x, skip.shape[-2:], mode="bilinear", align_corners=False), skip], dim=1))
            logits = F.interpolate(side(x), images.shape[-2:], mode="bilinear", align_corners=False)
            predictions.append(logits.squeeze(1))
        return predictions[::-1]


def _stage(before: int, after: int, stride: int) -> nn.Module:
    return nn.Sequential(
        Conv2dNormActivation(before, after, 3, stride=stride), Conv2dNormActivation(after, after, 3, stride=1)
    )


class NetForeground:
    """A network as soft foreground: squashed to its input size, the first side output, sigmoid, back to the image.

    Args:
        net: normalised images -> logits at the same size, a list with the finest first.
        input_size: pixels a side.
        mean, std: of the input normalisation, a value a channel; IS-Net's are 0.5 and 1.
        shown: what the network was trained on, in the words of `zsad.leagues`; by default nobody knows.
    """

    def __init__(
        self,
        net: nn.Module,
        input_size: int,
        name: str = "dis",
        mean: Sequence[float] = (0.5, 0.5, 0.5),
        std: Sequence[float] = (1.0, 1.0, 1.0),
        device: str | torch.device = "cpu",
        shown: Sequence[Shown] = UNKNOWN,
    ) -> None:
        self.name = name
        self.shown = check_shown(shown, name)
        self.input_size = input_size
        self.net = net.to(device).eval().requires_grad_(False)
        self.mean, self.std = (torch.tensor([*values], device=device).view(3, 1, 1) for values in (mean, std))

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over weights, input size and normalisation."""
        spec = repr((self.input_size, self.mean.tolist(), self.std.tolist(), state_digest(self.net)))
        return hashlib.sha256(spec.encode()).hexdigest()

    @torch.no_grad()
    def __call__(self, images: UInt8[Tensor, "image 3 height width"]) -> UInt8[Tensor, "image height width"]:
        """Degrees of foreground, 0 to 255."""
        return torch.cat([self._levels(part) for part in images.split(IMAGES_AT_ONCE)])

    def _levels(self, images: UInt8[Tensor, "image 3 height width"]) -> UInt8[Tensor, "image height width"]:
        size = (self.input_size, self.input_size)
        x = images.to(self.mean.device).float().div_(255)
        x = F.interpolate(x, size, mode="bilinear", align_corners=False, antialias=True)
        soft = self.net((x - self.mean) / self.std)[0].sigmoid()
        soft = F.interpolate(soft.unsqueeze(1), images.shape[-2:], mode="bilinear", align_corners=False).squeeze(1)
        return soft.mul_(255).round_().to("cpu", torch.uint8)
