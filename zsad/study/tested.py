"""What a tested data set is called, so that a detector is not tested on what it was trained on.

Besides its own names these are all usual ones of the published data set that it is: copies lie in folders of any name,
and published parts hold no digests of the images that they were trained on.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from zsad.clip import zoo
from zsad.data import Dataset
from zsad.data.counts import TEST_COUNTS
from zsad.data.demo import SUITES, stamp
from zsad.data.usual_names import USUAL_NAMES
from zsad.detectors.learned import TrainedOn, plain_name

_ABOVE = 4  # folders at most between images and the folder of their data set: <root>/<category>/Data/Images/Normal


def names_of(dataset: Dataset, *given: str) -> Iterator[str]:
    """What a data set is known by: names that are given, its folder's, and those of the published data set that it is.

    That is told by such a name, or by what lies on disk: at least half of the published categories side by side; or
    a category so called in a folder so called, or with as many test images of both kinds as were published. Nothing is
    looked at until it is asked for.
    """
    own = (*given, dataset.root.name, dataset.root.resolve().name)
    yield from own
    for suite, usual in USUAL_NAMES.items():
        if any(usual_names(name) == usual for name in own) or _holds(dataset, suite):
            yield from usual


def usual_names(name: str) -> tuple[str, ...]:
    """All names of the published data set that is called so; none where there is none."""
    called = plain_name(name)
    return next((usual for usual in USUAL_NAMES.values() if called in map(plain_name, usual)), ())


def digests_at_hand(suite: str, data_root: Path) -> frozenset[str]:
    """Digests of images that are known, without drawing any, to be of a demo suite of seed 0, which is what is trained
    on: those in the cards of parts that ship with the package, and in the stamp of the suite where a folder holds it.

    Processors round differently, so that not every image is of the same bytes on each. Empty for any other data set.

    Returns:
        Each as `TrainedOn.images` has it.
    """
    if suite not in SUITES:
        return frozenset()
    cards = [json.loads(path.read_text(encoding="utf-8")) for path in zoo.WEIGHTS.glob("*.json")]
    shipped = [card["images"].split() for card in cards if card.get("trained_on") == suite]
    return frozenset().union(*shipped, _stamped(suite, data_root))


def _stamped(suite: str, data_root: Path) -> frozenset[str]:
    """Of all files of a suite, from its stamp; none where that is missing, damaged or another's."""
    try:
        drawn_from, files = stamp.read_stamp(data_root / stamp.folder_of(suite, 0))
    except (FileNotFoundError, ValueError):
        return frozenset()
    own = drawn_from == stamp.recipe(suite, SUITES[suite], 0)
    return TrainedOn.of(suite, files.values() if own else []).images


def _holds(dataset: Dataset, suite: str) -> bool:
    """Whether the tested category is one of a published data set."""
    published = {plain_name(category): counts for category, counts in TEST_COUNTS[suite].items()}
    folders = _folders_of(dataset)
    if any(_categories_in(folder, suite) >= len(published) / 2 for folder in folders):
        return True
    counts = published.get(plain_name(dataset.category))
    found = (dataset.labels.count(False), dataset.labels.count(True))
    so_called = any(usual_names(folder.name) == USUAL_NAMES[suite] for folder in folders)
    return counts is not None and (so_called or found == counts)


def _folders_of(dataset: Dataset) -> list[Path]:
    """The folders that the first image lies in, up to the root; and those above a root that holds images alone."""
    image = dataset.entries[0].image
    inside = [*image.parents][: len(image.relative_to(dataset.root).parts)]
    return inside + ([*dataset.root.resolve().parents][:_ABOVE] if dataset.reader == "folder" else [])


def _categories_in(folder: Path, suite: str) -> int:
    return sum((folder / category).is_dir() for category in TEST_COUNTS[suite])
