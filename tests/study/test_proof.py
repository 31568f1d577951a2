"""The proof of a kept study: it notices other weights and another formula, and passes what is unchanged."""

import json
import shutil

import pandas as pd
import pytest
import torch
from toys import Reddish, load_reddish, tiny_study, write_suite

from zsad.cli import main
from zsad.commands import verify
from zsad.study import compute, kept, manifest, proof, results
from zsad.study.export import export
from zsad.study.run import Evaluator

WORST = {"name": "few", "limit": 4, "budget": 2, "settings": ["hue"]}
CORRUPTIONS = {"over": ["washer"], "kinds": ["contrast"], "severities": [0, 2, 4]}


@pytest.fixture
def study(tmp_path, monkeypatch):
    write_suite(tmp_path / "data" / "toys")
    study = tiny_study(tmp_path, worst=WORST, corruptions=CORRUPTIONS)
    records = compute(study, progress=False, loader=load_reddish)
    for module in (kept, results):
        monkeypatch.setattr(module, "committed_folder", lambda name: tmp_path / "results" / name)
    export(records, study, tmp_path / "results" / "tiny")
    monkeypatch.setattr(proof, "Evaluator", lambda study: Evaluator(study, load_reddish))
    return study


def test_what_is_unchanged_agrees_of_every_kind_of_shift(study):
    found, failures = proof.prove(study, progress=False)
    assert not failures
    assert found["shift"].tolist() == ["none none", "uniform angle -30", "uniform hue 1", "corruption contrast 4"]
    assert (found["images"] == 4).all()
    assert found["agrees"].all()
    assert found["same_inputs"].all()
    assert found["difference"].max() < 1e-6


def test_what_learns_from_texts_is_computed_again_in_one_of_its_settings(study, monkeypatch):
    raw = {"name": "winclip", "label": "raw", "options": {"average": "raw"}}
    both = study.model_copy(
        update={"detectors": tiny_study(study.data_root.parent, detectors=["winclip", raw]).detectors}
    )
    records = compute(both, progress=False, loader=load_reddish)
    export(records, both, kept.committed_folder("tiny"))

    def labels():
        return {request.detector.label for request, _ in proof.sample(kept.Kept(both))}

    assert labels() == {"winclip", "raw"}
    monkeypatch.setattr(proof, "LEARNING", {"winclip": 1.0})
    assert labels() == {"winclip"}


def test_a_detector_that_says_otherwise_is_noticed(study, monkeypatch):
    class Paler(Reddish):
        def predict(self, images, category):
            return super().predict(0.9 * images, category)

    monkeypatch.setattr(proof, "Evaluator", lambda study: Evaluator(study, lambda *a: Paler()))
    found, _ = proof.prove(study, progress=False)
    assert not found["agrees"].any()
    assert found["same_inputs"].all(), "it passes for the same: its scores alone tell"


def test_floats_are_whole_as_they_were_when_it_was_kept(study, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    seen = []

    class Watching(Reddish):
        def predict(self, images, category):
            seen.append(torch.backends.cudnn.allow_tf32)
            return super().predict(images, category)

    monkeypatch.setattr(proof, "Evaluator", lambda study: Evaluator(study, lambda *a: Watching()))
    proof.prove(study, progress=False)
    few = len(seen)
    proof.prove_whole(study, proof.sample(kept.Kept(study))[:1], progress=False)
    assert 0 < few < len(seen)
    assert not any(seen)
    assert torch.backends.cudnn.allow_tf32


def test_other_weights_are_noticed_though_they_say_the_same(study, monkeypatch):
    monkeypatch.setattr(proof, "Evaluator", lambda study: Evaluator(study, lambda *a: Reddish(name="other")))
    found, _ = proof.prove(study, progress=False)
    assert found["agrees"].all()
    assert not found["same_inputs"].any()


def test_what_cannot_be_computed_is_said(study, monkeypatch):
    def missing(*arguments):
        raise FileNotFoundError("no weights")

    monkeypatch.setattr(proof, "Evaluator", lambda study: Evaluator(study, missing))
    found, failures = proof.prove(study, progress=False)
    assert found.empty
    assert failures == ["winclip on demo-b: no weights"]


def test_the_command_says_what_differs_and_keeps_what_was_found(study, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(verify, "load_study", lambda *a, **k: study)
    out = tmp_path / "build" / "verified.proof"
    out.parent.mkdir()
    assert main(["verify", "tiny", "--out", str(out)]) == 0
    assert f"4 of 4 sampled cells agree with {tmp_path / 'results' / 'tiny'} within" in capsys.readouterr().out
    found = json.loads(out.read_text())
    assert [cell["agrees"] for cell in found["cells"]] == [True] * 4
    monkeypatch.setattr(proof, "TOLERANCE", -1.0)
    assert main(["verify", "tiny"]) == 1
    assert "toys/washer, winclip on demo-b, uniform hue 1: differs by" in capsys.readouterr().out


def test_the_command_names_the_folder_that_was_read_and_no_largest_difference_where_there_is_none(
    study, tmp_path, monkeypatch, capsys
):
    """Of a study that `zsad run` computed here there is nothing in results/."""
    monkeypatch.setattr(verify, "load_study", lambda *a, **k: study)
    monkeypatch.setattr(manifest, "project_root", lambda: tmp_path)
    manifest.write_manifest(compute(study, progress=False, loader=load_reddish), study)
    shutil.rmtree(tmp_path / "results")
    assert main(["verify", "tiny"]) == 0
    assert f"4 of 4 sampled cells agree with {tmp_path / 'records'} within" in capsys.readouterr().out

    def missing(*arguments):
        raise FileNotFoundError("no weights")

    monkeypatch.setattr(proof, "Evaluator", lambda study: Evaluator(study, missing))
    assert main(["verify", "tiny"]) == 1
    said = capsys.readouterr().out
    assert "0 of 0 sampled cells agree" in said
    assert "largest difference" not in said


def test_a_cell_that_is_computed_whole_is_held_to_its_metrics_and_draws(study, monkeypatch):
    found, failures = proof.prove_whole(study, proof.sample(kept.Kept(study))[::2], progress=False)
    assert not failures
    assert found["shift"].tolist() == ["none none", "uniform hue 1"]
    assert (found["images"] == 10).all()
    assert (found["difference"] == 0).all()

    class Reversed(Reddish):
        def predict(self, images, category):
            return super().predict(1 - images, category)

    monkeypatch.setattr(proof, "Evaluator", lambda study: Evaluator(study, lambda *a: Reversed()))
    found, _ = proof.prove_whole(study, proof.sample(kept.Kept(study))[::2], progress=False)
    assert not found["agrees"].any()


def test_a_number_that_is_lacking_differs_by_more_than_any():
    table = pd.DataFrame({"estimate": [0.5, 0.6], "low": [None, None]}, index=["a", "b"])
    assert proof._furthest(table, table) == 0
    assert proof._furthest(table + 0.25, table) == 0.25
    assert proof._furthest(table[:1], table) > 1e300
