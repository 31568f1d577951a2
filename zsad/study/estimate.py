"""What a study would take, before it starts: cells, forward passes, hours and bytes on disk.

Hours are of this machine, timed on a few images; where the study's data or its device are not here, they are of one
H100, after the costs of `zsad.study.parts`.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch

from zsad.detectors.batch import BatchDetector
from zsad.detectors.defence import passes
from zsad.devices import is_there
from zsad.files import write_atomically
from zsad.progress import progress_bar
from zsad.robustness import measure, predict_shifted
from zsad.study import parts, provenance
from zsad.study.cells import Cell, Selection, requests
from zsad.study.config import Study
from zsad.study.evaluate import load_images
from zsad.study.incomplete import Failures
from zsad.study.parts import BACKWARD, evaluations
from zsad.study.project import resolve
from zsad.study.run import Evaluator, Wanted
from zsad.study.shifts import Shift

PROBED = 4  # images of each detector and backbone that are timed
BYTES, BYTES_A_TRY = 12_000, 3  # of a cell's files; of a search, for each image and evaluation, more
HERE, H100 = "this machine", "one H100"


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
        seconds: one cell after another, `on` this machine and the study's device or on one H100.
        bytes: of the files of the cells that are not there.
        refused: results that cannot be computed; `reasons` says which and why, a line a reason.
        assumed: why it was counted without data or device, in words; empty where it was not.
        passed_over: suites that are not here, which are left out as a run leaves them out.
        untimed: detectors that could not be timed and why, a line a reason; their hours are not among the `seconds`.
    """

    cells: int
    there: int
    passes: int
    seconds: float
    bytes: int
    refused: int
    on: str = HERE
    assumed: str = ""
    reasons: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()
    untimed: tuple[str, ...] = ()

    def __str__(self) -> str:
        refused = f"; {self.refused:,} results cannot be computed" if self.refused else ""
        assumed = f" ({self.assumed})" if self.assumed else ""
        without = f"; without {', '.join(self.passed_over)}, passed over for want of data" if self.passed_over else ""
        hours = " without what could not be timed" if self.untimed else ""
        return (
            f"{self.cells:,} cells, {self.there:,} of them there. The others: {self.passes:,} images through a "
            f"detector, about {self.seconds / 3600:,.1f} h on {self.on}{hours}, {self.bytes / 1e6:,.0f} MB{refused}"
            f"{without}{assumed}"
        )


def estimate(study: Study, selection: Selection, progress: bool = True) -> Estimate:
    """Count what is missing of a study, and time a few images of each detector on each backbone, once: what was timed
    is kept in the study's `cache_root`. Images of a demo suite that is not written are drawn as they are read. Of a
    detector that compares the images of a batch, whose work grows with their square, the estimate is too low.

    Suites that are not here are passed over as a run passes them over; where they are named, or no other is left, or
    the device is not here, the estimate is of the study alone. A detector that fails when it is timed is said, and all
    others are estimated.

    Raises what `zsad.study.compute` raises before it computes, but for a device or data that are not here.
    """
    if lacking := _lacking(study, selection):
        return _counted(study, selection, lacking)
    evaluator = Evaluator(study)
    wanted, failures = evaluator.wanted(selection, progress, write=False)
    unique = {w.key: w for w in wanted}
    missing = [w for key, w in unique.items() if evaluator.results.find(key) is None]
    rates = _Rates(study)
    learnt: set[tuple[str, str]] = set()
    untimed = Failures()
    total, seconds, size = 0, 0.0, 0
    with progress_bar(len(missing), 0, "cell", "estimating", progress) as bar:
        for w in missing:
            own = passes_of(w)
            total += own
            try:
                rate = rates.of(w)
            except (ValueError, FileNotFoundError) as error:  # what a run would list, and go on
                untimed.add(f"{w.entry.detector} on {w.cell.backbone}", str(error), w.subject)
            else:
                seconds += own * rate.image + len(w.dataset) * rate.metrics
                who = (w.detector.fingerprint, w.cell.category)
                seconds += 0 if who in learnt else rate.learning
                learnt.add(who)
            size += _bytes(len(w.dataset), w.cell.shift)
            bar.update()
    there, reasons = len(unique) - len(missing), tuple(failures.lines())
    return Estimate(
        len(unique), there, total, seconds, size, failures.count,
        reasons=reasons, passed_over=tuple(_missing(study, selection)), untimed=tuple(untimed.lines()),
    )  # fmt: skip


def passes_of(w: Wanted) -> int:
    """How many images a cell sends through its detector; one with a gradient counts as `BACKWARD`."""
    backward = BACKWARD if w.cell.how.get("search") == "adam" else 1
    images = len(w.dataset) * evaluations(w.cell.shift) * backward + (0 if w.training is None else len(w.training))
    return images * _copies(w.cell)


def _missing(study: Study, selection: Selection) -> list[str]:
    """The suites that are asked for and not here."""
    return [suite for suite in study.missing_suites() if selection.suites is None or suite in selection.suites]


def _lacking(study: Study, selection: Selection) -> str:
    """What of the study's data and device is not here without which nothing can be timed, in words."""
    suites, no_device = _missing(study, selection), not is_there(study.device)
    passed_over = selection.suites is None and len(suites) < len(study.suites) and not no_device
    said = [f"without the data of {', '.join(suites)}"] if suites and not passed_over else []
    if no_device:
        said.append(f"without device {study.device}")
    return "; ".join(said)


def _counted(study: Study, selection: Selection, lacking: str) -> Estimate:
    """What would be computed if nothing were there yet, from the study alone."""
    asked = parts.once(requests(study, selection))
    if selection.part is not None:
        asked = parts.part_of(study, asked, *selection.part)
    return Estimate(
        cells=len(asked),
        there=0,
        passes=sum(parts.passes_of(study, request) for request in asked),
        seconds=parts.cost_of_all(study, asked) / 1000,
        bytes=sum(_bytes(parts.images_of(study, request), request.shift) for request in asked),
        refused=0,
        on=H100,
        assumed=f"{lacking}: counted as if nothing were there, of as many images as the data sets have",
    )


def _bytes(images: int, shift: Shift) -> int:
    return BYTES + BYTES_A_TRY * images * (evaluations(shift) - 1)


def _copies(cell: Cell) -> int:
    return passes(json.loads(cell.options).get("defence"))


class _Rates:
    """Of each detector on each backbone, whatever its options; timed where it was not, on this machine by this code."""

    def __init__(self, study: Study) -> None:
        self._device = study.device
        self._failed: dict[tuple[str, str, str], Exception] = {}  # by category too, whose images may be the cause
        self._on = repr(sorted(provenance.machine(study.device).items()))
        self._path = resolve(study.cache_root) / "rates.json"
        try:
            self._kept: dict[str, list[float]] = json.loads(self._path.read_text())
        except (OSError, ValueError):
            self._kept = {}

    def of(self, w: Wanted) -> Rate:
        cell = w.cell
        looks = (cell.detector, cell.backbone, cell.dtype, cell.resolution, cell.metric_size, cell.bootstrap)
        name = " ".join(map(str, (*looks, self._device, sorted(cell.under(Shift()).code.values()), self._on)))
        if name not in self._kept:
            tried = (name, cell.suite, cell.category)
            if tried in self._failed:
                raise self._failed[tried]
            try:
                self._kept[name] = list(_timed(w, self._device))
            except (ValueError, FileNotFoundError) as error:
                self._failed[tried] = error
                raise
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, lambda path: path.write_text(json.dumps(self._kept, indent=1)))
        return Rate(*self._kept[name])


def _timed(w: Wanted, device: str) -> Rate:
    """The first time that a detector sees a category, it learns what it learns of the texts."""
    least = w.detector.least_images if isinstance(w.detector, BatchDetector) else 0
    images = load_images(replace(w.cell, shift=Shift()), w.dataset.subset(max(PROBED, least)))
    count = len(images.ids)
    found = []

    def predict() -> None:
        found.append(predict_shifted(w.detector, images.images, w.cell.category, batch_size=PROBED, device=device))

    first, again = _seconds(predict, device), _seconds(predict, device)
    metrics = _seconds(lambda: measure(found[-1], images, replicates=w.cell.bootstrap), "cpu")
    return Rate(max(0.0, first - again), again / count / _copies(w.cell), metrics / count)


def _seconds(work: Callable[[], object], device: str) -> float:
    start = time.monotonic()
    work()
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()
    return time.monotonic() - start
