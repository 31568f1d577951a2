"""Trains what a detector learns from auxiliary anomalies, epoch by epoch; a training that was stopped goes on."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from zsad.auxiliary.data import AuxiliaryData, Pictures
from zsad.auxiliary.learner import Learner, Training
from zsad.clip import Backbone
from zsad.clip.store import DamagedFileError, read_tensors, write_tensors
from zsad.detectors.learned import Learned, TrainedOn, part_name, save_learned, weights_digest
from zsad.progress import progress_bar

log = logging.getLogger(__name__)

MEMORY = 3 * 2**30
"""Bytes of features that are kept at most; where there are more, they are computed again in each epoch."""
_BETAS = (0.5, 0.999)
_READ = 16  # images read at once


@dataclass(frozen=True)
class Examples:
    """Features of some images, on the backbone's device, and what is known of each."""

    features: dict[str, Tensor]
    masks: Bool[Tensor, "image height width"]
    labels: Bool[Tensor, " image"]  # True for an anomalous image
    categories: list[str]


class ExampleReader:
    """Examples of a data set. Features are computed once where all fit into `memory` bytes, else whenever asked for."""

    def __init__(
        self, learner: Learner, backbone: Backbone, data: AuxiliaryData, memory: int = MEMORY, progress: bool = True
    ) -> None:
        self._learner, self._size, self._device, self._data = learner, backbone.image_size, backbone.device, data
        self._kept: dict[str, Tensor] = {}
        first = self._embed(data.read([0], self._size))
        if sum(values.nbytes for values in first.values()) * len(data) > memory:
            log.info("features of %d images are more than are kept: they are computed in each epoch", len(data))
            return
        kept = {name: values.new_empty((len(data), *values.shape[1:])) for name, values in first.items()}
        with progress_bar(len(data), 0, "image", f"reading {data.suite}", progress) as bar:
            for start in range(0, len(data), _READ):
                numbers = range(start, min(start + _READ, len(data)))
                for name, values in self._embed(data.read(numbers, self._size)).items():
                    kept[name][start : start + len(numbers)] = values
                bar.update(len(numbers))
        self._kept = kept

    def examples(self, numbers: Sequence[int], mosaics: Sequence[int], generator: np.random.Generator) -> Examples:
        """Some images, and a mosaic in place of each of some others; at least one of either."""
        parts = [self._as_they_are(numbers)] if len(numbers) else []
        if len(mosaics):
            parts.append(self._embed(self._data.mosaics(mosaics, self._size, generator)))
        joined = {name: torch.cat([part[name] for part in parts]).to(self._device) for name in parts[0]}
        masks, labels = joined.pop("masks"), joined.pop("labels")
        return Examples(joined, masks, labels, self._data.categories([*numbers, *mosaics]))

    def _as_they_are(self, numbers: Sequence[int]) -> dict[str, Tensor]:
        if self._kept:
            return {name: values[torch.tensor(numbers)] for name, values in self._kept.items()}
        return self._embed(self._data.read(numbers, self._size))

    @torch.no_grad()
    def _embed(self, found: Pictures) -> dict[str, Tensor]:
        images, masks, labels = found
        features = self._learner.features(images.to(self._device))
        known = {"masks": masks, "labels": labels}
        return {**known, **{name: values.detach().cpu() for name, values in features.items()}}


def learn(
    learner: Learner,
    reader: ExampleReader,
    count: int,
    training: Training,
    *,
    state: dict[str, Tensor] | None = None,
    after_epoch: Callable[[int, dict[str, Tensor]], None] = lambda epoch, state: None,
    progress: bool = True,
) -> list[float]:
    """Train a learner's module in place on `count` images; returns the mean loss of each epoch.

    Args:
        state: where to go on, as `after_epoch` was given it.
        after_epoch: is given the number of the epoch that is done, from 1, and all that is needed to go on.
    """
    optimiser = torch.optim.Adam(learner.module.parameters(), lr=training.learning_rate, betas=_BETAS)
    losses = _restored(learner, optimiser, state) if state else []
    steps = -(-count // training.batch_size)
    bar = progress_bar(training.epochs * steps, len(losses) * steps, "step", f"training {learner.part}", progress)
    with bar, torch.inference_mode(False), torch.enable_grad():
        for epoch in range(len(losses) + 1, training.epochs + 1):
            # Each epoch draws for itself: one that goes on draws as one that was never stopped.
            generator = np.random.default_rng([training.seed, epoch])
            order, total = generator.permutation(count), 0.0
            as_mosaic = generator.random(count) < training.mosaic
            for start in range(0, count, training.batch_size):
                chosen = order[start : start + training.batch_size]
                drawn = as_mosaic[chosen]
                found = reader.examples(chosen[~drawn].tolist(), chosen[drawn].tolist(), generator)
                loss = learner.loss(found.features, found.masks, found.labels, found.categories)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                total += float(loss.detach()) * len(chosen)
                bar.update()
            losses.append(total / count)
            log.info("%s: loss %.4f in epoch %d", learner.part, losses[-1], epoch)
            after_epoch(epoch, _kept(learner, optimiser, losses))
    return losses


def train_part(
    learner: Learner,
    backbone: Backbone,
    data: AuxiliaryData,
    training: Training,
    folder: Path,
    *,
    called: str | None = None,
    memory: int = MEMORY,
    progress: bool = True,
) -> Path:
    """Train a part and write it with its card; returns the path of its .safetensors.

    After each epoch what is needed to go on is written to a file beside it, which goes once the part is there.

    Args:
        called: what detectors name it by (`trained_on`): by default the data set.

    Raises:
        OSError: the folder cannot be written.
    """
    name = part_name(learner.part, backbone.name, called or data.suite)
    unfinished = folder / f"{name}.unfinished"
    purpose = {
        "part": learner.part,
        "choices": json.dumps(dict(learner.choices), sort_keys=True),
        "backbone": weights_digest(backbone),
        "data": data.fingerprint,
        "training": json.dumps({**asdict(training), "epochs": None}, sort_keys=True),
    }
    losses = learn(
        learner,
        ExampleReader(learner, backbone, data, memory, progress),
        len(data),
        training,
        state=_unfinished(unfinished, purpose, training.epochs),
        after_epoch=lambda epoch, state: write_tensors(unfinished, state, purpose),
        progress=progress,
    )
    path = write_part(learner, backbone, data, training, losses, folder, called)
    unfinished.unlink(missing_ok=True)
    return path


def write_part(
    learner: Learner,
    backbone: Backbone,
    data: AuxiliaryData,
    training: Training,
    losses: Sequence[float],
    folder: Path,
    called: str | None = None,
) -> Path:
    """Write what a learner has learned, with its card; arguments as `train_part`. Returns the path of the
    .safetensors."""
    name = part_name(learner.part, backbone.name, called or data.suite)
    trained_on = TrainedOn.of(data.suite, data.image_digests)
    how: dict[str, Any] = {
        "training": asdict(training),
        "data_fingerprint": data.fingerprint,
        "categories": [dataset.category for dataset in data.datasets],
        "losses": [round(loss, 4) for loss in losses],
    }
    learned = Learned(name, learner.module.state_dict(), trained_on, learner.choices)
    return save_learned(learner.part, learned, backbone, how, folder)


def _kept(learner: Learner, optimiser: torch.optim.Optimizer, losses: list[float]) -> dict[str, Tensor]:
    """What `_restored` takes: what was learned, the optimiser's memory, and the losses so far."""
    memory = {
        f"adam.{number}.{name}": value
        for number, values in optimiser.state_dict()["state"].items()
        for name, value in values.items()
    }
    learned = {f"module.{name}": value.clone() for name, value in learner.module.state_dict().items()}
    return {**learned, **memory, "losses": torch.tensor(losses, dtype=torch.float64)}


def _restored(learner: Learner, optimiser: torch.optim.Optimizer, state: dict[str, Tensor]) -> list[float]:
    module = {name.removeprefix("module."): value for name, value in state.items() if name.startswith("module.")}
    learner.module.load_state_dict(module)
    adam = optimiser.state_dict()
    for key, value in state.items():
        if key.startswith("adam."):
            _, number, name = key.split(".")
            adam["state"].setdefault(int(number), {})[name] = value
    optimiser.load_state_dict(adam)
    losses: list[float] = state["losses"].tolist()
    return losses


def _unfinished(path: Path, purpose: dict[str, str], epochs: int) -> dict[str, Tensor] | None:
    """The state of the same training, if it was stopped; none of another, or of one that went on for longer."""
    try:
        state, found = read_tensors(path)
    except FileNotFoundError:
        return None
    except DamagedFileError as error:
        log.warning("%s: training from the start", error)
        return None
    if found != purpose or len(state["losses"]) > epochs:
        log.warning("%s is of another training: training from the start", path)
        return None
    log.info("going on after epoch %d of %s", len(state["losses"]), path)
    return state
