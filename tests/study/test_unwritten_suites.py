"""A study of a demo suite that nobody has written: its images are drawn as they are read."""

import json
from dataclasses import replace

import pytest
import torch
from toys import Reddish, load_reddish, tiny_study

from zsad.clip import zoo
from zsad.data.demo import SUITES, stamp
from zsad.data.demo.drawn import DrawnDataset
from zsad.detectors.learned import TrainedOn
from zsad.study import compute
from zsad.study.cells import Selection
from zsad.study.data import ensure_suite, read_suite
from zsad.study.incomplete import IncompleteError
from zsad.study.run import Evaluator
from zsad.study.tested import digests_at_hand

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

    def __init__(self, suite: str, digests: list[str]) -> None:
        super().__init__()
        self.trained_on = TrainedOn.of(suite, digests)


SHIPPED, STAMPED, OTHER = (sign * 64 for sign in "abc")


@pytest.mark.parametrize(
    ("suite", "digests", "drawn"),
    [
        ("demo-visa", [SHIPPED], False),
        ("demo-visa", [SHIPPED, STAMPED], False),
        ("demo-visa", [SHIPPED, OTHER], True),
        ("demo-aebad", [SHIPPED], True),
        ("mine", [SHIPPED], True),
        ("mine", [], False),
    ],
)
def test_images_are_drawn_for_comparison_only_with_what_may_share_them(tmp_path, monkeypatch, suite, digests, drawn):
    monkeypatch.setattr(zoo, "WEIGHTS", tmp_path)
    card = {"trained_on": "demo-visa", "images": SHIPPED[: TrainedOn.DIGITS]}
    (tmp_path / "a_part.json").write_text(json.dumps(card))
    written(tmp_path / "data" / "demo-visa", "demo-visa", {"image.png": STAMPED})
    written(tmp_path / "data" / "demo-aebad", "demo-visa", {"image.png": SHIPPED})
    asked = []
    monkeypatch.setattr(DrawnDataset, "image_digests", property(lambda self: asked.append(len(self)) or []))
    study = tiny_study(tmp_path, suites=DEMO, sweeps={}, limit=2)
    compute(study, loader=lambda *_: Trained(suite, digests), progress=False)
    assert bool(asked) is drawn


def written(folder, suite, files):
    """The stamp of a demo suite alone."""
    folder.mkdir(parents=True)
    drawn_from = stamp.recipe(suite, SUITES[suite], 0)
    (folder / stamp.STAMP).write_text(json.dumps({**drawn_from, "files": files}))


@pytest.mark.parametrize("suite", ["demo-visa", "demo-aebad", "mine"])
def test_a_part_that_saw_the_tested_images_is_refused_whatever_suite_it_names(tmp_path, suite):
    study = tiny_study(tmp_path, suites=DEMO, sweeps={}, limit=2)
    seen = read_suite(study, "demo-mvtec", "washer", 2).image_digests
    with pytest.raises(IncompleteError, match=f"2 of the tested images are among those of {suite}"):
        compute(study, loader=lambda *_: Trained(suite, [*seen, OTHER]), progress=False)


@pytest.mark.parametrize("suite", ["demo-mvtec", "demo-visa"])
def test_no_image_is_drawn_for_comparison_with_a_part_that_ships(suite, tmp_path):
    cards = [json.loads(path.read_text()) for path in zoo.WEIGHTS.glob("*.json")]
    shipped = [set(card["images"].split()) for card in cards if card.get("trained_on") == suite]
    at_hand = digests_at_hand(suite, tmp_path)
    assert len(shipped) >= 7
    assert all(images <= at_hand for images in shipped)
    assert not at_hand & digests_at_hand({"demo-mvtec": "demo-visa"}.get(suite, "demo-mvtec"), tmp_path)
