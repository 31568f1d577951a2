"""The good images that a few-shot detector is given in a study: drawn from the training images of the category."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from zsad.data import Dataset
from zsad.detectors import Detector, wanted_references, with_references
from zsad.detectors.references import References
from zsad.robustness import load_test_set


def check_training_split(reader: str, detector: str) -> None:
    """Raise a ValueError for images of a reader that knows no training split, of which references could be drawn."""
    if reader == "folder":
        raise ValueError(
            f"{detector} wants good training images as references, and the reader 'folder' has no training split: lay "
            "the pictures out as the reader mvtec_ad takes them, the good ones to compare with in "
            "<category>/train/good/, or give a folder of good ones to `zsad predict` with --reference"
        )


def draw(good: Dataset | None, count: int, seed: int, detector: str) -> list[Dataset]:
    """So many of the good training images of a category, each as a data set of its own. Which follows from seed and ids
    alone, and fewer are among the more.

    Raises ValueError, naming the `detector` that wants them, where there are fewer.
    """
    ids = [] if good is None else good.ids
    if good is None or len(ids) < count:
        raise ValueError(
            f"{detector} wants {count} good training images as references, and there are {len(ids)}: put them where "
            "the data set's training split lies, or ask for fewer with the option references"
        )
    ranks = [hashlib.sha256(f"references {seed}\0{name}".encode()).digest() for name in ids]
    places = sorted(range(len(ids)), key=ranks.__getitem__)[:count]
    return [good[place : place + 1] for place in places]


def with_drawn_references(
    detector: Detector, good: Callable[[], Dataset | None], tested: Dataset, sizes: Mapping[str, Any]
) -> Detector:
    """A detector with the references that it wants, which are decoded when it first predicts; as it is where it wants
    none.

    Args:
        good: finds the good training images of the category.
        tested: the images that it is to score.
        sizes: at which images are given to it, as `load_test_set` takes them.

    Raises:
        ValueError: fewer good images than it wants, or one of those drawn is tested too.
    """
    if not (count := wanted_references(detector)):
        return detector
    drawn = draw(good(), count, detector.options["reference_seed"], detector.name)
    ids, tested_digests = tuple(one.ids[0] for one in drawn), set(tested.image_digests)
    if both := [name for name, one in zip(ids, drawn, strict=True) if one.image_digests[0] in tested_digests]:
        raise ValueError(
            f"{both[0]} was drawn as a reference and is tested too: its score would say nothing. Remove it from the "
            "training split, or draw with another reference_seed"
        )
    fingerprint = hashlib.sha256("\0".join(one.fingerprint() for one in drawn).encode()).hexdigest()

    def decoded() -> Sequence[Tensor]:
        return [load_test_set(one, **sizes).images[0] for one in drawn]

    return with_references(detector, References(ids, fingerprint, decoded))
