"""What a notebook's parameters make of a study: never something invalid that the caller did not name."""

import re
from itertools import combinations, product
from pathlib import Path

import pytest
from toys import tiny_study, write_suite

from book.tools.execute import convert, known_parameters
from zsad.study import StudyError, load_study
from zsad.study.cells import Selection, requests
from zsad.study.checks import check_models
from zsad.study.project import project_root
from zsad.study.suites import KNOWN_SUITES

VALUES = {
    "suite": ["demo-mvtec", "demo-visa", "demo-aebad-view", "mvtec_ad", "visa", "aebad-same"],
    "category": ["biscuit", "beans", "washer", "metal_nut", "pcb1", "AeBAD_S", "all"],
    "backbone": ["demo-b", "demo-l-fare2", "ViT-L-14"],
    "device": ["cuda"],
    "data_root": ["somewhere"],
    "limit": [2, 30],
    "options": [{"temperature": 0.5}, "{winclip: {average: raw}}"],
}


def test_the_values_are_for_the_parameters_that_notebooks_have():
    sources = sorted((project_root() / "notebooks").glob("*.py"))
    for source in sources:
        assert {"study", *VALUES} <= set(known_parameters(convert(source))), source.name


@pytest.mark.parametrize("name", ["quick", "demo", "paper"])
def test_parameters_alone_and_in_pairs_give_a_study_or_name_what_was_given(name):
    study = load_study(name)
    met = [field for field in VALUES if field != "device"]  # which stands for itself: nothing else reads it
    chosen = [(field,) for field in VALUES] + list(combinations(met, 2))
    valid, refused = 0, []
    for fields in chosen:
        for values in product(*(VALUES[field] for field in fields)):
            given = dict(zip(fields, values, strict=True))
            try:
                narrowed = study.with_overrides(**given)
            except StudyError as error:
                refused.append((given, str(error)))
                continue
            valid += 1
            listed = all(config.listed is not None for config in narrowed.suites.values())
            # Unshifted of one detector, since a study has many thousands; a study with nothing left raises.
            assert not listed or requests(narrowed, Selection(detectors=["winclip"], shift="none")), given
    assert valid > 140
    for given, message in refused:
        assert message.startswith(f"unknown category {given['category']!r}; known: "), given


@pytest.mark.parametrize(
    ("name", "category", "suites"),
    [
        ("quick", "biscuit", ["demo-mvtec"]),
        ("demo", "beans", ["demo-visa"]),
        ("quick", "blade", ["demo-aebad-same", "demo-aebad-background", "demo-aebad-illumination", "demo-aebad-view"]),
        ("paper", "metal_nut", ["mvtec_ad"]),
        ("paper", "pcb1", ["visa"]),
    ],
)
def test_a_category_alone_finds_its_suites(name, category, suites):
    study = load_study(name, check_models=False).with_overrides(category=category)
    assert list(study.suites) == suites
    assert all(study.categories_of(suite) == [category] for suite in suites)
    assert {d.label for d in study.detectors if study.detectors_on(suites[0])} == {d.label for d in study.detectors}


def test_a_category_that_no_suite_lists_needs_its_suite_named():
    study = load_study("paper", check_models=False)
    with pytest.raises(StudyError, match=r"unknown category 'pcb9'; known: mvtec_ad: bottle, .*visa: candle"):
        study.with_overrides(category="pcb9")
    assert study.with_overrides(suite="visa", category="pcb9").categories_of("visa") == ["pcb9"]


def test_a_name_that_came_as_a_number_is_taken_where_it_is_one_and_explained_where_not(tmp_path):
    write_suite(tmp_path / "data" / "toys")
    (tmp_path / "data" / "toys" / "washer").rename(tmp_path / "data" / "toys" / "7")
    (tmp_path / "data" / "toys" / "metal_nut").rename(tmp_path / "data" / "toys" / "01")
    study = tiny_study(tmp_path, sweeps={})
    assert study.with_overrides(category=7).categories_of("toys") == ["7"]
    assert study.with_overrides(category="01").categories_of("toys") == ["01"]
    with pytest.raises(StudyError, match=r"category: a name is needed, not the int 1.*papermill -r category 01"):
        study.with_overrides(category=1)
    with pytest.raises(StudyError, match=r"backbone: a name is needed, not the float 1\.5"):
        study.with_overrides(backbone=1.5)
    with pytest.raises(StudyError, match="suite: a name is needed, not the bool True"):
        study.with_overrides(suite=True)
    with pytest.raises(StudyError, match="study: a name is needed, not the int 1"):
        load_study(1)


def test_options_of_a_suite_go_with_it_and_yield_to_those_that_are_given(tmp_path):
    suites = {name: {"reader": "mvtec_ad", "root": name} for name in ("toys", "others")}
    detector = {"name": "clip", "suite_options": {"others": {"temperature": 2.0, "map": "score"}}}
    study = tiny_study(tmp_path, suites=suites, detectors=[detector], sweeps={})
    assert [d.options for d in study.detectors_on("toys")] == [{}]
    assert [d.options for d in study.detectors_on("others")] == [{"temperature": 2.0, "map": "score"}]
    assert study.with_overrides(suite="toys").detectors[0].suite_options == {}
    given = study.with_overrides(options={"temperature": 3.0})
    assert given.detectors_on("others")[0].options == {"temperature": 3.0, "map": "score"}
    wrong = {**detector, "suite_options": {"other": {}}}
    with pytest.raises(ValueError, match=r"clip\.suite_options: 'other' is not in this study; known: toys, others"):
        tiny_study(tmp_path, suites=suites, detectors=[wrong], sweeps={})
    odd = {**detector, "suite_options": {"others": {"temperature": "hot"}}}
    with pytest.raises(StudyError, match=r"detectors\.clip\.suite_options\.others: temperature must be a number"):
        check_models(tiny_study(tmp_path, suites=suites, detectors=[odd], sweeps={}))


def test_options_go_to_every_detector_that_has_them_or_to_one():
    study = load_study("quick")
    changed = study.with_overrides(options="{temperature: 0.5, sentences: 20}")
    options = {d.label: d.options for d in changed.detectors}
    assert options["winclip"] == {"temperature": 0.5}
    assert options["rwda"] == {"sentences": 20, "temperature": 0.5}
    assert options["tiling"]["temperature"] == 0.5
    assert options["tiling"]["sam"] == {d.label: d.options for d in study.detectors}["tiling"]["sam"]
    one = study.with_overrides(options={"tiling": {"average": "embedding"}, "winclip": {"average": "raw"}})
    assert {d.label: d.options.get("average") for d in one.detectors} == {
        **dict.fromkeys(d.label for d in study.detectors),
        **dict.fromkeys(("tiling", "clipseg alone", "DIS alone"), "embedding"),
        "winclip": "raw",
    }
    only = study.with_overrides(options={"DIS alone": {"threshold": 0.2}})
    assert [d.label for d in only.detectors if d.options.get("threshold") == 0.2] == ["DIS alone"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tau": 1}, ["no detector of this study has 'tau'", "winclip: templates,", "rwda: "]),
        ({"average": "raw"}, ["tiling", "average must be 'cosines', 'embedding' or", "options = {tiling: ...}"]),
        ({"temperature": 0}, ["winclip", "temperature must be a number from 0.0001"]),
        ({"temperature": float("inf")}, ["temperature must be a finite number"]),
        ({"temperature": "hot"}, ["temperature must be a number", "'hot'"]),
        ({"winclip": {"sentences": 20}}, ["winclip has no option 'sentences'", "templates"]),
        ("[1", ["not valid YAML"]),
        ("temperature", ["a mapping is needed", "temperature: 0.01"]),
        ({"rwda": 3}, ["under rwda", "a mapping is needed"]),
    ],
)
def test_options_that_do_not_exist_or_do_not_fit_are_named(options, words):
    with pytest.raises(StudyError) as raised:
        load_study("quick").with_overrides(options=options)
    for word in words:
        assert word in str(raised.value)


def test_overrides_know_every_suite():
    assert set(VALUES["suite"]) <= set(KNOWN_SUITES)


def test_a_data_root_starts_where_it_was_given(tmp_path, monkeypatch):
    study = load_study("quick", check_models=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert study.with_overrides(data_root="mine").root_of("demo-mvtec") == tmp_path / "mine" / "demo-mvtec"
    assert study.with_overrides(data_root="~/mine").data_root == tmp_path / "home" / "mine"
    with pytest.raises(ValueError, match=r"~nobody-here/x: there is no such user"):
        study.with_overrides(data_root="~nobody-here/x")


def test_folders_of_a_study_file_start_at_the_project_or_at_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    text = """
suites: {parts: {reader: folder, root: ~/parts, categories: [bracket]}}
detectors: [{name: winclip, options: {text_cache: texts}}, {name: clip, options: {text_cache: ~/texts}}]
backbones: [demo-b]
data_root: data
records_root: ~/records
"""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "mine.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    study = load_study(Path("elsewhere/mine.yaml"))
    assert study.data_root == folder / "data"
    assert study.records_root == tmp_path / "home" / "records"
    assert study.cache_root == Path("build/cache"), "what the file does not give is the project's"
    assert study.root_of("parts") == tmp_path / "home" / "parts"
    assert [d.options["text_cache"] for d in study.detectors] == [
        str(folder / "texts"),
        str(tmp_path / "home" / "texts"),
    ]
    monkeypatch.setenv("HOME", str(folder))
    assert load_study("~/mine.yaml").data_root == study.data_root
    assert load_study("paper", check_models=False).root_of("visa") == project_root() / "data" / "visa"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("resolution", 0, "resolution: must be at least 8 or must be 'native', not 0"),
        ("resolution", -240, "resolution: must be at least 8 or must be 'native', not -240"),
        ("batch_size", 0, "batch_size: must be at least 1, not 0"),
        ("limit", 0, "limit: must be at least 2, not 0"),
        ("limit", "many", "limit: must be a whole number, not 'many'"),
        ("bootstrap", 10**12, "bootstrap: must be at most 100000, not 1000000000000"),
        ("seed", -1, "seed: must be at least 0, not -1"),
        ("fpr_limit", float("nan"), "fpr_limit: must be"),
        ("fpr_limit", 2, "fpr_limit: must be at most 1.0, not 2"),
        ("dtype", "float8", "dtype: must be 'float32' or 'bfloat16', not 'float8'"),
        ("backbones", "demo-b", "backbones: must be a list, not 'demo-b'"),
        ("sweeps", 3, "sweeps.0: must be a mapping of fields to values, not 3"),
        ("worst", [{"budget": 10**12}], "worst.0.budget: must be at most 1000000"),
        ("worst", [{"over": 5}], "worst.0.over: must be a list or must be text, not 5"),
    ],
)
def test_a_number_or_a_kind_that_cannot_be_is_said_in_plain_words(field, value, words):
    study = load_study("quick", check_models=False)
    with pytest.raises(StudyError, match=re.escape(words)) as raised:
        study.with_overrides(**{field: value})
    assert "Input should" not in str(raised.value)
