"""Uniform shifts: one angle, hue or saturation shift for every image of a test set (Stangl et al., arXiv 2405.07969).

`predict_shifted` is the one path from an image to score and map under a shift; sweeps, studies and pages all use it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from zsad import metrics, perturb
from zsad.data import Dataset
from zsad.detectors import Detector
from zsad.detectors.base import NotFiniteError
from zsad.limits import check_number
from zsad.robustness.batches import in_batches
from zsad.robustness.groups import resize_map
from zsad.robustness.test_set import Images, Maps, Masks, TestSet, groups_of, joined, load_test_set

SETTINGS = ("none", "angle", "hue", "saturation")


MOST_PIXELS = 2**24  # of a batch, however many images may go through at once: 1 of 4000 x 3000, 16 of 1024 x 1024


@dataclass(frozen=True)
class Shifted:
    """Scores and maps under one shift, on the CPU; maps lie in the unshifted image's frame and have its size.

    `batch_size` is the number of images that went through at once in the end: smaller than asked for where the
    device ran out of memory.
    """

    score: Float[Tensor, " image"]
    map: Maps
    batch_size: int


@dataclass(frozen=True)
class Measured:
    """What a detector's answers are worth on one test set.

    `metrics` has columns metric, estimate, low, high: every metric in [0, 1] with its 95 % interval over images, from
    a bootstrap or, of fewer than `metrics.bootstrap.SMALL`, from leaving one out (`small_sample_interval`).
    `replicates` has the estimates of each metric (a column) in each bootstrap draw (a row), as float32.
    """

    metrics: pd.DataFrame
    replicates: pd.DataFrame


def predict_shifted(
    detector: Detector,
    images: Float[Tensor, "image 3 height width"] | Images,
    category: str,
    setting: str = "none",
    value: float | int = 0.0,
    *,
    batch_size: int = 16,
    rotation: str = "three_pass",
    device: str | torch.device = "cpu",
) -> Shifted:
    """Shift the images, predict, and turn the maps back (section 2 of the paper: the ground truth stays fixed).

    Args:
        images: RGB in [0, 1]. Those of one size go through together; no batch has more than `MOST_PIXELS` pixels,
            unless a single image has.
        category: folder name or words; underscores read as spaces.
        setting: "none", "angle" (degrees), "hue" (radians) or "saturation" ([-1, 1]).
        value: strength of the shift, the same for every image. Corners that a rotation leaves empty score 0.
        batch_size: images at once. Where the device runs out of memory it is halved, and the batch repeated.
        device: where the images are shifted and the detector runs.

    Raises:
        ValueError: unknown setting.
        torch.OutOfMemoryError: a single image does not fit.
    """
    if setting not in SETTINGS:
        raise ValueError(f"unknown setting {setting!r}; known: {', '.join(SETTINGS)}")
    if len(images) == 0:
        raise ValueError("no images to predict")
    scores = torch.zeros(len(images))
    maps: list[Tensor] = [torch.empty(0)] * len(images)

    for (height, width), members in groups_of(images).items():

        def predict(part: slice, members: list[int] = members) -> None:
            chosen = members[part]
            batch = images.stacked(chosen) if isinstance(images, Images) else images[chosen]
            try:
                score, found = _predict(detector, batch.to(device), category, setting, value, rotation)
            except NotFiniteError as error:
                index = chosen[error.index]
                raise NotFiniteError(f"image {index}: {error}", index) from None
            scores[chosen] = score.float().cpu()
            for index, anomaly_map in zip(chosen, found.float().cpu(), strict=True):
                maps[index] = anomaly_map

        at_once = max(1, min(batch_size, MOST_PIXELS // (height * width)))
        _, fitted = in_batches(predict, len(members), at_once, device)
        batch_size = batch_size if fitted == at_once else fitted
    return Shifted(scores, joined(maps), batch_size)


@torch.no_grad()
def _predict(
    detector: Detector, images: Tensor, category: str, setting: str, value: float | int, rotation: str
) -> tuple[Tensor, Tensor]:
    if setting != "none" and value != 0:
        images = perturb.semantic(images, **{setting: value}, rotation=rotation)  # type: ignore[arg-type]
    prediction = detector.predict(images, category=category.replace("_", " "))
    anomaly_map = prediction.map
    if setting == "angle" and value != 0:
        anomaly_map = perturb.rotate_map(anomaly_map, -value, rotation=rotation)  # type: ignore[arg-type]
    return prediction.score, anomaly_map


def measure(
    shifted: Shifted,
    test_set: TestSet,
    *,
    fpr_limit: float = 0.3,
    replicates: int = 200,
    seed: int = 0,
    valid_mask: Masks | None = None,
) -> Measured:
    """Every metric with its interval; without masks the image metrics alone. Pixels are left out of pixel metrics where
    `valid_mask`, of the sizes of the masks, is False. Maps are resized to the masks' sizes (`resize_map`).

    The same seed draws the same images for every shift of a test set, so that replicates can be compared one by one,
    and unrelated ones for other test sets, so that their means can be taken one by one.

    Raises:
        ValueError: a score or map that is not finite (naming the image), or a test set of one class only.
    """
    broken = ~(shifted.score.isfinite() & torch.stack([one.isfinite().all() for one in shifted.map]))
    if broken.any():
        first = test_set.ids[int(broken.nonzero()[0])]
        raise ValueError(
            f"the detector gave a score or map that is not finite for {int(broken.sum())} of {len(broken)} images; "
            f"the first is {first}"
        )
    if len(test_set.labels.unique()) < 2:
        only = "anomalous" if test_set.labels.any() else "normal"
        raise ValueError(f"category {test_set.category!r} has only {only} images: metrics need both kinds")
    images = hashlib.sha256("\0".join(test_set.ids).encode()).digest()
    generator = np.random.default_rng([seed, int.from_bytes(images[:8])])
    maps = None
    if test_set.masks is not None:
        maps = joined([resize_map(one, mask.shape) for one, mask in zip(shifted.map, test_set.masks, strict=True)])
    arguments = (shifted.score, test_set.labels, maps, test_set.masks)
    options: dict[str, Any] = {"fpr_limit": fpr_limit, "valid_mask": valid_mask}
    estimates = metrics.all_metrics(*arguments, **options)
    drawn, left_out = metrics.resampled(*arguments, replicates=replicates, generator=generator, **options)
    found = metrics.intervals(estimates, drawn, left_out)
    rows = [{"metric": n, "estimate": e, "low": found[n][0], "high": found[n][1]} for n, e in estimates.items()]
    return Measured(pd.DataFrame(rows), pd.DataFrame(drawn).astype(np.float32))


def uniform_sweep(
    detector: Detector,
    dataset: Dataset,
    setting: str,
    values: Sequence[float | int],
    *,
    resolution: int | Literal["native"] = 240,
    aspect: str = "own",
    metric_size: int | Literal["mask"] = "mask",
    batch_size: int = 16,
    limit: int | None = None,
    rotation: str = "three_pass",
    device: str | torch.device = "cpu",
    fpr_limit: float = 0.3,
    replicates: int = 200,
    seed: int = 0,
    progress: bool = True,
) -> pd.DataFrame:
    """Metrics of one detector on one category under each value of a shift.

    `resolution`, `aspect` and `metric_size` are those of `load_test_set`. Returns one row a value and metric: category,
    detector, setting, value, metric, estimate, low, high (in [0, 1]), n_images, n_anomalous. Raises as `load_test_set`,
    `predict_shifted` and `measure` do, and ValueError before anything is read for a number beyond `zsad.limits`.
    """
    check_number("batch_size", batch_size)
    check_number("replicates", replicates)
    if limit is not None:
        check_number("limit", limit)
    test_set = load_test_set(dataset.subset(limit), resolution, aspect=aspect, metric_size=metric_size)
    frames = []
    for value in tqdm(values, desc=f"{dataset.category} {setting}", unit="value", disable=not progress):
        shifted = predict_shifted(
            detector,
            test_set.images,
            test_set.category,
            setting,
            value,
            batch_size=batch_size,
            rotation=rotation,
            device=device,
        )
        batch_size = shifted.batch_size
        measured = measure(shifted, test_set, fpr_limit=fpr_limit, replicates=replicates, seed=seed)
        frames.append(measured.metrics.assign(value=float(value)))
    records = pd.concat(frames, ignore_index=True).assign(
        category=dataset.category,
        detector=detector.name,
        setting=setting,
        n_images=len(test_set.labels),
        n_anomalous=int(test_set.labels.sum()),
    )
    order = ["category", "detector", "setting", "value", "metric", "estimate", "low", "high", "n_images", "n_anomalous"]
    return records[order]
