"""Finding a finished cell by its key: among those committed with the project, then in the folder of finished cells."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import pandas as pd

from zsad.leagues import NOT_RECORDED, OUTPUTS, Output, in_words
from zsad.study.committed import committed, committed_folder
from zsad.study.config import Study
from zsad.study.project import resolve
from zsad.study.records import RecordStore
from zsad.study.schema import KEY_COLUMNS, TABLES
from zsad.study.sealed import RecordError


@runtime_checkable
class Place(Protocol):
    """Where cells lie. What is damaged is not handed out."""

    folder: Path

    def has(self, key: str) -> bool: ...
    def sidecar(self, key: str) -> dict[str, Any]: ...
    def rows(self, key: str) -> pd.DataFrame: ...
    def table(self, key: str, name: str) -> pd.DataFrame: ...
    def tables(self, keys: Collection[str], name: str) -> pd.DataFrame: ...


class Results:
    """The cells of a study, wherever they lie. New ones are written to `store`."""

    def __init__(self, study: str, records_root: Path) -> None:
        self.committed = committed(committed_folder(study))
        self.store = RecordStore(resolve(records_root))
        self._found: dict[str, Place] = {}

    @property
    def empty(self) -> bool:
        """Whether no cell of any study lies here."""
        return not self.committed.sidecars and not any(self.store.folder.glob("*.json"))

    def find(self, key: str) -> Place | None:
        """The place that holds a cell; None where it has to be computed."""
        if key not in self._found:
            places: tuple[Place, ...] = (self.committed, self.store)
            place = next((place for place in places if place.has(key)), None)
            if place is None:
                return None
            self._found[key] = place
        return self._found[key]

    def of(self, key: str) -> Place:
        """As `find`. Raises RecordError for a cell that is nowhere."""
        if (place := self.find(key)) is None:
            where = f"{self.committed.folder} nor in {self.store.folder}"
            raise RecordError(f"cell {key} is neither in {where}: run `zsad run`")
        return place

    def tables(self, keys: Iterable[str], name: str) -> pd.DataFrame:
        """The rows of one of `schema.TABLES` of some cells. Raises RecordError for a cell that is nowhere."""
        places: dict[Place, list[str]] = {}
        for key in dict.fromkeys(keys):
            places.setdefault(self.of(key), []).append(key)
        return pd.concat([place.tables(asked, name) for place, asked in places.items()], ignore_index=True)

    def sidecars(self, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Key -> provenance. Raises RecordError for a cell that is nowhere."""
        return {str(key): self.of(key).sidecar(key) for key in dict.fromkeys(keys)}


def load_table(records: pd.DataFrame, name: str, study: Study) -> pd.DataFrame:
    """What lies beside some records, one of `schema.TABLES`: the rows of their cells, with the records' own names for
    them (suite, category, detector, ..., variant, setting, value) in front.

    `study` says where finished cells lie; the records may be those of another study, which are committed.

    Raises:
        ValueError: an unknown table.
        RecordError: a cell that is nowhere, or without that table, naming those that it has; only worst cases have
            "samples" and "curve".
    """
    if name not in TABLES:
        raise ValueError(f"unknown table {name!r}; known: {', '.join(TABLES)}")
    named = records[["study", *KEY_COLUMNS, "key"]].drop_duplicates()
    results = _results_of(records, study)
    for key, sidecar in results.sidecars(named["key"]).items():
        if name not in sidecar["tables"]:
            raise RecordError(f"cell {key} has no table {name!r}; it has {', '.join(sidecar['tables']) or 'none'}")
    return named.merge(results.tables(named["key"], name), on="key")


def load_sidecars(records: pd.DataFrame, study: Study) -> dict[str, dict[str, Any]]:
    """The provenance of some records' cells, by key; `study` and errors as `load_table`."""
    return _results_of(records, study).sidecars(records["key"])


def leagues_of(records: pd.DataFrame, study: Study, output: Output | None = None) -> dict[str, str]:
    """The league of each detector of some records, by its label: as it was recorded, `zsad.leagues.NOT_RECORDED` for
    cells of earlier versions; of several, all. `study` and errors as `load_table`.

    Args:
        output: of its scores or of its maps; by default of both, told apart where they are not one.
    """
    return leagues_in(records, load_sidecars(records, study), output)


def leagues_in(
    records: pd.DataFrame, sidecars: Mapping[str, dict[str, Any]], output: Output | None = None
) -> dict[str, str]:
    """As `leagues_of`, from sidecars by key."""
    leagues: dict[str, dict[str, None]] = {}
    for label, key in records[["detector", "key"]].drop_duplicates().itertuples(index=False):
        spec = sidecars[key]["spec"]
        of = {o: str(spec.get(f"league_of_{o}", spec.get("league", NOT_RECORDED))) for o in OUTPUTS}
        leagues.setdefault(label, {})[in_words(of) if output is None else of[output]] = None
    return {label: " or ".join(found) for label, found in leagues.items()}


def _results_of(records: pd.DataFrame, study: Study) -> Results:
    return Results(str(records["study"].iloc[0]), study.records_root)
