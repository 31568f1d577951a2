"""What the stages of the tiling pipeline find in test images, for the pages that show them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch

from book.tools.plots import heat_scale
from zsad.data import Dataset
from zsad.detectors.tiling import Foreground, TileResult, Tiling
from zsad.robustness.test_set import load_test_set
from zsad.tiling.components import Component
from zsad.tiling.elongated import is_elongated, parts_of_components
from zsad.tiling.paste import Canvas

SCALED_BY = 8  # images that decide a category's colour scale


@torch.no_grad()
def stages_of(detector: Tiling, dataset: Dataset, sizes: Mapping[str, Any], index: int) -> dict[str, np.ndarray]:
    """Every stage on one image of height x width.

    Returns:
        image (3, height, width); mask, soft, map and unscaled (height, width); parts, kept and components (each one,
        height, width), boolean; tiles (tile, 4) as the fields of `Tile`; tile_scores (tile,); score (1,); scale (2,),
        the ends of a colour scale for the first `SCALED_BY` images.
    """
    words = dataset.category.replace("_", " ")
    test_set = load_test_set(dataset, **sizes)
    assert test_set.image_masks is not None, "the page is about damage that is marked"
    image, truth = test_set.images[index][None], test_set.image_masks[index].numpy()
    found = detector.segment(image)[0]
    results = list(detector.score_tiles(image, [found], words))
    prediction = detector.predict(image, words)
    others = [other for other in range(len(dataset)) if other != index][: SCALED_BY - 1]
    maps = [detector.predict(test_set.images[other][None], words).map[0].numpy() for other in others]
    unscaled = pasted(detector, found, results, *truth.shape)
    shown = np.concatenate([one.ravel() for one in (prediction.map.numpy(), *maps, unscaled)])
    return {
        "image": image[0].numpy(),
        "mask": truth,
        "soft": np.zeros(truth.shape, np.float32) if found.soft is None else found.soft,
        "parts": _stacked([part.full(*truth.shape) for part in found.parts], truth.shape),
        "kept": _stacked([part.full(*truth.shape) for part in found.kept], truth.shape),
        "components": _stacked([found.labels == one.label for one in found.components], truth.shape),
        "tiles": np.array([tuple(tile) for tile in found.tiles], dtype=np.int64),
        "tile_scores": np.array([float(result.score) for result in results]),
        "unscaled": unscaled,
        "map": prediction.map[0].numpy(),
        "score": prediction.score.numpy(),
        "scale": np.array(heat_scale(shown[shown > 0])),  # outside all tiles there is no score to show
    }


def pasted(detector: Tiling, found: Foreground, results: list[TileResult], height: int, width: int) -> np.ndarray:
    """The pixel maps of all tiles in their places, not scaled by scores."""
    canvas = Canvas(1, height, width, detector.backbone.device)
    shared = Counter(number for tiles in found.of_component for number in tiles)
    for result in results:
        canvas.add(0, result.tile, result.map, shared[result.number])
    average: np.ndarray = canvas.average(0.0)[0].cpu().numpy()
    return average


def counts_of(detector: Tiling, dataset: Dataset, sizes: Mapping[str, Any]) -> pd.DataFrame:
    """One row: what segmentation finds in the images of a category, in the mean, and how often the rule for long parts
    applies.
    """
    found = [detector.segment(image[None])[0] for image in load_test_set(dataset, **sizes).images]
    row = {
        "pictures": len(found),
        "parts a picture": np.mean([len(f.parts) for f in found]),
        "kept": np.mean([len(f.kept) for f in found]),
        "components": np.mean([len(f.components) for f in found]),
        "tiles": np.mean([len(f.tiles) for f in found]),
        "foreground [% of picture]": 100 * np.mean([f.mask.mean() for f in found]),
        "without foreground": sum(f.fallback for f in found),
        "with a long component": sum(has_long(detector, f) for f in found),
    }
    return pd.DataFrame([row])


def has_long(detector: Tiling, found: Foreground) -> bool:
    """Whether the rule for long components with many parts applies to an image."""
    options = detector.options
    counts = parts_of_components(found.kept, found.labels, len(found.components), options["part_share"])
    long: list[tuple[Component, int]] = list(zip(found.components, counts.tolist(), strict=True))
    return any(is_elongated(c, n, options["elongated_aspect"], options["elongated_parts"]) for c, n in long)


def _stacked(masks: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    return np.stack(masks) if masks else np.zeros((0, *shape), dtype=bool)
