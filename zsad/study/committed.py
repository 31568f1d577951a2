"""Records that are committed in `results/<study>`: what was computed once and need not be again.

`records.parquet` holds every record, one file for each of `schema.TABLES` the rest, and `provenance.json` the
sidecars, the SHA-256 of the other files and its own.
"""

import hashlib
import io
import shlex
from collections.abc import Collection
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from zsad.study.project import project_root
from zsad.study.schema import CELL_COLUMNS, SUBJECT_COLUMNS, TABLES
from zsad.study.sealed import RecordError, read_sealed

# Parts of a sidecar that are the same for many cells: written once, and referred to by number.
SHARED = ("versions", "machine", "seeds", "code")


def committed_folder(study: str) -> Path:
    return project_root() / "results" / study


def committed_studies() -> list[str]:
    """Names of the studies that have such a folder with cells in it."""
    return sorted(path.parent.name for path in (project_root() / "results").glob("*/provenance.json"))


def committed(folder: Path) -> "Committed":
    """The cells of one such folder. What was read of it is kept as long as its files stay as they are."""
    files = ((path.name, path.stat()) for path in sorted(folder.glob("*")) if path.is_file())
    return _as_it_lies(folder, tuple((name, found.st_size, found.st_mtime_ns) for name, found in files))


@lru_cache(maxsize=4)
def _as_it_lies(folder: Path, files: tuple[tuple[str, int, int], ...]) -> "Committed":
    return Committed(folder)


class Committed:
    """The cells of one such folder; empty where there is none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._tables: dict[str, pd.DataFrame] = {}
        self._cells: dict[str, dict[str, pd.DataFrame]] = {}

    @cached_property
    def _provenance(self) -> dict[str, Any]:
        path = self.folder / "provenance.json"
        if not path.is_file() and not any(self.folder.glob("*.parquet")):
            return {"files": {}, "shared": [], "cells": {}}
        try:
            return read_sealed(path)
        except RecordError as error:
            raise self._damaged(str(error), path) from None

    def _damaged(self, fault: str, path: Path) -> RecordError:
        return RecordError(f"{fault}; get it back: git checkout -- {shlex.quote(str(path))}")

    def _frame(self, name: str) -> pd.DataFrame:
        """A file that the provenance names, as it was written. Raises RecordError, saying how to get it back."""
        path = self.folder / f"{name}.parquet"
        try:
            content = path.read_bytes()
        except OSError as error:
            raise self._damaged(f"{path} cannot be read ({error.strerror})", path) from None
        if hashlib.sha256(content).hexdigest() != self._provenance["files"][name]:
            raise self._damaged(f"{path} is damaged (it is not the file that {self.folder.name} was kept with)", path)
        return pd.read_parquet(io.BytesIO(content))

    @cached_property
    def sidecars(self) -> dict[str, dict[str, Any]]:
        """Provenance of every cell, by key. The first were computed before code had fingerprints."""
        content = self._provenance
        shared = content["shared"]
        return {
            key: {
                "code": {"unknown": "computed before the code was fingerprinted"},
                **sidecar,
                **{name: shared[sidecar[name]] for name in SHARED if name in sidecar},
                "spec": {**sidecar["spec"], "options": shared[sidecar["spec"]["options"]]},
            }
            for key, sidecar in content["cells"].items()
        }

    @cached_property
    def records(self) -> pd.DataFrame:
        return self._frame("records")

    def _whole(self, name: str) -> pd.DataFrame:
        """All rows of one of the files, which is read once."""
        if name not in self._tables:
            self._tables[name] = self._frame(name).reindex(columns=TABLES[name])
        return self._tables[name]

    def _by_key(self, name: str) -> dict[str, pd.DataFrame]:
        """The rows of each cell in one of the files."""
        if name not in self._cells:
            parts = (self.records if name == "records" else self._whole(name)).groupby("key", sort=False)
            self._cells[name] = {str(key): rows.reset_index(drop=True) for key, rows in parts}
        return self._cells[name]

    def has(self, key: str) -> bool:
        return key in self.sidecars

    def sidecar(self, key: str) -> dict[str, Any]:
        """A cell's provenance."""
        return self.sidecars[key]

    def rows(self, key: str) -> pd.DataFrame:
        """A cell's metrics, with `CELL_COLUMNS`, under its own names. Raises RecordError for a damaged file."""
        spec = self.sidecars[key]["spec"]
        shift = {"shift": spec["shift"]["kind"], "setting": spec["shift"]["setting"], "value": spec["shift"]["value"]}
        named = {column: spec[column] for column in SUBJECT_COLUMNS} | shift
        rows = self._by_key("records")[key].drop_duplicates("metric", ignore_index=True)
        return rows.assign(**named)[CELL_COLUMNS]

    def table(self, key: str, name: str) -> pd.DataFrame:
        """One of the cell's `TABLES`; a column that came later is empty. Raises RecordError for a damaged file."""
        return self._by_key(name)[key]

    def tables(self, keys: Collection[str], name: str) -> pd.DataFrame:
        """The rows of `table` of several cells, without taking the file apart."""
        whole = self._whole(name)
        return whole[whole["key"].isin(list(keys))]
