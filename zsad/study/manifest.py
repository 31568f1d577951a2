"""Manifests: what a study calls its results, and the keys of the cells that hold them, as `zsad run` lists them.

They are read without loading the models that computing would take.
"""

import logging
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from zsad.files import check_writable_folder
from zsad.study.cells import Request, Selection, requests
from zsad.study.config import Study, project_root
from zsad.study.load import load_study
from zsad.study.results import Results
from zsad.study.schema import RECORD_COLUMNS, validate_records
from zsad.study.sealed import RecordError, read_sealed, write_sealed

logger = logging.getLogger(__name__)

Name = tuple[str | float, ...]
"""An entry's fields without its key."""


def manifest_folder(study: str) -> Path:
    """Where `zsad run` lists the keys it computed, a file a suite and category."""
    return project_root() / "build" / "study" / study


class Entry(NamedTuple):
    """How a study calls one of its results, and the key of the cell that holds it."""

    detector: str
    shift: str
    variant: str
    setting: str
    value: float
    key: str


def write_manifest(
    records: pd.DataFrame, study: str, others: Iterable[tuple[str, str, str]] = (), keep: bool = False
) -> None:
    """List a study's results and their keys in build/study/<study>/<suite>/<category>/<backbone>.json.

    Args:
        records: the results. study: its name.
        others: suite, category and backbone of which a list, maybe empty, is to be there too.
        keep: the records are some of the study's alone: what is listed besides them stays.
    """
    subjects = records.groupby(["suite", "category", "backbone"])
    found = {key: rows[list(Entry._fields)].drop_duplicates().to_dict("records") for key, rows in subjects}
    for suite, category, backbone in {**dict.fromkeys(others), **found}:
        path = manifest_path(study, suite, category, backbone)
        entries = found.get((suite, category, backbone), [])
        if keep and path.is_file():
            named = {Entry(**entry)[:-1] for entry in entries}
            with suppress(RecordError):  # a damaged list is written anew
                entries = [*(e._asdict() for e in read_manifest(path) if e[:-1] not in named), *entries]
        path.parent.mkdir(parents=True, exist_ok=True)
        write_sealed({"study": study, "results": entries}, path)


def manifest_path(study: str, suite: str, category: str, backbone: str) -> Path:
    return manifest_folder(study) / suite / category / f"{backbone}.json"


def check_manifests(study: str) -> None:
    """See, before work starts, that a study's lists can be written, and remove what a killed run left among them.

    Raises OSError, saying which folder and why.
    """
    folder = manifest_folder(study)
    check_writable_folder(folder)
    for below in [path for path in folder.rglob("*") if path.is_dir()]:
        check_writable_folder(below)


def read_manifest(path: Path) -> list[Entry]:
    """The results that one file lists. Raises RecordError for a damaged file."""
    return [Entry(**entry) for entry in read_sealed(path)["results"]]


def read_manifests(study: str) -> list[Entry]:
    """What `write_manifest` listed, of every category and backbone; empty where there is nothing.

    Raises RecordError for a damaged file.
    """
    return [entry for path in sorted(manifest_folder(study).glob("*/*/*.json")) for entry in read_manifest(path)]


def gather(results: Results, study: str, entries: Iterable[Entry]) -> pd.DataFrame:
    """The records of a study's results. An unshifted cell also serves as strength 0 of every shift."""
    cells: dict[str, pd.DataFrame] = {}
    frames = []
    for entry in entries:
        if entry.key not in cells:
            cells[entry.key] = results.of(entry.key).rows(entry.key)
        frames.append(cells[entry.key].assign(study=study, **entry._asdict()))
    if not frames:
        return pd.DataFrame(columns=RECORD_COLUMNS)
    return pd.concat(frames, ignore_index=True)[RECORD_COLUMNS]


def load_records(study: str | Study) -> pd.DataFrame:
    """A study's validated records: those committed in results/<study>, else those `zsad run` left in build/.

    Raises FileNotFoundError, saying what to run, where there are neither.
    """
    config = load_study(study, check_models=False) if isinstance(study, str) else study
    results = Results(config.name, config.records_root)
    if results.committed.sidecars:
        records = results.committed.records.copy(deep=False)
    elif entries := read_manifests(config.name):
        records = gather(results, config.name, entries)
    else:
        raise FileNotFoundError(
            f"no records of study {config.name!r} in {results.committed.folder} or {manifest_folder(config.name)}: "
            f"run `zsad run {config.name}`"
        )
    validate_records(records, results.sidecars(records["key"]))
    return records


def manifest_records(study: Study, selection: Selection) -> pd.DataFrame | None:
    """The records of a selection, from the manifests that `zsad run` left; None where one of its results is not there.

    A manifest is believed: whether data, weights or the study have changed since, whoever calls this must know, as the
    Snakefile does. `zsad.study.compute` asks.

    Raises ValueError as `zsad.study.compute` for a selection that the study does not have.
    """
    results, entries = Results(study.name, study.records_root), []
    manifests: dict[tuple[str, str, str], dict[Name, Entry]] = {}
    for request in requests(study, selection):
        subject = (request.suite, request.category, request.backbone)
        if subject not in manifests:
            manifests[subject] = _manifest(study, *subject)
        entry = manifests[subject].get(_name(request))
        if entry is None or results.find(entry.key) is None:
            return None
        entries.append(entry)
    return gather(results, study.name, entries)


def _manifest(study: Study, suite: str, category: str, backbone: str) -> dict[Name, Entry]:
    path = manifest_path(study.name, suite, category, backbone)
    if not path.is_file():
        return {}
    try:
        return {entry[:-1]: entry for entry in read_manifest(path)}
    except RecordError as error:
        logger.warning("%s: computing what it lists", error)
        return {}


def _name(request: Request) -> Name:
    shift = request.shift
    return (request.detector.label, shift.kind, request.variant, shift.setting, shift.value)
