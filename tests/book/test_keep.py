"""What pages asked models for is kept: only what is used, worth it and of committed code; and it is today's."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from toys import Reddish, tiny_study, write_suite

import zsad
from book.tools import computed as room
from book.tools import keep as keeping
from book.tools.computed import ComputedStore, computed, kept_store, store_of
from book.tools.probes.prompt_aurocs import prompt_aurocs
from zsad.study import provenance
from zsad.study.code import function_code
from zsad.study.config import Study
from zsad.study.data import read_suite
from zsad.study.load import load_study


def answers(detector: Reddish, seconds: float) -> dict[str, np.ndarray]:
    return {"map": np.full((4, 4), seconds, np.float32)}


def sums(seconds: float) -> pd.DataFrame:
    return pd.DataFrame({"value": [seconds]})


@pytest.fixture
def study(tmp_path, monkeypatch) -> Study:
    for function in (answers, sums):
        monkeypatch.setattr(function, "__module__", "book.tools.probes.prompt_aurocs")
    monkeypatch.setattr(provenance, "commit", lambda: {"commit": "0" * 40, "dirty": False})
    monkeypatch.setattr(room, "kept_store", lambda: ComputedStore(tmp_path / "kept"))
    # Each call takes as long as it is told to.
    clock = iter(np.cumsum([0.0] + [part for seconds in (9.0, 0.0, 9.0, 9.0, 9.0) for part in (seconds, 1.0)]))
    monkeypatch.setattr(room.time, "monotonic", lambda: float(next(clock)))
    write_suite(tmp_path / "data" / "toys")
    return tiny_study(tmp_path)


def key_of(study: Study, function, **arguments) -> str:
    return computed(study, function, **arguments).provenance["key"]


def test_what_pages_use_and_models_took_long_for_is_kept(study, tmp_path):
    slow = key_of(study, answers, detector=Reddish(), seconds=9.0)
    fast = key_of(study, answers, detector=Reddish(), seconds=0.0)
    no_model = key_of(study, sums, seconds=9.0)
    unused = key_of(study, answers, detector=Reddish(name="unused"), seconds=9.0)
    own, kept = store_of(study), ComputedStore(tmp_path / "kept")
    assert keeping.keep([slow, unused], own, kept) == [slow, unused]
    assert keeping.keep([slow, fast, no_model], own, kept) == [slow]
    assert {path.name for path in kept.folder.iterdir()} == {f"{slow}.json", f"{slow}.npz"}
    for path in own.folder.iterdir():
        path.unlink()
    again = computed(study, answers, detector=Reddish(), seconds=9.0)
    assert again.provenance["key"] == slow
    assert list(own.folder.iterdir()) == [], "found among what is kept, and not computed"
    np.testing.assert_array_equal(again.result["map"], np.full((4, 4), 9.0))
    assert keeping.keep([slow], own, kept) == [slow], "what is kept already needs no copy"


def test_a_damaged_kept_result_is_computed_again(study, tmp_path, caplog):
    key = key_of(study, answers, detector=Reddish(), seconds=9.0)
    own, kept = store_of(study), ComputedStore(tmp_path / "kept")
    keeping.keep([key], own, kept)
    for path in own.folder.iterdir():
        path.unlink()
    kept.path(key, ".npz").write_bytes(b"cut")
    computed(study, answers, detector=Reddish(), seconds=9.0)
    assert own.has(key)
    assert f"{kept.path(key, '.npz')} is damaged" in caplog.text


def test_nothing_is_kept_from_changed_code(study, tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "commit", lambda: {"commit": "0" * 40, "dirty": True})
    key = key_of(study, answers, detector=Reddish(), seconds=9.0)
    with pytest.raises(ValueError, match=r"computed from code that was not committed; commit it"):
        keeping.keep([key], store_of(study), ComputedStore(tmp_path / "kept"))


def test_without_pages_the_command_says_what_to_do_and_removes_nothing(study, tmp_path, monkeypatch, capsys):
    key = key_of(study, answers, detector=Reddish(), seconds=9.0)
    kept = ComputedStore(tmp_path / "kept")
    keeping.keep([key], store_of(study), kept)
    monkeypatch.setattr(keeping, "kept_store", lambda: kept)
    monkeypatch.setattr(keeping, "resolve", lambda folder: tmp_path / folder)
    assert keeping.main([]) == 1
    assert "make book first" in capsys.readouterr().err
    assert kept.has(key)


def test_the_pages_say_what_they_used(tmp_path):
    with pytest.raises(FileNotFoundError, match="make book first"):
        keeping.used_by(tmp_path)
    (tmp_path / "one.json").write_text(json.dumps({"computed": ["b", "a"]}))
    (tmp_path / "two.json").write_text(json.dumps({"computed": ["b", "c"]}))
    (tmp_path / "two.time.json").write_text("{}")
    assert keeping.used_by(tmp_path) == ["a", "b", "c"]


KEPT = sorted(path.stem for path in kept_store().folder.glob("*.json"))


def test_kept_results_are_whole_few_and_of_todays_code():
    store = kept_store()
    assert KEPT
    assert sum(path.stat().st_size for path in store.folder.iterdir()) < 5e6
    for key in KEPT:
        assert store.has(key)
        sidecar = store.sidecar(key)
        assert not sidecar["dirty"]
        assert function_code(*sidecar["spec"]["modules"]) == sidecar["code"], (
            f"{sidecar['spec']['function']}: make book, and keep what it computed with python -m book.tools.keep"
        )
    assert {Path(store.path(key, suffix)).name for key in KEPT for suffix in (".json", *store.files(key))} == {
        path.name for path in store.folder.iterdir()
    }


def test_a_kept_result_is_what_is_computed_today():
    study = load_study("demo", check_models=False)
    dataset = read_suite(study, "demo-mvtec", "washer", 24)
    store = kept_store()
    asked = {key: store.sidecar(key)["spec"] for key in KEPT}
    of_words = [key for key, spec in asked.items() if spec["function"].endswith(".prompt_aurocs")]
    (key,) = [key for key in of_words if asked[key]["arguments"]["dataset"] == {"fingerprint": dataset.fingerprint()}]
    arguments = asked[key]["arguments"]
    backbone = zsad.load_backbone("demo-b")
    assert arguments["backbone"] == {"fingerprint": backbone.fingerprint}
    found = prompt_aurocs(backbone, dataset, arguments["variants"], arguments["sizes"])
    kept = pd.read_parquet(store.path(key, ".parquet"))
    today, then = (rows.set_index("prompts")["auroc"].sort_index() for rows in (found, kept))
    pd.testing.assert_series_equal(today, then, atol=0.01)  # a tie may fall otherwise on another processor
