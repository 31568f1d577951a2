import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from toys import SIZE, Reddish, write_suite

from zsad import metrics, perturb
from zsad.data import load_dataset, stack
from zsad.detectors import Prediction
from zsad.predict import predict_images, score_image
from zsad.robustness import Corruption, load_test_set, measure, predict_shifted, uniform_sweep


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return load_dataset("mvtec_ad", write_suite(tmp_path_factory.mktemp("toys")), category="metal_nut")


@pytest.fixture(scope="module")
def images(dataset):
    return load_test_set(dataset, SIZE).images.stacked()


def test_a_test_set_equals_the_stacked_samples(dataset):
    images, masks, labels = stack(list(dataset), size=24)
    loaded = load_test_set(dataset, 24, metric_size=24)
    assert torch.equal(loaded.images.stacked(), images)
    assert torch.equal(loaded.image_masks, masks)
    assert torch.equal(loaded.masks, masks)
    assert torch.equal(loaded.labels, labels)
    assert loaded.ids == dataset.ids


def test_without_a_shift_the_detector_sees_the_pictures_themselves(images):
    shifted = predict_shifted(Reddish(), images, "metal_nut")
    assert torch.equal(shifted.map, (images[:, 0] - images[:, 1]).clamp(0, 1))
    for setting in ("angle", "hue", "saturation", "exposure", "white_balance"):
        assert torch.equal(predict_shifted(Reddish(), images, "metal_nut", setting, 0).map, shifted.map)


def test_colour_shifts_reach_the_detector_and_leave_the_map_where_it_is(images):
    turned = predict_shifted(Reddish(), images, "metal_nut", "hue", 2.0).map
    seen = perturb.semantic(images, hue=2.0)
    assert torch.allclose(turned, (seen[:, 0] - seen[:, 1]).clamp(0, 1), atol=1e-6)


@pytest.mark.parametrize(("setting", "value"), [("exposure", -1.5), ("white_balance", 80.0)])
def test_the_light_reaches_the_detector_and_leaves_the_map_where_it_is(images, setting, value):
    found = predict_shifted(Reddish(), images, "metal_nut", setting, value).map
    seen = {"exposure": perturb.expose, "white_balance": perturb.balance_white}[setting](images, value)
    assert not torch.allclose(seen, images, atol=0.01)
    assert torch.allclose(found, (seen[:, 0] - seen[:, 1]).clamp(0, 1), atol=1e-6)


def test_a_turned_pictures_map_is_turned_back():
    """A square in one corner: turned by a right angle and back, the map marks that corner again, exactly."""
    images = torch.zeros(1, 3, SIZE, SIZE)
    images[0, 0, 2:10, 4:12] = 1
    shifted = predict_shifted(Reddish(), images, "metal_nut", "angle", 90, rotation="bilinear")
    assert torch.allclose(shifted.map[0], images[0, 0], atol=1e-4)
    smooth = predict_shifted(Reddish(), images, "metal_nut", "angle", 20.0).map[0]
    assert smooth[4:8, 6:10].min() > 0.8
    assert smooth[20:, 20:].max() < 0.2


def test_batch_size_changes_nothing(images):
    for setting, value in (("none", 0.0), ("angle", 25.0), ("hue", 1.0)):
        maps = [predict_shifted(Reddish(), images, "x", setting, value, batch_size=n).map for n in (1, 3, 16)]
        assert torch.equal(maps[0], maps[1])
        assert torch.equal(maps[0], maps[2])


def test_a_detector_is_given_the_category_as_its_folder_is_called(images, tmp_path):
    """What words a folder's name leaves is the detector's own choice: APRIL-GAN's authors left the underscore."""
    detector = Reddish()
    predict_shifted(detector, images, "metal_nut")
    Image.new("RGB", (24, 24)).save(tmp_path / "a.png")
    score_image(detector, tmp_path / "a.png", "metal_nut")
    list(predict_images(detector, [tmp_path / "a.png"], "metal_nut", tmp_path / "maps"))
    assert detector.categories == {"metal_nut"}


def test_out_of_memory_halves_the_batch_and_goes_on_with_the_same_result(images, caplog):
    detector = Reddish(limit=2)
    shifted = predict_shifted(detector, images, "metal_nut", "hue", 1.0, batch_size=8)
    assert torch.equal(shifted.map, predict_shifted(Reddish(), images, "metal_nut", "hue", 1.0).map)
    assert shifted.batch_size == 2
    assert detector.batches == [2] * 5
    assert "batches of 4" in caplog.text
    assert "batches of 2" in caplog.text
    with pytest.raises(torch.OutOfMemoryError):
        predict_shifted(Reddish(limit=0), images, "metal_nut")


def test_an_unknown_setting_lists_the_known_ones(images):
    with pytest.raises(
        ValueError, match="unknown setting 'tilt'; known: none, angle, hue, saturation, exposure, white_balance"
    ):
        predict_shifted(Reddish(), images, "metal_nut", "tilt", 1.0)


def test_a_map_that_is_not_a_number_names_the_picture(dataset):
    test_set = load_test_set(dataset, SIZE)
    shifted = predict_shifted(Reddish(broken=2), test_set.images, "metal_nut", batch_size=16)
    with pytest.raises(ValueError, match=f"not finite for 1 of 10 images; the first is {test_set.ids[2]}"):
        measure(shifted, test_set)


def test_one_kind_of_picture_only_is_an_error(dataset):
    test_set = load_test_set(dataset[:3], SIZE)
    kinds = set(dataset.labels[:3])
    assert len(kinds) == 1
    shifted = predict_shifted(Reddish(), test_set.images, "metal_nut")
    with pytest.raises(ValueError, match=r"'metal_nut' has only (normal|anomalous) images"):
        measure(shifted, test_set)


def test_a_sweep_is_the_metrics_of_every_value(dataset):
    values = [-math.pi, -1, 0, 2.0]
    records = uniform_sweep(
        Reddish(), dataset, "hue", values, resolution=SIZE, batch_size=3, replicates=10, progress=False
    )
    test_set = load_test_set(dataset, SIZE)
    assert records["value"].unique().tolist() == [float(v) for v in values]
    for value, rows in records.groupby("value"):
        shifted = predict_shifted(Reddish(), test_set.images, "metal_nut", "hue", value)
        expected = metrics.all_metrics(shifted.score, test_set.labels, shifted.map, test_set.masks)
        assert dict(zip(rows["metric"], rows["estimate"], strict=True)) == pytest.approx(expected)
        assert (rows["low"] <= rows["high"]).all()
    assert set(records["n_images"]) == {10}
    assert set(records["n_anomalous"]) == {6}
    clean = records[(records["value"] == 0) & (records["metric"] == "pixel_auroc")]["estimate"].item()
    worst = records[records["metric"] == "pixel_auroc"]["estimate"].min()
    assert worst < clean - 0.05, "turning red into another colour hurts a detector of red"


def test_pictures_without_masks_get_image_metrics_only(tmp_path):
    root = write_suite(tmp_path)
    folder = tmp_path / "plain"
    (root / "washer" / "test").rename(folder)
    dataset = load_dataset("folder", folder, category="washer")
    assert not dataset.has_masks
    records = uniform_sweep(
        Reddish(), dataset, "none", [0.0], resolution=SIZE, replicates=30, seed=1, progress=False
    ).set_index("metric")
    assert sorted(records.index) == ["image_ap", "image_auroc", "image_f1max", "image_f1max_floor"]
    masked = load_dataset("mvtec_ad", write_suite(tmp_path / "again"), category="washer")
    full = uniform_sweep(Reddish(), masked, "none", [0.0], resolution=SIZE, progress=False).set_index("metric")
    assert records.loc["image_auroc", "estimate"] == full.loc["image_auroc", "estimate"]
    assert (records["low"] <= records["estimate"] + 1e-9).all()


def test_the_same_seed_draws_the_same_pictures_for_every_value(dataset):
    """A detector that ignores the image's colour gives equal intervals under every hue."""

    class Bright(Reddish):
        def predict(self, images: torch.Tensor, category: str) -> Prediction:
            value = images.amax(1)
            return Prediction(value.flatten(1).amax(1), value)

    records = uniform_sweep(
        Bright(), dataset, "hue", [0.0, 0.5], resolution=SIZE, replicates=25, seed=3, progress=False
    )
    first, second = (rows.reset_index(drop=True) for _, rows in records.groupby("value"))
    np.testing.assert_allclose(first[["low", "high"]], second[["low", "high"]], atol=0.02)


def test_replicates_pair_the_shifts_of_a_test_set_and_tell_test_sets_apart(dataset):
    """The same answers give the same replicates; another test set's draws are others, even with as many images."""
    test_set = load_test_set(dataset, SIZE)
    shifted = predict_shifted(Reddish(), test_set.images, "metal_nut")
    one, two = (measure(shifted, test_set, replicates=30, seed=3) for _ in range(2))
    assert one.replicates.equals(two.replicates)
    assert one.replicates.shape == (30, 8)
    renamed = replace(test_set, ids=[f"other/{name}" for name in test_set.ids])
    for other in (measure(shifted, renamed, replicates=30, seed=3), measure(shifted, test_set, replicates=30, seed=4)):
        assert not np.allclose(other.replicates, one.replicates)
    # The images are few: intervals come from leaving one out, whatever was drawn.
    assert one.metrics.equals(measure(shifted, test_set, replicates=30, seed=4).metrics)
    assert (one.metrics["low"] < one.metrics["estimate"]).all()
    assert not np.allclose(
        one.metrics["low"], [np.quantile(one.replicates[name], 0.025) for name in one.metrics.metric]
    )


def test_a_corruption_comes_before_or_after_the_resize(dataset):
    """Noise of native pixels is averaged away by the resize; each image's is its own, whatever set it is in."""
    clean = load_test_set(dataset, SIZE // 2)
    sets = {at: load_test_set(dataset, SIZE // 2, Corruption("gaussian_noise", 3, at)) for at in ("native", "resized")}
    noise = {at: (found.images.stacked() - clean.images.stacked()).std() for at, found in sets.items()}
    assert 0 < noise["native"] < 0.75 * noise["resized"]
    assert all(torch.equal(found.masks, clean.masks) for found in sets.values())
    part = load_test_set(dataset[3:5], SIZE // 2, Corruption("gaussian_noise", 3))
    assert torch.equal(part.images.stacked(), sets["native"].images.stacked([3, 4]))
    other = load_test_set(dataset[3:5], SIZE // 2, Corruption("gaussian_noise", 3, seed=1))
    assert not torch.equal(part.images[0], other.images[0])
    sample = dataset[3]
    expected = perturb.corrupt(sample.image, "contrast", 2)
    assert torch.equal(load_test_set(dataset[3:4], SIZE, Corruption("contrast", 2)).images[0], expected)
    assert torch.equal(load_test_set(dataset, SIZE // 2, Corruption("gaussian_noise", 0)).images[0], clean.images[0])
    with pytest.raises(ValueError, match=f"{sample.id}.*unknown corruption 'rain'"):
        load_test_set(dataset[3:4], SIZE, Corruption("rain", 2))
