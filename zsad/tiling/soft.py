"""Stage 1, soft foreground: dichotomous segmentation gives every pixel a degree of belonging to the objects shown.

The report uses IS-Net (Qin et al., "Highly Accurate Dichotomous Image Segmentation", ECCV 2022).
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from zsad.leagues import Shown


@runtime_checkable
class SoftForeground(Protocol):
    """A segmenter of foreground. Equal fingerprints on equal images mean equal maps."""

    name: str
    shown: tuple[Shown, ...]

    @property
    def fingerprint(self) -> str: ...

    def __call__(self, images: UInt8[Tensor, "image 3 height width"]) -> UInt8[Tensor, "image height width"]:
        """Degrees of foreground, 0 to 255, at the size of the images and on the CPU.

        In steps of 1/255, as published masks are kept: what is read back from disk is then what was computed.
        """
        ...


def as_bytes(images: Float[Tensor, "image 3 height width"]) -> UInt8[Tensor, "image 3 height width"]:
    """Images as the segmenters take them: 8 bits a channel, on the CPU, without a gradient."""
    return images.detach().clamp(0, 1).mul_(255).round_().to("cpu", torch.uint8)


def degrees(levels: UInt8[Tensor, "image height width"], min_max: bool = False) -> Float[Tensor, "image height width"]:
    """Levels of a segmenter as numbers in [0, 1].

    Args:
        min_max: stretch each image's map to the full range, as the script of IS-Net's authors does. It then claims a
            foreground even where there is no object. A constant map becomes zero.
    """
    soft = levels.float() / 255
    if not min_max:
        return soft
    low, high = soft.flatten(1).amin(dim=1)[:, None, None], soft.flatten(1).amax(dim=1)[:, None, None]
    return (soft - low) / (high - low).clamp_min(1 / 255)
