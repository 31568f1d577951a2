from pathlib import Path

import pytest
from toys import tiny_study

from zsad.study import StudyError, load_study
from zsad.study.cells import selection, shifts_of
from zsad.study.config import project_root

GOOD = """
suites:
  toys: {reader: folder, root: toys, categories: [washer, nut], sweep_over: heads, groups: {heads: [nut]}}
detectors: [winclip]
backbones: [demo-b]
sweeps: {angle: [-10, 0, 10]}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text)
    return path


def test_a_study_file_is_named_after_itself_and_keeps_its_fields(tmp_path):
    study = load_study(written(tmp_path, GOOD), check_models=False)
    assert study.name == "mine"
    assert study.sweeps == {"angle": [-10.0, 0.0, 10.0]}
    assert study.swept_of("toys") == ["nut"]
    assert study.root_of("toys") == project_root() / "build/data/toys"


@pytest.mark.parametrize(
    ("wrong", "right", "words"),
    [
        ("sweeps:", "sweep:", ["sweep: unknown field", "known:", "sweeps"]),
        ("toys: {reader: folder, root: toys,", "mvtex: {", ["suites", "unknown suite 'mvtex'", "demo-mvtec"]),
        ("reader: folder", "reader: imagenet", ["suites.toys.reader", "'mvtec_ad'", "'visa'", "'folder'"]),
        ("root: toys", "root: toys, rooot: x", ["suites.toys.rooot: unknown field", "root"]),
        ("sweep_over: heads", "sweep_over: tails", ["unknown group of categories 'tails'", "heads"]),
        ("categories: [washer, nut], ", "", ["suites.toys", "folder reader"]),
        ("winclip", "winclap", ["detectors", "unknown detector 'winclap'", "winclip"]),
        ("demo-b", "ViT-Z", ["backbones", "unknown backbone 'ViT-Z'", "ViT-L-14"]),
        ("angle: [-10, 0, 10]", "angle: [-200, 0]", ["sweeps.angle", "-200", "180"]),
        ("angle: [-10, 0, 10]", "angle: [5, 10]", ["sweeps.angle", "contain 0"]),
        ("angle: [-10, 0, 10]", "tilt: [0]", ["sweeps.tilt", "'angle'", "'hue'"]),
        ("detectors: [winclip]", "detectors: [winclip", ["not valid YAML"]),
        ("detectors: [winclip]", "detectors: []", ["detectors"]),
    ],
)
def test_an_error_names_the_file_the_field_and_the_choices(tmp_path, wrong, right, words):
    assert wrong in GOOD
    path = written(tmp_path, GOOD.replace(wrong, right))
    with pytest.raises(StudyError) as raised:
        load_study(path)
    for word in [str(path), *words]:
        assert word in str(raised.value)


def test_an_unknown_study_lists_the_known_ones():
    with pytest.raises(FileNotFoundError, match="known: demo, paper, quick"):
        load_study("quik")


@pytest.mark.parametrize("name", ["quick", "demo", "paper"])
def test_the_studies_of_the_project_hold(name):
    study = load_study(name)
    assert study.name == name
    assert any(study.swept_of(suite) for suite in study.suites)
    assert all(0 in values for values in study.sweeps.values())


def test_the_quick_study_sweeps_the_rotation_invariant_objects_only():
    study = load_study("quick", check_models=False)
    assert study.swept_of("demo-mvtec") == ["washer", "biscuit", "bottle_cap"]
    assert study.swept_of("demo-visa") == []
    assert len(list(selection(study))) == 10


def test_an_unknown_category_of_a_demo_suite_lists_the_known_ones(tmp_path):
    text = GOOD.replace(
        "toys: {reader: folder, root: toys, categories: [washer, nut], sweep_over: heads, groups: {heads: [nut]}}",
        "demo-mvtec: {categories: [washer, wahser]}",
    )
    with pytest.raises(StudyError, match=r"unknown category of demo-mvtec 'wahser'; known: .*washer"):
        load_study(written(tmp_path, text))


def test_overrides_narrow_a_study_and_are_validated(tmp_path):
    study = tiny_study(tmp_path)
    narrowed = study.with_overrides(category="metal_nut", limit=6, device="cuda")
    assert narrowed.categories_of("toys") == ["metal_nut"]
    assert narrowed.swept_of("toys") == ["metal_nut"], "a category asked for by name is swept"
    assert (narrowed.limit, narrowed.device, narrowed.name) == (6, "cuda", "tiny")
    assert study.limit is None
    assert list(study.with_overrides(suite="mvtec_ad").suites) == ["mvtec_ad"]
    with pytest.raises(StudyError, match=r"unknown suite 'toy'; known: toys, demo-mvtec"):
        study.with_overrides(suite="toy")
    with pytest.raises(StudyError, match=r"unknown backbone 'demo-z'; known: .*ViT-L-14"):
        study.with_overrides(backbone="demo-z")
    with pytest.raises(StudyError, match=r"unknown detector 'clap'; known: winclip"):
        study.with_overrides(detector="clap")
    with pytest.raises(StudyError, match="limit"):
        study.with_overrides(limit=-3)
    with pytest.raises(StudyError, match="colour: unknown field"):
        study.with_overrides(colour="red")


def test_an_override_with_an_unknown_demo_category_lists_those_of_every_suite():
    study = load_study("quick", check_models=False)
    with pytest.raises(StudyError, match=r"demo-mvtec: .*washer.*; demo-visa: .*tablets"):
        study.with_overrides(category="spoon")
    assert list(study.with_overrides(category="pcb").suites) == ["demo-visa"]


def test_all_categories_are_those_on_disk(tmp_path):
    study = tiny_study(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"'toys'.*data_root"):
        study.categories_of("toys")
    for name in ("nut", "bolt"):
        (tmp_path / "data" / "toys" / name / "test").mkdir(parents=True)
    assert study.categories_of("toys") == ["bolt", "nut"]


def test_shifts_of_a_category(tmp_path):
    (tmp_path / "data" / "toys" / "washer" / "test").mkdir(parents=True)
    (tmp_path / "data" / "toys" / "nut" / "test").mkdir(parents=True)
    study = tiny_study(tmp_path)
    assert shifts_of(study, "toys", "nut") == [("none", 0.0)]
    assert len(shifts_of(study, "toys", "washer")) == 1 + 3 + 2
    assert shifts_of(study, "toys", "nut", "hue") == [("hue", 0.0), ("hue", 1.0)]
    with pytest.raises(ValueError, match=r"no sweep 'saturation'; known: none, angle, hue"):
        shifts_of(study, "toys", "nut", "saturation")
    with pytest.raises(ValueError, match=r"no category 'spoon'.*known: nut, washer"):
        list(selection(study, categories=["spoon"]))
    with pytest.raises(ValueError, match=r"no suite 'toy'; known: toys"):
        list(selection(study, suites=["toy"]))


def test_relative_paths_do_not_depend_on_the_working_directory(tmp_path, monkeypatch):
    before = load_study("quick", check_models=False).root_of("demo-mvtec")
    monkeypatch.chdir(tmp_path)
    assert load_study("quick", check_models=False).root_of("demo-mvtec") == before
    assert before.is_absolute()
