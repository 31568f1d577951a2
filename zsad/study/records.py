"""Records: the tidy rows of every result, and the files they are kept in.

A finished cell is a few files under its key: `<key>.parquet` (a row a metric), one for each of its `TABLES`, and
`<key>.json`, the sidecar with its provenance (`zsad.study.sealed_store`).
"""

import hashlib
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Int

from zsad.files import write_atomically
from zsad.study.sealed import RecordError
from zsad.study.sealed_store import SealedStore
from zsad.study.shifts import SHIFTS

SUBJECT_COLUMNS = ["suite", "category", "detector", "backbone", "dtype"]
KEY_COLUMNS = [*SUBJECT_COLUMNS, "shift", "variant", "setting", "value"]
RECORD_COLUMNS = ["study", *KEY_COLUMNS, "metric", "estimate", "low", "high", "n_images", "n_anomalous", "key"]
CELL_COLUMNS = [column for column in RECORD_COLUMNS if column not in ("study", "variant")]
# What lies beside a cell's metrics. Every cell: a row an image; a row a bootstrap draw with the headline metrics, so
# that differences of cells have intervals (cells of earlier versions lack draws of F1-max). Worst cases: a row an
# image with what the search found; a row an evaluation with the mean over images of the lowest loss so far; a row a
# image and evaluation with the lowest loss and AUROC so far, and how many evaluations so far had a gradient (cells of
# earlier versions lack it).
TABLES: dict[str, list[str]] = {
    "images": ["id", "label", "score", "key"],
    "replicates": ["replicate", "image_auroc", "pixel_auroc", "aupro", "image_f1max", "pixel_f1max", "key"],
    "samples": [
        "id", "label", "angle", "hue", "saturation", "loss", "clean_loss", "auroc", "clean_auroc", "evaluations",
        "gradients", "key",
    ],
    "curve": ["evaluation", "loss", "key"],
    "tries": ["id", "evaluation", "gradients", "loss", "auroc", "key"],
}  # fmt: skip
# Types of the sidecar's fields.
PROVENANCE: dict[str, type] = {
    "key": str,
    "spec": dict,
    "data_fingerprint": str,
    "weights_fingerprint": str,
    "code": dict,
    "versions": dict,
    "commit": str,
    "dirty": bool,
    "device": str,
    "machine": dict,
    "seeds": dict,
    "tables": list,
    "seconds": float,
    "started_at": str,
}
_VERSIONS = ("python", "zsad", "torch", "open_clip_torch", "numpy")
_KEY = re.compile(r"[0-9a-f]{64}")


def smaller_class(records: pd.DataFrame) -> Int[np.ndarray, " record"]:
    """How many images each record has of the class that it has fewer of."""
    anomalous = records["n_anomalous"].to_numpy(np.int64)
    fewer: Int[np.ndarray, " record"] = np.minimum(anomalous, records["n_images"].to_numpy(np.int64) - anomalous)
    return fewer


def validate_records(records: pd.DataFrame, provenance: dict[str, dict[str, Any]]) -> None:
    """Check records against the schema, and that every key has complete provenance.

    Args:
        records: rows with `RECORD_COLUMNS`.
        provenance: key -> sidecar.

    Raises:
        RecordError: naming the column, row or key at fault.
    """
    if list(records.columns) != RECORD_COLUMNS:
        missing = [c for c in RECORD_COLUMNS if c not in records.columns]
        unknown = [c for c in records.columns if c not in RECORD_COLUMNS]
        raise RecordError(f"columns differ from the schema {RECORD_COLUMNS}: missing {missing}, unknown {unknown}")
    if records.empty:
        raise RecordError("no records")
    empty = records.columns[records.isna().any()].tolist()
    if empty:
        raise RecordError(f"empty values in {empty}")
    bad = records[~records["shift"].isin(SHIFTS)]
    if len(bad):
        raise RecordError(f"unknown shift {bad['shift'].iloc[0]!r}; known: {', '.join(SHIFTS)}")
    bounded = records[["low", "estimate", "high"]]
    if not bounded.map(lambda v: 0 <= v <= 1).all(axis=None):
        raise RecordError("estimate, low and high must lie in [0, 1]")
    if (records["low"] > records["high"]).any():
        raise RecordError("an interval's low end lies above its high end")
    counts = records[["n_images", "n_anomalous"]]
    if (counts["n_anomalous"] > counts["n_images"]).any() or (counts <= 0).any(axis=None):
        raise RecordError("n_images and n_anomalous must be positive, and no more anomalous than images")
    if records.duplicated(["study", *KEY_COLUMNS, "metric", "key"]).any():
        raise RecordError("the same metric of the same cell twice")
    for key in records["key"].unique():
        if not _KEY.fullmatch(key):
            raise RecordError(f"key {key!r} is not 64 hex digits")
        if key not in provenance:
            raise RecordError(f"no provenance for key {key}: its sidecar is missing")
        validate_provenance(provenance[key])


def validate_provenance(sidecar: dict[str, Any], fields: Mapping[str, type] = PROVENANCE) -> None:
    """Raises RecordError naming the missing or wrong one of a sidecar's `fields`."""
    name = f"provenance of {sidecar.get('key', 'an unknown key')}"
    for field, kind in fields.items():
        if field not in sidecar:
            raise RecordError(f"{name}: field {field!r} is missing")
        if not isinstance(sidecar[field], kind) or sidecar[field] in ("", {}, []):
            raise RecordError(f"{name}: field {field!r} must be a non-empty {kind.__name__}, not {sidecar[field]!r}")
    missing = [package for package in _VERSIONS if package not in sidecar["versions"]]
    if missing:
        raise RecordError(f"{name}: versions lack {', '.join(missing)}")


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
        """Store a finished cell; the sidecar comes last, lists the tables, and makes the cell complete."""
        sidecar = {**sidecar, "tables": sorted(tables)}
        validate_provenance(sidecar)
        frames = {f".{name}.parquet": table[TABLES[name]] for name, table in tables.items()}
        frames[".parquet"] = rows[CELL_COLUMNS]
        files = {suffix: write_parquet(frame, self.path(key, suffix)) for suffix, frame in frames.items()}
        self.seal(key, sidecar, files)

    def rows(self, key: str) -> pd.DataFrame:
        """The cell's metrics, with `CELL_COLUMNS`. Raises RecordError for a damaged file."""
        return self._read(key, ".parquet")

    def table(self, key: str, name: str) -> pd.DataFrame:
        """One of the cell's `TABLES`. Raises RecordError for one that the cell does not have."""
        return self._read(key, f".{name}.parquet")

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
