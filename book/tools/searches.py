"""Which worst cases of a study can be held against each other: by searches that differ in their way alone, and under
choices that differ in one option alone.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from book.tools.page import Page
from book.tools.worst import WorstCases, cases_of, kept_cases
from zsad.analysis.falls import with_forwards
from zsad.study.load import load_study
from zsad.study.results import load_sidecars, load_table
from zsad.study.shifts import Block, Worst

# What an ablation changes: the option of a `worst` block, and the question in words.
CHOICES = {
    "gradient": "gradient through all windows, or of the class token alone",
    "align": "the map turned back, or the mask turned along",
    "criterion": "the evaluation with the lowest AUROC, or with the lowest loss",
    "corners": "empty corners counted, or left out",
}
_NAMES = set(Block.model_fields) | {"name", "settings"}
_WAYS = {"search", "budget", "gradient", "criterion"}


def searches_of(page: Page) -> list[WorstCases]:
    """Every `worst` block of the page's study that searches maps, not image scores."""
    found = [cases_of(page, block) for block in page.study.worst if block.criterion != "score"]
    return [cases for cases in found if cases is not None]


def kept_searches(page: Page, study: str) -> list[WorstCases]:
    """Every `worst` block of a study that is kept in `results/<study>`."""
    other = load_study(study, check_models=False)
    found = [kept_cases(page, other, block) for block in other.worst]
    return [cases for cases in found if cases is not None]


def search_name(block: Worst) -> str:
    """A search in words, such as "adam (class token)"."""
    return block.search + (" (class token)" if block.search == "adam" and block.gradient == "class_token" else "")


def _options(block: Worst, without: set[str]) -> dict[str, Any]:
    """What a block searches for and how, apart from the images and detectors, and from the options in `without`."""
    return block.model_dump(exclude=_NAMES | without)


def comparable(all_cases: Sequence[WorstCases]) -> list[WorstCases]:
    """Of the blocks that search within the same bounds and turn and count alike the most, so that only the way differs;
    none where there is but one search among them.
    """
    groups: dict[str, list[WorstCases]] = {}
    for cases in all_cases:
        groups.setdefault(repr(_options(cases.block, without=_WAYS)), []).append(cases)
    largest = max(groups.values(), key=lambda group: len({search_name(c.block) for c in group}), default=[])
    return largest if len({search_name(cases.block) for cases in largest}) > 1 else []


def evaluations_of(all_cases: Sequence[WorstCases]) -> pd.DataFrame:
    """A row an image and evaluation of some blocks, with the lowest AUROC and loss so far, the `forwards` spent, and
    the block's `search` and `criterion`; empty where the records are of an earlier version that kept none.
    """
    found = [
        with_forwards(load_table(cases.worst, "tries", cases.study)).assign(
            search=search_name(cases.block), criterion=cases.block.criterion
        )
        for cases in all_cases
        if all("tries" in sidecar["tables"] for sidecar in load_sidecars(cases.worst, cases.study).values())
    ]
    columns = ["search", "criterion", "backbone", "setting", "auroc"]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=columns)


def budgets(all_cases: Sequence[WorstCases]) -> str:
    """The most evaluations an image that each search's records were computed with."""
    most: dict[str, int] = {}
    for cases in all_cases:
        name = search_name(cases.block)
        most[name] = max(most.get(name, 0), *(budget or 0 for budget in cases.budgets))
    return "; ".join(f"{name} {count or 'by default'}" for name, count in most.items())


def choices(all_cases: Sequence[WorstCases], option: str) -> list[tuple[WorstCases, WorstCases]]:
    """Pairs of blocks that differ in one option alone, the one with the option's default first."""
    default = Worst.model_fields[option].default
    return [
        (first, second)
        for first in all_cases
        for second in all_cases
        if getattr(first.block, option) == default != getattr(second.block, option)
        and _options(first.block, {option}) == _options(second.block, {option})
        and (option != "gradient" or first.block.search == "adam")  # no other search has a gradient
    ]
