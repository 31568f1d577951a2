"""A few-shot detector in a study: which good training images it is given, and what its records say of them."""

import shutil

import pytest
import yaml
from tiny_clip import tiny_backbone
from toys import SIZE, tiny_study, write_suite

from zsad import cli
from zsad.data import load_dataset, read_image
from zsad.detectors import load_detector, with_references
from zsad.detectors.references import as_references
from zsad.study import compute, load_study
from zsad.study.incomplete import IncompleteError
from zsad.study.references import draw
from zsad.study.results import leagues_of, load_sidecars, load_table
from zsad.study.shifts import StudyError

FEW = [
    "winclip",
    {"name": "winclip_plus", "label": "plus 0", "options": {"references": 0}},
    {"name": "winclip_plus", "label": "plus 1", "options": {"references": 1}},
    {"name": "winclip_plus", "label": "plus 3", "options": {"references": 3}},
]


@pytest.fixture
def study(tmp_path, monkeypatch):
    """One category with six good training images, of which some detectors are given a few."""
    for module in ("zsad.detectors", "zsad.study.run"):
        monkeypatch.setattr(f"{module}.load_backbone_of", lambda *_, **__: tiny_backbone())
    root = write_suite(tmp_path / "data" / "toys")
    others = write_suite(tmp_path / "others", normal=6, seed=5)
    shutil.copytree(others / "washer/test/good", root / "washer/train/good")
    suites = {"toys": {"reader": "mvtec_ad", "root": "toys", "categories": ["washer"]}}
    return tiny_study(tmp_path, suites=suites, detectors=FEW, training=10)


def references_of(records, study):
    """Label -> the references in the sidecars of its cells, which must agree."""
    found = {}
    for label, rows in records.groupby("detector"):
        specs = [sidecar["spec"]["options"] for sidecar in load_sidecars(rows, study).values()]
        (found[label],) = {tuple(options.get("reference_images", ())) for options in specs}
    return found


def test_more_references_hold_the_fewer_and_each_record_says_which(study):
    records = compute(study, progress=False)
    found = references_of(records, study)
    assert {label: len(names) for label, names in found.items()} == {
        "winclip": 0,
        "plus 0": 0,
        "plus 1": 1,
        "plus 3": 3,
    }
    assert set(found["plus 1"]) < set(found["plus 3"]), "one seed"
    assert all(name.startswith("washer/train/good/") for name in found["plus 3"])
    of_scores = leagues_of(records, study)
    assert of_scores == {"winclip": "text only", "plus 0": "text only", "plus 1": "few-shot", "plus 3": "few-shot"}
    wide = records.pivot_table(index=["shift", "setting", "value", "metric"], columns="detector", values="estimate")
    assert wide["winclip"].equals(wide["plus 0"].rename("winclip"))
    assert not wide["plus 1"].equals(wide["plus 3"])


def test_scores_are_those_of_a_detector_that_is_given_these_images(study):
    records = compute(study, "none", detectors=["plus 3"], progress=False)
    (names,) = references_of(records, study).values()
    root = study.root_of("toys")
    given = as_references([read_image(root / name) for name in names])
    detector = with_references(load_detector("winclip_plus", tiny_backbone()), given)
    for name, score in load_table(records, "images", study)[["id", "score"]].itertuples(index=False):
        assert score == pytest.approx(detector.predict(read_image(root / name)[None], "washer").score.item(), abs=1e-5)


def test_a_reference_is_none_of_the_good_images_that_a_threshold_is_made_of(study):
    """Compared with itself it scores lower than any image to come."""
    records = compute(study, "none", detectors=["plus 3", "plus 0"], progress=False)
    given = set(references_of(records, study)["plus 3"])
    tables = {label: load_table(rows, "training", study) for label, rows in records.groupby("detector")}
    good = load_dataset("mvtec_ad", study.root_of("toys"), category="washer", split="train")
    assert set(tables["plus 0"]["id"]) == set(good.ids)
    assert set(tables["plus 3"]["id"]) == set(good.ids) - given


def test_another_seed_or_image_is_another_result(study):
    def keys(of):
        return set(compute(of, "uniform", detectors=["plus 1"], progress=False).query("value != 0")["key"])

    before = keys(study)
    drawn = {"name": "winclip_plus", "label": "plus 1", "options": {"references": 1, "reference_seed": 3}}
    assert not before & keys(study.with_overrides(detectors=[drawn]))
    good = load_dataset("mvtec_ad", study.root_of("toys"), category="washer", split="train").normal()
    used = draw(good, 1, 0, "plus")[0].ids[0]
    first, second = [study.root_of("toys") / name for name in good.ids if name != used][:2]
    first.write_bytes(second.read_bytes())
    assert keys(study) == before, "one that was not drawn"
    (study.root_of("toys") / used).write_bytes(second.read_bytes())
    assert not keys(study) & before


def test_too_few_good_images_and_one_that_is_tested_are_refused(study):
    more = [{"name": "winclip_plus", "label": "plus 7", "options": {"references": 7}}, "winclip"]
    with pytest.raises(IncompleteError) as raised:
        compute(study.with_overrides(detectors=more), "none", progress=False)
    assert "winclip_plus wants 7 good training images as references, and there are 6" in str(raised.value.reasons)
    assert set(raised.value.records["detector"]) == {"winclip"}
    root = study.root_of("toys")
    for path in (root / "washer/train/good").glob("*.png"):
        shutil.copy(root / "washer/test/good/000.png", path)
    with pytest.raises(IncompleteError) as raised:
        compute(study.model_copy(update={"name": "leaky"}), "none", detectors=["plus 1"], progress=False)
    assert "was drawn as a reference and is tested too" in str(raised.value.reasons)
    shutil.rmtree(root / "washer/train")
    with pytest.raises(IncompleteError) as raised:
        compute(study.model_copy(update={"name": "bare"}), "none", detectors=["plus 1"], progress=False)
    assert "and there are 0" in str(raised.value.reasons)


def test_the_command_line_draws_them_too(study, capsys):
    root = str(study.root_of("toys"))
    arguments = ["evaluate", "--reader", "mvtec_ad", "--root", root, "--category", "washer", "--resolution", str(SIZE)]
    few = ["--detector", "winclip_plus", "--option", "references=3"]
    assert cli.main([*arguments, *few]) == 0
    out = capsys.readouterr().out
    assert "league: few-shot\n" in out
    records = compute(study, "none", detectors=["plus 3"], progress=False).set_index("metric")["estimate"]
    shown = {words[0]: words[1] for words in map(str.split, out.splitlines()) if words[0] in records.index}
    assert shown == {metric: f"{value:.1%}" for metric, value in records.items()}
    assert cli.main([*arguments, *few[:2], "--option", "references=7"]) == 2
    assert "wants 7 good training images as references, and there are 6" in capsys.readouterr().err


def test_the_reader_folder_has_none_and_the_way_out_is_said_before_anything_is_computed(study, tmp_path, capsys):
    content = yaml.safe_load(study.model_dump_json(exclude={"name"}))
    content["suites"] = {"mine": {"reader": "folder", "root": "toys/washer/test", "categories": ["washer"]}}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(StudyError, match=r"detectors\.plus 1 on suites\.mine: winclip_plus wants") as raised:
        load_study(path)
    for way in ("<category>/train/good/", "--reference", "or list the detector's `suites` without it"):
        assert way in str(raised.value)
    unchecked = load_study(path, check_models=False)
    with pytest.raises(IncompleteError, match="the reader 'folder' has no training split"):
        compute(unchecked, "none", progress=False)
    content["detectors"] = FEW[:2]
    path.write_text(yaml.safe_dump(content))
    assert load_study(path).detectors[1].options == {"references": 0}, "it draws none"
    root = str(study.root_of("toys") / "washer" / "test")
    few = ["--detector", "winclip_plus", "--option", "references=1"]
    assert cli.main(["evaluate", "--reader", "folder", "--root", root, "--category", "washer", *few]) == 2
    said = capsys.readouterr().err
    assert (
        "winclip_plus wants good training images as references, and the reader 'folder' has no training split" in said
    )
    assert "`zsad predict` with --reference" in said
