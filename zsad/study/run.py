"""Evaluates the cells of a study that have no record yet, and hands out all of them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import torch

from zsad.clip import load_backbone
from zsad.data import Dataset, load_dataset
from zsad.data.demo import write_suites
from zsad.detectors import Detector, load_detector
from zsad.robustness import TestSet, load_test_set, measure, predict_shifted
from zsad.study import provenance
from zsad.study.cells import Cell, canonical_json, clean_cell, selection, shifts_of
from zsad.study.config import DEMO_SUITES, DetectorConfig, Study, StudyError, resolve
from zsad.study.progress import progress_bar
from zsad.study.records import KEY_COLUMNS, RecordStore, gather

DetectorLoader = Callable[[Study, DetectorConfig, str], Detector]


def load_study_detector(study: Study, detector: DetectorConfig, backbone: str) -> Detector:
    """The detector of a study on one of its backbones."""
    towers = load_backbone(backbone, device=study.device, dtype=study.dtype)
    return load_detector(detector.name, backbone=towers, device=study.device, **detector.options)


def compute(
    study: Study,
    setting: str | None = None,
    suites: Sequence[str] | None = None,
    categories: Sequence[str] | None = None,
    *,
    progress: bool = True,
    loader: DetectorLoader = load_study_detector,
) -> pd.DataFrame:
    """Records of a study, computing those that are missing.

    Every finished cell is kept at once, so a run that is stopped or killed goes on where it was.

    Args:
        setting: "none" or one of the study's sweeps; by default no shift, and every sweep where the study sweeps it.
            Value 0 of a sweep is the unshifted cell.
        suites, categories: only these of the study's.
        progress: show a bar while something is computed.
        loader: makes a detector from (study, detector, backbone).

    Returns:
        A row a metric with the columns of `zsad.study.records.RECORD_COLUMNS`; estimates are fractions in [0, 1].

    Raises:
        StudyError, ValueError: something the study or its data do not have, naming the known choices; a detector that
            gives NaN, naming the picture.
        OSError: the records folder cannot be written; raised before anything is computed.
    """
    return Evaluator(study, loader).compute(setting, suites, categories, progress)


@dataclass(frozen=True)
class _Wanted:
    """One cell, under the setting and value it was asked for."""

    cell: Cell
    detector: Detector
    setting: str
    value: float
    key: str


class Evaluator:
    """Computes cells; keeps the detectors and the pictures of the category at hand."""

    def __init__(self, study: Study, loader: DetectorLoader = load_study_detector) -> None:
        self.study = study
        self.loader = loader
        self.store = RecordStore(resolve(study.records_root))
        self.batch_size = study.batch_size
        self._detectors: dict[tuple[str, str], Detector] = {}
        self._test_set: tuple[str, TestSet] | None = None
        self._commit = provenance.commit()

    def compute(
        self,
        setting: str | None = None,
        suites: Sequence[str] | None = None,
        categories: Sequence[str] | None = None,
        progress: bool = True,
    ) -> pd.DataFrame:
        """See `zsad.study.compute`."""
        _check_device(self.study.device)
        pairs = list(selection(self.study, suites, categories))
        self.store.prepare()
        for suite in dict.fromkeys(suite for suite, _ in pairs):
            ensure_suite(self.study, suite, progress)
        datasets = {pair: self._dataset(*pair) for pair in pairs}
        wanted = [w for pair, dataset in datasets.items() for w in self._wanted(*pair, setting, dataset)]
        unique = {w.key: w for w in wanted}
        missing = [w for w in unique.values() if not self.store.has(w.key)]
        with progress_bar(len(unique), len(unique) - len(missing), "cell", self.study.name, progress) as bar:
            for w in missing:
                cell = w.cell
                bar.set_postfix_str(f"{cell.suite} {cell.category} {cell.setting} {cell.value:g}", refresh=False)
                self._evaluate(w.key, cell, w.detector, datasets[cell.suite, cell.category])
                bar.update()
        return gather(self.store, self.study.name, [(w.setting, w.value, w.key) for w in wanted])

    def _dataset(self, suite: str, category: str) -> Dataset:
        reader = self.study.suites[suite].reader
        return load_dataset(reader, self.study.root_of(suite), category=category).subset(self.study.limit)

    def _wanted(self, suite: str, category: str, setting: str | None, dataset: Dataset) -> list[_Wanted]:
        shifts = shifts_of(self.study, suite, category, setting)
        wanted = []
        for config in self.study.detectors:
            for backbone in self.study.backbones:
                detector = self._detector(config, backbone)
                clean = clean_cell(self.study, suite, category, config, detector.options, backbone)
                for name, value in shifts:
                    cell = clean.under(name, value)
                    key = cell.key(dataset.fingerprint(), detector.fingerprint)
                    wanted.append(_Wanted(cell, detector, name, value, key))
        return wanted

    def _detector(self, config: DetectorConfig, backbone: str) -> Detector:
        name = (canonical_json(config.model_dump()), backbone)
        if name not in self._detectors:
            self._detectors[name] = self.loader(self.study, config, backbone)
        return self._detectors[name]

    def _pictures(self, dataset: Dataset) -> TestSet:
        """The pictures of the category at hand; those of one category at a time are kept."""
        if self._test_set is None or self._test_set[0] != dataset.fingerprint():
            self._test_set = (dataset.fingerprint(), load_test_set(dataset, self.study.resolution))
        return self._test_set[1]

    def _evaluate(self, key: str, cell: Cell, detector: Detector, dataset: Dataset) -> None:
        """Compute one cell and store it."""
        started, clock = datetime.now(UTC), time.monotonic()
        test_set = self._pictures(dataset)
        try:
            shifted = predict_shifted(
                detector,
                test_set.images,
                cell.category,
                cell.setting,
                cell.value,
                batch_size=self.batch_size,
                rotation=cell.rotation,
                device=self.study.device,
            )
            measured = measure(shifted, test_set, fpr_limit=cell.fpr_limit, replicates=cell.bootstrap, seed=cell.seed)
        except ValueError as error:
            where = f"{cell.suite}/{cell.category}, {cell.detector} on {cell.backbone}, {cell.setting} {cell.value:g}"
            raise ValueError(f"{where}: {error}") from error
        self.batch_size = shifted.batch_size
        spec = cell.spec()
        rows = measured.metrics.assign(
            **{column: spec[column] for column in KEY_COLUMNS},
            n_images=len(test_set.labels),
            n_anomalous=int(test_set.labels.sum()),
            key=key,
        )
        images = pd.DataFrame(
            {"id": test_set.ids, "label": test_set.labels.numpy(), "score": shifted.score.numpy(), "key": key}
        )
        sidecar = {
            "key": key,
            "spec": spec,
            "data_fingerprint": dataset.fingerprint(),
            "weights_fingerprint": detector.fingerprint,
            "versions": provenance.versions(),
            **self._commit,
            "device": self.study.device,
            "machine": provenance.machine(self.study.device),
            "seeds": {"bootstrap": cell.seed, "demo": self.study.demo_seed},
            "batch_size": shifted.batch_size,
            "seconds": round(time.monotonic() - clock, 3),
            "started_at": started.isoformat(timespec="seconds"),
        }
        self.store.write(key, rows, images, sidecar)


def ensure_suite(study: Study, suite: str, progress: bool = True) -> None:
    """Write the demo suites where the study's data root lacks them or holds those of another seed.

    Suites of real data, and a demo suite that the study reads from a folder of another name, are left to the reader.
    """
    if suite in DEMO_SUITES and study.suites[suite].root == Path(suite):
        write_suites(resolve(study.data_root), seed=study.demo_seed, progress=progress)


def _check_device(device: str) -> None:
    """Raises StudyError before anything is loaded."""
    try:
        kind = torch.device(device).type
    except RuntimeError:
        raise StudyError(f"unknown device {device!r}; known: cpu, cuda, cuda:0, mps") from None
    if kind == "cuda" and not torch.cuda.is_available():
        raise StudyError(f"device {device!r} is not available here; use device cpu")
