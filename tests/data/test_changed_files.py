"""The bytes that are decoded are those that the fingerprint was taken of."""

import pytest
from toys import load_reddish, tiny_study, write_suite

import zsad
from zsad.data import ImageError
from zsad.data import sample as sample_module
from zsad.study import compute
from zsad.study.incomplete import IncompleteError
from zsad.study.records import RecordStore
from zsad.study.run import Evaluator


@pytest.mark.parametrize("path", ["nut/test/bent/000.png", "nut/ground_truth/bent/000_mask.png"])
def test_a_file_that_changed_since_the_fingerprint_is_an_error(mvtec_root, path):
    dataset = zsad.load_dataset("mvtec_ad", mvtec_root, category="nut")
    content = (mvtec_root / path).read_bytes()
    (mvtec_root / path).write_bytes(content + b"\0")
    assert dataset[0].label  # no fingerprint was taken yet
    part = dataset[:1]
    dataset.fingerprint()
    assert dataset[0].label
    (mvtec_root / path).write_bytes(content)
    for changed in (dataset, part, dataset[:1], dataset.subset(5)):
        assert changed.ids[0] == "nut/test/bent/000.png"
        with pytest.raises(ImageError, match=rf"{path}: changed since this run took the data's fingerprint"):
            changed[0]
    assert not dataset[2].label
    again = zsad.load_dataset("mvtec_ad", mvtec_root, category="nut")
    assert again.fingerprint() != dataset.fingerprint()
    assert again[0].label


def test_a_file_is_read_once_a_decoding(mvtec_root, monkeypatch):
    """What is hashed and what is decoded are one reading: nothing can come between."""
    dataset = zsad.load_dataset("mvtec_ad", mvtec_root, category="nut")
    dataset.fingerprint()
    read, readings = sample_module.read_bytes, []
    monkeypatch.setattr(sample_module, "read_bytes", lambda path: readings.append(path.name) or read(path))
    assert dataset[0].label
    assert readings == ["000.png", "000_mask.png"]


@pytest.mark.parametrize("path", ["washer/test/hole/004.png", "washer/ground_truth/hole/004_mask.png"])
def test_a_study_stores_nothing_under_the_key_of_other_data(tmp_path, monkeypatch, path):
    """A file is replaced after the keys were made and before pictures are decoded."""
    root = tmp_path / "data" / "toys"
    write_suite(root)
    study = tiny_study(tmp_path)
    original = (root / path).read_bytes()

    load = Evaluator._test_set

    def replace_and_load(*arguments):
        (root / path).write_bytes(original + b"\0")
        return load(*arguments)

    with monkeypatch.context() as between:
        between.setattr(Evaluator, "_test_set", replace_and_load)
        with pytest.raises(IncompleteError, match=r"004(_mask)?\.png: changed since"):
            compute(study, "none", categories=["washer"], loader=load_reddish, progress=False)
    assert not list(study.records_root.glob("*.parquet"))
    (root / path).write_bytes(original)
    records = compute(study, "none", categories=["washer"], loader=load_reddish, progress=False)
    assert len(records["key"].unique()) == 1
    assert RecordStore(study.records_root).has(records["key"].iloc[0])
