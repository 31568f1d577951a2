"""Which categories and pictures the pages of WinCLIP, as it is and under uniform shifts, show."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from zsad.study.config import Study

if TYPE_CHECKING:
    from zsad.data import Dataset


def swept_categories(study: Study, suite: str) -> list[str]:
    """The categories a sweep is shown for: those of the suite's group `rotation_invariant` that the study sweeps, or
    all that it sweeps where there are none. Empty where it sweeps no category of the suite.
    """
    swept = study.swept(suite)
    return [name for name in study.suites[suite].groups.get("rotation_invariant", []) if name in swept] or swept


def shown_category(study: Study, suite: str) -> str:
    """The category of a page that shows one: the first of `swept_categories`, else the suite's first."""
    return (swept_categories(study, suite) or study.categories_of(suite))[0]


CRACK = "crack"
"""The damage that the first figure of the paper shows."""


def cracked(study: Study, suite: str, read: "Callable[[str], Dataset]") -> "tuple[Dataset, int]":
    """The test pictures of the first of `swept_categories` that has a cracked one, and the place of that with the
    largest crack. Where there is no crack, of `shown_category` the picture with the largest defect.

    Args:
        read: the test pictures of a category, by its name.
    """
    with_crack = (found for found in map(read, swept_categories(study, suite)) if CRACK in found.defects)
    dataset = next(with_crack, None) or read(shown_category(study, suite))
    places = [place for place, defect in enumerate(dataset.defects) if defect == CRACK]
    places = places or [place for place, label in enumerate(dataset.labels) if label]
    return dataset, max(places, key=lambda place: int(dataset[place].mask.sum()))  # type: ignore[union-attr]


LEFT_OUT = "corners left out"
"""The block of sweeps in which the corners that a turned picture leaves empty are not counted."""
