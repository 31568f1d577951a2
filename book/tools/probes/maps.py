"""Anomaly maps of single test images, beside the colour scale of all of their category."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from book.tools.plots import heat_scale
from zsad.data import Dataset
from zsad.detectors import Detector
from zsad.perturb import rotate_map, semantic
from zsad.robustness import predict_shifted
from zsad.robustness.test_set import load_test_set

BATCH = 16


def maps_of_category(
    detector: Detector,
    dataset: Dataset,
    sizes: Mapping[str, Any],
    index: int,
    *,
    device: str = "cpu",
    batch_size: int = BATCH,
) -> dict[str, np.ndarray]:
    """Of all images as they are "score" (image,) and "scale" (2,), the ends of their colour scale; of the image `index`
    "map" (height, width).

    `sizes` are those of `load_test_set`.
    """
    images = load_test_set(dataset, **sizes).images
    found = predict_shifted(detector, images, dataset.category, batch_size=batch_size, device=device)
    scale = np.array(heat_scale(found.map))
    return {"score": found.score.numpy(), "scale": scale, "map": found.map[index].numpy()}


def maps_under_shifts(
    detector: Detector,
    dataset: Dataset,
    sizes: Mapping[str, Any],
    index: int,
    shifts: Sequence[tuple[str, float]],
    *,
    device: str = "cpu",
) -> dict[str, np.ndarray]:
    """Of one image under each (setting, value), as `predict_shifted` takes them: "score" (shift,) and "map" (shift,
    height, width), turned back.
    """
    image = load_test_set(dataset[index : index + 1], **sizes).images.stacked()
    found = [
        predict_shifted(detector, image, dataset.category, setting, value, device=device) for setting, value in shifts
    ]
    return {
        "score": np.array([float(one.score[0]) for one in found]),
        "map": np.stack([one.map[0].numpy() for one in found]),
    }


def worst_map(
    detector: Detector,
    dataset: Dataset,
    sizes: Mapping[str, Any],
    id: str,
    shift: Mapping[str, float],
    rotation: str,
    *,
    device: str = "cpu",
    batch_size: int = BATCH,
) -> dict[str, np.ndarray]:
    """Of one image: "image" and "shifted" (3, height, width); its "mask", "clean_map" and "map", (height, width), the
    last turned back.

    Args:
        shift: angle (degrees), hue (radians) and saturation ([-1, 1]), done at once.

    Raises:
        ValueError: no image of that name.
    """
    if id not in dataset.ids:
        raise ValueError(f"no picture {id!r} among the test pictures of {dataset.category!r}")
    index = dataset.ids.index(id)
    test_set = load_test_set(dataset[index : index + 1], **sizes)
    images, masks = test_set.images.stacked(), test_set.image_masks
    assert masks is not None, "worst cases are searched with masks"
    shifted = semantic(images, **shift, rotation=rotation) if any(shift.values()) else images  # type: ignore[arg-type]
    both = torch.cat([images, shifted])
    maps = predict_shifted(detector, both, dataset.category, batch_size=batch_size, device=device).map
    turned = rotate_map(maps[1][None], -shift["angle"], rotation=rotation)  # type: ignore[arg-type]
    found = {"image": images[0], "shifted": shifted[0], "mask": masks[0], "clean_map": maps[0], "map": turned[0]}
    return {name: tensor.numpy() for name, tensor in found.items()}
