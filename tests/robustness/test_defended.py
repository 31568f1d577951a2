"""Shifts and searches go through a defence as they go to a detector."""

import pytest
import torch
from dials import DIALS, Dial, right_half, toy_images

from zsad.detectors.base import NotFiniteError, Prediction, check_prediction
from zsad.detectors.defence import Defended
from zsad.robustness import predict_shifted, worst_case


class Checked(Dial):
    """Looks at its own predictions, as all detectors of this package do."""

    def predict(self, images: torch.Tensor, category: str) -> Prediction:
        return check_prediction(super().predict(images, category), self.name, category)


@pytest.mark.parametrize("search", ["grid", "adam"])
def test_worst_cases_are_searched_through_a_defence(search):
    """Of two valleys in hue each of six copies sees another part: the mean over them falls less."""
    images, masks = toy_images(), right_half()
    losses = {}
    for defence in (None, "hue copies"):
        dial = Dial(DIALS["hue"])
        detector = dial if defence is None else Defended(dial, defence)
        options = {"category": "nut", "setting": "hue", "search": search, "budget": 60, "criterion": "loss"}
        found = worst_case(detector, images, masks, **options)
        assert (found.gradients > 0).all() == (search == "adam")
        assert (found.loss < found.clean_loss - 1e-4).all(), "a worse shift is found"
        for index, hue in enumerate(found.parameters["hue"].tolist()):
            moved = predict_shifted(detector, images[index : index + 1], "nut", "hue", hue)
            torch.testing.assert_close(moved.map[0], found.map[index], rtol=0, atol=1e-5)
        losses[defence] = (found.clean_loss - found.loss).mean()
    assert losses["hue copies"] < (0.5 if search == "grid" else 1) * losses[None]


def test_a_copy_that_is_not_finite_names_its_image():
    broken = Checked(DIALS["hue"], broken=lambda images: torch.arange(len(images)) == 1)
    with pytest.raises(NotFiniteError, match="image 1: "):
        predict_shifted(Defended(broken, "hue copies"), toy_images(), "nut")


def test_memory_for_the_batch_is_looked_for_as_ever():
    dial = Dial(DIALS["hue"], limit=1)
    found = predict_shifted(Defended(dial, "hue copies"), toy_images(), "nut", batch_size=2)
    assert found.batch_size == 1
    assert dial.batches == [1] * 18
