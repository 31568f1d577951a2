"""Images of unequal sizes, from the disk to the metrics."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import interpolate
from toys import Reddish

from zsad import metrics
from zsad.data import load_dataset, stack
from zsad.detectors.base import NotFiniteError
from zsad.robustness import Corruption, load_test_set, measure, predict_shifted, shifted, test_set, uniform_sweep

SIZES = [(20, 30), (32, 32), (20, 30), (48, 24), (32, 32), (20, 30)]  # height, width


@pytest.fixture
def dataset(tmp_path):
    """Two normal and four anomalous images of three sizes; a defect is a redder space."""
    generator = np.random.default_rng(0)
    for index, (height, width) in enumerate(SIZES):
        image = generator.normal(128, 18, (height, width, 3))
        defect = "good" if index < 2 else "hole"
        if defect != "good":
            mask = np.zeros((height, width), np.uint8)
            mask[4 : 10 + index, 5:15] = 255
            image[mask > 0] += np.array([40.0, -20.0, -20.0])
            folder = tmp_path / "nut" / "ground_truth" / defect
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(mask).save(folder / f"{index:03d}_mask.png")
        folder = tmp_path / "nut" / "test" / defect
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(folder / f"{index:03d}.png")
    return load_dataset("mvtec_ad", tmp_path, category="nut")


def test_the_short_side_gets_the_size_and_the_long_one_keeps_the_aspect(dataset):
    loaded = load_test_set(dataset, 10)
    assert [tuple(image.shape) for image in loaded.images] == [
        (3, 10, 15), (3, 10, 10), (3, 10, 15), (3, 20, 10), (3, 10, 10), (3, 10, 15)
    ]  # fmt: skip
    expected = interpolate(dataset[3].image[None], (20, 10), mode="bicubic", antialias=True)[0].clamp(0, 1)
    assert torch.equal(loaded.images[3], expected)
    assert loaded.images.sizes == [tuple(mask.shape) for mask in loaded.image_masks]
    with pytest.raises(IndexError, match="there are 6 images, none has the index 6"):
        loaded.images[6]


def test_masks_are_untouched_where_metrics_are_taken_at_their_size(dataset):
    for resolution in ("native", 10, 64):
        loaded = load_test_set(dataset, resolution)
        for mask, sample in zip(loaded.masks, dataset, strict=True):
            assert torch.equal(
                mask, torch.zeros(sample.image.shape[1:], dtype=bool) if sample.mask is None else sample.mask
            )
    assert [tuple(mask.shape) for mask in load_test_set(dataset, metric_size=16).masks][:4] == [
        (16, 24), (16, 16), (16, 24), (32, 16)
    ]  # fmt: skip


def test_at_native_size_pictures_are_the_files(dataset):
    loaded = load_test_set(dataset, "native")
    assert all(torch.equal(image, sample.image) for image, sample in zip(loaded.images, dataset, strict=True))


def test_squashed_pictures_and_masks_are_those_of_the_ports(dataset):
    images, masks, _ = stack(list(dataset), size=16)
    loaded = load_test_set(dataset, 16, aspect="squashed", metric_size=16)
    assert torch.equal(loaded.images.stacked(), images)
    assert torch.equal(loaded.masks, masks)
    found = uniform_sweep(
        Reddish(), dataset, "none", [0.0], resolution=16, aspect="squashed", metric_size=16, progress=False
    )
    prediction = Reddish().predict(images, "nut")
    expected = metrics.all_metrics(prediction.score, loaded.labels, prediction.map, masks)
    assert found.set_index("metric")["estimate"].to_dict() == expected
    with pytest.raises(ValueError, match="unknown aspect 'round'; known: own, squashed"):
        load_test_set(dataset, 16, aspect="round")
    with pytest.raises(ValueError, match="a square needs a side in pixels"):
        load_test_set(dataset, "native", aspect="squashed")


def test_pictures_beyond_the_bound_are_decoded_again_each_time(dataset, monkeypatch):
    kept = load_test_set(dataset, "native", Corruption("gaussian_noise", 3))
    monkeypatch.setattr(test_set, "IN_MEMORY", 2 * dataset[0].image.nbytes)
    bounded = load_test_set(dataset, "native", Corruption("gaussian_noise", 3))
    assert all(torch.equal(one, other) for one, other in zip(bounded.images, kept.images, strict=True))
    for loaded, held in ((kept, 6), (bounded, 1)):
        assert sum(loaded.images[i] is loaded.images[i] for i in range(6)) == held


def test_pictures_of_one_size_go_through_together_and_results_keep_their_order(dataset, caplog):
    images = load_test_set(dataset, "native").images
    alone = [predict_shifted(Reddish(), image[None], "nut", "angle", 30.0) for image in images]
    detector = Reddish()
    shifted = predict_shifted(detector, images, "nut", "angle", 30.0)
    assert detector.batches == [3, 2, 1]
    assert torch.equal(shifted.score, torch.cat([one.score for one in alone]))
    for found, one in zip(shifted.map, alone, strict=True):
        assert torch.equal(found, one.map[0])
    assert shifted.batch_size == 16
    detector = Reddish(limit=1)
    assert torch.equal(predict_shifted(detector, images, "nut", "angle", 30.0).score, shifted.score)
    assert detector.batches == [1] * 6
    assert caplog.text.count("out of memory") == 1, "the next size begins with what fitted"


def test_a_batch_of_large_pictures_is_small(dataset, monkeypatch):
    monkeypatch.setattr(shifted, "MOST_PIXELS", 2 * 20 * 30)
    detector = Reddish()
    found = predict_shifted(detector, load_test_set(dataset, "native").images, "nut", batch_size=4)
    assert detector.batches == [2, 1, 1, 1, 1]
    assert found.batch_size == 4, "memory has not run out"


def test_a_broken_picture_is_named_by_its_place_in_the_test_set(dataset):
    test_set_ = load_test_set(dataset, "native")

    class Broken(Reddish):
        def predict(self, images, category):
            self.broken = 0 if images.shape[-2:] == (48, 24) else None
            return super().predict(images, category)

    shifted = predict_shifted(Broken(), test_set_.images, "nut")
    with pytest.raises(ValueError, match=rf"not finite for 1 of 6 images; the first is {dataset.ids[3]}"):
        measure(shifted, test_set_)


def test_a_detector_that_refuses_an_image_names_its_place_too(dataset):
    class Refusing(Reddish):
        def predict(self, images, category):
            if images.shape[-2:] == (32, 32):
                raise NotFiniteError("not finite", 1)
            return super().predict(images, category)

    with pytest.raises(NotFiniteError, match="image 4: not finite") as raised:
        predict_shifted(Refusing(), load_test_set(dataset, "native").images, "nut")
    assert raised.value.index == 4


def test_maps_are_compared_at_the_masks_size(dataset):
    loaded = load_test_set(dataset, 10)
    shifted = predict_shifted(Reddish(), loaded.images, "nut")
    found = measure(shifted, loaded, replicates=5).metrics.set_index("metric")["estimate"]
    maps = [
        interpolate(one[None, None], mask.shape, mode="bilinear", antialias=True)[0, 0]
        for one, mask in zip(shifted.map, loaded.masks, strict=True)
    ]
    assert [tuple(one.shape) for one in maps] == SIZES
    assert found.to_dict() == metrics.all_metrics(shifted.score, loaded.labels, maps, loaded.masks)
    # A pixel left out is left out at the mask's size.
    valid_mask = [torch.ones_like(mask) for mask in loaded.masks]
    valid_mask[2][:12] = False
    less = measure(shifted, loaded, replicates=5, valid_mask=valid_mask).metrics.set_index("metric")["estimate"]
    assert less.to_dict() == metrics.all_metrics(
        shifted.score, loaded.labels, maps, loaded.masks, valid_mask=valid_mask
    )


def test_a_long_image_is_named_and_refused_before_it_grows(dataset, tmp_path):
    Image.fromarray(np.zeros((9, 300, 3), np.uint8)).save(tmp_path / "nut" / "test" / "good" / "007.png")
    long = load_dataset("mvtec_ad", tmp_path, category="nut")
    message = "007.png is 300 x 9 pixels: one side is more than 20 times the other; cut it up"
    with pytest.raises(ValueError, match=message):
        uniform_sweep(Reddish(), long, "hue", [0.0], progress=False)
    assert len(load_test_set(long, 16, aspect="squashed").images) == 7


@pytest.mark.parametrize(
    ("number", "message"),
    [
        ({"resolution": 0}, "resolution must be a whole number from 8 to 8,192, not 0"),
        ({"resolution": 10**6}, "resolution must be"),
        ({"metric_size": -16}, "metric_size must be a whole number from 8 to 8,192, not -16"),
        ({"batch_size": 0}, "batch_size must be a whole number from 1"),
        ({"limit": 1}, "limit must be a whole number from 2"),
        ({"replicates": 10**12}, "replicates must be a whole number from 1 to 100,000"),
    ],
)
def test_a_sweep_checks_its_numbers_before_it_reads_anything(dataset, number, message, monkeypatch):
    monkeypatch.setattr(type(dataset), "__getitem__", lambda *_: pytest.fail("an image was read"))
    with pytest.raises(ValueError, match=message):
        uniform_sweep(Reddish(), dataset, "hue", [0.0], progress=False, **number)
