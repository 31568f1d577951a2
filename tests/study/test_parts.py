"""Parts of a study hold each result once, cost about the same, and are the same wherever they are asked for."""

import json

import pytest
from toys import load_reddish, tiny_study, write_suite

from zsad.cli import main
from zsad.study import compute, load_study
from zsad.study.cells import Selection, requests
from zsad.study.estimate import Estimate, estimate
from zsad.study.parts import cost_of, cost_of_all, images_of, once, part_of, passes_of, split_in

PARTS = 40


@pytest.fixture(scope="module")
def paper():
    """The study and what it asks for; none of its data or weights are here."""
    study = load_study("paper", check_models=False)
    return study, requests(study)


@pytest.fixture(scope="module")
def parts(paper):
    return split_in(*paper, PARTS)


def test_each_result_is_in_one_part(paper, parts):
    study, asked = paper
    found = [request for part in parts for request in part]
    assert part_of(study, asked, 3, PARTS) == parts[2]
    assert len(found) == len(once(asked)) < len(asked)
    assert {id(request) for request in found} == {id(request) for request in once(asked)}


def test_parts_cost_about_the_same(paper, parts):
    """By category and backbone, one job would cost several times what another does."""
    study, asked = paper
    spent = [cost_of_all(study, part) for part in parts]
    assert max(spent) < 1.15 * min(spent)
    assert max(map(len, parts)) > 5 * min(map(len, parts)), "and so hold more or fewer results"
    by_subject: dict[tuple[str, str, str], float] = {}
    for request in once(asked):
        subject = (request.suite, request.category, request.backbone)
        by_subject[subject] = by_subject.get(subject, 0.0) + cost_of(study, request)
    assert max(by_subject.values()) > 20 * min(by_subject.values())


def test_a_search_is_in_the_part_of_those_that_it_starts_from(paper):
    """However small the parts are."""
    place = {
        (r.suite, r.category, r.detector.label, r.backbone, r.variant, r.shift.setting): number
        for number, part in enumerate(split_in(*paper, 10 * PARTS))
        for r in part
        if r.shift.kind == "worst" and json.loads(r.shift.how).get("search") == "bayes_opt"
    }
    starting = [name for name in place if name[-1] == "3d"]
    assert starting
    for name in starting:
        assert {place[other] for other in place if other[:-1] == name[:-1]} == {place[name]}


def test_a_larger_tower_a_longer_search_and_more_images_cost_more(paper):
    study, asked = paper
    plain = [r for r in asked if r.shift.is_none and r.detector.label == "winclip" and r.variant == "default"]
    cost = {(r.category, r.backbone): cost_of(study, r) for r in plain}
    assert cost["bottle", "ViT-L-14"] > cost["bottle", "ViT-B-16-plus-240"]
    assert {r.category: images_of(study, r) for r in plain}["transistor"] == 100
    assert cost["pill", "ViT-L-14"] > cost["bottle", "ViT-L-14"], "167 images against 83"
    worst = [r for r in asked if r.shift.kind == "worst" and r.category == "bottle" and r.backbone == "ViT-L-14"]
    assert min(cost_of(study, r) for r in worst) > 2 * cost["bottle", "ViT-L-14"]


@pytest.fixture
def study(tmp_path, monkeypatch):
    write_suite(tmp_path / "data" / "toys")
    monkeypatch.setattr("zsad.study.run.load_study_detector", lambda *arguments, **_: load_reddish(*arguments))
    return tiny_study(tmp_path, detectors=["winclip", "clip"], cache_root=tmp_path / "cache")


def test_parts_that_are_computed_one_by_one_are_the_study(study):
    """Two parts of a study share none of its cells, and together leave nothing to compute."""
    first = compute(study, part=(1, 2), progress=False)
    second = compute(study, part=(2, 2), progress=False)
    assert not set(first["key"]) & set(second["key"])
    assert len(first)
    assert len(second)
    found = compute(study, progress=False, missing=False)
    assert set(found["key"]) == {*first["key"], *second["key"]}
    left = estimate(study, Selection(), progress=False)
    assert (left.cells, left.there) == (found["key"].nunique(),) * 2


def test_a_part_writes_no_list_which_would_pass_for_that_of_all(study, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("zsad.study.manifest.project_root", lambda: tmp_path)
    path = tmp_path / "mine.yaml"
    path.write_text(json.dumps(json.loads(study.model_dump_json(exclude={"name"}))))
    assert main(["run", str(path), "--part", "1/2"]) == 0
    assert not list((tmp_path / "build" / "study").rglob("demo-b.json"))
    assert main(["run", str(path)]) == 0
    assert list((tmp_path / "build" / "study").rglob("*.json"))
    with pytest.raises(SystemExit):
        main(["run", str(path), "--part", "3/2"])
    assert "'3/2' is no part: 3/40 is the third of forty" in capsys.readouterr().err


def test_what_is_not_here_is_counted_as_it_was_published(paper):
    """Neither the data, nor the weights, nor the GPU of the study are here."""
    study, asked = paper
    wanted = Selection("none", variant="default", suites=["mvtec_ad"], detectors=["winclip"], backbones=["ViT-L-14"])
    found = estimate(study, wanted, progress=False)
    assert (found.cells, found.there) == (15, 0)
    assert found.passes == 1725 + 15 * 100, "the test images of MVTec AD, and good training images of each category"
    assert "on one H100" in str(found)
    assert "without the data of mvtec_ad; without device cuda" in str(found)
    whole = estimate(study, Selection(), progress=False)
    assert whole.cells == len(once(asked))
    assert whole.passes == sum(passes_of(study, request) for request in once(asked))
    assert isinstance(whole, Estimate)
    assert whole.seconds > 3600
