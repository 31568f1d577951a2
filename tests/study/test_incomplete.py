"""What cannot be computed is reported at the end, each reason once; everything else is computed."""

import pandas as pd
import pytest
from toys import Reddish, load_reddish, tiny_study, write_suite

from zsad.study import compute, run
from zsad.study.config import DetectorConfig
from zsad.study.incomplete import IncompleteError

WITHOUT = "no file sam.pth: download it"


@pytest.fixture
def study(tmp_path):
    write_suite(tmp_path / "data" / "toys")
    return tiny_study(tmp_path)


def subjects(records: pd.DataFrame) -> set[tuple[str, ...]]:
    return set(records[["suite", "category", "detector", "backbone"]].itertuples(index=False, name=None))


def test_a_detector_without_weights_stops_none_of_the_others(study):
    asked = []

    def loader(study, detector, backbone):
        asked.append((detector.label, backbone))
        if detector.label == "twin":
            raise FileNotFoundError(WITHOUT)
        return Reddish()

    both = study.with_overrides(detectors=[{"name": "winclip", "label": "twin"}, "winclip"])
    with pytest.raises(IncompleteError) as caught:
        compute(both, loader=loader, progress=False)
    alone = compute(study, loader=lambda *_: Reddish(limit=0), progress=False)
    pd.testing.assert_frame_equal(caught.value.records, alone)
    assert asked == [("twin", "demo-b"), ("winclip", "demo-b")], "nothing is tried twice"
    assert caught.value.reasons == [f"twin on demo-b: {WITHOUT}"]
    assert str(caught.value) == f"study 'tiny': 7 results could not be computed. twin on demo-b: {WITHOUT}"
    assert caught.value.subjects == {("toys", "washer", "demo-b"), ("toys", "metal_nut", "demo-b")}


def test_a_detector_is_not_loaded_for_data_that_are_not_there(study, tmp_path):
    nuts = {"reader": "mvtec_ad", "root": "toys", "categories": ["metal_nut", "spoon"]}
    loaded = []
    with pytest.raises(IncompleteError, match=r"toys/spoon: unknown category 'spoon' .*known: metal_nut") as caught:
        compute(
            tiny_study(tmp_path, suites={"toys": {**nuts, "categories": ["spoon"]}}, sweeps={}),
            loader=lambda *arguments: loaded.append(arguments) or Reddish(),
            progress=False,
        )
    assert loaded == []
    assert caught.value.records.empty
    with pytest.raises(IncompleteError) as caught:
        compute(tiny_study(tmp_path, suites={"toys": nuts}, sweeps={}), loader=load_reddish, progress=False)
    assert subjects(caught.value.records) == {("toys", "metal_nut", "winclip", "demo-b")}


def test_what_names_alone_can_tell_is_told_before_a_detector_is_loaded(study, tmp_path):
    washer = study.data_root / "toys" / "washer"
    for picture in (washer / "test" / "good").iterdir():
        picture.unlink()
    worst = {"budget": 2, "settings": ["hue"]}
    suites = {
        "toys": {"reader": "mvtec_ad", "root": "toys", "categories": ["washer"]},
        "bare": {"reader": "folder", "root": "toys/metal_nut/test", "categories": ["metal_nut"]},
    }
    searched = tiny_study(tmp_path, suites=suites, sweeps={}, worst=worst)
    with pytest.raises(IncompleteError) as caught:
        compute(searched, "worst", loader=lambda *_: pytest.fail("a detector was loaded"), progress=False)
    one, none = caught.value.reasons
    assert "toys/washer: category 'washer'" in one
    assert "has only anomalous images: metrics need both kinds" in one
    assert "bare/metal_nut: category 'metal_nut'" in none
    assert "worst cases are searched with masks of all" in none
    with pytest.raises(IncompleteError) as caught:
        compute(searched, loader=load_reddish, progress=False)
    assert subjects(caught.value.records) == {("bare", "metal_nut", "winclip", "demo-b")}
    assert set(caught.value.records["shift"]) == {"none"}


@pytest.mark.parametrize("fault", ["one class", "no mask", "no picture"])
def test_a_category_that_is_refused_stops_none_of_the_others(study, fault):
    nuts = study.data_root / "toys" / "metal_nut"
    if fault == "one class":
        for picture in (nuts / "test" / "good").iterdir():
            picture.unlink()
    elif fault == "no mask":
        next((nuts / "ground_truth" / "hole").iterdir()).unlink()
    else:
        next((nuts / "test" / "hole").iterdir()).write_bytes(b"cut")
    with pytest.raises(IncompleteError) as caught:
        compute(study, loader=load_reddish, progress=False)
    assert len(caught.value.reasons) == 1
    assert caught.value.reasons[0].startswith("toys/metal_nut")
    assert subjects(caught.value.records) == {("toys", "washer", "winclip", "demo-b")}
    assert caught.value.records["key"].nunique() == 4


def test_a_reason_is_told_once_and_its_results_by_name(tmp_path):
    class Refusing(Reddish):
        def predict(self, images, category):
            raise ValueError("too dark")

    write_suite(tmp_path / "data" / "toys")
    toys = {"reader": "mvtec_ad", "root": "toys", "categories": ["washer"]}
    study = tiny_study(tmp_path, suites={"toys": toys}, worst={"settings": ["hue", "angle"]}, sweeps={})
    with pytest.raises(IncompleteError) as caught:
        compute(study, "worst", loader=lambda *_: Refusing(), progress=False)
    (reason,) = caught.value.reasons
    results = [f"toys/washer, winclip on demo-b, worst {setting}" for setting in ("hue", "angle")]
    assert reason == f"{', '.join(results)}: too dark"


def test_a_fault_of_the_code_is_none_of_the_data(study):
    class Wrong(Reddish):
        def predict(self, images, category):
            raise RuntimeError("a fault")

    with pytest.raises(RuntimeError, match="a fault"):
        compute(study, loader=lambda *_: Wrong(), progress=False)


def test_a_missing_suite_is_passed_over_unless_it_is_named(study, tmp_path, caplog):
    away = {"reader": "mvtec_ad", "root": "away"}
    both = tiny_study(tmp_path, suites={"away": away, "toys": study.suites["toys"]})
    records = compute(both, loader=load_reddish, progress=False)
    pd.testing.assert_frame_equal(records, compute(study, loader=load_reddish, progress=False))
    (warned,) = [record.getMessage() for record in caplog.records if record.name == "zsad.study.run"]
    assert f"away: no folder {study.data_root / 'away'}" in warned
    with pytest.raises(FileNotFoundError, match=r"away: no folder .*; put the data set there, or set data_root"):
        compute(both, suites=["away", "toys"], loader=load_reddish, progress=False)
    with pytest.raises(FileNotFoundError, match="away: no folder"):
        compute(tiny_study(tmp_path, suites={"away": away}, sweeps={}), loader=load_reddish, progress=False)
    assert both.missing_suites() == {"away": study.data_root / "away"}
    assert list(both.without(both.missing_suites()).suites) == ["toys"]


def test_a_missing_backbone_is_looked_for_once(study, monkeypatch):
    tried = []

    def load(detector, name, **how):
        tried.append(name)
        raise FileNotFoundError(f"the weights of {name} could not be loaded")

    monkeypatch.setattr(run, "load_backbone_of", load)
    several = study.with_overrides(detectors=["winclip", "clip", "clip_ac"])
    with pytest.raises(IncompleteError) as caught:
        compute(several, "none", progress=False)
    assert tried == ["demo-b"]
    assert caught.value.reasons == [
        "winclip on demo-b, clip on demo-b, clip_ac on demo-b: the weights of demo-b could not be loaded"
    ]


def test_an_option_that_a_detector_does_not_have_is_its_own_fault(study):
    configs = [DetectorConfig(name="winclip", options={"tau": 1}), DetectorConfig(name="clip")]
    several = study.with_overrides(detectors=[config.model_dump() for config in configs])
    with pytest.raises(IncompleteError, match="winclip on demo-b: winclip has no option 'tau'") as caught:
        compute(several, "none", categories=["washer"], progress=False)
    assert subjects(caught.value.records) == {("toys", "washer", "clip", "demo-b")}


def test_what_cannot_be_looked_up_is_said_and_the_rest_is_handed_out(study):
    def gone(study, detector, backbone):
        raise FileNotFoundError(WITHOUT)

    with pytest.raises(FileNotFoundError, match="no result yet"):
        compute(study, missing=False, loader=load_reddish, progress=False)
    both = study.with_overrides(detectors=[{"name": "winclip", "label": "twin"}, "winclip"])
    records = compute(both, loader=load_reddish, progress=False)
    with pytest.raises(IncompleteError, match=f"7 results could not be looked up. winclip on demo-b: {WITHOUT}"):
        compute(study, missing=False, loader=gone, progress=False)

    def without_twin(study, detector, backbone):
        return (gone if detector.label == "twin" else load_reddish)(study, detector, backbone)

    with pytest.raises(IncompleteError) as caught:
        compute(both, missing=False, loader=without_twin, progress=False)
    assert caught.value.reasons == [f"twin on demo-b: {WITHOUT}"]
    expected = records[records["detector"] == "winclip"].reset_index(drop=True)
    pd.testing.assert_frame_equal(caught.value.records, expected)


def test_of_a_part_only_what_is_there_of_it_is_handed_out(study):
    records = compute(study, loader=load_reddish, progress=False)
    parts = [compute(study, part=(n, 2), missing=False, loader=load_reddish, progress=False) for n in (1, 2)]
    assert sorted(len(part) for part in parts)[-1] < len(records)
    assert set(pd.concat(parts)["key"]) == set(records["key"])
