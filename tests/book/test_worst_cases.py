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
from book.tools.worst import cases_of, kept_cases, of_all_categories, shown, sweeps_beside
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


def test_the_page_of_drops_shows_its_records(page, monkeypatch, capsys):
    variables = run_cells("worst_cases", page, monkeypatch)
    ids, numbers = shown_on(page)
    figures = {"fig-worst-image", "fig-worst-cases"}
    assert ids == figures | {"tab-worst-cases", "tab-worst-categories-demo-b", "tab-uniform-worst"}
    tables = {id: pd.read_csv(page.folder / "tables" / f"{id}.csv") for id in ids if id.startswith("tab")}
    (cases,) = variables["studies"]
    records = cases.records.set_index(["metric", "setting"])["estimate"]
    row = tables["tab-worst-categories-demo-b"].iloc[0]
    assert row["AUPRO clean"] == pytest.approx(100 * records["aupro", "none"])
    assert row["pAUROC 3D"] == pytest.approx(100 * records["pixel_auroc", "3d"])
    (row,) = tables["tab-uniform-worst"].to_dict("records")
    assert (row["setting"], row["categories"]) == ("hue", 1)
    assert row["AUPRO per image"] == pytest.approx(100 * records["aupro", "hue"], abs=0.051)
    assert set(numbers) == {"conclusion", "compared", "who", "pixel_auroc_drop", "aupro_drop", "uniform"}
    assert "FARE" in numbers["compared"]
    assert (
        "searched for each image by itself, on 10 test images of 1 product of toys: Image AUROC"
        in (numbers["conclusion"])
    )


def test_the_page_of_parameters_shows_every_setting(page, monkeypatch, capsys):
    run_cells("worst_parameters", page, monkeypatch)
    ids, numbers = shown_on(page)
    settings = ("angles", "angle", "hue", "saturation")
    assert ids == {*(f"fig-worst-{setting}" for setting in settings), "tab-worst-parameters"}
    assert numbers["conclusion"].startswith("Searched by itself, the worst angle lies near 0 for ")
    assert numbers["counted"].startswith("Of 10 worst angles")


def test_the_page_of_searches_shows_those_of_its_study(page, monkeypatch, capsys):
    variables = run_cells("worst_search", page, monkeypatch)
    assert "an evaluation with a gradient (adam) counts 3 in float32." in variables["spent"]
    ids, numbers = shown_on(page)
    assert ids == {
        "fig-search", "fig-search-wins", "tab-search", "fig-doubling", "tab-ablations"
    }  # fmt: skip
    assert "bayes_opt wins against grid on" in numbers["conclusion_search"]
    assert "of 2 comparisons" in numbers["short_search"]
    choices_shown = pd.read_csv(page.folder / "tables" / "tab-ablations.csv")
    assert set(choices_shown["instead"]) == {"align: mask"}


def test_the_gallery_shows_what_the_rule_chose(page, monkeypatch, capsys):
    monkeypatch.setattr("zsad.study.run.load_study_detector", lambda *_: Reddish())
    run_cells("worst_gallery", page, monkeypatch)
    ids, _ = shown_on(page)
    assert ids == {"fig-worst-toys", "tab-worst-gallery"}
    rows = pd.read_csv(page.folder / "tables" / "tab-worst-gallery.csv")
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


def test_a_backbone_that_lacks_categories_is_not_set_beside_one_that_has_them(page):
    """In one setting it has all, in another it lacks one: its unshifted images stay, those of a third backbone go."""
    one = cases_of(page).records
    washers = [one.assign(backbone=name, key=one["key"] + name) for name in ("whole", "partial", "begun")]
    nuts = [records.assign(category="metal_nut", key=records["key"] + " nut") for records in washers[:2]]
    nuts[1] = nuts[1][nuts[1]["setting"] != "3d"]
    records, said = of_all_categories(pd.concat([*washers, *nuts], ignore_index=True))
    assert said == (
        "Begun, and not shown beside what is whole: 3D (all three) on partial, 1 of 2 products of toys; rotation on "
        "begun, 1 of 2 products of toys; saturation on begun, 1 of 2 products of toys; hue on begun, 1 of 2 products "
        "of toys; 3D (all three) on begun, 1 of 2 products of toys."
    )
    kept = records.groupby(["backbone", "setting"])["category"].nunique()
    assert set(kept) == {2}
    assert set(kept["whole"].index) == {"none", "angle", "saturation", "hue", "3d"}
    assert set(kept["partial"].index) == {"none", "angle", "saturation", "hue"}
    assert "begun" not in kept
    again, said = of_all_categories(records)
    assert said == ""
    assert again is records


def test_what_is_left_out_is_said_behind_the_finding(page, monkeypatch):
    monkeypatch.setattr("book.tools.worst.of_all_categories", lambda records: (records, "Begun: `a` < b."))
    said = []
    monkeypatch.setattr("book.tools.unkept.display", lambda note, **_: said.append(note.data))
    shown(page)
    assert said == []
    page.finding("What was found.")
    assert said == [
        '<details class="zsad-lacking"><summary>Some results are left out on this page</summary>Begun: <code>a</code> '
        "&lt; b.</details>"
    ]


def test_a_uniform_sweep_is_held_against_worst_cases_of_the_same_images(page):
    cases = cases_of(page)
    swept, bound = of_the_same_images(sweeps_beside(page, cases), cases.worst)
    pairs = paired(bound, lowest_of_sweep(swept), page.details("replicates", pd.concat([bound, swept])))
    assert pairs["setting"].tolist() == ["hue"] * 2
    lowest = swept[swept["metric"] == "aupro"]["estimate"].min()
    assert pairs.set_index("metric").loc["aupro", "second"] == pytest.approx(100 * lowest)
    no_sweeps = page.study.model_copy(update={"sweeps": [page.study.sweeps[0].model_copy(update={"hue": []})]})
    assert sweeps_beside(page, loading.WorstCases(no_sweeps, cases.blocks, cases.records)).empty


@pytest.fixture
def kept(page, monkeypatch):
    """Gives a page whose study is kept, of some blocks alone, and computes nothing."""

    def keep(*names):
        records = page.records()
        there = records[(records["shift"] == "none") | records["variant"].isin(names)]
        monkeypatch.setattr("zsad.study.kept.load_records", lambda study: there)
        monkeypatch.setattr("book.tools.page.is_kept", lambda name: True)
        monkeypatch.setattr(zsad.study, "compute", None)
        return Page("worst_cases", page.study, {}, page.folder)

    return keep


def test_what_is_not_there_is_said_and_kept_as_the_conclusion(study, page, kept, capsys):
    page.study = study.model_copy(update={"worst": []})
    assert shown(page) == []
    assert page.numbers["conclusion"]["text"].startswith("Not in this study: worst cases")
    page.study = study
    nothing = kept()
    assert shown(nothing) == []
    said = json.loads((nothing.folder / "worst_cases.json").read_text())["numbers"]["conclusion"]["text"]
    assert said.startswith("The records kept in `results/tiny` hold no worst cases yet")


def test_the_first_block_of_which_something_is_kept_is_shown(kept, capsys):
    (cases,) = shown(kept("grid", "mask"))
    assert [block.name for block in cases.blocks] == ["grid"]
    assert cases.settings == ["angle", "hue"]
    assert set(cases.records["shift"]) == {"none", "worst"}


@pytest.mark.parametrize("name", ["worst_cases", "worst_parameters", "worst_gallery", "worst_search"])
def test_pages_of_which_nothing_is_kept_say_so(name, kept, monkeypatch, capsys):
    monkeypatch.setattr(
        "book.tools.worst.load_records", lambda study: pd.DataFrame(columns=["shift", "variant", "detector"])
    )
    page = kept()
    run_cells(name, page, monkeypatch)
    ids, numbers = shown_on(page)
    assert ids == set()
    assert all("yet; `zsad run" in text for text in numbers.values())


def test_a_block_of_another_study_comes_with_its_clean_cells(page, monkeypatch):
    records = page.records()
    worst, clean = records[records["shift"] == "worst"], records[records["shift"] == "none"]
    first = worst[worst["variant"] == "default"]
    monkeypatch.setattr(loading, "load_records", lambda name: pd.concat([first, clean]))
    found = kept_cases(page, page.study, page.study.worst[0])
    assert len(found.worst) == len(first)
    assert set(found.records["category"]) == set(worst["category"])
    assert kept_cases(page, page.study, page.study.worst[1]) is None


def test_blocks_that_search_alike_are_one_and_a_category_counts_once(study, page):
    """The second block has fewer images of one category more; the first keeps all of its own."""
    more = {"name": "more", "budget": 8, "over": ["washer", "metal_nut"], "limit": 4}
    both = study.with_overrides(worst=[*BLOCKS, more])
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


def test_searches_that_differ_in_their_way_page_are_compared(page):
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


def test_a_choice_changes_one_option_page(study):
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
