"""Computes one cell: a category's images under a shift, what the detector says of them, and what that is worth."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from zsad.data import Dataset
from zsad.detectors import Detector
from zsad.detectors.base import localises
from zsad.perturb.rotation import inside_frame
from zsad.robustness import (
    Bounds,
    Corruption,
    Shifted,
    TestSet,
    WorstCase,
    load_test_set,
    measure,
    predict_shifted,
    worst_case,
)
from zsad.robustness.groups import in_order, resize_nearest
from zsad.robustness.mixed import drawn
from zsad.robustness.search_space import PARAMETERS, search_space
from zsad.robustness.test_set import Masks, groups_of, joined
from zsad.study.cells import Cell
from zsad.study.config import DetectorConfig, Study
from zsad.study.schema import TABLES

STEPS = 2**14  # of draws of a metric between 0 and 1, a hundredth of the width of an interval or less


@dataclass(frozen=True)
class Evaluated:
    """A cell's metrics and its tables (`zsad.study.schema.TABLES`), both without the key; the batch size that the
    device had room for in the end; and how many images were compared with each other, for a detector that does so.
    """

    metrics: pd.DataFrame
    tables: dict[str, pd.DataFrame]
    batch_size: int
    compared: int | None


def corruption_of(cell: Cell) -> Corruption | None:
    """How the cell's images are corrupted when they are read; None for those that are read as they are."""
    if cell.shift.kind != "corruption":
        return None
    share = cell.how.get("share", 1.0)
    return Corruption(cell.shift.setting, int(cell.shift.value), cell.how["at"], cell.seed, share)


def load_images(cell: Cell, dataset: Dataset) -> TestSet:
    """The cell's images, resized and corrupted as it asks."""
    return load_test_set(
        dataset, cell.resolution, corruption_of(cell), aspect=cell.aspect, metric_size=cell.metric_size
    )


def load_study_images(
    study: Study, dataset: Dataset, detector: DetectorConfig | None = None, corruption: Corruption | None = None
) -> TestSet:
    """A data set's images as a study gives them to one of its detectors; by default, to one that names no size."""
    return load_test_set(dataset, corruption=corruption, **sizes_of(study, detector))


def sizes_of(study: Study, detector: DetectorConfig | None = None) -> dict[str, Any]:
    """The sizes at which a study gives images to one of its detectors and compares maps, as `load_test_set` takes
    them; by default, of one that names none.
    """
    resolution = study.resolution if detector is None else study.resolution_of(detector)
    return {"resolution": resolution, "aspect": study.aspect, "metric_size": study.metric_size}


def evaluate(
    cell: Cell,
    detector: Detector,
    test_set: TestSet,
    *,
    batch_size: int,
    device: str,
    progress: bool,
    checkpoint: Path | None = None,
    starts: Sequence[pd.DataFrame] = (),
    training: TestSet | None = None,
) -> Evaluated:
    """Evaluate a cell on its images, which are corrupted already where it asks for that; and give the scores of
    `training` images, unshifted, as a table.

    A detector whose maps tell no places apart (`zsad.detectors.base.localises`) gets image metrics alone.

    A detector that compares the images of a batch with each other (`zsad.detectors.batch`) gets all of them together.
    It has no worst case: that is searched for each image alone.

    A search for worst cases keeps the images that it is done with in `checkpoint`, and begins with those there; where
    images have several sizes, in a file beside it for each size, whose name begins with the same stem. It evaluates
    first what other searches have found, whose tables "samples" are `starts`.

    Raises:
        ValueError: what the detector or the search refuse, naming the cell.
    """
    worst, valid_mask = None, None
    try:
        if cell.shift.kind == "worst":
            worst = _search(
                cell, detector, test_set, starts,
                batch_size=batch_size, device=device, progress=progress, checkpoint=checkpoint,
            )  # fmt: skip
            shifted = Shifted(worst.score, worst.map, worst.batch_size)
            truth, valid_mask = _truth(cell, worst, test_set)
        else:
            uniform = cell.shift.kind == "uniform"
            setting, value = (cell.shift.setting, cell.shift.value) if uniform else ("none", 0.0)
            shifted = predict_shifted(
                detector, test_set.images, cell.category, setting, value,
                only=drawn(test_set.ids, cell.how.get("share", 1.0), cell.seed),
                batch_size=batch_size, rotation=cell.rotation, device=device,
            )  # fmt: skip
            truth = test_set
            if cell.how.get("corners") == "left out":
                valid_mask = _inside(test_set, cell.shift.value)
        if not localises(detector):
            truth = replace(truth, masks=None)
        measured = measure(
            shifted, truth, fpr_limit=cell.fpr_limit, replicates=cell.bootstrap, seed=cell.seed, valid_mask=valid_mask
        )
    except ValueError as error:
        raise ValueError(f"{cell}: {error}") from error
    images = pd.DataFrame({"id": test_set.ids, "label": test_set.labels.numpy()})
    tables = {
        "images": images.assign(score=shifted.score.numpy()),
        "replicates": _headline(measured.replicates),
    }
    if training is not None:
        good = predict_shifted(detector, training.images, cell.category, batch_size=shifted.batch_size, device=device)
        tables["training"] = pd.DataFrame({"id": training.ids, "score": good.score.numpy()})
    if worst is not None:
        tables |= {"samples": _samples(worst, images), "curve": _curve(worst), "tries": _tries(worst, test_set.ids)}
    metrics = measured.metrics.assign(n_images=len(images), n_anomalous=int(images["label"].sum()))
    return Evaluated(metrics, tables, shifted.batch_size, shifted.compared)


def _search(
    cell: Cell,
    detector: Detector,
    test_set: TestSet,
    starts: Sequence[pd.DataFrame],
    checkpoint: Path | None,
    **how: Any,
) -> WorstCase:
    """Worst cases of all images. Those of one size are searched together, and have a checkpoint of their own where
    there are several sizes."""
    masks = test_set.image_masks
    if masks is None:
        raise ValueError("worst cases are searched with the masks of the anomalous images, and there are none")
    options = dict(cell.how)
    bounds = Bounds(**{**dict.fromkeys(PARAMETERS, 0.0), **options.pop("bounds")})
    options.pop("starts", None)
    names = search_space(cell.shift.setting, bounds).names
    groups = groups_of(test_set.images)
    found = []
    for (height, width), members in groups.items():
        own = checkpoint.with_suffix(f".{height}x{width}.search") if checkpoint and len(groups) > 1 else checkpoint
        ids = [test_set.ids[index] for index in members]
        found.append(
            worst_case(
                detector,
                test_set.images.stacked(members),
                torch.stack([masks[index] for index in members]),
                category=cell.category,
                setting=cell.shift.setting,
                bounds=bounds,
                rotation=cell.rotation,
                seed=cell.seed,
                ids=ids,
                starts=_points(starts, names, ids) if starts else None,
                checkpoint=own,
                **options,
                **how,
            )
        )
        how["batch_size"] = found[-1].batch_size
    return in_order(found, [index for members in groups.values() for index in members])


def _inside(test_set: TestSet, angle: float) -> Masks | None:
    """The pixels of each mask that images turned by `angle` still show."""
    if test_set.masks is None or test_set.image_masks is None:
        return None
    inside = {mask.shape: inside_frame(mask[None], -angle)[0] for mask in test_set.image_masks}
    frames = joined([inside[mask.shape] for mask in test_set.image_masks])
    return resize_nearest(frames, [mask.shape for mask in test_set.masks])


def _points(starts: Sequence[pd.DataFrame], names: Sequence[str], ids: list[str]) -> dict[str, torch.Tensor]:
    """What other searches have found, parameter -> a value a search and image."""
    found = [samples.set_index("id").loc[ids] for samples in starts]
    return {name: torch.tensor(np.stack([samples[name].to_numpy(float) for samples in found])) for name in names}


def _truth(cell: Cell, worst: WorstCase, test_set: TestSet) -> tuple[TestSet, Masks | None]:
    """The masks that go with the maps found, and the pixels that metrics count (None for all), at the size that metrics
    compare. Masks that were turned along come as they were at the size of the images."""
    assert test_set.masks is not None, "the search has asked for them"
    sizes = [mask.shape for mask in test_set.masks]
    masks = test_set.masks if cell.how["align"] == "map" else resize_nearest(worst.masks, sizes)
    left_out = cell.how.get("corners") == "left out"
    return replace(test_set, masks=masks), resize_nearest(worst.valid_mask, sizes) if left_out else None


def _headline(replicates: pd.DataFrame) -> pd.DataFrame:
    """Draws of the headline metrics, to the nearest of 16,384 steps, which halves what is kept of them; pixel metrics
    are missing where the data set has no masks."""
    headline = [name for name in TABLES["replicates"] if name not in ("replicate", "key")]
    chosen = (replicates.reindex(columns=headline) * STEPS).round().div(STEPS).astype(np.float32)
    return chosen.assign(replicate=np.arange(len(chosen), dtype=np.int16))


def _samples(worst: WorstCase, images: pd.DataFrame) -> pd.DataFrame:
    """A row an image; a parameter that was not searched stays 0, an AUROC without anomalous pixels is missing.

    Parameters keep all their digits: a search that starts from them finds the same again.
    """
    parameters = {name: value.numpy() for name, value in worst.parameters.items()}
    values = {
        name: getattr(worst, name) for name in ("loss", "clean_loss", "mean_loss", "auroc", "clean_auroc", "mean_auroc")
    }
    floats = {name: value.numpy().astype(np.float32) for name, value in values.items()}
    counts = {name: getattr(worst, name).numpy().astype(np.int32) for name in ("evaluations", "gradients")}
    return images.assign(**parameters, **floats, **counts)


def _curve(worst: WorstCase) -> pd.DataFrame:
    """The mean over images of the lowest loss after each evaluation."""
    mean = worst.curve.double().mean(0).float().numpy()
    return pd.DataFrame({"evaluation": np.arange(1, len(mean) + 1, dtype=np.int32), "loss": mean})


def _tries(worst: WorstCase, ids: list[str]) -> pd.DataFrame:
    """The lowest loss and AUROC of each image after each evaluation, and how many of them had a gradient so far."""
    count = worst.curve.shape[1]
    curves = {"loss": worst.curve, "auroc": worst.auroc_curve}
    return pd.DataFrame(
        {
            "id": np.repeat(np.array(ids, dtype=object), count),
            "evaluation": np.tile(np.arange(1, count + 1, dtype=np.int32), len(ids)),
            "gradients": worst.gradient_curve.flatten().numpy().astype(np.int32),
            **{name: curve.flatten().float().numpy() for name, curve in curves.items()},
        }
    )
