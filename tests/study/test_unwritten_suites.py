"""A study of a demo suite that nobody has written: its images are drawn as they are read."""

from dataclasses import replace

import pytest
import torch
from toys import Reddish, load_reddish, tiny_study

from zsad.data.demo import SUITES
from zsad.data.demo.drawn import DrawnDataset
from zsad.detectors.learned import TrainedOn
from zsad.study import compute
from zsad.study.cells import Selection
from zsad.study.data import ensure_suite, read_suite
from zsad.study.run import Evaluator

DEMO = {"demo-mvtec": {"reader": "mvtec_ad", "root": "demo-mvtec", "categories": ["washer"]}}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """One category with few images of each kind."""
    spec = SUITES["demo-mvtec"]
    few = replace(spec, train=1, good=4, each_defect=1, categories={"washer": spec.categories["washer"]})
    monkeypatch.setitem(SUITES, "demo-mvtec", few)


def test_images_of_a_demo_suite_that_is_not_written_are_drawn_as_they_are_read(tmp_path):
    """They have the fingerprint that they have once it is written, so that a result keeps its key."""
    study = tiny_study(tmp_path, suites=DEMO, sweeps={})
    ensure_suite(study, "demo-mvtec", whole=False)
    assert not study.root_of("demo-mvtec").exists()
    before = read_suite(study, "demo-mvtec", "washer", None)
    ensure_suite(study, "demo-mvtec", progress=False)
    after = read_suite(study, "demo-mvtec", "washer", None)
    assert type(after) is not type(before)
    assert after.fingerprint() == before.fingerprint()
    other = study.with_overrides(demo_seed=1)
    assert read_suite(other, "demo-mvtec", "washer", None).fingerprint() != before.fingerprint()
    torch.testing.assert_close(after[0].image, before[0].image, rtol=0, atol=0)


@pytest.mark.parametrize(("limit", "written"), [(4, 0), (None, 1)])
def test_a_run_of_few_images_writes_no_suite(tmp_path, monkeypatch, limit, written):
    calls = []
    monkeypatch.setattr("zsad.study.data.write_suite", lambda *given: calls.append(given))
    study = tiny_study(tmp_path, suites=DEMO, sweeps={}, limit=limit)
    records = compute(study, loader=load_reddish, progress=False)
    assert len(calls) == written
    assert set(records["n_images"]) == {limit or 9}


def test_a_study_is_counted_without_writing_a_suite(tmp_path, monkeypatch):
    monkeypatch.setattr("zsad.study.data.write_suite", lambda *_: pytest.fail("a suite is written"))
    study = tiny_study(tmp_path, suites=DEMO, sweeps={})
    wanted, _ = Evaluator(study, load_reddish).wanted(Selection(), progress=False, write=False)
    assert [len(w.dataset) for w in wanted] == [9]


class Trained(Reddish):
    """It says what it was trained on."""

    def __init__(self, suite: str) -> None:
        super().__init__()
        self.trained_on = TrainedOn.of(suite, [])


@pytest.mark.parametrize(("suite", "drawn"), [("demo-visa", False), ("mine", True)])
def test_images_are_drawn_for_comparison_only_with_what_may_share_them(tmp_path, monkeypatch, suite, drawn):
    asked = []
    monkeypatch.setattr(DrawnDataset, "image_digests", property(lambda self: asked.append(len(self)) or []))
    study = tiny_study(tmp_path, suites=DEMO, sweeps={}, limit=2)
    compute(study, loader=lambda *_: Trained(suite), progress=False)
    assert bool(asked) is drawn
