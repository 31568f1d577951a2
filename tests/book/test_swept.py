"""The pages of uniform shifts, on toys: which records they take, and what their cells show."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from notebook_cells import order_on, run_cells, shown_on
from toys import load_reddish, tiny_study, write_suite

import zsad.study
from book.tools.page import Page
from book.tools.swept import cracked, shown_category, swept_categories
from zsad.study import compute
from zsad.study.load import load_study


@pytest.fixture
def page(tmp_path, monkeypatch):
    write_suite(tmp_path / "data" / "toys")
    study = tiny_study(tmp_path)  # sweeps the washer alone
    monkeypatch.setattr(zsad.study, "compute", lambda *a, **k: compute(*a, **k, loader=load_reddish, progress=False))
    return Page("rotation", study, {"limit": "10"}, tmp_path / "page")


def test_the_categories_shown_are_those_without_upright_pose_that_the_study_sweeps(page):
    assert swept_categories(page.study, "toys") == ["washer"]
    page.study.suites["toys"].groups["rotation_invariant"] = ["metal_nut"]
    assert swept_categories(page.study, "toys") == ["washer"], "no rotation-invariant category is swept"
    demo = load_study("demo", check_models=False)
    assert swept_categories(demo, "demo-mvtec") == demo.suites["demo-mvtec"].groups["rotation_invariant"]
    nothing = page.study.model_copy(update={"sweeps": [page.study.sweeps[0].model_copy(update={"over": ["screw"]})]})
    assert swept_categories(nothing, "toys") == []
    assert shown_category(nothing, "toys") == nothing.categories_of("toys")[0]
    assert shown_category(page.study, "toys") == "washer"


def test_the_first_figure_is_of_the_largest_crack_where_there_is_one(page):
    def read(category):
        return page.dataset("toys", category)

    dataset, place = cracked(page.study, "toys", read)
    assert (dataset.category, dataset.labels[place]) == ("washer", True), "no toy is cracked"
    root, swept = page.study.root_of("toys") / "metal_nut", {"over": ["washer", "metal_nut"], "angle": [0.0, 30.0]}
    for folder in ("test", "ground_truth"):
        (root / folder / "stain").rename(root / folder / "crack")
        (root / folder / "hole").rename(root / folder / "bend")  # comes before
    page.study = tiny_study(page.study.data_root.parent, sweeps=swept)
    dataset, place = cracked(page.study, "toys", read)
    assert (dataset.category, dataset.defects[place]) == ("metal_nut", "crack"), "not the first, which has none"
    sizes = [int(dataset[i].mask.sum()) for i, defect in enumerate(dataset.defects) if defect == "crack"]
    assert int(dataset[place].mask.sum()) == max(sizes)


def test_a_page_that_shows_kept_records_says_what_is_not_kept(page, monkeypatch):
    nothing = compute(page.study, "uniform", "angle", loader=load_reddish, progress=False)[:0]
    monkeypatch.setattr(page, "records", lambda *a, **k: nothing)
    monkeypatch.setattr(Page, "shows_kept", True)
    run_cells("uniform", page, monkeypatch)
    ids, numbers = shown_on(page)
    assert not ids
    assert numbers["conclusion"].startswith(f"The records kept in `results/{page.study.name}` hold no sweep of angle")


def test_the_page_of_a_sweep_shows_its_figure_its_drop_and_its_means(page, monkeypatch):
    run_cells("uniform", page, monkeypatch)
    page.name = "uniform"
    content = json.loads((page.folder / "uniform.json").read_text())
    assert [item["id"] for item in content["items"]] == ["fig-rotation-image", "fig-rotation", "tab-rotation"]
    assert {"conclusion", "pixel", "who", "aupro_drop", "aupro_clean", "aupro_worst", "pixel_auroc_drop"} <= set(
        content["numbers"]
    )
    table = pd.read_csv(page.folder / "tables" / "tab-rotation.csv")
    assert table["rotation angle [degrees]"].tolist() == [-30, 0, 30]
    records = compute(page.study, "uniform", "angle", loader=load_reddish, progress=False)
    aupro = records[records["metric"] == "aupro"].set_index("value")["estimate"]
    assert table["AUPRO mean"].tolist() == pytest.approx([100 * aupro[v] for v in (-30, 0, 30)])
    assert table["AUPRO washer"].tolist() == pytest.approx([100 * aupro[v] for v in (-30, 0, 30)])


def test_a_page_takes_every_setting_that_is_swept_and_refuses_others_by_name(page, monkeypatch):
    page.study = tiny_study(page.study.records_root.parent, sweeps={"over": ["washer"], "exposure": [-1.0, 0.0, 1.0]})
    run_cells("uniform", page, monkeypatch, setting="exposure")
    assert shown_on(page)[0] == {"fig-exposure-image", "fig-exposure", "tab-exposure"}
    with pytest.raises(ValueError, match="unknown setting 'angel'; known: angle, hue, saturation, exposure, white_bal"):
        run_cells("uniform", page, monkeypatch, setting="angel")


def test_the_finding_stands_first_then_the_image_level_and_numbers_are_folded(page, monkeypatch):
    assert order_on("uniform", page, monkeypatch) == ["finding", "fig-rotation-image", "fig-rotation", "> tab-rotation"]
    _, numbers = shown_on(page)
    records = compute(page.study, "uniform", "angle", loader=load_reddish, progress=False)
    aurocs = records[records["metric"] == "image_auroc"].set_index("value")["estimate"]
    turned = 100 * (aurocs[-30] + aurocs[30]) / 2
    assert f"from {100 * aurocs[0]:.1f} to {turned:.1f} %" in numbers["conclusion"]
    assert "False alarms and misses: not known" in numbers["conclusion"], "nothing is kept of training images"
    assert "Means over 2 turns from −30 degrees to +30 degrees, on 10 test images of 1 product" in numbers["conclusion"]


def test_false_alarms_at_the_threshold_stand_beside_auroc(page, monkeypatch):
    good = write_suite(page.folder / "others", normal=6, seed=1) / "washer" / "test" / "good"
    root = page.study.data_root
    shutil.copytree(good, Path(root) / "toys" / "washer" / "train" / "good")
    page.study = page.study.model_copy(update={"training": 6})
    variables = run_cells("uniform", page, monkeypatch)
    conclusion = shown_on(page)[1]["conclusion"]
    alarms = variables["cost"].set_index("metric").loc["false_alarms"]
    assert f"from {alarms['before']:.1f} to {alarms['after']:.1f} %" in conclusion
    decided = variables["decided"].query("metric == 'false_alarms' and rule == 'training images'").set_index("value")
    assert alarms["after"] == pytest.approx(50 * (decided["estimate"][-30] + decided["estimate"][30]))
    table = pd.read_csv(page.folder / "tables" / "tab-rotation.csv")
    assert table["false alarms mean"].tolist() == pytest.approx([100 * decided["estimate"][v] for v in (-30, 0, 30)])


def test_the_page_of_rotations_shows_the_corners_counted_and_left_out(page, monkeypatch):
    own = tiny_study(page.study.records_root.parent).sweeps[0]
    block = own.model_copy(update={"name": "corners left out", "corners": "left out", "hue": []})
    page.study = page.study.model_copy(update={"sweeps": [own, block]})
    variables = run_cells("uniform", page, monkeypatch)
    ids, numbers = shown_on(page)
    assert ids == {"fig-rotation-image", "fig-rotation", "fig-corners", "tab-rotation"}
    curves = variables["curves"].set_index(["metric", "corners", "value"])["estimate"]
    left_out = compute(page.study, "uniform", "angle", variant="corners left out", loader=load_reddish, progress=False)
    expected = left_out[left_out["metric"] == "aupro"].set_index("value")["estimate"]
    assert [curves["aupro", "left out", v] for v in (-30, 0, 30)] == pytest.approx(
        [100 * expected[v] for v in (-30, 0, 30)]
    )
    assert curves["aupro", "counted", 30] != curves["aupro", "left out", 30]
    assert numbers["corners"].startswith("At 30 degrees pAUROC moves by ")


@pytest.mark.parametrize(
    "sweeps", [{"over": ["washer"], "hue": [0.0, 1.0]}, {"over": ["screw"], "angle": [0.0, 30.0]}, []]
)
def test_a_sweep_that_the_study_does_not_make_is_one_line(page, monkeypatch, sweeps):
    page.study = tiny_study(page.study.data_root.parent, sweeps=sweeps)
    run_cells("uniform", page, monkeypatch)
    ids, numbers = shown_on(page)
    assert not ids
    assert numbers["conclusion"].startswith("Not in this study: sweep of angle.")


def test_without_masks_the_page_shows_images_alone_and_says_so(page, monkeypatch):
    shutil.rmtree(page.study.root_of("toys") / "washer" / "ground_truth")
    folder = {"reader": "folder", "root": "toys/washer/test", "categories": ["washer"]}
    page.study = tiny_study(page.study.data_root.parent, suites={"toys": folder})
    said = []
    monkeypatch.setattr(Page, "say", lambda page, text: said.append(text))
    run_cells("uniform", page, monkeypatch)
    page.name = "uniform"
    content = json.loads((page.folder / "uniform.json").read_text())
    assert [item["id"] for item in content["items"]] == ["fig-rotation-image", "tab-rotation"]
    assert any(text.startswith("No masks are there") for text in said)
    table = pd.read_csv(page.folder / "tables" / "tab-rotation.csv")
    assert "image AUROC mean" in table
    assert "AUPRO mean" not in table
