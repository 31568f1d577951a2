"""The frames that travel: which columns they have, and what their values may be; and what provenance must say."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pandas as pd
from jaxtyping import Int

from zsad.leagues import League
from zsad.study.sealed import RecordError
from zsad.study.shifts import SHIFTS

if TYPE_CHECKING:
    import pandera.pandas as pa

SUBJECT_COLUMNS = ["suite", "category", "detector", "backbone", "dtype"]
KEY_COLUMNS = [*SUBJECT_COLUMNS, "shift", "variant", "setting", "value"]
RECORD_COLUMNS = ["study", *KEY_COLUMNS, "metric", "estimate", "low", "high", "n_images", "n_anomalous", "key"]
CELL_COLUMNS = [column for column in RECORD_COLUMNS if column not in ("study", "variant")]
# What lies beside a cell's metrics. Every cell: a row an image; a row a bootstrap draw with the headline metrics, so
# that differences of cells have intervals (cells of earlier versions lack draws of F1-max). Unshifted cells, where the
# study asks for it: a row a good training image, of whose scores a user can make a threshold. Worst cases: a row an
# image with what the search found (cells of earlier versions lack the means over its evaluations); a row an evaluation
# with the mean over images of the lowest loss so far; a row an image and evaluation with the lowest loss and AUROC so
# far, and how many evaluations so far had a gradient (cells of earlier versions lack it).
TABLES: dict[str, list[str]] = {
    "images": ["id", "label", "score", "key"],
    "training": ["id", "score", "key"],
    "replicates": ["replicate", "image_auroc", "pixel_auroc", "aupro", "image_f1max", "pixel_f1max", "key"],
    "samples": [
        "id", "label", "angle", "hue", "saturation", "loss", "clean_loss", "mean_loss", "auroc", "clean_auroc",
        "mean_auroc", "evaluations", "gradients", "key",
    ],
    "curve": ["evaluation", "loss", "key"],
    "tries": ["id", "evaluation", "gradients", "loss", "auroc", "key"],
}  # fmt: skip
_FRAMES = {"records": RECORD_COLUMNS, "cell": CELL_COLUMNS, **TABLES}
_FRACTIONS = ("estimate", "low", "high", "auroc", "clean_auroc", "mean_auroc", *TABLES["replicates"][1:-1])
_COUNTS = {"n_images": 1, "n_anomalous": 1, "evaluation": 1, "evaluations": 1, "replicate": 0, "gradients": 0}
_PATTERNS = {
    "shift": ("|".join(SHIFTS), f"must be one of {', '.join(SHIFTS)}"),
    "key": ("[0-9a-f]{64}", "must be 64 hex digits"),
}
_NUMBERS = ("value", "score", "loss", "clean_loss", "mean_loss", "angle", "hue", "saturation")
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
_COLUMN_FAULTS = {"column_in_dataframe": "column {!r} is missing", "column_in_schema": "unknown column {!r}"}
_VERSIONS = ("python", "zsad", "torch", "open_clip_torch", "numpy")


def smaller_class(records: pd.DataFrame) -> Int[np.ndarray, " record"]:
    """How many images each record has of the class that it has fewer of."""
    anomalous = records["n_anomalous"].to_numpy(np.int64)
    fewer: Int[np.ndarray, " record"] = np.minimum(anomalous, records["n_images"].to_numpy(np.int64) - anomalous)
    return fewer


@cache
def schema_of(frame: str) -> "pa.DataFrameSchema":
    """The schema of "records", of a "cell" (its metrics, without the names that a study gives it), or one of `TABLES`.

    Values may be missing in the tables alone: an AUROC where every pixel of an image is normal, say.
    """
    import pandera.pandas as pa  # here: a third of a second that reading a study can spare

    def column(name: str) -> pa.Column:
        nullable = frame in TABLES and name not in ("id", "label", "key")
        if name in _FRACTIONS:
            return pa.Column(None, pa.Check.in_range(0, 1, error="must lie in [0, 1]"), nullable=nullable)
        if name in _COUNTS:
            least = _COUNTS[name]
            return pa.Column(None, pa.Check.ge(least, error=f"must be at least {least}"), nullable=nullable)
        if name in _NUMBERS:
            return pa.Column(None, pa.Check(pd.api.types.is_numeric_dtype, error="must be a number"), nullable=nullable)
        if name == "label":
            return pa.Column(bool)
        pattern, error = _PATTERNS.get(name, (r".+", "must be text, and not empty"))
        return pa.Column(None, pa.Check(lambda values: _fit(values, pattern), error=error))

    checks = []
    if frame in ("records", "cell"):
        names = ["metric", "key"] + KEY_COLUMNS * (frame == "records")
        checks = [
            pa.Check(lambda rows: rows["low"] <= rows["high"], error="an interval's low end lies above its high end"),
            pa.Check(lambda rows: rows["n_anomalous"] <= rows["n_images"], error="more anomalous than images"),
            pa.Check(lambda rows: ~rows.duplicated(names), error="the same metric of the same cell twice"),
        ]
    columns = {name: column(name) for name in _FRAMES[frame]}
    return pa.DataFrameSchema(columns, checks=checks, strict=True)


def _fit(values: "pd.Series[Any]", pattern: str) -> "pd.Series[Any] | bool":
    """Where a column's values are text of a pattern; nowhere where some are no text."""
    return pd.api.types.infer_dtype(values, skipna=False) == "string" and values.str.fullmatch(f"(?s:{pattern})")


def validate(frame: pd.DataFrame, name: str) -> None:
    """Check a frame against `schema_of` that name. Raises RecordError, naming the column, a row and the fault."""
    from pandera.errors import SchemaErrors

    if frame.empty:
        raise RecordError(f"{name}: no rows")
    try:
        schema_of(name).validate(frame.reset_index(drop=True), lazy=True)
    except SchemaErrors as error:
        faults = error.failure_cases.drop_duplicates("check")
        columns = faults[faults["check"].isin(_COLUMN_FAULTS)]
        words = [_in_words(fault) for fault in (faults if columns.empty else columns).itertuples()]
        raise RecordError(f"{name}: {'; '.join(words)}") from None


def _in_words(fault: Any) -> str:
    if fault.check in _COLUMN_FAULTS:
        return _COLUMN_FAULTS[fault.check].format(fault.failure_case)
    row = "" if pd.isna(fault.index) else f" (row {fault.index})"
    if fault.schema_context != "Column":
        return f"{fault.check}{row}"
    what = "is empty" if fault.check == "not_nullable" else f"{fault.check}, not {fault.failure_case!r}"
    what = what.replace("dtype('bool')", "must be true or false")
    return f"{fault.column!r} {what}{row}"


def validate_records(records: pd.DataFrame, provenance: Mapping[str, dict[str, Any]]) -> None:
    """Check records against their schema, and that every key has complete provenance (key -> sidecar).

    Raises RecordError, naming the column, row or key at fault.
    """
    validate(records, "records")
    for key in records["key"].unique():
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
    for of in ("league", "league_of_scores", "league_of_maps") if "spec" in fields else ():
        league = sidecar["spec"].get(of)  # cells of earlier versions name none
        if league is not None and league not in get_args(League):
            raise RecordError(f"{name}: unknown league {league!r}; known: {', '.join(get_args(League))}")
    missing = [package for package in _VERSIONS if package not in sidecar["versions"]]
    if missing:
        raise RecordError(f"{name}: versions lack {', '.join(missing)}")
