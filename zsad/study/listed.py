"""Records that a run has just listed: read without loading the models that computing them would take."""

import logging

import pandas as pd

from zsad.study.cells import Request, Selection, requests
from zsad.study.config import Study, resolve
from zsad.study.records import Entry, RecordStore, gather, manifest_path, read_manifest
from zsad.study.sealed import RecordError

logger = logging.getLogger(__name__)

Name = tuple[str | float, ...]
"""An entry's fields without its key."""


def listed_records(study: Study, selection: Selection) -> pd.DataFrame | None:
    """The records of a selection, from the manifests that `zsad run` left; None where one of its results is not there.

    A manifest is believed: whether data, weights or the study have changed since, whoever calls this must know, as the
    Snakefile does. `zsad.study.compute` asks.

    Raises ValueError as `zsad.study.compute` for a selection that the study does not have.
    """
    store, entries = RecordStore(resolve(study.records_root)), []
    manifests: dict[tuple[str, str, str], dict[Name, Entry]] = {}
    for request in requests(study, selection):
        subject = (request.suite, request.category, request.backbone)
        if subject not in manifests:
            manifests[subject] = _manifest(study, *subject)
        entry = manifests[subject].get(_name(request))
        if entry is None or not store.has(entry.key):
            return None
        entries.append(entry)
    return gather(store, study.name, entries)


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
