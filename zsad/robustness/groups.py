"""Results of images of unequal sizes: resized to each other, and put into the images' order."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import interpolate

from zsad.robustness.test_set import Masks, joined
from zsad.robustness.worst_case import WorstCase


def resize_map(anomaly_map: Float[Tensor, "height width"], size: Sequence[int]) -> Float[Tensor, "rows columns"]:
    """A map at a (height, width): bilinear, antialiased where it gets smaller; as it is where it has that size."""
    if anomaly_map.shape == tuple(size):
        return anomaly_map
    return interpolate(anomaly_map[None, None], tuple(size), mode="bilinear", antialias=True, align_corners=False)[0, 0]


def resize_nearest(masks: Masks, sizes: Sequence[Sequence[int]]) -> Masks:
    """Masks at other sizes, one (height, width) a mask: each pixel is what the nearest one was."""
    found = [
        mask
        if mask.shape == tuple(size)
        else interpolate(mask[None, None].float(), tuple(size), mode="nearest-exact")[0, 0] > 0
        for mask, size in zip(masks, sizes, strict=True)
    ]
    return joined(found)


def in_order(parts: Sequence[WorstCase], places: Sequence[int]) -> WorstCase:
    """Worst cases of several sizes of image as those of one test set.

    Args:
        parts: a search each.
        places: where each image of the first part, then of the second, and so on, stands in the test set.
    """
    back = torch.tensor(places).argsort()
    return WorstCase(
        **{field.name: _merged([getattr(part, field.name) for part in parts], back) for field in fields(WorstCase)}
    )


def _merged(values: list[Any], back: Int[Tensor, " image"]) -> Any:
    """One field of all parts; a curve that is shorter than another keeps its last value."""
    first = values[0]
    if len(values) == 1 or isinstance(first, int):
        return values[-1]
    if isinstance(first, dict):
        return {name: _merged([value[name] for value in values], back) for name in first}
    if first.ndim == 1:
        return torch.cat(values)[back]
    if first.ndim == 2:
        longest = max(value.shape[1] for value in values)
        longer = [torch.cat((v, v[:, -1:].expand(-1, longest - v.shape[1])), 1) for v in values]
        return torch.cat(longer)[back]
    everything = [one for value in values for one in value]
    return joined([everything[index] for index in back.tolist()])
