"""What holds for every detector that compares the images of a batch with each other."""

import pytest
import torch
from tiny_clip import random_images, tiny_backbone
from toy_batch import Unlike

from zsad.detectors import DETECTORS, load_detector
from zsad.detectors.batch import BatchDetector, resize_maps

NAMES = [name for name, (detector, _) in DETECTORS.items() if issubclass(detector, BatchDetector)]
OPTIONS: dict[str, dict[str, object]] = {"acr": {"head": None}}  # the head that ships belongs to demo-b


def load(name: str) -> BatchDetector:
    detector = load_detector(name, tiny_backbone(), **OPTIONS.get(name, {}))
    assert isinstance(detector, BatchDetector)
    return detector


def test_those_that_compare_images_are_of_the_league_of_test_batches():
    assert {"musc", "acr"} <= set(NAMES)
    assert {load(name).league for name in NAMES} == {"test batch"}


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_the_batch_is_that_of_the_answers(name):
    detector, images = load(name), random_images(12)
    found = detector.predict(images, "nut")
    order = torch.randperm(12, generator=torch.Generator().manual_seed(3))
    turned = detector.predict(images[order], "nut")
    torch.testing.assert_close(turned.score, found.score[order], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(turned.map, found.map[order], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_depends_on_the_company(name):
    detector, images = load(name), random_images(12)
    alone = detector.predict(images, "nut").score
    other = detector.predict(torch.cat([images[:6], random_images(6, seed=9)]), "nut").score
    assert not torch.allclose(alone[:6], other[:6], atol=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_features_are_those_of_each_image_by_itself(name):
    detector, images = load(name), random_images(5)
    together = detector.features(images)
    for index in range(5):
        for key, values in detector.features(images[index : index + 1]).items():
            torch.testing.assert_close(values[0], together[key][index], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("detector", [Unlike(), *NAMES], ids=["unlike", *NAMES])
def test_a_batch_that_is_too_small_is_refused(detector):
    found = load(detector) if isinstance(detector, str) else detector
    least = found.least_images
    with pytest.raises(ValueError, match=f"needs at least {least} of them, but 'metal nut' has 1 image here"):
        found.predict(random_images(1), "metal nut")
    with pytest.raises(ValueError, match=f"has {least - 1} images here"):
        found.predict(random_images(least - 1), "metal nut")
    assert found.predict(random_images(least, 40, 60), "metal nut").map.shape == (least, 40, 60)


def test_what_is_not_a_number_names_the_image():
    class Broken(Unlike):
        def compare(self, features, category):
            found = super().compare(features, category)
            found.map[2, 3, 3] = torch.nan
            return found

    with pytest.raises(ValueError, match="not finite for image 2 of 4"):
        Broken().predict(random_images(4), "nut")


def test_maps_go_back_to_the_size_of_images_that_were_squashed():
    ramp = torch.arange(8.0).expand(1, 8, 8)
    assert torch.equal(resize_maps(ramp, (8, 16))[0, 0, 1:-1:2].diff(), torch.ones(6))
