"""What a tested data set is called: copies of published ones are known whatever their folder is called."""

import pytest
from PIL import Image
from toys import write_suite

from zsad.data import load_dataset
from zsad.data.counts import TEST_COUNTS
from zsad.detectors.learned import TrainedOn
from zsad.study.tested import names_of


def write(root, categories, good=1, bad=0):
    """Black images in the layout of MVTec AD."""
    for category in categories:
        for kind, count in {"good": good, "hole": bad}.items():
            (folder := root / category / "test" / kind).mkdir(parents=True)
            (truth := root / category / "ground_truth" / kind).mkdir(parents=True)
            for number in range(count):
                Image.new("L", (8, 8)).save(folder / f"{number:03d}.png")
                if kind != "good":
                    Image.new("L", (8, 8), 255).save(truth / f"{number:03d}_mask.png")
    return root


def known(reader, root, category):
    """The published data sets that it is refused for."""
    dataset = load_dataset(reader, root, category=category)
    return [suite for suite in TEST_COUNTS if refused(dataset, suite)]


def refused(dataset, suite):
    try:
        TrainedOn(suite).check_unseen(names_of(dataset), [])
    except ValueError:
        return True
    return False


@pytest.mark.parametrize(
    ("name", "suite"),
    [
        ("mvtec", "mvtec_ad"),
        ("MVTec_AD", "mvtec_ad"),
        ("mvtec_anomaly_detection", "mvtec_ad"),
        ("VisA", "visa"),
        ("VisA_20220922", "visa"),
        ("AeBAD-S", "aebad"),
    ],
)
def test_a_folder_is_known_by_its_usual_names(tmp_path, name, suite):
    assert known("mvtec_ad", write_suite(tmp_path / name), "washer") == [suite]
    (tmp_path / "linked").symlink_to(tmp_path / name)
    assert known("mvtec_ad", tmp_path / "linked", "washer") == [suite]


@pytest.mark.parametrize("name", ["mvtec_loco", "mvtec_ad_2", "demo-mvtec", "revisa"])
def test_other_names_are_those_of_other_data_sets(tmp_path, name):
    assert known("mvtec_ad", write_suite(tmp_path / name), "washer") == []


@pytest.mark.parametrize("suite", ["mvtec_ad", "visa"])
def test_a_folder_is_known_by_the_categories_that_it_holds(tmp_path, suite):
    *some, last = TEST_COUNTS[suite]
    half = len(TEST_COUNTS[suite]) // 2 - (len(TEST_COUNTS[suite]) % 2 == 0)
    few = write(tmp_path / "few", some[:half])
    assert known("mvtec_ad", few, some[0]) == []
    write(few, [last])
    assert known("mvtec_ad", few, last) == [suite]
    assert known("folder", few / last / "test", "anything") == [suite]
    write(few, ["nut"])
    assert known("mvtec_ad", few, "nut") == [suite]


def test_the_rearranged_copy_inside_of_visa_is_known(tmp_path):
    write(tmp_path / "data" / "1cls", TEST_COUNTS["visa"])
    assert known("visa", tmp_path / "data", "candle") == ["visa"]


def test_a_lone_category_is_known_by_its_counts_and_by_the_folder_above_it(tmp_path):
    assert known("mvtec_ad", write(tmp_path / "copy", ["toothbrush"], 12, 30), "toothbrush") == ["mvtec_ad"]
    assert known("mvtec_ad", write(tmp_path / "own", ["toothbrush"], 12, 31), "toothbrush") == []
    root = write(tmp_path / "MVTec", ["metal_nut", "washer"])
    assert known("folder", root / "metal_nut" / "test", "metal nut") == ["mvtec_ad"]
    assert known("folder", root / "washer" / "test", "washer") == []


def test_a_part_of_ones_own_is_known_by_any_spelling_of_what_it_was_trained_on(tmp_path):
    dataset = load_dataset("mvtec_ad", write(tmp_path / "copy", TEST_COUNTS["mvtec_ad"]), category="pill")
    for name in ("MVTec", "mvtec-ad", "MVTec Anomaly Detection", "copy"):
        with pytest.raises(ValueError, match=f"it was trained on {name}, with masks"):
            TrainedOn(name).check_unseen(names_of(dataset), [])
    TrainedOn("mine").check_unseen(names_of(dataset), [])
