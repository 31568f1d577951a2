"""Gathers a study's records, their tables and their provenance into a folder that `zsad.study.committed` reads."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from zsad.files import check_writable_folder, write_atomically
from zsad.study.committed import SHARED
from zsad.study.config import Study
from zsad.study.records import write_parquet
from zsad.study.results import Results
from zsad.study.schema import TABLES, validate_records
from zsad.study.sealed import SEAL, sealed


def export(records: pd.DataFrame, study: Study, folder: Path) -> None:
    """Write the records of a study, validated first; the provenance, which makes them complete, comes last."""
    results = Results(study.name, study.records_root)
    sidecars = results.sidecars(records["key"])
    validate_records(records, sidecars)
    check_writable_folder(folder)
    tables = {
        name: [results.of(key).table(key, name) for key, sidecar in sidecars.items() if name in sidecar["tables"]]
        for name in TABLES
    }
    files = {"records": write_parquet(records, folder / "records.parquet")}
    for name, frames in tables.items():
        path = folder / f"{name}.parquet"
        if frames:
            files[name] = write_parquet(pd.concat(frames, ignore_index=True), path)
        else:
            path.unlink(missing_ok=True)
    text = _packed(study.name, sidecars, files)
    write_atomically(folder / "provenance.json", lambda path: path.write_text(text, encoding="utf-8"))


def _packed(study: str, sidecars: dict[str, dict[str, Any]], files: dict[str, str]) -> str:
    """JSON with a line a cell, sealed."""
    shared: list[Any] = []

    def number(part: Any) -> int:
        if part not in shared:
            shared.append(part)
        return shared.index(part)

    lines = []
    for key, sidecar in sidecars.items():
        spec = {**sidecar["spec"], "options": number(sidecar["spec"]["options"])}
        packed = {**sidecar, "spec": spec, **{name: number(sidecar[name]) for name in SHARED}}
        lines.append(f"{json.dumps(key)}: {json.dumps(packed, sort_keys=True, allow_nan=False)}")
    head = f'"study": {json.dumps(study)},\n"files": {json.dumps(files, sort_keys=True)},\n'
    body = head + f'"shared": {json.dumps(shared, sort_keys=True)},\n"cells": {{\n' + ",\n".join(lines) + "}}\n"
    return f'{{"{SEAL}": "{sealed(json.loads("{" + body))[SEAL]}",\n{body}'
