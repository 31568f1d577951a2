"""What a study would take, before it starts: cells, forward passes, hours on this machine and bytes on disk."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch

from zsad.detectors.batch import BatchDetector
from zsad.detectors.defence import passes
from zsad.progress import progress_bar
from zsad.robustness import Bounds, measure, predict_shifted
from zsad.robustness.search_space import PARAMETERS, search_space
from zsad.robustness.worst_case import default_budget
from zsad.study.cells import Cell, Selection
from zsad.study.config import Study
from zsad.study.evaluate import load_images
from zsad.study.run import Evaluator, Wanted
from zsad.study.shifts import Shift

PROBED = 8  # images of each detector that are timed
BACKWARD = 3  # a pass with a gradient costs about three without
BYTES, BYTES_A_TRY = 12_000, 3  # of a cell's files; of a search, for each image and evaluation, more


class Rate(NamedTuple):
    """Seconds that a detector takes on this machine: to learn from the texts of a category, where it does; for an image
    to pass; for metrics and intervals, an image."""

    learning: float
    image: float
    metrics: float


@dataclass(frozen=True)
class Estimate:
    """What is left to do of a study.

    Attributes:
        cells, there: results that are wanted, and those of them that are kept already.
        passes: images through a detector, each copy that a defence makes counted.
        seconds: on this machine and the study's device, one cell after another.
        bytes: of the files of the cells that are not there.
        refused: results that cannot be computed.
    """

    cells: int
    there: int
    passes: int
    seconds: float
    bytes: int
    refused: int

    def __str__(self) -> str:
        refused = f"; {self.refused:,} results cannot be computed" if self.refused else ""
        return (
            f"{self.cells:,} cells, {self.there:,} of them there. The others: {self.passes:,} images through a "
            f"detector, about {self.seconds / 3600:,.1f} h on this machine, {self.bytes / 1e6:,.0f} MB{refused}"
        )


def estimate(study: Study, selection: Selection, progress: bool = True) -> Estimate:
    """Count what is missing of a study, and time a few images of each detector. Demo suites are drawn where they are
    not there yet. Of a detector that compares the images of a batch, whose work grows with their square, the estimate
    is too low.

    Raises what `zsad.study.compute` raises before it computes.
    """
    evaluator = Evaluator(study)
    wanted, failures = evaluator.wanted(selection, progress)
    unique = {w.key: w for w in wanted}
    missing = [w for key, w in unique.items() if evaluator.results.find(key) is None]
    rates: dict[str, Rate] = {}
    learnt: set[tuple[str, str]] = set()
    total, seconds, size = 0, 0.0, 0
    with progress_bar(len(missing), 0, "cell", "estimating", progress) as bar:
        for w in missing:
            who, own = w.detector.fingerprint, passes_of(w)
            if who not in rates:
                rates[who] = _timed(w, study.device)
            rate = rates[who]
            total += own
            seconds += own * rate.image + len(w.dataset) * rate.metrics
            seconds += 0 if (who, w.cell.category) in learnt else rate.learning
            learnt.add((who, w.cell.category))
            size += BYTES + BYTES_A_TRY * len(w.dataset) * (evaluations(w.cell) - 1)
            bar.update()
    return Estimate(len(unique), len(unique) - len(missing), total, seconds, size, failures.count)


def passes_of(w: Wanted) -> int:
    """How many images a cell sends through its detector; one with a gradient counts as `BACKWARD`."""
    backward = BACKWARD if w.cell.how.get("search") == "adam" else 1
    images = len(w.dataset) * evaluations(w.cell) * backward + (0 if w.training is None else len(w.training))
    return images * _copies(w.cell)


def evaluations(cell: Cell) -> int:
    """Of each image: of a worst case those of its search, else one."""
    if cell.shift.kind != "worst":
        return 1
    how = cell.how
    if how["budget"] is not None:
        return int(how["budget"])
    bounds = Bounds(**{**dict.fromkeys(PARAMETERS, 0.0), **how["bounds"]})
    return default_budget(how["search"], search_space(cell.shift.setting, bounds))


def _copies(cell: Cell) -> int:
    return passes(json.loads(cell.options).get("defence"))


def _timed(w: Wanted, device: str) -> Rate:
    """The first time that a detector sees a category, it learns what it learns of the texts."""
    least = w.detector.least_images if isinstance(w.detector, BatchDetector) else 0
    images = load_images(replace(w.cell, shift=Shift()), w.dataset.subset(max(PROBED, least)))
    count = len(images.ids)

    def predict() -> None:
        predict_shifted(w.detector, images.images, w.cell.category, batch_size=PROBED, device=device)

    first, again = _seconds(predict, device), _seconds(predict, device)
    shifted = predict_shifted(w.detector, images.images, w.cell.category, batch_size=PROBED, device=device)
    metrics = _seconds(lambda: measure(shifted, images, replicates=w.cell.bootstrap), "cpu")
    return Rate(max(0.0, first - again), again / count / _copies(w.cell), metrics / count)


def _seconds(work: Callable[[], object], device: str) -> float:
    start = time.monotonic()
    work()
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()
    return time.monotonic() - start
