import json
import random
from pathlib import Path

import pandas as pd
import pytest

from zsad.study.manifest import Entry, gather
from zsad.study.records import RecordStore, write_parquet
from zsad.study.results import Results
from zsad.study.schema import (
    CELL_COLUMNS,
    PROVENANCE,
    RECORD_COLUMNS,
    TABLES,
    validate,
    validate_provenance,
    validate_records,
)
from zsad.study.sealed import RecordError

KEY = "a" * 64
SIDECAR = {
    "key": KEY,
    "spec": {"suite": "toys"},
    "data_fingerprint": "d",
    "weights_fingerprint": "w",
    "code": {"data": "c"},
    "versions": {"python": "3", "zsad": "0", "torch": "2", "open_clip_torch": "3", "numpy": "2"},
    "commit": "c" * 40,
    "dirty": False,
    "device": "cpu",
    "machine": {"cores": 2},
    "seeds": {"bootstrap": 0},
    "tables": ["images"],
    "seconds": 1.5,
    "started_at": "2026-01-01T00:00:00+00:00",
}


def rows(**changes: object) -> pd.DataFrame:
    row = {
        "suite": "toys", "category": "washer", "detector": "winclip", "backbone": "demo-b", "dtype": "float32",
        "shift": "none", "setting": "none", "value": 0.0, "metric": "aupro", "estimate": 0.5, "low": 0.4, "high": 0.6,
        "n_images": 10, "n_anomalous": 6, "key": KEY,
    }  # fmt: skip
    return pd.DataFrame([{**row, **changes}])


def records(**changes: object) -> pd.DataFrame:
    return rows(**changes).assign(study="tiny", variant="default")[RECORD_COLUMNS]


def images() -> dict[str, pd.DataFrame]:
    return {"images": pd.DataFrame({"id": ["x.png"], "label": [True], "score": [0.5], "key": [KEY]})}


def test_good_records_pass():
    validate_records(records(), {KEY: SIDECAR})


def test_records_without_a_sidecar_are_rejected():
    with pytest.raises(RecordError, match=f"no provenance for key {KEY}"):
        validate_records(records(), {})


@pytest.mark.parametrize("field", PROVENANCE)
def test_every_field_of_provenance_is_needed(field):
    without = {name: value for name, value in SIDECAR.items() if name != field}
    with pytest.raises(RecordError, match=f"'{field}' is missing"):
        validate_records(records(), {KEY: without})
    with pytest.raises(RecordError, match=f"'{field}' must be"):
        validate_provenance({**SIDECAR, field: None})


def test_provenance_names_the_versions_of_what_computed():
    with pytest.raises(RecordError, match="versions lack zsad, torch, open_clip_torch, numpy"):
        validate_provenance({**SIDECAR, "versions": {"python": "3"}})


def test_provenance_may_lack_a_league_and_names_none_that_does_not_exist():
    for said in ({}, {"league": "no text"}):
        validate_provenance({**SIDECAR, "spec": {"suite": "toys", **said}})
    for of in ("league", "league_of_scores", "league_of_maps"):
        with pytest.raises(RecordError, match="unknown league 'minor'; known: text only, no text, "):
            validate_provenance({**SIDECAR, "spec": {"suite": "toys", of: "minor"}})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"estimate": 1.5}, r"'estimate' must lie in \[0, 1\], not 1.5 \(row 0\)"),
        ({"low": float("nan")}, "'low' is empty"),
        ({"suite": ""}, "'suite' must be text, and not empty, not ''"),
        ({"value": "thirty"}, "'value' must be a number"),
        ({"low": 0.7}, "low end lies above"),
        ({"shift": "tilt"}, "must be one of none, uniform, worst, corruption, not 'tilt'"),
        ({"n_anomalous": 11}, "more anomalous than images"),
        ({"n_anomalous": 0}, "'n_anomalous' must be at least 1"),
        ({"key": "abc"}, "must be 64 hex digits, not 'abc'"),
    ],
)
def test_impossible_values_are_rejected(changes, message):
    with pytest.raises(RecordError, match=message):
        validate_records(records(**changes), {KEY: SIDECAR})


def test_columns_must_be_those_of_the_schema():
    with pytest.raises(RecordError, match="column 'metric' is missing"):
        validate_records(records().drop(columns="metric"), {KEY: SIDECAR})
    with pytest.raises(RecordError, match="unknown column 'colour'"):
        validate_records(records().assign(colour="red"), {KEY: SIDECAR})
    with pytest.raises(RecordError, match="no rows"):
        validate_records(records().iloc[:0], {KEY: SIDECAR})
    with pytest.raises(RecordError, match="twice"):
        validate_records(pd.concat([records(), records()]), {KEY: SIDECAR})


def test_a_cell_comes_back_as_it_was_stored(tmp_path):
    store = RecordStore(tmp_path / "records")
    store.prepare()
    assert not store.has(KEY)
    store.write(KEY, rows(), images(), SIDECAR)
    assert store.has(KEY)
    assert store.sidecar(KEY) == SIDECAR
    pd.testing.assert_frame_equal(store.rows(KEY), rows()[CELL_COLUMNS])
    pd.testing.assert_frame_equal(store.table(KEY, "images"), images()["images"])
    with pytest.raises(RecordError, match=r"samples\.parquet does not exist: it was stored without"):
        store.table(KEY, "samples")
    suffixes = (".images.parquet", ".json", ".parquet")
    assert sorted(path.name for path in store.folder.iterdir()) == [f"{KEY}{suffix}" for suffix in suffixes]
    entries = [
        Entry("winclip", "none", "default", "none", 0.0, KEY),
        Entry("my winclip", "uniform", "default", "hue", 0.0, KEY),
    ]
    again = gather(Results("tiny", store.folder), "tiny", entries)
    assert again["setting"].tolist() == ["none", "hue"]
    assert again["detector"].tolist() == ["winclip", "my winclip"]
    validate_records(again, {KEY: SIDECAR})


def test_a_cell_without_provenance_is_not_stored(tmp_path):
    store = RecordStore(tmp_path)
    with pytest.raises(RecordError, match="missing"):
        store.write(KEY, rows(), images(), {"key": KEY})
    assert list(tmp_path.iterdir()) == []


def files_of(store: RecordStore) -> list[Path]:
    return [store.path(KEY, suffix) for suffix in (".parquet", ".images.parquet", ".json")]


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("damage", ["flipped", "cut", "missing", "braces"])
def test_a_damaged_cell_counts_as_missing_and_its_file_is_named(tmp_path, caplog, which, damage):
    store = RecordStore(tmp_path)
    store.write(KEY, rows(), images(), SIDECAR)
    path = files_of(store)[which]
    content = path.read_bytes()
    cuts = {"flipped": content[:9] + bytes([content[9] ^ 1]) + content[10:], "cut": content[:-3], "braces": b"{}"}
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(cuts[damage])
    assert not store.has(KEY)
    if (which, damage) != (2, "missing"):
        assert f"{path} " in caplog.text
        assert "`zsad run` computes its cell again" in caplog.text
        with pytest.raises(RecordError, match=path.name):
            (store.rows(KEY), store.table(KEY, "images"))


def test_no_flipped_bit_of_a_cell_is_used(tmp_path):
    """100 for each file, at random."""
    store, rng = RecordStore(tmp_path), random.Random(0)
    store.write(KEY, rows(), images(), SIDECAR)
    for path in files_of(store):
        content = path.read_bytes()
        for _ in range(100):
            flipped = bytearray(content)
            flipped[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
            path.write_bytes(flipped)
            assert not store.has(KEY)
            read = {".parquet": store.rows, ".images.parquet": lambda key: store.table(key, "images")}
            with pytest.raises(RecordError):
                read.get(path.name.removeprefix(KEY), store.sidecar)(KEY)
        path.write_bytes(content)
    assert store.has(KEY)


def test_a_cell_under_another_cells_name_is_not_taken(tmp_path, caplog):
    store, other = RecordStore(tmp_path), "b" * 64
    store.write(KEY, rows(), images(), SIDECAR)
    for path in files_of(store):
        path.rename(path.with_name(path.name.replace(KEY, other)))
    assert not store.has(other)
    assert "is no sidecar of that name" in caplog.text


def test_a_row_of_every_table_can_be_stored(tmp_path):
    store = RecordStore(tmp_path)
    row = dict.fromkeys([column for columns in TABLES.values() for column in columns], 1.0)
    row |= {"id": "x.png", "label": True, "key": KEY}
    tables = {name: pd.DataFrame([row])[columns] for name, columns in TABLES.items()}
    store.write(KEY, rows(), tables, SIDECAR)
    assert store.sidecar(KEY)["tables"] == sorted(TABLES)
    for name, table in tables.items():
        pd.testing.assert_frame_equal(store.table(KEY, name), table)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"score": ["high"]}, "images: 'score' must be a number"),
        ({"label": [1]}, "images: 'label' must be true or false, not 'int64'"),
        ({"id": [""]}, "images: 'id' must be text"),
        ({"id": [], "label": [], "score": [], "key": []}, "images: no rows"),
    ],
)
def test_a_table_that_is_not_as_its_schema_says_is_not_stored(tmp_path, changes, message):
    table = pd.DataFrame({**images()["images"].to_dict("list"), **changes})
    with pytest.raises(RecordError, match=message):
        RecordStore(tmp_path).write(KEY, rows(), {"images": table}, SIDECAR)
    assert list(tmp_path.iterdir()) == []


def test_an_auroc_may_be_missing_and_not_beyond_1():
    draws = pd.DataFrame({name: [0.5, float("nan")] for name in TABLES["replicates"]}).assign(replicate=0, key=KEY)
    validate(draws, "replicates")
    with pytest.raises(RecordError, match="'aupro' must lie in"):
        validate(draws.assign(aupro=1.01), "replicates")


def test_the_same_frame_gives_the_same_bytes(tmp_path):
    write_parquet(rows(), tmp_path / "one.parquet")
    write_parquet(rows().set_index(pd.Index([7])), tmp_path / "two.parquet")
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def test_a_folder_that_cannot_be_written_is_an_error_with_the_way_out(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"cannot write to .*file/records: .*file is a file.*records_root"):
        RecordStore(tmp_path / "file" / "records").prepare()


def test_sidecars_are_readable_json(tmp_path):
    RecordStore(tmp_path).write(KEY, rows(), images(), SIDECAR)
    assert json.loads((tmp_path / f"{KEY}.json").read_text())["commit"] == "c" * 40
