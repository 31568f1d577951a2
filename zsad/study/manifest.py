"""Manifests: what a study calls its results, and the keys of the cells that hold them, as `zsad run` lists them.

They are read without loading the models that computing would take.
"""

import hashlib
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from zsad.files import check_writable_folder
from zsad.study.cells import Request, Selection, requests
from zsad.study.config import Study
from zsad.study.load import load_study
from zsad.study.project import project_root
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
    records: pd.DataFrame, study: Study, lacking: Iterable[tuple[str, str, str]] = (), keep: bool = False
) -> None:
    """List a study's results and their keys in build/study/<study>/<suite>/<category>/<backbone>.json.

    Args:
        records: the results.
        lacking: suite, category and backbone of which some could not be computed: of these a list, maybe empty, is to
            be there too, and says that it is not whole.
        keep: the records are some of the study's alone: what is listed besides them stays, and a list is whole only if
            it was.
    """
    lacking = set(lacking)
    subjects = records.groupby(["suite", "category", "backbone"])
    found = {key: rows[list(Entry._fields)].drop_duplicates().to_dict("records") for key, rows in subjects}
    for subject in sorted({*lacking, *found}):
        path = manifest_path(study.name, *subject)
        entries = found.get(subject, [])
        whole = subject not in lacking
        if keep:
            named, listed = {Entry(**entry)[:-1] for entry in entries}, _manifest(path, study)
            entries = [*(entry._asdict() for name, entry in listed.items() if name not in named), *entries]
            whole = whole and bool(listed) and _content(path).get("whole", False)
        _write(path, study, {"of": _described(study, subject[0]), "results": entries, "whole": whole})


def write_part(study: Study, part: tuple[int, int], whole: bool) -> None:
    """Note that a part of a study has been computed, and whether all of it could be."""
    _write(part_path(study.name, *part), study, {"whole": whole})


def _write(path: Path, study: Study, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_sealed({"study": study.name, **content, "run": run_of(path)}, path)


def run_of(path: Path) -> int:
    """Which run of the Snakefile a list is to be of: the one that it is of, or where it is not whole the next. Of the
    first there is none yet; 0 stands for a damaged one.
    """
    if not path.is_file():
        return 1
    content = _content(path)
    return int(content.get("run", 0)) + (not content.get("whole", False)) if content else 0


def _content(path: Path) -> dict[str, Any]:
    """What a list says; nothing where it is damaged."""
    try:
        return read_sealed(path)
    except RecordError as error:
        logger.warning("%s: computing what it lists", error)
        return {}


def _described(study: Study, suite: str) -> str:
    """SHA-256 (hex) over what a study says of its results on a suite: another of the same name says something else."""
    alone = study.model_copy(update={"suites": {suite: study.suites[suite]}})
    said = alone.model_dump_json(exclude={"device", "batch_size", "records_root", "cache_root"})
    return hashlib.sha256(said.encode()).hexdigest()


def manifest_path(study: str, suite: str, category: str, backbone: str) -> Path:
    return manifest_folder(study) / suite / category / f"{backbone}.json"


def part_path(study: str, number: int, of: int) -> Path:
    return manifest_folder(study) / "parts" / f"{number}-of-{of}.json"


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

    A manifest of the study as it is is believed: whether data or weights have changed since, whoever calls this must
    know, as the Snakefile does. `zsad.study.compute` asks.

    Raises ValueError as `zsad.study.compute` for a selection that the study does not have.
    """
    results, entries = Results(study.name, study.records_root), []
    manifests: dict[tuple[str, str, str], dict[Name, Entry]] = {}
    for request in requests(study, selection):
        subject = (request.suite, request.category, request.backbone)
        if subject not in manifests:
            manifests[subject] = _manifest(manifest_path(study.name, *subject), study)
        entry = manifests[subject].get(_name(request))
        if entry is None or results.find(entry.key) is None:
            return None
        entries.append(entry)
    return gather(results, study.name, entries)


def _manifest(path: Path, study: Study) -> dict[Name, Entry]:
    """What a list holds by name: nothing where it is damaged, or that of another study of the same name."""
    content = _content(path) if path.is_file() else {}
    if content.get("of") != _described(study, path.parts[-3]):
        return {}
    return {entry[:-1]: entry for entry in (Entry(**fields) for fields in content["results"])}


def _name(request: Request) -> Name:
    shift = request.shift
    return (request.detector.label, shift.kind, request.variant, shift.setting, shift.value)
