"""The tiling pipeline as it comes, on the demo world's own weights and pictures."""

import pytest
import torch

from zsad.data.demo.plan import planned_images, render
from zsad.data.demo.suites import SUITES
from zsad.detectors import load_detector
from zsad.detectors.tiling import Tiling

SUITE = "demo-visa"


@pytest.fixture(scope="module")
def detector() -> Tiling:
    detector = load_detector("tiling")
    assert isinstance(detector, Tiling)
    return detector


@pytest.mark.parametrize("category", ["tablets", "beans", "cracker"])
def test_with_its_defaults_it_finds_the_products_of_the_demo_suite(detector, category):
    """A picture takes seconds; of a board, nothing is found in some pictures."""
    suite = SUITES[SUITE]
    shot = next(p for p in planned_images(suite) if p.category == category and p.split == "test")
    picture = torch.from_numpy(render(suite, shot, shot.generator(SUITE, 0))[0]).permute(2, 0, 1) / 255
    assert picture.shape == (3, *suite.size)
    (found,) = detector.segment(picture[None])
    assert not found.fallback
    assert found.soft is not None
    product = found.soft >= 0.5  # near enough what is product: demo-dis finds it in all categories
    assert (found.mask & product).sum() / found.mask.sum() > 0.8
    if category != "cracker":
        assert len(found.components) > 1
