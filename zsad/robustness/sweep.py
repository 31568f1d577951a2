"""Uniform shifts of a test set, and what a detector's answers to them are worth."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from zsad import metrics
from zsad.data import Dataset
from zsad.detectors import Detector
from zsad.limits import check_number
from zsad.robustness.groups import resize_map
from zsad.robustness.mixed import drawn
from zsad.robustness.shifted import Shifted, predict_shifted
from zsad.robustness.test_set import Masks, TestSet, joined, load_test_set


@dataclass(frozen=True)
class Measured:
    """What a detector's answers are worth on one test set.

    `metrics` has columns metric, estimate, low, high: every metric in [0, 1] with its 95 % interval over images, from
    a bootstrap or, of fewer than `metrics.bootstrap.SMALL`, from leaving one out (`small_sample_interval`).
    `replicates` has the estimates of each metric (a column) in each bootstrap draw (a row), as float32.
    """

    metrics: pd.DataFrame
    replicates: pd.DataFrame


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

    Of a `BatchDetector`, intervals hold the batch fixed (`zsad.detectors.batch`).

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
    share: float = 1.0,
    rotation: str = "three_pass",
    device: str | torch.device = "cpu",
    fpr_limit: float = 0.3,
    replicates: int = 200,
    seed: int = 0,
    progress: bool = True,
) -> pd.DataFrame:
    """Metrics of one detector on one category under each value of a shift.

    `resolution`, `aspect` and `metric_size` are those of `load_test_set`. With a `share` below 1, only so many of the
    images are shifted, drawn with `seed` (`zsad.robustness.mixed.drawn`). Returns one row a value and metric: category,
    detector, setting, value, metric, estimate, low, high (in [0, 1]), n_images, n_anomalous. Raises as `load_test_set`,
    `predict_shifted` and `measure` do, and ValueError before anything is read for a number beyond `zsad.limits`.
    """
    check_number("batch_size", batch_size)
    check_number("replicates", replicates)
    if limit is not None:
        check_number("limit", limit)
    test_set = load_test_set(dataset.subset(limit), resolution, aspect=aspect, metric_size=metric_size)
    only = drawn(test_set.ids, share, seed)
    frames = []
    for value in tqdm(values, desc=f"{dataset.category} {setting}", unit="value", disable=not progress):
        shifted = predict_shifted(
            detector,
            test_set.images,
            test_set.category,
            setting,
            value,
            only=only,
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
