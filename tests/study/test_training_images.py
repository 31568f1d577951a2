"""The scores of good training images, kept beside those of the test images that are not shifted."""

import shutil

import numpy as np
import pytest
from toys import Reddish, load_reddish, tiny_study, write_suite

from zsad.data import load_dataset, read_image
from zsad.study import compute
from zsad.study.results import load_sidecars, load_table
from zsad.study.sealed import RecordError

DAMAGED = "washer/ground_truth/hole/099_mask.png"


@pytest.fixture
def roomy(tmp_path):
    """A study of one category with six good training images and a damaged one, which is not to be scored."""
    root = write_suite(tmp_path / "data" / "toys")
    others = write_suite(tmp_path / "others", normal=7, seed=5)
    shutil.copytree(others / "washer/test/good", root / "washer/train/good")
    (root / "washer/train/hole").mkdir()
    (root / "washer/train/good/006.png").rename(root / "washer/train/hole/099.png")
    shutil.copy(next((others / "washer/ground_truth/hole").glob("*.png")), root / DAMAGED)
    suites = {"toys": {"reader": "mvtec_ad", "root": "toys", "categories": ["washer"]}}
    return tiny_study(tmp_path, suites=suites, training=4)


def test_good_training_images_are_scored_as_test_images_are(roomy):
    records = compute(roomy, "none", loader=load_reddish, progress=False)
    training = load_table(records, "training", roomy)
    assert len(training) == 4
    assert not training["id"].str.contains("hole").any()
    for name, score in training[["id", "score"]].itertuples(index=False):
        image = read_image(roomy.root_of("toys") / name)
        assert score == pytest.approx(Reddish().predict(image[None], "washer").score.item(), rel=1e-6)


def test_only_the_unshifted_cell_has_them(roomy):
    """Value 0 of a sweep is that cell."""
    records = compute(roomy, loader=load_reddish, progress=False)
    keys = records.drop_duplicates("key").set_index("key")
    tables = {key: sidecar["tables"] for key, sidecar in load_sidecars(records, roomy).items()}
    assert {key for key, names in tables.items() if "training" in names} == set(keys[keys["shift"] == "none"].index)
    assert set(records.loc[(records["shift"] == "uniform") & (records["value"] == 0), "key"]) <= set(
        records.loc[records["shift"] == "none", "key"]
    )
    with pytest.raises(RecordError, match="has no table 'training'; it has images, replicates"):
        load_table(records[records["value"] == 30], "training", roomy)


def test_other_training_images_make_another_unshifted_cell_alone(roomy):
    before = compute(roomy, loader=load_reddish, progress=False)
    first = roomy.root_of("toys") / "washer/train/good/000.png"
    first.write_bytes((first.parent / "001.png").read_bytes())
    after = compute(roomy, loader=load_reddish, progress=False)
    changed = ~np.isin(after["key"], before["key"])
    assert set(after.loc[changed, "value"]) == {0}
    assert set(after.loc[~changed, "value"]) == {-30, 30, 1}


def test_a_copy_without_training_images_has_none_and_the_same_metrics(roomy):
    before = compute(roomy, "none", loader=load_reddish, progress=False)
    shutil.rmtree(roomy.root_of("toys") / "washer/train")
    (roomy.root_of("toys") / DAMAGED).unlink()
    after = compute(roomy, "none", loader=load_reddish, progress=False)
    assert not set(before["key"]) & set(after["key"])
    assert before["estimate"].tolist() == after["estimate"].tolist()
    with pytest.raises(RecordError, match="has no table 'training'; it has images, replicates"):
        load_table(after, "training", roomy)


def test_a_data_set_hands_out_its_good_images(roomy):
    dataset = load_dataset("mvtec_ad", roomy.root_of("toys"), category="washer", split="train")
    assert len(dataset) == 7
    assert dataset.normal().labels == [False] * 6
