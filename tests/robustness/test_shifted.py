"""Detectors that compare the images of a batch: they get all of them, and mixed batches shift a share of these."""

import pytest
import torch
from toy_batch import Unlike
from toys import SIZE, Reddish, write_suite

from zsad import perturb
from zsad.data import load_dataset
from zsad.robustness import Corruption, feature_store, load_test_set, predict_shifted, uniform_sweep, worst_case
from zsad.robustness.mixed import drawn
from zsad.robustness.test_set import Images


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return load_dataset("mvtec_ad", write_suite(tmp_path_factory.mktemp("toys")), category="metal_nut")


@pytest.fixture(scope="module")
def images(dataset):
    return load_test_set(dataset, SIZE).images


@pytest.mark.parametrize("batch_size", [1, 3, 16])
def test_a_batch_is_never_cut(images, batch_size):
    detector = Unlike()
    found = predict_shifted(detector, images, "nut", "hue", 1.0, batch_size=batch_size)
    assert detector.compared == [10]
    assert max(detector.seen) == min(batch_size, 10)
    assert sum(detector.seen) == 10
    assert (found.compared, found.batch_size) == (10, batch_size)
    shifted = perturb.semantic(images.stacked(), hue=1.0)
    expected = Unlike().predict(shifted, "nut")
    torch.testing.assert_close(found.score, expected.score, atol=1e-6, rtol=0)
    torch.testing.assert_close(found.map, expected.map, atol=1e-6, rtol=0)
    assert predict_shifted(Reddish(), images, "nut").compared is None


def test_images_of_several_sizes_are_one_batch(images):
    sizes = [(32, 32), (20, 30), (32, 32), (16, 24)]
    kept = {i: torch.nn.functional.interpolate(images[i][None], size)[0] for i, size in enumerate(sizes)}
    detector = Unlike()
    found = predict_shifted(detector, Images(lambda i: kept[i], sizes, kept), "nut")
    assert detector.seen == [2, 1, 1]
    assert detector.compared == [4]
    assert [tuple(one.shape) for one in found.map] == sizes
    features = torch.cat([Unlike().features(kept[i][None])["red"] for i in range(4)])
    assert torch.equal(found.score, Unlike().compare({"red": features}, "nut").score)


def test_many_features_lie_in_a_file_and_change_nothing(images, monkeypatch):
    expected = predict_shifted(Unlike(), images, "nut", "angle", 20.0)
    monkeypatch.setattr(feature_store, "IN_MEMORY", 10 * 64 * 4 - 1)
    in_file, made = feature_store._in_file, []
    monkeypatch.setattr(feature_store, "_in_file", lambda *about: made.append(about[0]) or in_file(*about))
    found = predict_shifted(Unlike(), images, "nut", "angle", 20.0)
    assert made == [(10, 8, 8)]
    assert torch.equal(found.map, expected.map)


def test_out_of_memory_halves_what_is_looked_at_not_what_is_compared(images, caplog):
    class Small(Unlike):
        def features(self, images):
            if len(images) > 2:
                raise torch.OutOfMemoryError("too many")
            return super().features(images)

    detector = Small()
    found = predict_shifted(detector, images, "nut", batch_size=8)
    assert detector.compared == [10]
    assert found.batch_size == 2
    assert "batches of 4" in caplog.text
    assert torch.equal(found.score, predict_shifted(Unlike(), images, "nut").score)


def test_a_small_batch_is_refused_before_anything_is_looked_at(images):
    detector = Unlike()
    with pytest.raises(ValueError, match="needs at least 3 of them, but 'metal_nut' has 1 image here"):
        predict_shifted(detector, images.stacked([0]), "metal_nut")
    assert detector.seen == []


def test_no_image_of_a_batch_has_a_worst_case_of_its_own(images):
    masks = torch.zeros(10, SIZE, SIZE, dtype=torch.bool)
    with pytest.raises(ValueError, match="unlike compares images with each other: choose detectors that score an"):
        worst_case(Unlike(), images.stacked(), masks, category="nut", setting="hue", budget=2)


def test_a_share_is_drawn_by_seed_and_name_alone():
    ids = [f"nut/{index:03d}.png" for index in range(11)]
    half = drawn(ids, 0.5, 0)
    assert len(half) == 6
    assert half == sorted(set(half))
    names = {ids[place] for place in half}
    assert {ids[::-1][place] for place in drawn(ids[::-1], 0.5, 0)} == names
    assert set(drawn(ids, 0.25, 0)) < set(half), "a smaller share is part of a larger one"
    assert drawn(ids, 0.5, 1) != half
    assert drawn(ids, 1.0, 0) == [*range(11)]
    assert len(drawn(ids, 0.01, 0)) == 1
    for share in (0.0, 1.5, -1.0):
        with pytest.raises(ValueError, match="it must lie above 0 and be at most 1"):
            drawn(ids, share, 0)


@pytest.mark.parametrize(("setting", "value"), [("angle", 30.0), ("hue", 2.0)])
def test_in_a_mixed_batch_only_those_drawn_are_shifted_and_turned_back(images, setting, value):
    only = [1, 4, 5]
    found = predict_shifted(Reddish(), images, "nut", setting, value, only=only, batch_size=4)
    still, all_ = predict_shifted(Reddish(), images, "nut"), predict_shifted(Reddish(), images, "nut", setting, value)
    for index in range(10):
        assert torch.equal(found.map[index], (all_ if index in only else still).map[index])
    assert not torch.equal(found.map[1], still.map[1])


def test_a_shift_that_all_share_vanishes_for_a_detector_of_differences_and_half_of_it_does_not(images):
    """Red raised alike leaves every difference from the mean; raised in half of the images it does not."""
    raised = (0.5 * images.stacked()).clone()
    still = predict_shifted(Unlike(), raised, "nut").score
    raised[:, 0] += 0.3
    torch.testing.assert_close(predict_shifted(Unlike(), raised, "nut").score, still, atol=1e-6, rtol=0)
    raised[::2, 0] -= 0.3
    assert (predict_shifted(Unlike(), raised, "nut").score - still).abs().median() > 0.05


def test_a_mixed_corruption_leaves_the_other_images_as_they_are(dataset):
    clean = load_test_set(dataset, SIZE)
    half = load_test_set(dataset, SIZE, Corruption("contrast", 3, share=0.5, seed=2))
    all_ = load_test_set(dataset, SIZE, Corruption("contrast", 3, seed=2))
    hit = drawn(dataset.ids, 0.5, 2)
    assert 0 < len(hit) == 5
    for index in range(10):
        assert torch.equal(half.images[index], (all_ if index in hit else clean).images[index])


def test_a_mixed_corruption_is_the_same_where_images_are_decoded_again(dataset, monkeypatch):
    kept = load_test_set(dataset, SIZE, Corruption("gaussian_noise", 3, share=0.5))
    monkeypatch.setattr("zsad.robustness.test_set.IN_MEMORY", 0)
    again = load_test_set(dataset, SIZE, Corruption("gaussian_noise", 3, share=0.5))
    assert torch.equal(again.images.stacked(), kept.images.stacked())


def test_a_sweep_of_half_the_images_is_another(dataset):
    options = {"resolution": SIZE, "replicates": 5, "progress": False}
    whole, half = (
        uniform_sweep(Unlike(), dataset, "hue", [0.0, 3.0], share=share, **options).set_index(["value", "metric"])
        for share in (1.0, 0.5)
    )
    assert whole.loc[0.0].equals(half.loc[0.0])
    assert set(half["n_images"]) == {10}
    assert whole.loc[(3.0, "pixel_auroc"), "estimate"] != half.loc[(3.0, "pixel_auroc"), "estimate"]
