"""Evaluates the cells of a study that have no record yet, and hands out all of them."""

import json
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pandas as pd

from zsad.data import Dataset
from zsad.data.demo.drawn import DrawnDataset
from zsad.data.labels import check_labels, check_masks
from zsad.detectors import Detector, declared, load_backbone_of, load_detector, wanted_references
from zsad.detectors.learned import TrainedOn, check_unseen
from zsad.devices import is_there, whole_floats
from zsad.files import check_writable_folder, remove_stale
from zsad.leagues import leagues_of_outputs
from zsad.paths import CACHES, expanded
from zsad.progress import progress_bar
from zsad.robustness import Corruption, TestSet
from zsad.study import provenance
from zsad.study.cells import Cell, Request, Selection, cell_of, requests
from zsad.study.code import module_code
from zsad.study.config import DetectorConfig, Study
from zsad.study.data import ensure_suite, read_good_training, read_suite, read_training, where_to_put
from zsad.study.evaluate import corruption_of, evaluate, load_images, sizes_of
from zsad.study.incomplete import Failures, IncompleteError, Subject
from zsad.study.manifest import Entry, gather
from zsad.study.parts import once, part_of
from zsad.study.project import resolve
from zsad.study.references import check_training_split, with_drawn_references
from zsad.study.results import Results
from zsad.study.schema import SUBJECT_COLUMNS
from zsad.study.shifts import Shift, StudyError, starting_shifts
from zsad.study.tested import digests_at_hand, names_of

log = logging.getLogger(__name__)

_Key = TypeVar("_Key")
_Found = TypeVar("_Found")
DetectorLoader = Callable[[Study, DetectorConfig, str], Detector]


def load_study_detector(
    study: Study, detector: DetectorConfig, backbone: str, towers: dict[str, Any] | None = None
) -> Detector:
    """The detector of a study on one of its backbones; `towers` keeps the backbones that detectors share.

    What the tiling pipeline's segmenters find is kept on disk in the study's `cache_root`, in a folder of their code:
    variants share it, and a change of the segmenters does not outlive itself.
    """
    own = study.own_weights[backbone].given if backbone in study.own_weights else {}
    tower = _remembered(
        {} if towers is None else towers,
        backbone,
        lambda: load_backbone_of(detector.name, backbone, device=study.device, dtype=study.dtype, **own),
    )
    options = {**_usual_cache(study, detector), **detector.options}
    return load_detector(detector.name, backbone=tower, device=study.device, **options)


def _usual_cache(study: Study, detector: DetectorConfig) -> dict[str, Path]:
    """Where a detector keeps what it finds, unless its options say otherwise."""
    modules = declared(detector.name, "cached_by", ())
    return {"cache": resolve(study.cache_root) / "masks" / module_code(*modules)[:16]} if modules else {}


def _check_caches(study: Study, detectors: Iterable[DetectorConfig]) -> None:
    """Raises OSError, saying which folder and what to do, before anything is computed."""
    for detector in detectors:
        options = {**_usual_cache(study, detector), **detector.options}
        for name in CACHES:
            if options.get(name) is None:
                continue
            try:
                check_writable_folder(expanded(options[name]))
            except OSError as error:
                way = f"the option {name} of {detector.label}" if name in detector.options else "the study's cache_root"
                raise type(error)(f"{error}, with {way}") from None


def compute(
    study: Study,
    shift: str | None = None,
    setting: str | None = None,
    variant: str | None = None,
    suites: Sequence[str] | None = None,
    categories: Sequence[str] | None = None,
    detectors: Sequence[str] | None = None,
    backbones: Sequence[str] | None = None,
    part: tuple[int, int] | None = None,
    *,
    missing: bool = True,
    progress: bool = True,
    loader: DetectorLoader | None = None,
) -> pd.DataFrame:
    """Records of a study, computing those that are missing.

    Every finished cell is kept at once, so a run that is stopped or killed goes on where it was. Cells committed in
    `results/<study>` are read there. A detector is loaded when the first of its results is asked for; one whose
    weights are missing, and a category whose data are refused, do not keep the others from being computed. A suite
    whose folder is not there is passed over with a warning, unless it is named.

    Args:
        shift: "none", "uniform", "worst" or "corruption"; by default all that the study holds. Value 0 of a sweep and
            severity 0 are the unshifted cell.
        setting: one setting of that shift: angle, hue, saturation, 3d, or a kind of corruption.
        variant: only the block of that name, where the study has several of a kind.
        suites, categories, detectors, backbones: only these of the study's; detectors go by their label.
        part: of these only one of so many parts of about equal cost, the first being (1, of).
        missing: compute what is missing, and not just hand out what is there, for which the study's device is not
            needed.
        progress: show a bar while something is computed.
        loader: makes a detector from (study, detector, backbone).

    Returns:
        A row a metric with the columns of `zsad.study.schema.RECORD_COLUMNS`; estimates are fractions in [0, 1].

    Raises:
        StudyError, ValueError: something the study does not have, naming the known choices.
        IncompleteError: after everything else is computed, some results could not be; it holds those that could, and
            says for each of the others what is wrong and what to do. So it is of what could not be looked up.
        FileNotFoundError: no folder of any suite that is asked for.
        OSError: the records folder, or one in which a detector keeps what it finds, cannot be written; raised before
            anything is computed.
    """
    wanted = Selection(shift, setting, variant, suites, categories, detectors, backbones, part)
    evaluator = Evaluator(study, loader)
    return evaluator.compute(wanted, progress) if missing else evaluator.found(wanted)


@dataclass(frozen=True)
class Wanted:
    """One cell, with what it is computed from and what asked for it."""

    cell: Cell
    detector: Detector
    dataset: Dataset
    training: Dataset | None
    key: str
    entry: Entry

    @property
    def subject(self) -> Subject:
        return self.cell.suite, self.cell.category, self.cell.backbone


class _Images(NamedTuple):
    """What decides the images of a cell: the data set's fingerprint, their sizes, their corruption."""

    data: str
    sizes: tuple[int | str, str, int | str]
    corruption: Corruption | None


def _strengths_of(w: Wanted) -> tuple[str, ...]:
    """What a cell's name has in common with those of other strengths of the same shift."""
    return (*w.subject, w.entry.detector, w.entry.shift, w.entry.variant, w.entry.setting)


def _images_of(w: Wanted) -> _Images:
    cell = w.cell
    return _Images(w.dataset.fingerprint(), (cell.resolution, cell.aspect, cell.metric_size), corruption_of(cell))


class Evaluator:
    """Computes cells; keeps the detectors and the images at hand."""

    def __init__(self, study: Study, loader: DetectorLoader | None = None) -> None:
        self.study = study
        self.results = Results(study.name, study.records_root)
        self.batch_size = study.batch_size
        self._loader = loader
        # What is there is known by the weights alone, which any machine can read.
        self._device = study.device if is_there(study.device) else "cpu"
        self._towers: dict[str, Any] = {}
        self._detectors: dict[tuple[str, str, str], Detector | Exception] = {}
        self._datasets: dict[tuple[str, str, int | None], Dataset | Exception] = {}
        self._given: dict[tuple[str, ...], Detector | Exception] = {}  # detectors with references of a category
        self._trainings: dict[tuple[str, ...], Dataset | Exception | None] = {}
        self._images: dict[_Images, TestSet] = {}
        self._at_hand: dict[str, frozenset[str] | Exception] = {}
        self._program = {"versions": provenance.versions(), **provenance.commit()}

    def compute(self, selection: Selection, progress: bool = True) -> pd.DataFrame:
        """See `zsad.study.compute`."""
        wanted, failures = self.wanted(selection, progress)
        unique = list({w.key: w for w in wanted}.values())
        missing = [w for w in unique if self.results.find(w.key) is None]
        self._check_device(len(missing), len(unique))
        refused: dict[str, tuple[str, str]] = {}
        done = len(unique) - len(missing)
        with progress_bar(len(unique), done, "cell", self.study.name, progress) as bar, whole_floats():
            for w in _by_images(missing):
                bar.set_postfix_str(f"{w.cell.suite} {w.cell.category} {w.cell.shift}", refresh=False)
                what = f"{w.cell.suite}/{w.cell.category}"
                try:
                    images = self._test_set(w)
                    what = str(w.cell)
                    self._evaluate(w, images, progress)
                except (ValueError, FileNotFoundError) as error:
                    refused[w.key] = what, str(error).removeprefix(f"{what}: ")
                bar.update()
        for w in wanted:
            if w.key in refused:
                failures.add(*refused[w.key], w.subject)
        records = gather(self.results, self.study.name, [w.entry for w in wanted if w.key not in refused])
        if failures.count:
            raise IncompleteError(self.study.name, records, failures)
        return records

    def wanted(self, selection: Selection, progress: bool = True, write: bool = True) -> tuple[list[Wanted], Failures]:
        """The cells of a selection, each as often as it is asked for, and what cannot be computed; once all that they
        need is there and can be written to. Demo suites are written for it, unless nothing is to be computed.
        """
        asked = self._asked(selection)
        if self.results.empty:  # said before weights are read for it
            self._check_device(*[len(once(asked))] * 2)
        self.results.store.prepare()
        remove_stale(resolve(self.study.cache_root), deep=True)
        _check_caches(self.study, {request.detector.label: request.detector for request in asked}.values())
        for suite in dict.fromkeys(request.suite for request in asked):
            whole = write and any(request.limit is None for request in asked if request.suite == suite)
            ensure_suite(self.study, suite, progress, whole)
        return self._all(asked)

    def found(self, selection: Selection) -> pd.DataFrame:
        """The records that are there. Raises FileNotFoundError where there are none, and IncompleteError, with those
        that are, where some could not be looked up for want of data or weights.

        A block whose shifted cells are not there has none: its strength 0 is the unshifted cell, which others have too;
        in a part it stands once.
        """
        self._device = "cpu"
        wanted, failures = self._all(self._asked(selection))
        there = [w for w in wanted if self.results.find(w.key) is not None]
        begun = {_strengths_of(w) for w in there if not w.cell.shift.is_none}
        alone = selection.part is not None
        entries = [w.entry for w in there if alone or w.entry.shift == "none" or _strengths_of(w) in begun]
        if not entries and not failures.count:
            raise FileNotFoundError(f"study {self.study.name!r} has no result yet: `zsad run` computes them")
        records = gather(self.results, self.study.name, entries)
        if failures.count:
            raise IncompleteError(self.study.name, records, failures, "looked up")
        return records

    def _asked(self, selection: Selection) -> list[Request]:
        """What a selection asks for, of the suites that are there."""
        asked = requests(self.study, _without_missing_suites(self.study, selection))
        return asked if selection.part is None else part_of(self.study, asked, *selection.part)

    def _check_device(self, missing: int, of: int) -> None:
        """Raises StudyError where something is missing, and this machine does not have the device to compute it on."""
        if missing and self._device != self.study.device:
            raise StudyError(
                f"{missing} of {of} cells are missing, and device {self.study.device!r}, on which the study computes, "
                "is not available here: compute them where it is, or on another (`zsad run ... --device cpu`, "
                "`make book DEVICE=cpu`, or `device` in the study's file)"
            )

    def _all(self, asked: Iterable[Request]) -> tuple[list[Wanted], Failures]:
        """The cells of some requests, and what cannot be computed."""
        failures = Failures()
        return [w for request in asked if (w := self.of_request(request, failures)) is not None], failures

    def dataset(self, suite: str, category: str, limit: int | None) -> Dataset:
        """At most `limit` test images of one category."""
        return _remembered(
            self._datasets, (suite, category, limit), lambda: read_suite(self.study, suite, category, limit)
        )

    def of_request(self, request: Request, failures: Failures) -> Wanted | None:
        """The cell that a request asks for; None, and a failure, without its data or its detector."""
        subject = (request.suite, request.category, request.backbone)
        try:
            what = f"{request.suite}/{request.category}"
            dataset = self.dataset(request.suite, request.category, request.limit)
            check_labels(dataset)
            if request.shift.kind == "worst":
                check_masks(dataset)
            data = dataset.fingerprint()
            what = f"{request.detector.label} on {request.backbone}"
            detector = self._detector(request.detector, request.backbone)
            if wanted_references(detector):
                detector = self._with_references(detector, request, dataset)
            names = (request.suite, self.study.suites[request.suite].root.name)
            check_unseen(detector, names_of(dataset, *names), self._digests(dataset, detector))
        except (ValueError, TypeError, OSError, ImportError) as error:
            failures.add(what, str(error), subject)
            return None
        outputs = leagues_of_outputs(detector)
        cell, shift = cell_of(self.study, request, detector.options, detector.league, outputs), request.shift
        if (training := self._training(cell)) is None:
            cell = replace(cell, training=None)
        else:
            data = f"{data} {training.fingerprint()}"
        key = cell.key(data, detector.fingerprint)
        entry = Entry(request.detector.label, shift.kind, request.variant, shift.setting, shift.value, key)
        return Wanted(cell, detector, dataset, training, key, entry)

    def _training(self, cell: Cell) -> Dataset | None:
        """The good training images that are scored beside a cell's own; not those that its detector compares with."""
        if cell.training is None:
            return None
        place, references = (cell.suite, cell.category), json.loads(cell.options).get("reference_images", [])
        return _remembered(
            self._trainings, (*place, *references), lambda: read_training(self.study, *place, without=references)
        )

    def _with_references(self, detector: Detector, request: Request, dataset: Dataset) -> Detector:
        """The detector of a request with references of its category."""
        suite, category = request.suite, request.category
        check_training_split(self.study.suites[suite].reader, request.detector.label)
        return _remembered(
            self._given,
            (suite, category, request.detector.label, request.backbone, dataset.fingerprint()),
            lambda: with_drawn_references(
                detector,
                lambda: read_good_training(self.study, suite, category),
                dataset,
                sizes_of(self.study, request.detector),
            ),
        )

    def _detector(self, config: DetectorConfig, backbone: str) -> Detector:
        load = self._loader or partial(load_study_detector, towers=self._towers)
        study = self.study.model_copy(update={"device": self._device})
        name = (config.label, repr(sorted(config.options.items())), backbone)
        return _remembered(self._detectors, name, lambda: load(study, config, backbone))

    def _digests(self, dataset: Dataset, detector: Detector) -> list[str]:
        """Of the images of a data set, where a detector's training may have seen them under another name.

        Those of a demo suite that is not written are not drawn, at a tenth of a second each, where all images of the
        training are known to be of the demo suite that it names: no two suites share an image.
        """
        trained_on: TrainedOn | None = getattr(detector, "trained_on", None)
        if trained_on is None or not trained_on.images:
            return []
        if isinstance(dataset, DrawnDataset):
            suite, root = trained_on.suite, resolve(self.study.data_root)
            if trained_on.images <= _remembered(self._at_hand, suite, lambda: digests_at_hand(suite, root)):
                return []
        return dataset.image_digests

    def _test_set(self, w: Wanted) -> TestSet:
        """The images of a cell; of one category under one corruption at a time, besides the uncorrupted ones."""
        wanted = _images_of(w)
        if wanted not in self._images:
            clean = wanted._replace(corruption=None)
            self._images = {clean: self._images[clean]} if clean in self._images else {}
            self._images[wanted] = load_images(w.cell, w.dataset)
        return self._images[wanted]

    def _samples(self, w: Wanted, shift: Shift, images: TestSet, progress: bool) -> pd.DataFrame:
        """What the search under another shift has found on the same images, computed if it is missing."""
        cell = w.cell.under(shift)
        other = replace(w, cell=cell, key=cell.key(w.dataset.fingerprint(), w.detector.fingerprint))
        if self.results.find(other.key) is None:
            self._evaluate(other, images, progress)
        return self.results.of(other.key).table(other.key, "samples")

    def _evaluate(self, w: Wanted, images: TestSet, progress: bool) -> None:
        """Compute one cell and store it."""
        started, clock = datetime.now(UTC), time.monotonic()
        cell, spec = w.cell, w.cell.spec()
        before = stage_seconds(w.detector)
        found = evaluate(
            cell,
            w.detector,
            images,
            batch_size=self.batch_size,
            device=self.study.device,
            progress=progress,
            checkpoint=self.results.store.path(w.key, ".search"),
            starts=[self._samples(w, start, images, progress) for start in starting_shifts(cell.shift)],
            training=None if w.training is None else load_images(cell, w.training),
        )
        self.batch_size = found.batch_size
        shift = {"shift": cell.shift.kind, "setting": cell.shift.setting, "value": cell.shift.value}
        rows = found.metrics.assign(**{column: spec[column] for column in SUBJECT_COLUMNS}, **shift, key=w.key)
        sidecar = {
            "key": w.key,
            "spec": spec,
            "data_fingerprint": w.dataset.fingerprint(),
            **({} if w.training is None else {"training_fingerprint": w.training.fingerprint()}),
            "weights_fingerprint": w.detector.fingerprint,
            "code": w.cell.code,
            **self._program,
            "device": self.study.device,
            "machine": provenance.machine(self.study.device),
            "seeds": {"bootstrap": cell.seed, "demo": self.study.demo_seed},
            "batch_size": found.batch_size,
            **({} if found.compared is None else {"compared": found.compared}),
            "seconds": round(time.monotonic() - clock, 3),
            "stage_seconds": {s: round(t - before.get(s, 0.0), 3) for s, t in stage_seconds(w.detector).items()},
            "started_at": started.isoformat(timespec="seconds"),
        }
        tables = {name: table.assign(key=w.key) for name, table in found.tables.items()}
        self.results.store.write(w.key, rows, tables, sidecar)
        self.results.store.forget_search(w.key)


def _remembered(kept: dict[_Key, _Found | Exception], key: _Key, find: Callable[[], _Found]) -> _Found:
    """What was found under a key, or the error that was met instead: nothing is tried twice."""
    if key not in kept:
        try:
            kept[key] = find()
        except Exception as error:
            kept[key] = error
    found = kept[key]
    if isinstance(found, Exception):
        raise found
    return found


def _without_missing_suites(study: Study, selection: Selection) -> Selection:
    """The selection of the suites that are there, with a warning for each of the others.

    Raises FileNotFoundError for a missing suite that is named, and where no suite is left.
    """
    wanted = selection.suites if selection.suites is not None else list(study.suites)
    missing = {suite: root for suite, root in study.missing_suites().items() if suite in wanted}
    left = [suite for suite in wanted if suite not in missing]
    if missing and (selection.suites is not None or not left):
        raise FileNotFoundError(where_to_put(missing))
    if missing:
        where = "; ".join(f"{suite}: no folder {root}" for suite, root in missing.items())
        log.warning("passed over, since data_root does not hold them: %s", where)
    return replace(selection, suites=left) if missing else selection


def stage_seconds(detector: Detector) -> dict[str, float]:
    """Seconds that a detector has spent in each of its stages so far; empty for one that has no stages."""
    return dict(getattr(detector, "seconds", {}))


def _by_images(cells: list[Wanted]) -> list[Wanted]:
    """Cells of the same images one after another, so that these are read once."""
    groups: dict[_Images, list[Wanted]] = {}
    for w in cells:
        groups.setdefault(_images_of(w), []).append(w)
    return [w for group in groups.values() for w in group]
