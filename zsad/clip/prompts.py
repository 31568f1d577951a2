"""The sentences WinCLIP compares an image with: state phrases set into photograph templates (WinCLIP, section 4.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

NORMAL, ANOMALOUS = "normal", "anomalous"

STATES = {
    NORMAL: (
        "{}",
        "flawless {}",
        "perfect {}",
        "unblemished {}",
        "{} without flaw",
        "{} without defect",
        "{} without damage",
    ),
    ANOMALOUS: ("damaged {}", "{} with flaw", "{} with defect", "{} with damage"),
}

_BOTH_ARTICLES = (
    "a cropped photo of {article} {}.",
    "a close-up photo of {article} {}.",
    "a bright photo of {article} {}.",
    "a dark photo of {article} {}.",
    "a jpeg corrupted photo of {article} {}.",
    "a blurry photo of {article} {}.",
    "a photo of {article} {}.",
    "a photo of {article} small {}.",
    "a photo of {article} large {}.",
    "a photo of {article} {} for visual inspection.",
    "a photo of {article} {} for anomaly detection.",
)
_TEMPLATES_22 = tuple(line.replace("{article}", article) for line in _BOTH_ARTICLES for article in ("a", "the"))
# Two public ports share a list of 21: one sentence less, and one that stands twice in place of its sister.
_TEMPLATES_21 = tuple(
    line.replace("jpeg corrupted photo of a ", "jpeg corrupted photo of the ")
    for line in _TEMPLATES_22
    if line != "a cropped photo of a {}."
)
TEMPLATES = {"22": _TEMPLATES_22, "21": _TEMPLATES_21}


# Folders of AeBAD, which are named after the data set: their object in the words of its paper.
_OBJECTS = {"AeBAD S": "aeroengine blade", "AeBAD V": "aeroengine blade"}


def clean_class_name(category: str, replace_underscores: bool = True, keep_digits: bool = True) -> str:
    """The words for a category's folder name: "metal_nut" -> "metal nut"; without digits also "pcb1" -> "pcb".

    Empty where no letter or digit is left.
    """
    category = _OBJECTS.get(category.replace("_", " "), category)
    name = category.replace("_", " ") if replace_underscores else category
    if not keep_digits:
        name = re.sub(r"[0-9]+", "", name)
    return re.sub(r" +", " ", name).strip() if any(letter.isalnum() for letter in name) else ""


def compose(
    class_name: str,
    states: Mapping[str, Sequence[str]] = STATES,
    templates: Sequence[str] = _TEMPLATES_22,
) -> dict[str, list[str]]:
    """All sentences of both sides: every state phrase of the class name in every template.

    Args:
        class_name: words for the object, as `clean_class_name` gives them.
        states: phrases with one `{}` for the class name, under "normal" and "anomalous".
        templates: sentences with one `{}` for the phrase.
    """
    return {
        side: [template.replace("{}", phrase.replace("{}", class_name)) for phrase in phrases for template in templates]
        for side, phrases in states.items()
    }
