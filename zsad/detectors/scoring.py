"""From a function of embeddings to a prediction: what the detectors without windows of their own have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from zsad.clip import Backbone
from zsad.detectors.base import Prediction

# "patches": every patch scored by itself, as the image is; "score": the image's score, the same at every pixel.
MapFrom = Literal["patches", "score"]

Head = Callable[[Tensor], Tensor]


def check_windows(backbone: Backbone, windows: Sequence[int]) -> None:
    """Raise a ValueError for a window size that does not fit on the backbone's grid."""
    wrong = [size for size in windows if not 1 <= size <= min(backbone.grid)]
    if wrong:
        raise ValueError(f"windows of {wrong} patches do not fit on the grid of {backbone.name}, {backbone.grid}")


def score_images(
    backbone: Backbone,
    head: Head,
    images: Float[Tensor, "image 3 height width"],
    map_from: MapFrom,
    windows: Sequence[int] = (),
) -> Prediction:
    """Scores and maps from a head that scores embeddings, on the device of the images; differentiable.

    Images that are not square are squashed.

    Args:
        head: unit embeddings (*batch, dim) -> anomaly scores (*batch).
        map_from: a `MapFrom`. Both take one pass through the image tower.
        windows: sizes in patches; where there are any, an image's score is the mean of the whole image's and, for each
            size, the mean over the windows.
    """
    height, width = images.shape[-2:]
    if map_from == "patches":
        image, patches = backbone.embed_image_and_patches(images)
        grid = head(patches).unflatten(1, backbone.grid)
        resized = F.interpolate(grid.unsqueeze(1), size=(height, width), mode="bilinear", align_corners=False)
    else:
        image, resized = backbone.embed_image(images), None
    score = head(image)
    if windows:
        embeddings = backbone.embed_windows(images, windows)
        score = torch.stack([score, *(head(embeddings[size]).mean(dim=1) for size in windows)]).mean(dim=0)
    anomaly_map = score[:, None, None].expand(-1, height, width) if resized is None else resized.squeeze(1)
    return Prediction(score.to(images.device), anomaly_map.to(images.device))
