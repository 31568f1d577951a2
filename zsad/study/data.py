"""The data sets of a study: where they lie, what is drawn where it is missing, and what they are known by."""

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from zsad.data import Dataset, load_dataset
from zsad.data.demo import SUITES, stamp, write_suite
from zsad.data.demo.drawn import drawn_dataset
from zsad.study.config import Study
from zsad.study.project import resolve
from zsad.study.shifts import canonical_json


def read_suite(study: Study, suite: str, category: str, limit: int | None) -> Dataset:
    """At most `limit` test images of one category of a study; a demo suite is known by what it was drawn from, and
    files that are not as they were drawn are not decoded. Of one that is not written each image is drawn when it is
    read.

    Raises FileNotFoundError for a suite without a folder, and what `zsad.load_dataset` raises.
    """
    if suite in (missing := study.missing_suites()):
        raise FileNotFoundError(where_to_put({suite: missing[suite]}))
    return _read(study, suite, category, "test", study.suites[suite].domain).subset(limit)


def read_training(study: Study, suite: str, category: str, without: Collection[str] = ()) -> Dataset | None:
    """At most `study.training` good training images of one category of a study, `without` some, by their ids; None
    where it wants none, and where the suite has none. They are known by the same as those of `read_suite`, which has
    found the suite.
    """
    if study.training is None:
        return None
    good = read_good_training(study, suite, category)
    if good is not None and without:
        good = good._of([entry for entry, name in zip(good.entries, good.ids, strict=True) if name not in without])
    return good.subset(study.training) if good is not None and len(good) else None


def read_good_training(study: Study, suite: str, category: str) -> Dataset | None:
    """All good training images of one category of a study; None where the suite has no such split."""
    if study.suites[suite].reader == "folder":
        return None
    try:
        return _read(study, suite, category, "train").normal()
    except ValueError:  # a copy without its training split
        return None


def _read(study: Study, suite: str, category: str, split: str, domain: str | None = None) -> Dataset:
    config, root = study.suites[suite], study.root_of(suite)
    if not study.is_demo(suite):
        return load_dataset(config.reader, root, category=category, split=split, domain=domain)
    name, seed = str(config.root), study.demo_seed
    if not root.exists():
        found = drawn_dataset(root, name, seed, category=category, split=split, domain=domain)
        return found.as_drawn(_recipe(stamp.recipe(name, SUITES[name], seed)), {})
    found = load_dataset(config.reader, root, category=category, split=split, domain=domain)
    drawn = recipe_of(root)
    return found.as_drawn(*drawn) if drawn else found


def recipe_of(folder: Path) -> tuple[str, dict[str, str]] | None:
    """SHA-256 (hex) of what a demo suite says it was drawn from (seed and every choice) and of the name of the code
    that draws; and the SHA-256 of each of its files by path. None of a folder without such a stamp.
    """
    try:
        drawn_from, files = stamp.read_stamp(folder)
    except (FileNotFoundError, ValueError):
        return None
    return (_recipe(drawn_from), files) if files else None


def _recipe(drawn_from: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical_json([drawn_from, stamp.DRAWN_BY]).encode()).hexdigest()


def ensure_suite(study: Study, suite: str, progress: bool = True, whole: bool = True) -> None:
    """Write a demo suite where the study's data root lacks it, or holds one that is not as it was drawn. Where it is
    not wanted as a `whole`, one that is lacking is left to `read_suite`, which draws the images that it reads.

    Suites of real data, and a demo suite that the study reads from a folder of another name, are left to the reader.
    """
    if study.is_demo(suite) and (whole or study.root_of(suite).exists()):
        write_suite(resolve(study.data_root), str(study.suites[suite].root), study.demo_seed, progress)


def where_to_put(missing: Mapping[str, Path]) -> str:
    """What to say of suites whose folders are not there: which, and the way out."""
    where = "; ".join(f"{suite}: no folder {root}" for suite, root in missing.items())
    return f"{where}; put the data set there, or set data_root to the folder that holds it"
