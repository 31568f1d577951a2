"""Records read from the manifests of a run, against those that computing gives."""

import shutil

import pandas as pd
import pytest
from toys import load_reddish, tiny_study, write_suite

import zsad.study
from book.tools.page import Page
from book.tools.parameters import LISTED
from zsad.study import compute, manifest
from zsad.study.cells import Selection
from zsad.study.manifest import manifest_records
from zsad.study.records import RecordStore
from zsad.study.sealed import read_sealed, write_sealed

WORST = {"name": "few", "limit": 4, "budget": 2, "settings": ["hue"]}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a toy study that has been computed."""
    folder = tmp_path_factory.mktemp("finished")
    write_suite(folder / "data" / "toys")
    compute(tiny_study(folder, worst=WORST), progress=False, loader=load_reddish)
    return folder


@pytest.fixture
def study(finished, tmp_path, monkeypatch):
    """That study in a folder of its own, and listed."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(manifest, "project_root", lambda: tmp_path)
    study = tiny_study(tmp_path, worst=WORST)
    manifest.write_manifest(compute(study, progress=False, loader=load_reddish), study)
    return study


@pytest.mark.parametrize(
    "selection",
    [
        {},
        {"shift": "none"},
        {"shift": "none", "variant": "few"},
        {"shift": "uniform", "setting": "hue", "categories": ["washer"]},
        {"shift": "worst", "backbones": ["demo-b"]},
    ],
)
def test_what_is_listed_is_what_would_be_computed(study, selection):
    listed = manifest_records(study, Selection(**selection))
    pd.testing.assert_frame_equal(listed, compute(study, **selection, progress=False, loader=load_reddish))


def test_a_result_that_is_not_there_leaves_everything_to_computing(study):
    path = manifest.manifest_folder(study.name) / "toys" / "washer" / "demo-b.json"
    content = read_sealed(path)
    worst = [entry for entry in content["results"] if entry["shift"] == "worst"]
    write_sealed({**content, "results": [e for e in content["results"] if e["shift"] != "none"]}, path)
    assert manifest_records(study, Selection("none", categories=["washer"])) is None
    assert manifest_records(study, Selection("none", categories=["metal_nut"])) is not None
    assert manifest_records(study, Selection("worst")) is not None
    RecordStore(study.records_root).path(worst[0]["key"], ".json").unlink()
    assert manifest_records(study, Selection("worst")) is None, "listed, but no longer there"
    path.unlink()
    assert manifest_records(study, Selection("uniform")) is None


def test_a_damaged_list_leaves_everything_to_computing(study, caplog):
    path = manifest.manifest_folder(study.name) / "toys" / "washer" / "demo-b.json"
    path.write_text(path.read_text().replace("30.0", "31.0"))
    assert manifest_records(study, Selection("uniform")) is None
    assert "demo-b.json is damaged" in caplog.text


def test_a_selection_that_the_study_does_not_have_is_an_error(study):
    with pytest.raises(ValueError, match="no variant 'many'; known: default, few"):
        manifest_records(study, Selection(variant="many"))


def test_a_page_of_the_book_reads_what_is_listed_and_another_computes(study, tmp_path, monkeypatch):
    expected = compute(study, "none", progress=False, loader=load_reddish)
    monkeypatch.setattr(zsad.study, "compute", lambda *a, **k: pd.DataFrame())
    page, changed = Page("p", study, {}, tmp_path), Page("p", study, {"limit": "4"}, tmp_path)
    assert page.records("none").empty, "by hand nothing is taken on trust"
    monkeypatch.setenv(LISTED, "1")
    pd.testing.assert_frame_equal(page.records("none"), expected)
    assert changed.records("none").empty
    assert page.records("none", study=study).empty


def test_a_list_of_another_study_of_the_same_name_is_not_taken(study, tmp_path):
    write_suite(tmp_path / "elsewhere" / "toys")
    wanted = Selection("none", categories=["washer"])
    assert manifest_records(study.model_copy(update={"device": "cuda", "batch_size": 2}), wanted) is not None
    for other in ({"bootstrap": 30}, {"data_root": tmp_path / "elsewhere"}):
        assert manifest_records(study.model_copy(update=other), wanted) is None


def test_runs_are_counted_while_results_are_lacking(study):
    records = compute(study, progress=False, loader=load_reddish)
    subject = ("toys", "washer", "demo-b")
    path = manifest.manifest_path(study.name, *subject)
    assert manifest.run_of(path) == 1
    manifest.write_manifest(records, study)
    assert manifest.run_of(path) == 1, "whole, again and again"
    for run in (2, 3):
        manifest.write_manifest(records, study, lacking=[subject])
        assert manifest.run_of(path) == run
    manifest.write_manifest(records, study, keep=True)
    assert manifest.run_of(path) == 4, "some results alone do not make it whole"
    manifest.write_manifest(records, study)
    assert manifest.run_of(path) == 4
    manifest.write_manifest(records[records["shift"] == "none"], study, keep=True)
    assert manifest.run_of(path) == 4, "whole as it was"
    assert manifest_records(study, Selection("uniform")) is not None
    path.write_text("{}")
    assert manifest.run_of(path) == 0
    path.unlink()
    assert manifest.run_of(path) == 1


def test_a_part_is_noted_as_lists_are(study):
    path = manifest.part_path(study.name, 2, 3)
    for whole, run in ((False, 2), (False, 3), (True, 3)):
        manifest.write_part(study, (2, 3), whole)
        assert manifest.run_of(path) == run
    assert len(manifest.read_manifests(study.name)) > 0, "and is none of them"
