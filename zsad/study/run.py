"""Evaluates the cells of a study that have no record yet, and hands out all of them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import pandas as pd
import torch

from zsad.clip import Backbone, load_backbone
from zsad.data import Dataset, load_dataset
from zsad.data.demo import write_suites
from zsad.detectors import Detector, load_detector
from zsad.progress import progress_bar
from zsad.robustness import Corruption, TestSet
from zsad.study import provenance
from zsad.study.cells import Cell, Request, Selection, cell_of, requests
from zsad.study.config import DetectorConfig, Study, StudyError, resolve
from zsad.study.evaluate import corruption_of, evaluate, load_pictures
from zsad.study.kept import Kept, Meaning, kept_folder, recipe_of
from zsad.study.records import SUBJECT_COLUMNS, Entry, RecordStore, gather

DetectorLoader = Callable[[Study, DetectorConfig, str], Detector]


def load_study_detector(
    study: Study, detector: DetectorConfig, backbone: str, towers: dict[str, Backbone] | None = None
) -> Detector:
    """The detector of a study on one of its backbones; `towers` keeps the backbones that detectors share.

    What the tiling pipeline's segmenters find is kept on disk in the study's `cache_root`: variants share it.
    """
    towers = {} if towers is None else towers
    if backbone not in towers:
        towers[backbone] = load_backbone(backbone, device=study.device, dtype=study.dtype)
    cache = {"cache": resolve(study.cache_root) / "masks"} if detector.name == "tiling" else {}
    return load_detector(detector.name, backbone=towers[backbone], device=study.device, **{**cache, **detector.options})


def compute(
    study: Study,
    shift: str | None = None,
    setting: str | None = None,
    variant: str | None = None,
    suites: Sequence[str] | None = None,
    categories: Sequence[str] | None = None,
    detectors: Sequence[str] | None = None,
    backbones: Sequence[str] | None = None,
    *,
    progress: bool = True,
    loader: DetectorLoader | None = None,
) -> pd.DataFrame:
    """Records of a study, computing those that are missing.

    Every finished cell is kept at once, so a run that is stopped or killed goes on where it was. Cells kept in
    `results/<study>` are taken from there.

    Args:
        shift: "none", "uniform", "worst" or "corruption"; by default all that the study holds. Value 0 of a sweep and
            severity 0 are the unshifted cell.
        setting: one setting of that shift: angle, hue, saturation, 3d, or a kind of corruption.
        variant: only the block of that name, where the study has several of a kind.
        suites, categories, detectors, backbones: only these of the study's; detectors go by their label.
        progress: show a bar while something is computed.
        loader: makes a detector from (study, detector, backbone).

    Returns:
        A row a metric with the columns of `zsad.study.records.RECORD_COLUMNS`; estimates are fractions in [0, 1].

    Raises:
        StudyError, ValueError: something the study or its data do not have, naming the known choices; a detector that
            gives NaN, naming the picture.
        OSError: the records folder cannot be written; raised before anything is computed.
    """
    wanted = Selection(shift, setting, variant, suites, categories, detectors, backbones)
    return Evaluator(study, loader).compute(wanted, progress)


@dataclass(frozen=True)
class _Wanted:
    """One cell, with what asked for it."""

    cell: Cell
    detector: Detector
    dataset: Dataset
    key: str
    entry: Entry


class _Pictures(NamedTuple):
    """What decides the pictures of a cell: the data set's fingerprint, their sizes, their corruption."""

    data: str
    sizes: tuple[int | str, str, int | str]
    corruption: Corruption | None


def _pictures_of(w: _Wanted) -> _Pictures:
    cell = w.cell
    return _Pictures(w.dataset.fingerprint(), (cell.resolution, cell.aspect, cell.metric_size), corruption_of(cell))


class Evaluator:
    """Computes cells; keeps the detectors and the pictures at hand."""

    def __init__(self, study: Study, loader: DetectorLoader | None = None) -> None:
        self.study = study
        self.store = RecordStore(resolve(study.records_root))
        self.batch_size = study.batch_size
        self._loader = loader
        self._towers: dict[str, Backbone] = {}
        self._detectors: dict[tuple[str, str], Detector] = {}
        self._datasets: dict[tuple[str, str, int | None], Dataset] = {}
        self._pictures: dict[_Pictures, TestSet] = {}
        self._program = {"versions": provenance.versions(), **provenance.commit()}

    def compute(self, selection: Selection, progress: bool = True) -> pd.DataFrame:
        """See `zsad.study.compute`."""
        _check_device(self.study.device)
        asked = requests(self.study, selection)
        self.store.prepare()
        for suite in dict.fromkeys(request.suite for request in asked):
            ensure_suite(self.study, suite, progress)
        wanted = [self._wanted(request) for request in asked]
        unique = list({w.key: w for w in wanted}.values())
        kept = Kept(kept_folder(self.study.name))
        missing = [w for w in unique if not self.store.has(w.key) and not self._restore(w, kept)]
        with progress_bar(len(unique), len(unique) - len(missing), "cell", self.study.name, progress) as bar:
            for w in _by_pictures(missing):
                bar.set_postfix_str(f"{w.cell.suite} {w.cell.category} {w.cell.shift}", refresh=False)
                self._evaluate(w, progress)
                bar.update()
        return gather(self.store, self.study.name, [w.entry for w in wanted])

    def _restore(self, w: "_Wanted", kept: Kept) -> bool:
        """Whether a cell is kept with the project, from where it is then taken."""
        recipe = recipe_of(self.study, w.cell.suite)
        meaning = Meaning(w.cell.spec(), w.detector.fingerprint, w.cell.code, recipe)
        return kept.restore(w.key, self.store, meaning, w.dataset.ids)

    def dataset(self, suite: str, category: str, limit: int | None) -> Dataset:
        """At most `limit` test pictures of one category."""
        if (suite, category, limit) not in self._datasets:
            self._datasets[suite, category, limit] = read_suite(self.study, suite, category, limit)
        return self._datasets[suite, category, limit]

    def _wanted(self, request: Request) -> _Wanted:
        dataset = self.dataset(request.suite, request.category, request.limit)
        detector = self._detector(request.detector, request.backbone)
        cell, shift = cell_of(self.study, request, detector.options), request.shift
        key = cell.key(dataset.fingerprint(), detector.fingerprint)
        entry = Entry(request.detector.label, shift.kind, request.variant, shift.setting, shift.value, key)
        return _Wanted(cell, detector, dataset, key, entry)

    def _detector(self, config: DetectorConfig, backbone: str) -> Detector:
        name = (config.label, backbone)
        if name not in self._detectors:
            self._detectors[name] = (
                self._loader(self.study, config, backbone)
                if self._loader
                else load_study_detector(self.study, config, backbone, self._towers)
            )
        return self._detectors[name]

    def _test_set(self, w: _Wanted) -> TestSet:
        """The pictures of a cell; of one category under one corruption at a time, besides the uncorrupted ones."""
        wanted = _pictures_of(w)
        if wanted not in self._pictures:
            clean = wanted._replace(corruption=None)
            self._pictures = {clean: self._pictures[clean]} if clean in self._pictures else {}
            self._pictures[wanted] = load_pictures(w.cell, w.dataset)
        return self._pictures[wanted]

    def _evaluate(self, w: _Wanted, progress: bool) -> None:
        """Compute one cell and store it."""
        started, clock = datetime.now(UTC), time.monotonic()
        cell, spec = w.cell, w.cell.spec()
        before = stage_seconds(w.detector)
        found = evaluate(
            cell,
            w.detector,
            self._test_set(w),
            batch_size=self.batch_size,
            device=self.study.device,
            progress=progress,
            checkpoint=self.store.path(w.key, ".search"),
        )
        self.batch_size = found.batch_size
        shift = {"shift": cell.shift.kind, "setting": cell.shift.setting, "value": cell.shift.value}
        rows = found.metrics.assign(**{column: spec[column] for column in SUBJECT_COLUMNS}, **shift, key=w.key)
        sidecar = {
            "key": w.key,
            "spec": spec,
            "data_fingerprint": w.dataset.fingerprint(),
            "weights_fingerprint": w.detector.fingerprint,
            "code": w.cell.code,
            **self._program,
            "device": self.study.device,
            "machine": provenance.machine(self.study.device),
            "seeds": {"bootstrap": cell.seed, "demo": self.study.demo_seed},
            "batch_size": found.batch_size,
            "seconds": round(time.monotonic() - clock, 3),
            "stage_seconds": {s: round(t - before.get(s, 0.0), 3) for s, t in stage_seconds(w.detector).items()},
            "started_at": started.isoformat(timespec="seconds"),
        }
        self.store.write(w.key, rows, {name: t.assign(key=w.key) for name, t in found.tables.items()}, sidecar)
        for checkpoint in self.store.folder.glob(f"{w.key}*.search"):
            checkpoint.unlink(missing_ok=True)


def stage_seconds(detector: Detector) -> dict[str, float]:
    """Seconds that a detector has spent in each of its stages so far; empty for one that has no stages."""
    return dict(getattr(detector, "seconds", {}))


def _by_pictures(cells: list[_Wanted]) -> list[_Wanted]:
    """Cells of the same pictures one after another, so that these are read once."""
    groups: dict[_Pictures, list[_Wanted]] = {}
    for w in cells:
        groups.setdefault(_pictures_of(w), []).append(w)
    return [w for group in groups.values() for w in group]


def read_suite(study: Study, suite: str, category: str, limit: int | None) -> Dataset:
    """At most `limit` test pictures of one category of a study."""
    config = study.suites[suite]
    found = load_dataset(config.reader, study.root_of(suite), category=category, domain=config.domain)
    return found.subset(limit)


def ensure_suite(study: Study, suite: str, progress: bool = True) -> None:
    """Write the demo suites where the study's data root lacks them or holds those of another seed.

    Suites of real data, and a demo suite that the study reads from a folder of another name, are left to the reader.
    """
    if study.is_demo(suite):
        write_suites(resolve(study.data_root), seed=study.demo_seed, progress=progress)


def _check_device(device: str) -> None:
    """Raises StudyError before anything is loaded."""
    try:
        kind = torch.device(device).type
    except RuntimeError:
        raise StudyError(f"unknown device {device!r}; known: cpu, cuda, cuda:0, mps") from None
    if kind == "cuda" and not torch.cuda.is_available():
        raise StudyError(f"device {device!r} is not available here; use device cpu")
