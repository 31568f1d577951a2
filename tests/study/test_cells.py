from dataclasses import fields, replace

import pytest
from toys import tiny_study

import zsad
from zsad.study.cells import Cell, canonical_json, clean_cell
from zsad.study.config import DetectorConfig

CHANGES = {
    "suite": "other",
    "category": "other",
    "reader": "visa",
    "detector": "other",
    "options": '{"a":2}',
    "backbone": "other",
    "dtype": "bfloat16",
    "setting": "hue",
    "value": 7.0,
    "resolution": 64,
    "limit": 3,
    "rotation": "bilinear",
    "fpr_limit": 0.05,
    "bootstrap": 7,
    "seed": 9,
}


@pytest.fixture
def cell(tmp_path) -> Cell:
    study = tiny_study(tmp_path)
    return clean_cell(study, "toys", "washer", DetectorConfig(name="winclip"), {"a": 1}, "demo-b")


def test_every_field_of_a_cell_changes_its_key(cell):
    assert set(CHANGES) == {field.name for field in fields(Cell)}
    shifted = cell.under("angle", 5)
    keys = {shifted.key("d", "w")} | {replace(shifted, **{k: v}).key("d", "w") for k, v in CHANGES.items()}
    assert len(keys) == 1 + len(CHANGES)


def test_data_weights_and_version_change_the_key(cell, monkeypatch):
    keys = {cell.key("d", "w"), cell.key("e", "w"), cell.key("d", "v")}
    monkeypatch.setattr(zsad, "__version__", "9.9")
    keys.add(cell.key("d", "w"))
    assert len(keys) == 4


def test_device_batch_size_and_place_do_not_change_the_key(tmp_path, cell):
    study = tiny_study(tmp_path / "elsewhere", device="cuda", batch_size=99)
    moved = clean_cell(study, "toys", "washer", DetectorConfig(name="winclip"), {"a": 1}, "demo-b")
    assert moved.key("d", "w") == cell.key("d", "w")


def test_no_strength_is_no_shift(cell):
    assert cell.under("angle", 0.0) == cell.under("hue", 0) == cell.under("saturation", -0.0) == cell
    assert cell.under("hue", 1) != cell


def test_the_order_of_options_does_not_matter(tmp_path):
    study = tiny_study(tmp_path)
    one, two = (
        clean_cell(study, "toys", "washer", DetectorConfig(name="winclip"), options, "demo-b")
        for options in ({"a": 1, "b": 2}, {"b": 2, "a": 1})
    )
    assert one.key("d", "w") == two.key("d", "w")


def test_what_is_not_a_number_has_no_key():
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"a": float("nan")})
