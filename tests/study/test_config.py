from pathlib import Path

import pytest
from toys import tiny_study

from zsad.study import StudyError, load_study
from zsad.study.cells import cell_of, requests
from zsad.study.project import project_root

GOOD = """
suites:
  toys: {reader: mvtec_ad, root: toys, categories: [washer, nut], groups: {heads: [nut]}}
detectors: [winclip]
backbones: [demo-b]
sweeps: {over: heads, angle: [-10, 0, 10]}
worst: {settings: [angle, 3d], search: bayes_opt}
corruptions: {kinds: [contrast], severities: [1, 3]}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text)
    return path


def test_a_study_file_is_named_after_itself_and_keeps_its_fields(tmp_path):
    study = load_study(written(tmp_path, GOOD), check_models=False)
    assert study.name == "mine"
    assert [block.values() for block in study.sweeps] == [{"angle": [-10.0, 0.0, 10.0]}]
    assert study.swept("toys") == ["nut"]
    assert [block.kind for block in study.blocks] == ["uniform", "worst", "corruption"]
    assert study.covered(study.worst[0], "toys") == ["washer", "nut"]
    assert study.root_of("toys") == project_root() / "build/data/toys"


def test_images_are_240_pixels_high_or_wide_and_those_of_the_pipeline_as_large_as_they_are(tmp_path):
    large = {"name": "winclip", "label": "large", "resolution": 480}
    small = {"name": "tiling", "label": "small", "resolution": 128}
    study = tiny_study(tmp_path, detectors=["winclip", "tiling", large, small], resolution=240)
    assert [study.resolution_of(detector) for detector in study.detectors] == [240, "native", 480, 128]
    assert (study.aspect, study.metric_size) == ("own", "mask")
    native = tiny_study(tmp_path, resolution="native")
    assert native.resolution_of(native.detectors[0]) == "native"


@pytest.mark.parametrize(
    ("wrong", "right", "words"),
    [
        ("sweeps:", "resolution: 4\nsweeps:", ["resolution"]),
        ("sweeps:", "metric_size: native\nsweeps:", ["metric_size"]),
        ("sweeps:", "aspect: square\nsweeps:", ["aspect", "'own' or 'squashed'"]),
        (
            "sweeps:",
            "aspect: squashed\nresolution: native\nsweeps:",
            ["detectors.winclip.resolution", "squares, which need a side in pixels"],
        ),
        ("sweeps:", "sweep:", ["sweep: unknown field", "known:", "sweeps"]),
        ("toys: {reader: mvtec_ad, root: toys,", "mvtex: {", ["suites", "unknown suite 'mvtex'", "demo-mvtec"]),
        (
            "toys: {reader: mvtec_ad, root: toys, categories: [washer, nut], groups: {heads: [nut]}}",
            "mvtec_ad: [grid, bottle]",
            ["suites: mvtec_ad: a suite is a mapping", "{categories: [grid, bottle]}", "not ['grid', 'bottle']"],
        ),
        (
            "toys: {reader: mvtec_ad, root: toys, categories: [washer, nut], groups: {heads: [nut]}}",
            "mvtec_ad: grid",
            ["suites: mvtec_ad: a suite is a mapping", "not 'grid'"],
        ),
        ("reader: mvtec_ad", "reader: imagenet", ["suites.toys.reader", "'mvtec_ad'", "'visa'", "'folder'"]),
        ("root: toys", "root: toys, rooot: x", ["suites.toys.rooot: unknown field", "root"]),
        ("over: heads", "over: tails", ["unknown group of categories in sweeps.over 'tails'", "all, heads"]),
        ("over: heads", "over: [spoon]", ["sweeps.over: 'spoon' is not in this study", "washer, nut"]),
        (
            "reader: mvtec_ad, root: toys, categories: [washer, nut]",
            "reader: folder, root: toys",
            ["suites.toys", "folder reader", "list one"],
        ),
        (
            "reader: mvtec_ad",
            "reader: folder",
            ["suites.toys.categories: washer, nut", "all of toys", "one product", "a suite of its own"],
        ),
        (
            "reader: mvtec_ad, root: toys, categories: [washer, nut], groups: {heads: [nut]}",
            "reader: folder, root: toys, categories: heads, groups: {heads: [nut, washer]}",
            ["suites.toys.categories: nut, washer", "one product"],
        ),
        ("winclip", "winclap", ["detectors", "unknown detector 'winclap'", "winclip"]),
        ("demo-b", "ViT-Z", ["backbones", "unknown backbone 'ViT-Z'", "ViT-L-14"]),
        ("angle: [-10, 0, 10]", "angle: [-200, 0]", ["sweeps.0: angle: -200", "180"]),
        ("angle: [-10, 0, 10]", "exposure: [0, 6]", ["sweeps.0: exposure: 6", "5"]),
        ("angle: [-10, 0, 10]", "white_balance: [-150, 0]", ["sweeps.0: white_balance: -150", "100"]),
        ("angle: [-10, 0, 10]", "angle: [5, 10]", ["sweeps.0: angle:", "contain 0"]),
        ("angle: [-10, 0, 10]", "tilt: [0]", ["sweeps.0.tilt", "unknown field", "limit, share, corners, angle"]),
        ("settings: [angle, 3d]", "settings: [tilt]", ["worst.0.settings.0", "'angle'", "'3d'"]),
        ("settings: [angle, 3d]", "settings: []", ["worst.0.settings", "at least 1"]),
        ("settings: [angle, 3d]", "settings: [angle], budgit: 3", ["worst.0.budgit: unknown field", "budget"]),
        ("settings: [angle, 3d]", "settings: [angle], bounds: {angle: 0}", ["'angle' leave nothing to search"]),
        ("settings: [angle, 3d]", "settings: [angle], bounds: {angle: -5}", ["worst.0.bounds.angle"]),
        ("settings: [angle, 3d]", "settings: [angle], criterion: dice", ["worst.0.criterion", "'auroc'", "'loss'"]),
        ("settings: [angle, 3d]", "settings: [angle], detectors: [clop]", ["worst.detectors", "'clop'", "winclip"]),
        ("search: bayes_opt", "search: anneal", ["worst.0.search", "'bayes_opt'", "'adam'", "'grid'"]),
        ("search: bayes_opt", "search: grid", ["grid covers one parameter", "angle, saturation, hue"]),
        ("kinds: [contrast]", "kinds: [rain]", ["corruptions.0.kinds.0", "'brightness'", "'gaussian_noise'"]),
        ("severities: [1, 3]", "severities: [6]", ["corruptions.0", "6 lies outside 0 to 5"]),
        ("severities: [1, 3]", "severities: [3], at: big", ["corruptions.0.at", "'native'", "'resized'"]),
        ("severities: [1, 3]", "severities: [3], backbones: [x]", ["corruptions.backbones", "'x'", "known: demo-b"]),
        ("[winclip]", "[winclip, winclip]", ["two are called the same", "label"]),
        ("[winclip]", "[{name: winclip, backbones: [x]}]", ["detectors.winclip.backbones", "known: demo-b"]),
        ("detectors: [winclip]", "detectors: [winclip", ["not valid YAML"]),
        ("detectors: [winclip]", "detectors: []", ["detectors"]),
        ("categories: [washer, nut]", "categories: []", ["suites.toys: categories: none is listed", "leave the field"]),
        ("[winclip]", "[{name: winclip, suites: []}]", ["detectors.0: suites: none is listed", "leave the field out"]),
        ("[winclip]", "[{name: winclip, backbones: []}]", ["detectors.0: backbones: none is listed"]),
        ("angle: [-10, 0, 10]", "angle: []", ["sweeps.0: angle: no values are listed; list some, 0 among them"]),
        ("angle: [-10, 0, 10]", "angle: [], hue: [0, 1]", ["sweeps.0: angle: no values are listed"]),
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
    with pytest.raises(FileNotFoundError, match="known: demo, paper, quick, search, stangl"):
        load_study("quik")


@pytest.mark.parametrize("name", ["quick", "demo", "paper", "stangl", "search"])
def test_the_studies_of_the_project_hold(name):
    study = load_study(name)
    assert study.name == name
    assert not study.sweeps or any(study.swept(suite) for suite in study.suites)
    assert all(0 in values for block in study.sweeps for values in block.values().values())


def test_the_paper_study_holds_every_cell_of_the_first_works_own():
    def cells(name):
        study = load_study(name, check_models=False)
        asked = [r for r in requests(study) if r.detector.label == "winclip" and r.suite in ("mvtec_ad", "visa")]
        return {cell_of(study, request, {}, "text only"): request.variant for request in asked}

    alone, whole = cells("stangl"), cells("paper")
    assert set(alone) <= set(whole)
    assert {cell.backbone for cell in alone} == {"ViT-B-16-plus-240", "ViT-L-14", "ViT-L-14-FARE2"}
    assert len({cell.category for cell in alone}) == 15 + 12
    released = [cell for cell, variant in alone.items() if variant == "as released"]
    assert len(released) == 3 * 4 * (15 + 12)
    for cell in released:
        how = {name: cell.how[name] for name in ("search", "budget", "gradient", "align", "criterion")}
        assert how == {
            "search": "adam", "budget": 5 * 20, "gradient": "class_token", "align": "mask", "criterion": "loss"
        }  # fmt: skip
    assert {cell.dtype for cell in alone} == {"bfloat16"}


def test_the_quick_study_sweeps_the_rotation_invariant_objects_only():
    study = load_study("quick", check_models=False)
    assert study.swept("demo-mvtec") == ["washer", "biscuit", "bottle_cap"]
    assert study.swept("demo-visa") == []


def test_an_unknown_category_of_a_demo_suite_lists_the_known_ones(tmp_path):
    text = GOOD.replace(
        "toys: {reader: mvtec_ad, root: toys, categories: [washer, nut], groups: {heads: [nut]}}",
        "demo-mvtec: {categories: [washer, wahser]}",
    )
    with pytest.raises(StudyError, match=r"unknown category of demo-mvtec 'wahser'; known: .*washer"):
        load_study(written(tmp_path, text))


def test_overrides_narrow_a_study_and_are_validated(tmp_path):
    study = tiny_study(tmp_path)
    narrowed = study.with_overrides(category="metal_nut", limit=6, device="cuda")
    assert narrowed.categories_of("toys") == ["metal_nut"]
    assert narrowed.swept("toys") == ["metal_nut"], "a category asked for by name is swept"
    assert (narrowed.limit, narrowed.device, narrowed.name) == (6, "cuda", "tiny")
    assert study.limit is None
    assert list(study.with_overrides(suite="mvtec_ad").suites) == ["mvtec_ad"]
    with pytest.raises(StudyError, match=r"unknown suite 'toy'; known: toys, demo-mvtec"):
        study.with_overrides(suite="toy")
    with pytest.raises(StudyError, match=r"unknown backbone 'demo-z'; known: .*ViT-L-14"):
        study.with_overrides(backbone="demo-z")
    with pytest.raises(StudyError, match=r"unknown detector 'clap'; known: .*winclip"):
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


def test_what_is_named_in_an_override_is_freed_of_the_blocks_limits(tmp_path):
    study = tiny_study(
        tmp_path,
        suites={"toys": {"reader": "mvtec_ad", "root": "toys", "groups": {"round": ["washer"]}}},
        detectors=[{"name": "winclip", "backbones": ["demo-b"]}, {"name": "winclip", "label": "other"}],
        backbones=["demo-b", "ViT-L-14-FARE2"],
        worst={"over": "round", "detectors": ["winclip"], "backbones": ["demo-b"], "settings": ["hue"]},
    )
    assert study.with_overrides(limit=4).worst == study.worst
    moved = study.with_overrides(backbone="ViT-L-14")
    assert moved.runs_on(moved.detectors[0]) == ["ViT-L-14"]
    assert (moved.worst[0].backbones, moved.worst[0].detectors, moved.worst[0].over) == ("all", ["winclip"], "round")
    one = study.with_overrides(detector="other")
    assert [d.label for d in one.detectors] == ["other"]
    assert (one.worst[0].detectors, one.worst[0].backbones) == ("all", ["demo-b"])
    assert study.with_overrides(suite="visa").worst[0].over == "all", "no suite has that group any more"


def test_choices_agree_with_the_libraries(tmp_path):
    """A study is read without importing the models, so the names stand in both places."""
    from typing import get_args

    from zsad.perturb import CORRUPTIONS, MAX_SEVERITY
    from zsad.robustness import SEARCHES, WORST_SETTINGS, Bounds
    from zsad.study import shifts

    assert get_args(get_args(shifts.Search)[0]) == SEARCHES
    assert get_args(shifts.WorstSetting) == WORST_SETTINGS
    assert get_args(shifts.Corruption) == CORRUPTIONS
    assert shifts.MAX_SEVERITY == MAX_SEVERITY
    assert Bounds(**shifts.Bounds().model_dump()) == Bounds()


def test_relative_paths_do_not_depend_on_the_working_directory(tmp_path, monkeypatch):
    before = load_study("quick", check_models=False).root_of("demo-mvtec")
    monkeypatch.chdir(tmp_path)
    assert load_study("quick", check_models=False).root_of("demo-mvtec") == before
    assert before.is_absolute()


OUTSIDE = """
suites: {mine: {root: pictures, reader: folder, categories: [nut]}}
data_root: data
detectors:
- {name: anomalyclip, options: {weights_folder: parts}, suite_options: {mine: {weights_folder: others}}}
- {name: april_gan, options: {trained_on: parts/mine.safetensors}, suite_options: {mine: {trained_on: demo-visa}}}
- {name: acr, options: {head: mine.safetensors}}
backbones: [demo-b, {name: mine, architecture: ViT-B-16, weights: mine.pt}]
"""


@pytest.mark.parametrize("way", ["study.yaml", "../outside/study.yaml", "../project/../outside/study.yaml"])
def test_relative_paths_start_at_the_folder_of_a_file_that_is_not_the_projects(tmp_path, monkeypatch, way):
    outside, project = tmp_path / "outside", tmp_path / "project"
    for folder in (outside, project / "study"):
        folder.mkdir(parents=True)
    (project / "Snakefile").touch()
    (outside / "study.yaml").write_text(OUTSIDE)
    monkeypatch.setattr("zsad.study.project.checkout", lambda: None)  # as where the package is installed
    for here in (outside,) if way == "study.yaml" else (project, outside):
        monkeypatch.chdir(here)
        study = load_study(way, check_models=False)
        assert study.data_root == outside / "data"
        assert study.own_weights["mine"].weights == outside / "mine.pt"
        prompts, layers, acr = study.detectors
        assert prompts.options["weights_folder"] == str(outside / "parts")
        assert prompts.on("mine").options["weights_folder"] == str(outside / "others")
        assert layers.options["trained_on"] == str(outside / "parts" / "mine.safetensors")
        assert layers.on("mine").options["trained_on"] == "demo-visa"
        assert acr.options["head"] == str(outside / "mine.safetensors")


def test_relative_paths_of_a_file_below_the_working_directory_start_at_its_folder_where_there_is_no_project(
    tmp_path, monkeypatch
):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "study.yaml").write_text(OUTSIDE)
    monkeypatch.setattr("zsad.study.project.checkout", lambda: None)
    monkeypatch.chdir(tmp_path)
    assert load_study("mine/study.yaml", check_models=False).data_root == tmp_path / "mine" / "data"


def test_relative_paths_of_a_file_of_the_project_start_at_its_root(tmp_path, monkeypatch):
    project, link = tmp_path / "project", tmp_path / "link"
    (project / "study").mkdir(parents=True)
    (project / "Snakefile").touch()
    (project / "study" / "mine.yaml").write_text(OUTSIDE)
    link.symlink_to(project)
    monkeypatch.setattr("zsad.study.project.checkout", lambda: project)
    monkeypatch.chdir("/")
    for way in ("mine", project / "study" / ".." / "study" / "mine.yaml", link / "study" / "mine.yaml"):
        assert load_study(way, check_models=False).data_root == project / "data"


def test_a_detector_runs_on_suites_of_the_study_only(tmp_path):
    with pytest.raises(ValueError, match=r"detectors.winclip.suites: 'nope' is not in this study; known: toys"):
        tiny_study(tmp_path, detectors=[{"name": "winclip", "suites": ["nope"]}])
    other = {"reader": "mvtec_ad", "root": "other"}
    suites = {"toys": {"reader": "mvtec_ad", "root": "toys"}, "other": other}
    study = tiny_study(tmp_path, suites=suites, detectors=["winclip", {"name": "tiling", "suites": ["other"]}])
    assert [detector.label for detector in study.detectors_on("toys")] == ["winclip"]
    # A suite named by hand is not one that the study left out.
    named = study.with_overrides(suite="toys")
    assert [detector.label for detector in named.detectors_on("toys")] == ["winclip", "tiling"]


@pytest.mark.parametrize(
    ("wrong", "right", "words"),
    [
        ("backbones: [demo-b]", "backbones: [demo-b]\nlimit: 4\nlimit: 5", "line 7: 'limit' is given twice; keep one"),
        ("reader: mvtec_ad,", "reader: mvtec_ad, reader: visa,", "line 3: 'reader' is given twice"),
        ("categories: [washer, nut]", "categories: [washer, nut, washer]", "categories: 'washer' is given twice"),
        ("heads: [nut]", "heads: [nut, nut]", "groups.heads: 'nut' is given twice"),
        ("backbones: [demo-b]", "backbones: [demo-b, demo-b]", "backbones: 'demo-b' is given twice"),
        ("severities: [1, 3]", "severities: [3, 3]", "severities: 3 is given twice"),
        ("settings: [angle, 3d]", "settings: [3d, 3d]", "settings: '3d' is given twice"),
        ("angle: [-10, 0, 10]", "angle: [0, 10, 10.0]", "angle"),
        ("detectors: [winclip]", "detectors: [winclip, winclip]", "called the same"),
        ("kinds: [contrast]", "kinds: [contrast, contrast]", "kinds: 'contrast' is given twice"),
    ],
)
def test_nothing_is_given_twice(tmp_path, wrong, right, words):
    assert wrong in GOOD
    with pytest.raises(StudyError) as caught:
        load_study(written(tmp_path, GOOD.replace(wrong, right)), check_models=False)
    assert words in str(caught.value)
    assert "mine.yaml" in str(caught.value)


def test_keys_that_are_merged_may_be_overridden(tmp_path):
    text = GOOD.replace(
        "worst: {settings: [angle, 3d], search: bayes_opt}",
        """
worst:
- &one {name: one, settings: [angle], search: bayes_opt}
- {<<: *one, name: two, settings: [hue]}
""",
    )
    study = load_study(written(tmp_path, text), check_models=False)
    assert [(block.name, block.settings) for block in study.worst] == [("one", ["angle"]), ("two", ["hue"])]


@pytest.mark.parametrize("name", ["../../x", "/etc", "a/b", "..", ".", "", " ", "a\\b", "a\nb"])
def test_names_that_lead_elsewhere_are_refused(tmp_path, name):
    """Names of suites, categories and backbones become parts of paths; they are checked whoever gives them."""
    suite = {"reader": "folder", "root": "toys", "categories": ["nut"]}
    with pytest.raises(ValueError, match="cannot be the name of a folder"):
        tiny_study(tmp_path, suites={name: suite}, sweeps={})
    with pytest.raises(ValueError, match="cannot be the name of a folder"):
        tiny_study(tmp_path, suites={"mine": {**suite, "categories": [name]}}, sweeps={})
    with pytest.raises(StudyError, match="cannot be the name of a folder"):
        tiny_study(tmp_path, suites={"mine": suite}, sweeps={}).with_overrides(category=name)
    with pytest.raises(ValueError, match=r"backbone .* cannot be the name of a folder"):
        tiny_study(tmp_path, backbones=[name])
    own = {"architecture": "ViT-B-16", "weights": "mine.pt"}
    with pytest.raises(ValueError, match=r"backbone .* cannot be the name of a folder"):
        tiny_study(tmp_path, own_weights={name: own})
    with pytest.raises(StudyError, match=r"backbone .* cannot be the name of a folder"):
        tiny_study(tmp_path).with_overrides(backbone={"name": name, **own})


def test_a_study_file_of_before_means_bayes_opt_by_refine(tmp_path):
    path = written(tmp_path, GOOD.replace("search: bayes_opt", "search: refine"))
    assert "search: refine" in path.read_text()
    assert [block.search for block in load_study(path, check_models=False).worst] == ["bayes_opt"]


KINDS = GOOD.replace("[winclip]", "[winclip, maeday, {name: maeday, label: mine, backbones: [demo-mae]}]")


def test_a_detector_runs_on_the_backbones_that_it_can_look_through(tmp_path):
    study = load_study(written(tmp_path, KINDS.replace("[demo-b]", "[demo-b, vit-mae-base, demo-l, demo-mae]")))
    first, other, mine = study.detectors
    assert study.runs_on(first) == ["demo-b", "demo-l"]
    assert study.runs_on(other) == ["vit-mae-base", "demo-mae"]
    assert study.runs_on(other, among=["demo-b", "demo-mae"]) == study.runs_on(mine) == ["demo-mae"]
    firsts = {"winclip": "demo-b", "maeday": "vit-mae-base", "mine": "demo-mae"}
    assert study.first_backbones(["winclip", "maeday", "mine"]) == firsts
    assert study.first_backbones(["winclip", "maeday"], ["demo-l", "demo-mae"]) == {
        "winclip": "demo-l", "maeday": "demo-mae",
    }  # fmt: skip
    assert study.backbones_on("toys") == ["demo-b", "demo-l", "vit-mae-base", "demo-mae"]
    asked = {(request.detector.label, request.backbone) for request in requests(study)}
    assert len(asked) == 5
    narrowed = study.with_overrides(backbone="demo-l")  # nothing is wrong with the others
    assert narrowed.first_backbones(firsts) == {"winclip": "demo-l"}


def test_a_detector_that_can_look_through_none_of_the_backbones_is_an_error(tmp_path):
    path = written(tmp_path, GOOD.replace("[winclip]", "[winclip, maeday]"))
    words = (
        "detectors.maeday: it can look through none of this study's backbones, demo-b; name one that it can: vit-mae"
    )
    with pytest.raises(StudyError, match=words):
        load_study(path)
    study = load_study(written(tmp_path, GOOD))
    with pytest.raises(StudyError, match="it can look through none"):
        study.with_overrides(detector="maeday")
