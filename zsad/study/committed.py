"""Records that are kept with the project, in `results/<study>`: what was computed once and need not be again.

`records.parquet` holds every record, one file for each of `records.TABLES` the rest, and `provenance.json` the
sidecars, the SHA-256 of the other files and its own. A cell that is kept is unpacked into the folder of finished cells
when it is asked for.

Processors round differently: drawn on another one, a few images of a demo suite differ by a level, and with them the
key of every cell that has seen them. So a cell of a demo suite is also known by the suite's recipe.
"""

import hashlib
import io
import json
import logging
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from zsad.files import check_writable_folder, write_atomically
from zsad.study.code import folder_code
from zsad.study.config import Study, load_study, project_root, resolve
from zsad.study.manifest import gather, manifest_folder, read_manifests
from zsad.study.records import (
    CELL_COLUMNS,
    KEY_COLUMNS,
    TABLES,
    RecordStore,
    validate_records,
    write_parquet,
)
from zsad.study.sealed import SEAL, RecordError, read_sealed, sealed
from zsad.study.shifts import canonical_json

logger = logging.getLogger(__name__)

# Parts of a sidecar that are the same for many cells: written once, and referred to by number.
_SHARED = ("versions", "machine", "seeds", "code")

# The code of cells that were kept before it was fingerprinted: like no other.
UNKNOWN_CODE = {"unknown": "computed before the code was fingerprinted"}


def committed_folder(study: str) -> Path:
    return project_root() / "results" / study


@dataclass(frozen=True)
class Meaning:
    """What a cell is, whichever processor drew its images: its spec, the fingerprints of its weights and of its code,
    and the recipe of its suite; None for images that are not drawn.
    """

    spec: dict[str, Any]
    weights: str
    code: dict[str, str]
    recipe: str | None


def recipe_of(study: Study, suite: str) -> str | None:
    """SHA-256 (hex) of what a demo suite says it was drawn from (seed and every choice, not the bytes) and of the code
    that draws, whatever its comments say; None for other suites.
    """
    if not study.is_demo(suite):
        return None
    from zsad.data.demo import stamp  # rendering code: of no use to a study of real data

    try:
        drawn_from, _ = stamp.read_stamp(study.root_of(suite))
    except (FileNotFoundError, ValueError):
        return None
    drawn_by = folder_code(Path(stamp.__file__).parent)
    return hashlib.sha256(canonical_json([drawn_from, drawn_by]).encode()).hexdigest()


def export(records: pd.DataFrame, study: Study, folder: Path) -> None:
    """Gather a study's records, their tables and their provenance into `folder`, validated first."""
    store = RecordStore(resolve(study.records_root))
    sidecars = {key: store.sidecar(key) for key in dict.fromkeys(records["key"])}
    validate_records(records, sidecars)
    check_writable_folder(folder)
    files = {"records": write_parquet(records, folder / "records.parquet")}
    for name in TABLES:
        frames = [store.table(key, name) for key, sidecar in sidecars.items() if name in sidecar["tables"]]
        if frames:
            files[name] = write_parquet(pd.concat(frames, ignore_index=True), folder / f"{name}.parquet")
        else:
            (folder / f"{name}.parquet").unlink(missing_ok=True)
    text = _pack(study, sidecars, files)
    write_atomically(folder / "provenance.json", lambda path: path.write_text(text, encoding="utf-8"))


def _pack(study: Study, sidecars: dict[str, dict[str, Any]], files: dict[str, str]) -> str:
    """JSON with a line a cell, sealed."""
    shared: list[Any] = []

    def number(part: Any) -> int:
        if part not in shared:
            shared.append(part)
        return shared.index(part)

    lines = []
    for key, sidecar in sidecars.items():
        spec = {**sidecar["spec"], "options": number(sidecar["spec"]["options"])}
        packed = {**sidecar, "spec": spec, **{name: number(sidecar[name]) for name in _SHARED}}
        lines.append(f"{json.dumps(key)}: {json.dumps(packed, sort_keys=True, allow_nan=False)}")
    recipes = {suite: recipe_of(study, suite) for suite in study.suites}
    head = f'"study": {json.dumps(study.name)},\n"recipes": {json.dumps(recipes, sort_keys=True)},\n'
    head += f'"files": {json.dumps(files, sort_keys=True)},\n"shared": {json.dumps(shared, sort_keys=True)}'
    body = head + ',\n"cells": {\n' + ",\n".join(lines) + "}}\n"
    return f'{{"{SEAL}": "{sealed(json.loads("{" + body))[SEAL]}",\n{body}'


class Committed:
    """The records kept in one folder; empty where there are none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def _provenance(self) -> dict[str, Any]:
        path = self.folder / "provenance.json"
        if not path.is_file() and not any(self.folder.glob("*.parquet")):
            return {"recipes": {}, "files": {}, "shared": [], "cells": {}}
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
        """Provenance of every cell, by key."""
        content = self._provenance
        shared = content["shared"]
        return {
            key: {
                "code": UNKNOWN_CODE,
                **sidecar,
                **{name: shared[sidecar[name]] for name in _SHARED if name in sidecar},
                "spec": {**sidecar["spec"], "options": shared[sidecar["spec"]["options"]]},
            }
            for key, sidecar in content["cells"].items()
        }

    @cached_property
    def records(self) -> pd.DataFrame:
        return self._frame("records")

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        kept = [name for name in TABLES if name in self._provenance["files"]]
        return {name: self._frame(name).reindex(columns=TABLES[name]) for name in kept}

    @cached_property
    def _rows(self) -> dict[str, dict[str, pd.DataFrame]]:
        frames = {"records": self.records, **self.tables}
        return {
            name: {str(key): rows.reset_index(drop=True) for key, rows in frame.groupby("key", sort=False)}
            for name, frame in frames.items()
        }

    @cached_property
    def _by_meaning(self) -> dict[str, str]:
        recipes = self._provenance.get("recipes", {})
        return {
            _words(Meaning(sidecar["spec"], sidecar["weights_fingerprint"], sidecar["code"], recipe)): key
            for key, sidecar in self.sidecars.items()
            if (recipe := recipes.get(sidecar["spec"]["suite"]))
        }

    def restore(
        self, key: str, store: RecordStore, meaning: Meaning | None = None, ids: Sequence[str] | None = None
    ) -> bool:
        """Unpack a cell into `store` as it was when it was computed; whether it is kept here.

        With a `meaning`, a cell of the same one serves where there is none of that key; with `ids`, the names of the
        images as they lie on disk, one that has seen others does not.
        """
        source = key
        if key not in self.sidecars and meaning is not None and meaning.recipe is not None:
            source = self._by_meaning.get(_words(meaning), key)
        if source not in self.sidecars:
            return False
        sidecar = self.sidecars[source]
        spec = sidecar["spec"]
        shift = {"shift": spec["shift"]["kind"], "setting": spec["shift"]["setting"], "value": spec["shift"]["value"]}
        subject = {column: spec[column] for column in KEY_COLUMNS if column in spec} | shift
        rows = self._rows["records"][source].drop_duplicates("metric", ignore_index=True).assign(**subject, key=key)
        tables = {name: self._rows[name][source].assign(key=key) for name in sidecar["tables"]}
        if ids is not None and not _has_seen(ids, rows, tables["images"]):
            logger.warning(
                "cell %s in %s has seen other pictures than the %d that are there now: it is not taken from there",
                *(source, self.folder, len(ids)),
            )
            return False
        drawn_elsewhere = {} if source == key else {"key": key, "computed_as": source}
        store.write(key, rows[CELL_COLUMNS], tables, {**sidecar, **drawn_elsewhere})
        return True


def _has_seen(ids: Sequence[str], rows: pd.DataFrame, images: pd.DataFrame) -> bool:
    return images["id"].tolist() == list(ids) and set(rows["n_images"]) == {len(ids)}


def _words(meaning: Meaning) -> str:
    return canonical_json([meaning.spec, meaning.weights, meaning.code, meaning.recipe])


def load_records(study: str | Study) -> pd.DataFrame:
    """A study's validated records: those committed in results/<study>, else those `zsad run` left in build/.

    Raises FileNotFoundError, saying what to run, where there are neither.
    """
    config = load_study(study, check_models=False) if isinstance(study, str) else study
    kept = Committed(committed_folder(config.name))
    if kept.sidecars:
        records, sidecars = kept.records, kept.sidecars
    else:
        entries = read_manifests(config.name)
        if not entries:
            raise FileNotFoundError(
                f"no records of study {config.name!r} in {kept.folder} or {manifest_folder(config.name)}: "
                f"run `zsad run {config.name}`"
            )
        store = RecordStore(resolve(config.records_root))
        records = gather(store, config.name, entries)
        sidecars = {key: store.sidecar(key) for key in records["key"].unique()}
    validate_records(records, sidecars)
    return records


def load_table(records: pd.DataFrame, name: str, study: Study) -> pd.DataFrame:
    """What lies beside some records, one of `records.TABLES`: the rows of their cells, with the records' own names for
    them (suite, category, detector, ..., variant, setting, value) in front.

    `study` says where finished cells lie; the records may be those of another study, which are kept with the project.

    Raises:
        ValueError: an unknown table.
        RecordError: a cell that is nowhere, or without that table; only worst cases have "samples" and "curve".
    """
    if name not in TABLES:
        raise ValueError(f"unknown table {name!r}; known: {', '.join(TABLES)}")
    named = records[["study", *KEY_COLUMNS, "key"]].drop_duplicates()
    frames, kept, store = [], _committed_of(records), RecordStore(resolve(study.records_root))
    for key, sidecar in load_sidecars(records, study).items():
        if name not in sidecar["tables"]:
            raise RecordError(f"cell {key} has no {name}: only worst cases have samples and a curve")
        if key not in kept.sidecars:
            frames.append(store.table(key, name))
    if name in kept.tables:
        rows = kept.tables[name]
        frames.append(rows[rows["key"].isin(named["key"])])
    return named.merge(pd.concat(frames, ignore_index=True), on="key")


def load_sidecars(records: pd.DataFrame, study: Study) -> dict[str, dict[str, Any]]:
    """The provenance of some records' cells, by key; `study` and errors as `load_table`."""
    kept, store = _committed_of(records), RecordStore(resolve(study.records_root))
    found = {}
    for key in records["key"].unique():
        if key not in kept.sidecars and not store.has(key):
            raise RecordError(f"cell {key} is neither in {kept.folder} nor in {store.folder}: run `zsad run`")
        found[str(key)] = kept.sidecars[key] if key in kept.sidecars else store.sidecar(key)
    return found


def _committed_of(records: pd.DataFrame) -> Committed:
    return Committed(committed_folder(str(records["study"].iloc[0])))
