"""What the detectors' options classes share: checks of texts, and the plain form that records keep."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from zsad.clip.prompts import ANOMALOUS, NORMAL, clean_class_name
from zsad.paths import CACHES


def as_json(options: Any) -> dict[str, Any]:
    """Every choice of an options dataclass that can change a prediction, as plain JSON values: folders in which results
    are kept never do.
    """
    values = {name: value for name, value in dataclasses.asdict(options).items() if name not in CACHES}
    plain: dict[str, Any] = json.loads(json.dumps(values))
    return plain


@runtime_checkable
class Weights(Protocol):
    """A model that says which it is: `fingerprint` is a sha256 over all that its outputs depend on."""

    @property
    def fingerprint(self) -> str: ...


def fingerprint(name: str, options: dict[str, Any], backbone: Weights) -> str:
    """sha256 over a detector's name, options and weights."""
    return hashlib.sha256(json.dumps([name, options, backbone.fingerprint], sort_keys=True).encode()).hexdigest()


def object_words(category: str, detector: str) -> str:
    """The words for a category's folder name.

    Raises:
        ValueError: none are left.
    """
    words = clean_class_name(category)
    if not words:
        raise ValueError(f"{detector} compares an image with text: give a category name")
    return words


def check_texts(option: str, sides: Mapping[str, Sequence[str]], placeholder: bool = True) -> None:
    """Raise a ValueError unless there are texts for normal and for anomalous, each with a place for the class name."""
    if set(sides) != {NORMAL, ANOMALOUS}:
        raise ValueError(f"{option} needs the keys {NORMAL!r} and {ANOMALOUS!r}, not {sorted(sides)}")
    for side, phrases in sides.items():
        check_phrases(f"{option}, {side}", phrases, placeholder)


def check_phrases(option: str, phrases: Sequence[str], placeholder: bool = True) -> None:
    """Raise a ValueError unless there is at least one text and, with `placeholder`, one `{}` in each."""
    if isinstance(phrases, str) or not phrases:
        raise ValueError(f"{option} needs a list of at least one text, not {phrases!r}")
    for phrase in phrases if placeholder else ():
        if phrase.count("{}") != 1:
            raise ValueError(f"each text in {option} needs exactly one {{}} for the class name, not {phrase!r}")
