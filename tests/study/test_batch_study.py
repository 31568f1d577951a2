"""Cells of a detector that compares images, and of shifts of a share of the images."""

import pytest
from toy_batch import Unlike
from toys import Reddish, tiny_study, write_suite

from zsad.robustness import load_test_set, measure, predict_shifted
from zsad.robustness.mixed import drawn
from zsad.study import compute
from zsad.study.data import read_suite
from zsad.study.incomplete import IncompleteError
from zsad.study.results import leagues_of, load_sidecars, load_table

SWEEPS = [
    {"over": ["washer"], "hue": [0.0, 2.0]},
    {"name": "half", "share": 0.5, "over": ["washer"], "hue": [0.0, 2.0]},
]
CORRUPTIONS = [
    {"over": ["washer"], "kinds": ["contrast"]},
    {"name": "half", "share": 0.5, "over": ["washer"], "kinds": ["contrast"]},
]


@pytest.fixture
def study(tmp_path):
    write_suite(tmp_path / "data" / "toys")
    return tiny_study(tmp_path, sweeps=SWEEPS, corruptions=CORRUPTIONS, batch_size=4, seed=5)


def test_a_study_gives_it_a_category_whole_and_records_how_many(study):
    detectors = []
    records = compute(study, progress=False, loader=lambda *_: detectors.append(Unlike()) or detectors[-1])
    (detector,) = detectors
    assert set(detector.compared) == {10}
    assert max(detector.seen) == 4
    assert set(records["n_images"]) == {10}
    assert {sidecar["compared"] for sidecar in load_sidecars(records, study).values()} == {10}
    assert leagues_of(records, study) == {"winclip": "test batch"}
    assert len(load_table(records, "replicates", study)["replicate"].unique()) == 20
    plain = compute(study.model_copy(update={"name": "plain"}), "none", progress=False, loader=lambda *_: Reddish())
    assert all("compared" not in sidecar for sidecar in load_sidecars(plain, study).values())


@pytest.mark.parametrize("detector", [Unlike, Reddish])
def test_mixed_batches_stand_beside_those_that_are_shifted_alike(study, detector):
    records = compute(study, categories=["washer"], progress=False, loader=lambda *_: detector())
    shifted = records[(records["value"] != 0) & (records["metric"] == "pixel_auroc")]
    assert shifted.groupby(["shift", "variant"]).size().to_dict() == {
        ("corruption", "default"): 1, ("corruption", "half"): 1, ("uniform", "default"): 1, ("uniform", "half"): 1,
    }  # fmt: skip
    assert shifted["key"].nunique() == 4
    sidecars = load_sidecars(shifted, study)
    shares = {sidecars[row.key]["spec"]["shift"]["how"].get("share") for row in shifted.itertuples()}
    assert shares == {None, 0.5}
    assert {sidecar["spec"]["seed"] for sidecar in sidecars.values()} == {5}, "which images follows from it"
    images = load_test_set(read_suite(study, "toys", "washer", None), 32)
    only = drawn(images.ids, 0.5, 5)
    found = predict_shifted(detector(), images.images, "washer", "hue", 2.0, only=only)
    expected = measure(found, images, replicates=20, seed=5).metrics.set_index("metric")["estimate"]
    half = records[(records["shift"] == "uniform") & (records["variant"] == "half") & (records["value"] != 0)]
    assert half.set_index("metric")["estimate"].to_dict() == pytest.approx(expected.to_dict(), abs=1e-6)
    zero = records[(records["shift"] == "uniform") & (records["value"] == 0)]
    assert zero["key"].nunique() == 1, "nothing is shifted, whatever the share"


def test_a_category_with_too_few_images_is_refused_by_name(study):
    with pytest.raises(IncompleteError) as raised:
        compute(study.model_copy(update={"limit": 2}), "none", progress=False, loader=lambda *_: Unlike())
    first = raised.value.reasons[0]
    assert "unlike compares the images of a category with each other and needs at least 3 of them" in first
    assert "toys/metal_nut" in first


def test_worst_cases_of_it_are_refused_and_say_what_to_do(study):
    searched = study.with_overrides(worst={"over": ["washer"], "settings": ["hue"], "budget": 3})
    with pytest.raises(IncompleteError) as raised:
        compute(searched, "worst", progress=False, loader=lambda *_: Unlike())
    assert "under `detectors` of its worst cases" in str(raised.value.reasons)


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ({"share": 0.5}, "share: a block that shifts only some images needs a name, which its records bear"),
        ({"share": 0.0, "name": "none"}, "share"),
        ({"share": 1.5, "name": "more"}, "share"),
    ],
)
@pytest.mark.parametrize("field", ["sweeps", "corruptions"])
def test_a_share_needs_a_name_and_is_a_share(study, field, block, words):
    with pytest.raises(ValueError, match=words):
        study.with_overrides(**{field: block})
