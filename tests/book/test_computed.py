"""What pages compute for themselves: once, and again as soon as it is not the same any more."""

import json
import logging
import re
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from tiny_clip import tiny_backbone
from toys import Reddish, tiny_study, write_suite

from book.tools import computed as room
from book.tools.computed import FIELDS, computed, store_of
from book.tools.page import Page
from book.tools.probes.prompt_aurocs import prompt_aurocs
from zsad.clip.prompts import ANOMALOUS, NORMAL
from zsad.detectors import Defended, load_detector
from zsad.study.code import PACKAGE, function_code
from zsad.study.data import read_suite
from zsad.study.schema import validate_provenance
from zsad.study.sealed import RecordError

calls: list[dict[str, object]] = []
whole: list[bool] = []  # whether floats were, at each call of `table`


def table(**arguments: object) -> pd.DataFrame:
    calls.append(arguments)
    whole.append(not torch.backends.cudnn.allow_tf32)
    return pd.DataFrame({"name": ["a", "b"], "value": [0.1, float(len(calls))]})


def arrays(**arguments: object) -> dict[str, np.ndarray]:
    calls.append(arguments)
    return {"map": np.arange(6, dtype=np.float32).reshape(2, 3).T, "flag": np.array([True, False])}


@pytest.fixture(autouse=True)
def own_functions(monkeypatch):
    """Functions as if a module of the package held them."""
    calls.clear()
    for function in (table, arrays):
        monkeypatch.setattr(function, "__module__", "book.tools.probes.prompt_aurocs")


@pytest.fixture
def study(tmp_path):
    write_suite(tmp_path / "data" / "toys")
    return tiny_study(tmp_path)


def test_a_table_is_computed_once_and_found_again(study):
    first, again = computed(study, table, words=["a"], seed=0), computed(study, table, words=["a"], seed=0)
    assert len(calls) == 1
    pd.testing.assert_frame_equal(first.result, pd.DataFrame({"name": ["a", "b"], "value": [0.1, 1.0]}))
    pd.testing.assert_frame_equal(again.result, first.result)
    assert (again.contents, again.provenance) == (first.contents, first.provenance)


def test_floats_are_whole_while_something_is_computed(study, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    computed(study, table)
    assert whole[-1]
    assert torch.backends.cudnn.allow_tf32


def test_arrays_come_back_as_they_were(study):
    for _ in range(2):
        found = computed(study, arrays).result
        assert set(found) == {"map", "flag"}
        np.testing.assert_array_equal(found["map"], [[0, 3], [1, 4], [2, 5]])
        assert found["map"].dtype == np.float32
        assert found["flag"].tolist() == [True, False]
    assert len(calls) == 1


class Weights:
    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint


def test_other_arguments_data_or_weights_are_computed_anew(study):
    washer, nut = (read_suite(study, "toys", name, None) for name in ("washer", "metal_nut"))
    asked = [
        {"dataset": washer, "detector": Reddish(), "sizes": {"resolution": 32}},
        {"dataset": nut, "detector": Reddish(), "sizes": {"resolution": 32}},
        {"dataset": washer.subset(6), "detector": Reddish(), "sizes": {"resolution": 32}},
        {"dataset": washer, "detector": Reddish(name="another"), "sizes": {"resolution": 32}},
        {"dataset": washer, "detector": Reddish(), "sizes": {"resolution": 16}},
        {"towers": {"a": Weights("1"), "b": [Weights("2")]}},
        {"towers": {"a": Weights("1"), "b": [Weights("3")]}},
    ]
    for count, arguments in enumerate(asked, start=1):
        for _ in range(2):
            computed(study, table, **arguments)
        assert len(calls) == count


def test_other_code_is_computed_anew(study, monkeypatch):
    computed(study, table)
    monkeypatch.setattr(room, "function_code", lambda *modules: {"pages": "another"})
    for _ in range(2):
        computed(study, table)
    assert len(calls) == 2


def test_the_code_is_that_of_the_function_and_of_what_it_is_given(study, monkeypatch):
    seen = []
    monkeypatch.setattr(room, "function_code", lambda *modules: seen.append(modules) or {"pages": "x"})
    computed(study, table, towers=[tiny_backbone()], dataset=read_suite(study, "toys", "washer", None))
    assert set(seen[0]) == {"book.tools.probes.prompt_aurocs", "zsad.clip.backbone", "zsad.data.sample"}


def test_a_detector_answers_for_its_code_behind_a_defence_and_looked_at_and_wherever_it_lies(
    study, monkeypatch, tmp_path
):
    (tmp_path / "of_ones_own.py").write_text("from toys import Reddish\nclass Own(Reddish):\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    for _ in range(2):
        computed(study, table, detector=Defended(load_detector("of_ones_own:Own", tiny_backbone()), "grey input"))
        assert len(calls) == 1
    ((path,),) = [[*store_of(study).folder.glob("*.json")]]
    found = json.loads(path.read_text())["spec"]["modules"]
    assert {"zsad.detectors.defence", "zsad.detectors.checked", "of_ones_own"} <= set(found)
    (tmp_path / "of_ones_own.py").write_text("from toys import Reddish\nclass Own(Reddish):\n    shade = 2\n")
    computed(study, table, detector=Defended(load_detector("of_ones_own:Own", tiny_backbone()), "grey input"))
    assert len(calls) == 2
    sys.modules.pop("of_ones_own")


def test_functions_answer_for_what_they_lead_to_and_not_for_pages():
    found = function_code("book.tools.probes.prompt_aurocs", "not.of.ours")
    assert {"book", "metrics", "clip", "data", "robustness"} <= set(found)
    assert not {"study", "plots", "detectors", "not"} & set(found)
    checked = {"detectors", "paths", "wording"}  # a detector, and what checks and words its options
    assert set(function_code("book.tools.probes.prompt_aurocs", "zsad.detectors.winclip")) == {*found, *checked}


@pytest.mark.parametrize("suffix", [".parquet", ".json"])
@pytest.mark.parametrize("damage", ["flipped", "cut", "gone", "empty object"])
def test_damage_is_computed_again_with_a_warning(study, suffix, damage, caplog):
    first = computed(study, table)
    path = store_of(study).path(first.provenance["key"], suffix)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes({"flipped": bytes(content), "cut": bytes(content[:-9]), "empty object": b"{}"}[damage])
    with caplog.at_level(logging.WARNING):
        assert computed(study, table).result["value"].tolist() == [0.1, 2.0]
    assert len(calls) == 2
    if (suffix, damage) != (".json", "gone"):  # without a sidecar there is nothing, as after a killed run
        assert path.name in caplog.text
        assert "the page computes it again" in caplog.text
    caplog.clear()
    computed(study, table)
    assert (len(calls), caplog.text) == (2, "")


def test_provenance_is_complete(study):
    found = computed(study, table, seed=3, detector=Reddish()).provenance
    validate_provenance(found, FIELDS)
    assert found["spec"] == {
        "function": "book.tools.probes.prompt_aurocs.table",
        "arguments": {"seed": 3, "detector": {"fingerprint": Reddish().fingerprint}},
        "modules": ["book.tools.probes.prompt_aurocs", "toys"],
    }
    assert {"code", "versions", "commit", "dirty", "device", "machine", "seeds", "started_at", "seconds"} <= set(found)
    with pytest.raises(RecordError, match="'commit' is missing"):
        validate_provenance({name: value for name, value in found.items() if name != "commit"}, FIELDS)


def test_what_could_not_be_found_again_is_refused(study, monkeypatch):
    with pytest.raises(TypeError, match="Series is neither a JSON value"):
        computed(study, table, sample=pd.Series([1.0]))
    monkeypatch.setattr(table, "__module__", "__main__")
    with pytest.raises(ValueError, match="table is defined in __main__: move it into a module of zsad"):
        computed(study, table)
    with pytest.raises(TypeError, match="a table or named arrays, not list"):
        computed(study, nothing)
    assert not calls


def nothing() -> list[int]:
    return []


nothing.__module__ = "book.tools.probes.prompt_aurocs"


def test_figures_say_what_was_computed_for_them_and_by_which_commit(study, tmp_path, monkeypatch):
    monkeypatch.setattr("zsad.study.provenance.commit", lambda: {"commit": "a" * 40, "dirty": False})
    computed(study, table)
    monkeypatch.setattr("zsad.study.provenance.commit", lambda: {"commit": "b" * 40, "dirty": False})
    page = Page("shifts", study, {}, tmp_path / "page")
    page.table(page.computed(table), "tab-a", "A.")
    page.computed(arrays)
    page.computed(arrays, study=tiny_study(tmp_path, name="other"))
    page.table(pd.DataFrame({"x": [1]}), "tab-b", "B.")
    first, second = json.loads((page.folder / "shifts.json").read_text())["items"]
    assert re.fullmatch("[0-9a-f]{12} in records", first["records"])
    assert first["commit"] == "aaaaaaaaaa"
    assert second["commit"] == "aaaaaaaaaa and another"
    assert first["records"] != second["records"]
    assert page.sources.made_from("other") == (
        f"records {page.sources.records_hash('other')} in records",
        "commit bbbbbbbbbb",
    )


def test_aurocs_of_other_words(study):
    """Exchanged sides mirror the AUROC; the sources of the package are where the code is looked for."""
    washer = read_suite(study, "toys", "washer", None)
    sides = {NORMAL: ["a good {}"], ANOMALOUS: ["a broken {}"]}
    swapped = {NORMAL: sides[ANOMALOUS], ANOMALOUS: sides[NORMAL]}
    variants = {"as published": sides, "swapped": swapped}
    sizes = {"resolution": 32, "aspect": "own", "metric_size": "mask"}
    found = computed(study, prompt_aurocs, backbone=tiny_backbone(), dataset=washer, variants=variants, sizes=sizes)
    aurocs = found.result.set_index("prompts")["auroc"]
    assert aurocs["as published"] + aurocs["swapped"] == pytest.approx(1)
    assert (PACKAGE.parent / "book/tools/probes/prompt_aurocs.py").is_file()
