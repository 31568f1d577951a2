"""Stage 10, pixel maps: one segmentation a localising prompt, merged where all prompts agree.

The segmentations come from CLIPSeg (Lüddecke & Ecker, "Image Segmentation Using Text and Image Prompts", CVPR 2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from zsad.leagues import Shown


@runtime_checkable
class PixelModel(Protocol):
    """A segmenter that is told in words what to find. Equal fingerprints on equal input mean equal output."""

    name: str
    shown: tuple[Shown, ...]
    input_size: int  # pixels a side of the square input

    @property
    def fingerprint(self) -> str: ...

    def __call__(
        self, tiles: Float[Tensor, "tile 3 side side"], prompts: Sequence[str]
    ) -> Float[Tensor, "tile prompt rows columns"]:
        """Logits of every prompt at every place of RGB tiles in [0, 1]; differentiable."""
        ...


def probabilities(
    logits: Float[Tensor, "tile prompt rows columns"], activation: str = "sigmoid"
) -> Float[Tensor, "tile prompt rows columns"]:
    """Logits as numbers in [0, 1].

    Args:
        activation: "sigmoid"; or "min-max", which stretches each prompt's map of each tile to the full range, and makes
            a constant one zero.
    """
    if activation == "sigmoid":
        return logits.sigmoid()
    low, high = logits.amin(dim=(-2, -1), keepdim=True), logits.amax(dim=(-2, -1), keepdim=True)
    return (logits - low) / (high - low).clamp_min(1e-6)


def mean_over_prompts(
    values: Float[Tensor, "tile prompt rows columns"], mean: str = "harmonic", epsilon: float = 1e-6
) -> Float[Tensor, "tile rows columns"]:
    """Merge the prompts' maps.

    Args:
        mean: "harmonic", K / sum of 1 / (p + epsilon), which one prompt near zero pulls to zero; or "arithmetic".
        epsilon: keeps a prompt of zero everywhere from wiping out the others' differences.
    """
    if mean == "arithmetic":
        return values.mean(dim=1)
    return values.shape[1] / (1 / (values + epsilon)).sum(dim=1)
