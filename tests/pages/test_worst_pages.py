"""The pages of worst cases: a real study of toys is searched, shown and concluded from; only the pictures are toys."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from toys import Reddish, load_reddish, tiny_study, write_suite

import zsad.study
from zsad.pages import worst as common
from zsad.pages.absent import say_absent
from zsad.pages.bounds import conclude, fare_pairs, show_bounds, show_uniform
from zsad.pages.maps import worst_map
from zsad.pages.search import comparable, searches_of_study, show_doublings, show_searches
from zsad.pages.worst import computed, kept, uniform_of
from zsad.pages.worst_choices import ablation_pairs, show_ablations
from zsad.pages.worst_gallery import choose, parameters_in_words
from zsad.pages.worst_parameters import counted, show_histograms
from zsad.study import compute
from zsad.study.evaluate import sizes_of
from zsad.study.kept import load_table
from zsad.study.notebook import Page
from zsad.study.shifts import Worst
from zsad.study.summary import drops

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
    compute(study, progress=False, loader=load_reddish)
    return study


@pytest.fixture
def page(study, tmp_path, monkeypatch):
    """A page whose records are computed with the toy detector."""
    with_toys = zsad.study.compute
    monkeypatch.setattr(zsad.study, "compute", lambda *a, **k: with_toys(*a, **k, loader=load_reddish, progress=False))
    return Page("worst_cases", study, {}, tmp_path)


def exports(page):
    return json.loads((page.folder / f"{page.name}.json").read_text())


def test_bounds_are_drawn_tabulated_and_concluded_from_their_records(page):
    cases = computed(page)
    assert cases.settings == ["angle", "saturation", "hue", "3d"]
    assert set(cases.clean["category"]) == {"washer"}
    show_bounds(page, cases, "Bounds")
    assert {item["id"] for item in exports(page)["items"]} == {
        "fig-worst-cases", "tab-worst-cases", "tab-worst-categories-demo-b"
    }  # fmt: skip
    shown = pd.read_csv(page.folder / "tables" / "tab-worst-categories-demo-b.csv").iloc[0]
    records = cases.records.set_index(["metric", "setting"])["estimate"]
    assert shown["AUPRO clean"] == pytest.approx(100 * records["aupro", "none"])
    assert shown["pAUROC 3D"] == pytest.approx(100 * records["pixel_auroc", "3d"])
    assert "FARE" in exports(page)["numbers"]["conclusion"]["text"]
    full = pd.read_csv(page.folder / "tables" / "tab-worst-cases.csv")
    assert (full["picture_auroc_worst"] <= full["picture_auroc_clean"]).all()  # the attacked criterion


def test_the_uniform_sweep_is_held_against_worst_cases_of_the_same_categories(page):
    cases = computed(page)
    show_uniform(page, cases, uniform_of(page, cases))
    (row,) = pd.read_csv(page.folder / "tables" / "tab-uniform-worst.csv").to_dict("records")
    assert (row["setting"], row["categories"]) == ("hue", 1)
    swept = compute(page.study, "uniform", "hue", progress=False, loader=load_reddish)
    assert row["AUPRO uniform"] == pytest.approx(100 * swept[swept["metric"] == "aupro"]["estimate"].min(), abs=0.051)


def test_parameters_are_counted_at_0_and_at_the_bound(page):
    cases = computed(page)
    show_histograms(page, cases)
    ids = {item["id"] for item in exports(page)["items"]}
    assert ids == {"fig-worst-angle", "fig-worst-hue", "fig-worst-saturation", "tab-worst-parameters"}
    samples = pd.DataFrame(
        {"suite": "toys", "backbone": "demo-b", "setting": "angle", "label": [True] * 4 + [False],
         "angle": [0.0, 4.0, -90.0, 45.0, 0.0]}
    )  # fmt: skip
    anomalous, normal = counted(cases, samples, "toys", "demo-b", "angle")
    shares = ("number", "at 0 [%]", "near 0 [%]", "at the bound [%]")
    assert [anomalous[name] for name in shares] == [4, 25, 50, 25]
    assert [normal[name] for name in shares] == [1, 100, 100, 0]
    round_the_circle = samples.assign(setting="hue", hue=np.pi)
    assert counted(cases, round_the_circle, "toys", "demo-b", "hue")[0]["at the bound [%]"] is None


def test_searches_that_differ_in_their_way_alone_are_compared_and_ablations_tabulated(page):
    found = searches_of_study(page)
    assert [cases.block.name for cases in comparable(found)] == ["default", "grid"]
    assert comparable(found[:1]) == []
    assert show_searches(page, found)
    assert not show_searches(page, found[2:], "-alone")
    assert show_doublings(page, found[0])
    show_ablations(page, found)
    content = exports(page)
    shown = {"fig-search", "fig-search-wins", "tab-search", "fig-doubling", "tab-ablations"}
    assert shown == {item["id"] for item in content["items"]}
    table = pd.read_csv(page.folder / "tables" / "tab-search.csv")
    assert set(table["other"]) == {"grid"}
    assert table.groupby(["criterion", "setting"])["forwards"].max().to_dict() == {
        ("auroc", "angle"): 8, ("auroc", "hue"): 8}  # fmt: skip
    assert (table["images"] == 10).all(), "normal images too, by their loss"
    assert "refine wins against grid on" in content["numbers"]["conclusion_search"]["text"]
    assert "of 2 comparisons" in content["numbers"]["short_search"]["text"]
    ablations = pd.read_csv(page.folder / "tables" / "tab-ablations.csv")
    assert set(ablations["instead"]) == {"align: mask"}


def test_records_without_each_image_s_tries_are_said_to_lack_them(page, monkeypatch):
    found = searches_of_study(page)
    monkeypatch.setattr("zsad.pages.search.load_sidecars", lambda *_: {"key": {"tables": ["samples"]}})
    assert not show_searches(page, found)
    assert not show_doublings(page, found[0])
    assert page.items == []


def test_an_ablation_changes_one_option_alone():
    blocks = [
        Worst(),
        Worst(name="a", criterion="loss"),
        Worst(name="b", criterion="loss", align="mask"),
        Worst(name="c", gradient="class_token"),
        Worst(name="d", search="adam"),
        Worst(name="e", search="adam", gradient="class_token"),
    ]
    names = {
        o: [(x.name, y.name) for x, y in ablation_pairs(blocks, o)] for o in ("criterion", "align", "gradient", "?")
    }
    assert names == {"criterion": [("default", "a")], "align": [("a", "b")], "gradient": [("d", "e")], "?": []}


def test_what_a_study_does_not_hold_is_said_to_be_absent(study, page, monkeypatch, capsys):
    page.study = study.model_copy(update={"worst": []})
    assert computed(page) is None
    assert searches_of_study(page) == []
    assert "Not in this study: worst cases." in say_absent(page, "worst cases")
    nothing_worst = pd.DataFrame({"shift": ["none"], "variant": ["default"], "detector": ["winclip"]})
    monkeypatch.setattr(common, "load_records", lambda name: nothing_worst)
    assert kept(page) is None


def test_a_kept_block_comes_with_its_clean_cells(page, monkeypatch):
    demo = page.study.model_copy(update={"name": "demo"})
    monkeypatch.setattr(common, "load_study", lambda name, check_models: demo)
    records = page.records()
    worst, clean = records[records["shift"] == "worst"], records[records["shift"] == "none"]
    renamed = worst[worst["variant"] == "default"].assign(variant=demo.worst[0].name)
    monkeypatch.setattr(common, "load_records", lambda name: pd.concat([renamed, clean]).assign(study="demo"))
    found = kept(page)
    assert found.suffix == "-demo"
    assert len(found.worst) == len(renamed)
    assert set(found.clean["category"]) == set(worst["category"])


def test_blocks_that_search_alike_are_one_and_a_category_counts_once(study, page, monkeypatch):
    """The second block has fewer pictures of one category more; the first keeps all of its own."""
    more = {"name": "more", "budget": 8, "over": ["washer", "metal_nut"], "limit": 4}
    both = study.with_overrides(worst=[*BLOCKS, more], name="demo")
    page.study = both
    found = computed(page)
    assert [block.name for block in found.blocks] == ["default", "more"]
    pictures = {"washer": 10, "metal_nut": 4}
    for records in (found.worst, found.clean):
        assert records.groupby("category")["n_images"].unique().map(list).to_dict() == {
            name: [count] for name, count in pictures.items()
        }
    assert not found.records.duplicated(["category", "metric", "setting"]).any()
    assert [found.limit_of("toys", name) for name in pictures] == [None, 4]
    assert "2 categories, 14 test images" in found.who
    monkeypatch.setattr(common, "load_study", lambda name, check_models: both)
    monkeypatch.setattr(common, "load_records", lambda name: page.records())
    joined = kept(page)
    assert joined.blocks == found.blocks
    keys = ["category", "metric", "setting"]
    assert joined.records.sort_values(keys)["key"].tolist() == found.records.sort_values(keys)["key"].tolist()
    assert set(kept(page, "more").worst["category"]) == set(pictures)


def test_uniform_values_are_held_only_against_worst_cases_of_the_same_pictures(page):
    cases = computed(page)
    fewer = cases.records.assign(n_images=4)
    show_uniform(page, common.replace(cases, records=fewer), uniform_of(page, cases))
    assert not (page.folder / "tables" / "tab-uniform-worst.csv").exists()


def three_backbones():
    """Records in which a FARE backbone falls less, and hue hurts more than rotation, for certain."""
    estimates = {"none": 0.9, "angle": 0.8, "saturation": 0.84, "hue": 0.5, "3d": 0.4}
    rows, draws = [], []
    for backbone, gain in (("m", 0.0), ("m-fare2", 0.05)):
        for setting, estimate in estimates.items():
            value = estimate + gain * (setting != "none")
            key = f"{backbone} {setting}"
            shift = "none" if setting == "none" else "worst"
            for metric in ("pixel_auroc", "aupro"):
                rows.append({"study": "t", "suite": "s", "category": "c", "detector": "d", "backbone": backbone,
                             "dtype": "float32", "shift": shift, "variant": "default", "setting": setting, "value": 0.0,
                             "metric": metric, "estimate": value, "key": key, "n_images": 10**9,
                             "n_anomalous": 5 * 10**8})  # fmt: skip
            noise = np.linspace(-0.01, 0.01, 50)
            draws.append(
                pd.DataFrame({"replicate": range(50), "pixel_auroc": value + noise, "aupro": value + noise, "key": key})
            )
    return pd.DataFrame(rows), pd.concat(draws)


def test_the_conclusion_names_what_hurts_most_and_the_fare_backbone(page):
    records, replicates = three_backbones()
    study = page.study.model_copy(update={"suites": {"s": None}, "backbones": ["m", "m-fare2"]})
    cases = common.WorstCases(study, (Worst(),), records)
    text = conclude(cases, drops(records, replicates, by=("suite", "backbone", "setting", "metric")), replicates)
    assert "by up to 50.0 points (50.0 to 50.0), 56 % of its value (3D (all three), m, s), and 8 of 8 drops" in text
    assert "hue in 4 of 4 (a case" in text
    assert "hue against rotation: hurts more in 4 of 4; saturation against rotation: hurts less in 4 of 4" in text
    assert "The drops of m-fare2 beside those of m: smaller in 8 of 8" in text
    assert fare_pairs(["ViT-L-14", "ViT-L-14-FARE2", "demo-l-fare2"]) == [("ViT-L-14-FARE2", "ViT-L-14")]


def test_what_hurts_more_than_one_other_does_not_hurt_more_than_every_other(page):
    """Hue lies clear of rotation, and level with saturation."""
    records, replicates = three_backbones()
    level = {"saturation": {"m": 0.5, "m-fare2": 0.55}}
    for setting, values in level.items():
        for backbone, value in values.items():
            records.loc[(records["setting"] == setting) & (records["backbone"] == backbone), "estimate"] = value + 1e-6
            rows = replicates["key"] == f"{backbone} {setting}"
            noise = np.linspace(0.01, -0.01, 50)
            replicates.loc[rows, "pixel_auroc"] = replicates.loc[rows, "aupro"] = value + noise
    study = page.study.model_copy(update={"suites": {"s": None}, "backbones": ["m", "m-fare2"]})
    cases = common.WorstCases(study, (Worst(),), records)
    text = conclude(cases, drops(records, replicates, by=("suite", "backbone", "setting", "metric")), replicates)
    assert "none for certain in 4 of 4 (a case" in text
    assert "hue against rotation: hurts more in 4 of 4" in text


def test_the_gallery_takes_the_median_and_the_largest_change():
    samples = pd.DataFrame(
        {"category": "c", "id": list("abcdef"), "label": [True] * 3 + [False] * 3,
         "clean_auroc": [0.9, 0.9, 0.9, np.nan, np.nan, np.nan], "auroc": [0.9, 0.1, 0.5, np.nan, np.nan, np.nan],
         "clean_loss": 0.0, "loss": [0, 0, 0, -0.3, -0.1, -0.2]}
    )  # fmt: skip
    assert [item.sample["id"] for item in choose(samples)] == ["c", "b", "f", "d"]
    assert [item.rule for item in choose(samples)][:2] == ["median drop of AUROC", "largest drop of AUROC"]
    assert len(choose(samples[samples["label"]])) == 2
    row = pd.Series({"angle": -45.0, "hue": np.pi / 2, "saturation": 0.25})
    assert parameters_in_words(row) == "−45°, +0.50 π, +0.25"


def test_a_replayed_worst_case_is_as_bad_as_recorded(study, page):
    from zsad.robustness.objective import segmentation_loss

    cases = computed(page)
    samples = load_table(cases.worst[cases.worst["setting"] == "3d"], "samples", study)
    moved = samples[(samples["angle"] != 0) & (samples["hue"] != 0)]
    assert len(moved)
    sample = moved.iloc[0]
    dataset = page.dataset("toys", "washer")
    shift = {name: float(sample[name]) for name in ("angle", "hue", "saturation")}
    found = worst_map(Reddish(), dataset, sizes_of(study), sample["id"], shift, study.rotation)
    shown = {name: torch.from_numpy(array) for name, array in found.items()}
    for heat, loss in (("map", sample["loss"]), ("clean_map", sample["clean_loss"])):
        assert float(segmentation_loss(shown[heat][None], shown["mask"][None])) == pytest.approx(float(loss), abs=1e-4)
    with pytest.raises(ValueError, match="no picture 'x'"):
        worst_map(Reddish(), dataset, sizes_of(study), "x", shift, study.rotation)
