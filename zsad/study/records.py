"""Records: the tidy rows of every result, and the files they are kept in.

A finished cell is a few files under its key: `<key>.parquet` (a row a metric), one for each of its `TABLES`, and
`<key>.json`, the sidecar with its provenance (`zsad.study.sealed_store`).
"""

import hashlib
import io
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from zsad.files import write_atomically
from zsad.study.schema import CELL_COLUMNS, TABLES, validate, validate_provenance
from zsad.study.sealed_store import SealedStore


class RecordStore(SealedStore):
    """The folder of finished cells."""

    again = "`zsad run` computes its cell again"

    def prepare(self) -> None:
        """As for any such folder; and remove the checkpoints of searches whose cells are there."""
        super().prepare()
        for key in {path.name.partition(".")[0] for path in self.folder.glob("*.search")}:
            if self.has(key):
                self.forget_search(key)

    def forget_search(self, key: str) -> None:
        """Remove the checkpoints of a cell's search, of no use once the cell is there."""
        for checkpoint in self.folder.glob(f"{key}*.search"):
            checkpoint.unlink(missing_ok=True)

    def write(self, key: str, rows: pd.DataFrame, tables: Mapping[str, pd.DataFrame], sidecar: dict[str, Any]) -> None:
        """Store a finished cell, validated; the sidecar comes last, lists the tables, and makes the cell complete."""
        sidecar = {**sidecar, "tables": sorted(tables)}
        validate_provenance(sidecar)
        frames = {name: table[TABLES[name]] for name, table in tables.items()} | {"cell": rows[CELL_COLUMNS]}
        for name, frame in frames.items():
            validate(frame, name)
        suffixes = {name: ".parquet" if name == "cell" else f".{name}.parquet" for name in frames}
        files = {suffixes[name]: write_parquet(frame, self.path(key, suffixes[name])) for name, frame in frames.items()}
        self.seal(key, sidecar, files)

    def rows(self, key: str) -> pd.DataFrame:
        """The cell's metrics, with `CELL_COLUMNS`. Raises RecordError for a damaged file."""
        return self._read(key, ".parquet")

    def table(self, key: str, name: str) -> pd.DataFrame:
        """One of the cell's `TABLES`. Raises RecordError for one that the cell does not have."""
        return self._read(key, f".{name}.parquet")

    def tables(self, keys: Collection[str], name: str) -> pd.DataFrame:
        """The rows of `table` of several cells."""
        return pd.concat([self.table(key, name) for key in keys], ignore_index=True)

    def _read(self, key: str, suffix: str) -> pd.DataFrame:
        return pd.read_parquet(io.BytesIO(self.content(key, suffix)))


def write_parquet(frame: pd.DataFrame, path: Path) -> str:
    """Atomic, and the same bytes for the same frame: no index, no library's own metadata. Returns their SHA-256."""
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    floats = [field.name for field in table.schema if pa.types.is_float32(field.type)]
    options: dict[str, Any] = {"compression": "zstd", "compression_level": 9}
    options |= {"use_byte_stream_split": floats, "use_dictionary": [n for n in table.column_names if n not in floats]}
    payload = io.BytesIO()
    pq.write_table(table, payload, **options)
    write_atomically(path, lambda temporary: temporary.write_bytes(payload.getbuffer()))
    return hashlib.sha256(payload.getbuffer()).hexdigest()
