"""The pages of worst cases, of a real study of toys that is searched: which records they take, and what their cells
show. Only the pictures are toys.
"""

import json

import pandas as pd
import pytest
import torch
from notebook_cells import run_cells, shown_on
from toys import Reddish, load_reddish, tiny_study, write_suite

import zsad.study
from book.tools import worst as loading
from book.tools.page import Page
from book.tools.probes.maps import worst_map
from book.tools.searches import CHOICES, budgets, choices, comparable, evaluations_of, searches_of
from book.tools.worst import cases_of, kept_cases, shown, sweeps_beside
from zsad.analysis.searches import comparisons, panels
from zsad.analysis.worst import drops_table, lowest_of_sweep, of_the_same_images, paired, worst_drops
from zsad.study import compute
from zsad.study.evaluate import sizes_of
from zsad.study.shifts import Worst

BLOCKS = [
    {"budget": 8, "over": ["washer"]},
    {"name": "grid", "search": "grid", "budget": 9, "settings": ["angle", "hue"], "over": ["washer"]},
    {"name": "mask", "align": "mask", "budget": 8, "settings": ["angle"], "over": ["washer"]},
]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    write_suite(folder / "data" / "toys")
    study = tiny_study(folder, worst=BLOCKS, sweeps={"over": ["washer"], "hue": [0.0, 1.0]})
    study.suites["toys"].groups["rotation_invariant"] = ["washer"]
    compute(study, progress=False, loader=load_reddish)
    return study


@pytest.fixture
def page(study, tmp_path, monkeypatch):
    """A page whose records are computed with the toy detector."""
    with_toys = zsad.study.compute
    monkeypatch.setattr(zsad.study, "compute", lambda *a, **k: with_toys(*a, **k, loader=load_reddish, progress=False))
    return Page("worst_cases", study, {}, tmp_path)


@pytest.fixture
def alone(page, monkeypatch):
    """A page beside which no other study is kept."""

    def missing(name):
        raise FileNotFoundError(name)

    monkeypatch.setattr(loading, "load_records", missing)
    return page


def test_the_page_of_drops_shows_its_records(alone, monkeypatch, capsys):
    variables = run_cells("worst_cases", alone, monkeypatch)
    ids, numbers = shown_on(alone)
    assert ids == {"fig-worst-cases", "tab-worst-cases", "tab-worst-categories-demo-b", "tab-uniform-worst"}
    tables = {id: pd.read_csv(alone.folder / "tables" / f"{id}.csv") for id in ids if id.startswith("tab")}
    (cases,) = variables["studies"]
    records = cases.records.set_index(["metric", "setting"])["estimate"]
    row = tables["tab-worst-categories-demo-b"].iloc[0]
    assert row["AUPRO clean"] == pytest.approx(100 * records["aupro", "none"])
    assert row["pAUROC 3D"] == pytest.approx(100 * records["pixel_auroc", "3d"])
    (row,) = tables["tab-uniform-worst"].to_dict("records")
    assert (row["setting"], row["categories"]) == ("hue", 1)
    assert row["AUPRO per image"] == pytest.approx(100 * records["aupro", "hue"], abs=0.051)
    assert set(numbers) == {"conclusion", "who", "pixel_auroc_drop", "aupro_drop", "uniform", "conclusion-demo"}
    assert "FARE" in numbers["conclusion"]
    assert numbers["conclusion-demo"].startswith("The records kept in `results/demo` hold no worst cases yet")


def test_the_page_of_parameters_shows_every_setting(alone, monkeypatch, capsys):
    run_cells("worst_parameters", alone, monkeypatch)
    ids, numbers = shown_on(alone)
    settings = ("angles", "angle", "hue", "saturation")
    assert ids == {*(f"fig-worst-{setting}" for setting in settings), "tab-worst-parameters"}
    assert numbers["conclusion"].startswith("Of 10 worst angles")


def test_the_page_of_searches_shows_those_of_its_study(alone, monkeypatch, capsys):
    run_cells("worst_search", alone, monkeypatch)
    ids, numbers = shown_on(alone)
    assert ids == {
        "fig-search-here", "fig-search-wins-here", "tab-search-here", "fig-doubling-here", "tab-ablations"
    }  # fmt: skip
    assert "bayes_opt wins against grid on" in numbers["conclusion_search-here"]
    assert "of 2 comparisons" in numbers["short_search-here"]
    assert "hold no comparison of searches yet" in numbers["conclusion_search"]
    assert "hold no search that goes on yet" in numbers["conclusion_doubling"]
    choices_shown = pd.read_csv(alone.folder / "tables" / "tab-ablations.csv")
    assert set(choices_shown["instead"]) == {"align: mask"}


def test_the_gallery_shows_what_the_rule_chose(alone, monkeypatch, capsys):
    monkeypatch.setattr("zsad.study.run.load_study_detector", lambda *_: Reddish())
    run_cells("worst_gallery", alone, monkeypatch)
    ids, _ = shown_on(alone)
    assert ids == {"fig-worst-toys", "tab-worst-gallery"}
    rows = pd.read_csv(alone.folder / "tables" / "tab-worst-gallery.csv")
    assert rows["chosen as"].tolist()[1::2] == ["largest drop of AUROC", "largest rise of the mean score"]
    assert (rows["loss at its worst"] <= rows["loss"] + 1e-6).iloc[2:].all()


def test_worst_cases_come_with_the_unshifted_cells_of_their_images(page):
    cases = cases_of(page)
    assert (cases.suites, cases.backbones) == (["toys"], ["demo-b"])
    assert cases.settings == ["angle", "saturation", "hue", "3d"]
    assert set(cases.records["category"]) == {"washer"}
    assert cases.records.groupby("setting")["shift"].unique().map(list)["none"] == ["none"]
    assert cases.who == (
        "winclip (float32), toys: 1 category, 10 test images; search bayes_opt with 8 evaluations an image, keeping "
        "that of the lowest pixel AUROC of the image"
    )
    assert cases.bounds["angle"] == 90
    table = worst_drops(cases.records, cases.replicates, cases.samples)
    assert len(drops_table(table)) == 4
    assert (table["per_image_auroc_worst"] <= table["per_image_auroc_clean"]).all(), "what the search looks at"
    assert [cases_of(page, block).settings for block in page.study.worst][1] == ["angle", "hue"]
    assert len(cases.rotation_invariant()) == len(cases.samples) == 40


def test_a_uniform_sweep_is_held_against_worst_cases_of_the_same_images(page):
    cases = cases_of(page)
    swept, bound = of_the_same_images(sweeps_beside(page, cases), cases.worst)
    pairs = paired(bound, lowest_of_sweep(swept), page.details("replicates", pd.concat([bound, swept])))
    assert pairs["setting"].tolist() == ["hue"] * 2
    lowest = swept[swept["metric"] == "aupro"]["estimate"].min()
    assert pairs.set_index("metric").loc["aupro", "second"] == pytest.approx(100 * lowest)
    no_sweeps = page.study.model_copy(update={"sweeps": [page.study.sweeps[0].model_copy(update={"hue": []})]})
    assert sweeps_beside(page, loading.WorstCases(no_sweeps, cases.blocks, cases.records)).empty


def test_what_is_not_there_is_said_and_kept_as_the_conclusion(study, page, monkeypatch, capsys):
    page.study = study.model_copy(update={"worst": []})
    nothing_worst = pd.DataFrame({"shift": ["none"], "variant": ["default"], "detector": ["winclip"]})
    monkeypatch.setattr(loading, "load_records", lambda name: nothing_worst)
    assert shown(page) == []
    said = json.loads((page.folder / "worst_cases.json").read_text())["numbers"]["conclusion-demo"]["text"]
    assert said.startswith("The records kept in `results/demo` hold no worst cases yet")
    page.study, page.overrides = study, {"limit": "4"}
    assert [cases.suffix for cases in shown(page)] == [""], "other parameters than the book's show no demo study"


def test_a_kept_block_comes_with_its_clean_cells(page, monkeypatch):
    demo = page.study.model_copy(update={"name": "demo"})
    monkeypatch.setattr(loading, "load_study", lambda name, check_models: demo)
    records = page.records()
    worst, clean = records[records["shift"] == "worst"], records[records["shift"] == "none"]
    first = worst[worst["variant"] == "default"]
    monkeypatch.setattr(loading, "load_records", lambda name: pd.concat([first, clean]).assign(study="demo"))
    found = kept_cases(page)
    assert found.suffix == "-demo"
    assert len(found.worst) == len(first)
    assert set(found.records["category"]) == set(worst["category"])


def test_blocks_that_search_alike_are_one_and_a_category_counts_once(study, page, monkeypatch):
    """The second block has fewer images of one category more; the first keeps all of its own."""
    more = {"name": "more", "budget": 8, "over": ["washer", "metal_nut"], "limit": 4}
    both = study.with_overrides(worst=[*BLOCKS, more], name="demo")
    page.study = both
    found = cases_of(page)
    assert [block.name for block in found.blocks] == ["default", "more"]
    images = {"washer": 10, "metal_nut": 4}
    for _, records in found.records.groupby("shift"):
        assert records.groupby("category")["n_images"].unique().map(list).to_dict() == {
            name: [count] for name, count in images.items()
        }
    assert not found.records.duplicated(["category", "metric", "setting"]).any()
    assert [len(found.dataset("toys", name)) for name in images] == [10, 4]
    assert "2 categories, 14 test images" in found.who
    monkeypatch.setattr(loading, "load_study", lambda name, check_models: both)
    monkeypatch.setattr(loading, "load_records", lambda name: page.records())
    joined = kept_cases(page)
    assert joined.blocks == found.blocks
    keys = ["category", "metric", "setting"]
    assert joined.records.sort_values(keys)["key"].tolist() == found.records.sort_values(keys)["key"].tolist()
    assert set(kept_cases(page, "more").worst["category"]) == set(images)


def test_searches_that_differ_in_their_way_alone_are_compared(page):
    found = searches_of(page)
    group = comparable(found)
    assert [cases.block.name for cases in group] == ["default", "grid"]
    assert comparable(found[:1]) == []
    assert [(one.block.name, two.block.name) for one, two in choices(found, "align")] == [("default", "mask")]
    assert budgets(group) == "bayes_opt 8; grid 9"
    evaluations = evaluations_of(group)
    assert set(evaluations["search"]) == {"bayes_opt", "grid"}
    table = comparisons(panels(evaluations))
    assert set(table["other"]) == {"grid"}
    assert table.groupby(["criterion", "setting"])["forwards"].max().to_dict() == {
        ("auroc", "angle"): 8, ("auroc", "hue"): 8
    }  # fmt: skip
    assert (table["images"] == 10).all(), "normal images too, by their loss"


def test_records_without_each_image_s_evaluations_have_no_searches_to_compare(page, monkeypatch):
    monkeypatch.setattr("book.tools.searches.load_sidecars", lambda *_: {"key": {"tables": ["samples"]}})
    evaluations = evaluations_of(searches_of(page))
    assert evaluations.empty
    assert panels(evaluations) == []
    assert not evaluations["auroc"].notna().any()


def test_a_choice_changes_one_option_alone(study):
    blocks = [
        Worst(),
        Worst(name="a", criterion="loss"),
        Worst(name="b", criterion="loss", align="mask"),
        Worst(name="c", gradient="class_token"),
        Worst(name="d", search="adam"),
        Worst(name="e", search="adam", gradient="class_token"),
    ]
    cases = [loading.WorstCases(study, (block,), pd.DataFrame()) for block in blocks]
    names = {
        option: [(first.block.name, second.block.name) for first, second in choices(cases, option)]
        for option in CHOICES
    }
    assert names == {
        "criterion": [("default", "a")], "align": [("a", "b")], "gradient": [("d", "e")], "corners": []
    }  # fmt: skip


def test_a_replayed_worst_case_is_as_bad_as_recorded(study, page):
    from zsad.robustness.objective import segmentation_loss

    cases = cases_of(page)
    samples = cases.samples[cases.samples["setting"] == "3d"]
    sample = samples[(samples["angle"] != 0) & (samples["hue"] != 0)].iloc[0]
    dataset = cases.dataset("toys", "washer")
    shift = {name: float(sample[name]) for name in ("angle", "hue", "saturation")}
    found = worst_map(Reddish(), dataset, sizes_of(study), sample["id"], shift, study.rotation)
    seen = {name: torch.from_numpy(array) for name, array in found.items()}
    for heat, loss in (("map", sample["loss"]), ("clean_map", sample["clean_loss"])):
        assert float(segmentation_loss(seen[heat][None], seen["mask"][None])) == pytest.approx(float(loss), abs=1e-4)
    with pytest.raises(ValueError, match="no picture 'x'"):
        worst_map(Reddish(), dataset, sizes_of(study), "x", shift, study.rotation)
