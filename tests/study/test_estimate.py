"""What a study would take, counted and timed before it starts."""

import json
from dataclasses import replace

import pytest
from toys import Reddish, load_reddish, tiny_study, write_suite

from zsad.cli import main
from zsad.commands.common import INCOMPLETE
from zsad.detectors.base import check_prediction
from zsad.study import compute
from zsad.study.cells import Selection
from zsad.study.estimate import BACKWARD, Estimate, Rate, estimate, evaluations, passes_of
from zsad.study.run import Evaluator


@pytest.fixture
def study(tmp_path, monkeypatch):
    write_suite(tmp_path / "data" / "toys")
    monkeypatch.setattr("zsad.study.run.load_study_detector", lambda *arguments, **_: load_reddish(*arguments))
    worst = [
        {"settings": ["hue", "3d"], "over": ["washer"]},
        {"name": "adam", "settings": ["hue"], "over": ["washer"], "search": "adam", "budget": 5, "limit": 4},
    ]
    return tiny_study(tmp_path, worst=worst, cache_root=tmp_path / "cache")


def test_every_image_of_every_missing_cell_is_counted(study):
    """Two categories of 10 images; of one, 2 angles and 1 hue, 33 and 256 tries an image, and 5 with gradients of 4."""
    found = estimate(study, Selection(), progress=False)
    assert (found.cells, found.there) == (9, 0)
    assert found.passes == 20 + 3 * 10 + 10 * (33 + 256) + 4 + 4 * 5 * BACKWARD
    assert found.seconds > 0
    assert found.refused == 0


def test_what_is_there_is_not_counted_again(study):
    compute(study, "none", variant="default", loader=load_reddish, progress=False)
    found = estimate(study, Selection(), progress=False)
    assert (found.cells, found.there) == (9, 2)
    assert estimate(study, Selection("none", variant="default"), progress=False).passes == 0


def test_each_detector_is_timed_once_and_that_is_kept(study, monkeypatch):
    timed = []

    def rate(w, device):
        timed.append((w.cell.detector, w.cell.backbone))
        return Rate(3600.0, 1.0, 10.0)

    monkeypatch.setattr("zsad.study.estimate._timed", rate)
    found = estimate(study, Selection(), progress=False)
    assert timed == [("winclip", "demo-b")], "whatever the options, the category and the shift"
    images = 20 + 3 * 10 + 2 * 10 + 4 + 4
    assert found.seconds == 2 * 3600 + found.passes + 10 * images, "it learns each of two categories"
    assert estimate(study, Selection(), progress=False) == found
    assert len(timed) == 1, "kept from the first time"
    (study.cache_root / "rates.json").write_text("damaged")
    assert estimate(study, Selection(), progress=False) == found
    assert len(timed) == 2


def test_tries_are_those_that_a_search_makes(study):
    study = study.with_overrides(worst={"settings": ["hue", "3d"], "over": ["washer"], "search": "sobol"})
    wanted, _ = Evaluator(study).wanted(Selection("worst"), progress=False)
    for w in wanted:
        records = compute(study, "worst", w.cell.shift.setting, loader=load_reddish, progress=False)
        assert records["key"].unique().tolist() == [w.key]
        assert evaluations(w.cell.shift) == 100
        assert passes_of(w) == 100 * len(w.dataset)


def test_each_copy_that_a_defence_makes_is_a_pass(study):
    w = Evaluator(study).wanted(Selection("none", variant="default"), progress=False)[0][0]
    defended = replace(w, cell=replace(w.cell, options='{"defence":"turned copies"}'))
    assert passes_of(defended) == 4 * passes_of(w) == 4 * len(w.dataset)


def test_a_dry_run_says_it_and_computes_nothing(study, tmp_path, capsys):
    fields = json.loads(study.model_dump_json(exclude={"name"}))
    path = tmp_path / "mine.yaml"
    path.write_text(json.dumps(fields))
    assert main(["run", str(path), "--dry-run", "--shift", "none"]) == 0
    assert capsys.readouterr().out.startswith("2 cells, 0 of them there. The others: 20 images through a detector")
    assert not list((tmp_path / "records").glob("*.parquet"))


def test_a_dry_run_says_which_results_cannot_be_computed_and_why_with_the_exit_code_of_a_run(
    study, tmp_path, capsys, monkeypatch
):
    path = tmp_path / "mine.yaml"
    path.write_text(json.dumps(json.loads(study.model_dump_json(exclude={"name"}))))

    def gone(*arguments, **_):
        raise FileNotFoundError("demo-b.safetensors: no such file")

    monkeypatch.setattr("zsad.study.run.load_study_detector", gone)
    monkeypatch.setattr("zsad.study.manifest.project_root", lambda: tmp_path)
    codes, said = [], []
    for dry in (["--dry-run"], []):
        codes.append(main(["run", str(path), "--shift", "none", *dry]))
        shown = capsys.readouterr()
        said.append(shown.err.splitlines())
        if dry:
            assert "; 2 results cannot be computed" in shown.out
    assert codes == [INCOMPLETE, INCOMPLETE]
    why = "winclip on demo-b: demo-b.safetensors: no such file"
    assert said == [[f"zsad: cannot be computed: {why}"], [f"zsad: not computed: {why}"]]


def test_taking_what_is_there_leaves_the_lists_of_a_run_alone(study, tmp_path, capsys, monkeypatch):
    """A list of some results would tell `make book` that all are computed."""
    monkeypatch.setattr("zsad.study.manifest.project_root", lambda: tmp_path)
    path = tmp_path / "mine.yaml"
    path.write_text(json.dumps(json.loads(study.model_dump_json(exclude={"name"}))))
    compute(study, "none", variant="default", loader=load_reddish, progress=False)
    assert main(["run", str(path), "--there", "--export", str(tmp_path / "out")]) == 0
    assert "study mine: 2 cells" in capsys.readouterr().out
    assert (tmp_path / "out" / "provenance.json").is_file()
    assert not list((tmp_path / "build" / "study").rglob("*.json"))


def test_hours_and_refusals_are_said():
    said = str(Estimate(1200, 200, 34_000, 7200.0, 5_000_000, 3))
    assert said == (
        "1,200 cells, 200 of them there. The others: 34,000 images through a detector, about 2.0 h on this machine, "
        "5 MB; 3 results cannot be computed"
    )


def test_only_what_is_there_is_handed_out_where_nothing_is_to_be_computed(study):
    with pytest.raises(FileNotFoundError, match="study 'tiny' has no result yet: `zsad run` computes them"):
        compute(study, missing=False, progress=False)
    some = compute(study, "uniform", "hue", loader=load_reddish, progress=False)
    there = compute(study, missing=False, progress=False)
    assert set(some["key"]) == set(there["key"])
    assert set(there["shift"]) == {"none", "uniform"}
    assert set(there["setting"]) == {"none", "hue"}, "an angle of 0 is there, and no other: no angle was computed"
    assert set(there.loc[there["setting"] == "hue", "value"]) == {0, 1}


class Broken(Reddish):
    """The first image of each batch has a map of NaN."""

    def __init__(self):
        super().__init__(broken=0, name="clip")

    def predict(self, images, category):
        return check_prediction(super().predict(images, category), self.name, category)


def test_a_detector_that_cannot_be_timed_is_said_and_the_others_are_estimated(study, tmp_path, monkeypatch, capsys):
    def load(study, detector, backbone, **_):
        return Broken() if detector.name == "clip" else load_reddish(study, detector, backbone)

    alone = estimate(study, Selection("none", variant="default"), progress=False)
    monkeypatch.setattr("zsad.study.run.load_study_detector", load)
    both = tiny_study(tmp_path, detectors=["winclip", "clip"], cache_root=study.cache_root)
    found = estimate(both, Selection("none"), progress=False)
    assert (found.cells, found.passes) == (4, 40)
    assert found.seconds == pytest.approx(alone.seconds)
    assert len(found.untimed) == 2, "of each category once"
    assert all(line.startswith("clip on demo-b: ") for line in found.untimed)
    assert all("a score or map that is not finite" in line for line in found.untimed)
    assert "h on this machine without what could not be timed" in str(found)
    path = tmp_path / "both.yaml"
    path.write_text(both.model_dump_json(exclude={"name"}))
    assert main(["run", str(path), "--dry-run", "--shift", "none"]) == INCOMPLETE
    assert "zsad: could not be timed: clip on demo-b: " in capsys.readouterr().err


def test_a_suite_that_is_not_here_is_passed_over_and_named_unless_it_is_asked_for(study):
    alone = estimate(study, Selection("none", variant="default"), progress=False)
    away = {"reader": "mvtec_ad", "root": "away", "categories": ["cap"]}
    suites = {"toys": {"reader": "mvtec_ad", "root": "toys"}, "away": away}
    some = tiny_study(study.data_root.parent, suites=suites, cache_root=study.cache_root)
    found = estimate(some, Selection("none", variant="default"), progress=False)
    assert found == replace(alone, passed_over=("away",))
    assert str(found) == f"{alone}; without away, passed over for want of data"
    named = estimate(some, Selection("none", suites=["away"]), progress=False)
    assert (named.on, named.passed_over) == ("one H100", ())
    assert "without the data of away: counted as if nothing were there" in str(named)
