"""What the pages of worst cases have in common: a block of a study, its records, what to say where there are none."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from book.tools.page import Page
from zsad.study import load_records
from zsad.study.config import Study, load_study
from zsad.study.results import load_sidecars
from zsad.study.schema import SUBJECT_COLUMNS
from zsad.study.shifts import Worst

SETTINGS = ("angle", "saturation", "hue", "3d")
SETTING_WORDS = {"angle": "rotation", "saturation": "saturation", "hue": "hue", "3d": "3D (all three)"}
METRICS = ("pixel_auroc", "aupro")
SHORT = {"pixel_auroc": "pAUROC", "aupro": "AUPRO"}


@dataclass(frozen=True)
class WorstCases:
    """The worst cases of a block of a study, or of several that search alike over other categories, and the unshifted
    cells of the same subjects.

    `suffix` keeps ids and numbers apart where a page shows two studies.
    """

    study: Study
    blocks: tuple[Worst, ...]
    records: pd.DataFrame
    suffix: str = ""

    @property
    def block(self) -> Worst:
        """The first block, whose aim and bounds are those of all."""
        return self.blocks[0]

    def limit_of(self, suite: str, category: str) -> int | None:
        """The most test pictures of a category that were searched."""
        block = next(b for b in self.blocks if category in self.study.covered(b, suite))
        return self.study.limit_of(block)

    @property
    def worst(self) -> pd.DataFrame:
        return self.records[self.records["shift"] == "worst"]

    @property
    def clean(self) -> pd.DataFrame:
        return self.records[self.records["shift"] == "none"]

    @property
    def suites(self) -> list[str]:
        """Those with worst cases, in the study's order."""
        found = set(self.worst["suite"])
        return [name for name in self.study.suites if name in found]

    @property
    def backbones(self) -> list[str]:
        found = set(self.worst["backbone"])
        return [name for name in self.study.backbones if name in found]

    @property
    def settings(self) -> list[str]:
        found = set(self.worst["setting"])
        return [name for name in SETTINGS if name in found]

    @property
    def who(self) -> str:
        """Detector, search and pictures in words."""
        pictures = self.clean.drop_duplicates(["suite", "category"]).groupby("suite", sort=False)["n_images"].sum()
        rows = self.worst.drop_duplicates(["suite", "category"]).groupby("suite", sort=False)["category"].count()
        counted = "; ".join(f"{s}: {_counted(int(rows[s]), 'category', 'categories')}, {pictures[s]} test images"
                            for s in self.suites)  # fmt: skip
        first = self.worst.iloc[0]
        return f"{first['detector']} ({first['dtype']}), {counted}; {described(self.block, self.budgets)}"

    @property
    def budgets(self) -> list[int | None]:
        """The evaluations an image that the records were computed with, None for the search's default: those of kept
        records may be others than the study asks for today.
        """
        sidecars = load_sidecars(self.worst, self.study).values()
        found = {sidecar["spec"]["shift"]["how"]["budget"] for sidecar in sidecars}
        return sorted(found, key=lambda budget: budget or 0)


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def described(block: Worst, budgets: Sequence[int | None]) -> str:
    """A block's search in words: "search refine with 33 tries a picture, kept by the lowest loss"."""
    budget = " or ".join("its default number of tries" if b is None else f"{b} tries" for b in budgets)
    kept = "the lowest pixel AUROC of the picture" if block.criterion == "auroc" else "the lowest loss"
    turned = "" if block.align == "map" else ", the mask turned along"
    return f"search {block.search} with {budget} a picture, kept by {kept}{turned}"


def label_of(study: Study, block: Worst) -> str:
    """The first detector that a block covers."""
    return next(d.label for d in study.detectors if block.detectors == "all" or d.label in block.detectors)


def covered(study: Study, block: Worst) -> list[tuple[str, str]]:
    """The (suite, category) pairs that a block covers."""
    return [(suite, category) for suite in study.suites for category in study.covered(block, suite)]


def searching_alike(study: Study, block: Worst) -> tuple[Worst, ...]:
    """A block, and the study's others that differ from it only in their categories and in how many pictures of each."""
    apart = {"name", "over", "limit"}
    goal = block.model_dump(exclude=apart)
    return (block, *(b for b in study.worst if b != block and b.model_dump(exclude=apart) == goal))


def computed(page: Page, block: Worst | None = None) -> WorstCases | None:
    """The worst cases of the page's study, computing the missing ones: those of its first block and of all that search
    alike, or of `block` alone; None where the study searches none. A category counts in the first block that has it.
    """
    study = page.study
    if block is None:
        first = next((b for b in study.worst if covered(study, b)), None)
        blocks = () if first is None else searching_alike(study, first)
    else:
        blocks = (block,)
    found, seen = [], set[tuple[str, str]]()
    for each in blocks:
        pairs = [pair for pair in covered(study, each) if pair not in seen]
        seen |= set(pairs)
        if pairs:
            found.append(_computed_over(page, each, pairs))
    return WorstCases(study, blocks, pd.concat(found, ignore_index=True)) if found else None


def _computed_over(page: Page, block: Worst, pairs: list[tuple[str, str]]) -> pd.DataFrame:
    where: dict[str, Any] = {
        "suites": list(dict.fromkeys(suite for suite, _ in pairs)),
        "categories": list(dict.fromkeys(category for _, category in pairs)),
        "detectors": [label_of(page.study, block)],
        "backbones": page.study.backbones if block.backbones == "all" else list(block.backbones),
    }
    worst = page.records("worst", variant=block.name, **where)
    return _with_clean(worst, page.records("none", variant=_unshifted(block), **where))


def kept(page: Page, block_name: str | None = None, study_name: str = "demo") -> WorstCases | None:
    """The worst cases of a study that are kept in `results/<study>`: of its first block that is there and of all that
    search alike, or of the named one alone; None where none are kept.
    """
    try:
        records = load_records(study_name)
    except FileNotFoundError:
        return None
    study = load_study(study_name, check_models=False)
    blocks = {block.name: block for block in study.worst if len(_worst_of(study, block, records))}
    first = next(iter(blocks.values()), None) if block_name is None else blocks.get(block_name)
    if first is None:
        return None
    alike = (first,) if block_name else tuple(b for b in searching_alike(study, first) if b.name in blocks)
    found, seen = [], set[tuple[str, str]]()
    for block in alike:
        worst = _worst_of(study, block, records)
        pairs = worst.set_index(["suite", "category"]).index
        clean = records[(records["shift"] == "none") & (records["variant"] == _unshifted(block))]
        found.append(_with_clean(worst[~pairs.isin(seen)], clean))
        seen |= set(pairs)
    return WorstCases(study, alike, page.uses(pd.concat(found, ignore_index=True)), f"-{study_name}")


def _worst_of(study: Study, block: Worst, records: pd.DataFrame) -> pd.DataFrame:
    of_block = (records["shift"] == "worst") & (records["variant"] == block.name)
    return records[of_block & (records["detector"] == label_of(study, block))]


def _unshifted(block: Worst) -> str:
    """The variant under which a block's pictures are recorded as they are."""
    return "default" if block.limit is None else block.name


def _with_clean(worst: pd.DataFrame, clean: pd.DataFrame) -> pd.DataFrame:
    subjects = worst[SUBJECT_COLUMNS].drop_duplicates()
    return pd.concat([worst, clean.merge(subjects, on=SUBJECT_COLUMNS)], ignore_index=True)[list(worst.columns)]


def narrowed(cases: WorstCases, **columns: str) -> WorstCases:
    """Only the records with these values, such as suite="demo-visa"."""
    records = cases.records
    for name, value in columns.items():
        records = records[records[name] == value]
    return replace(cases, records=records)


def uniform_of(page: Page, cases: WorstCases) -> pd.DataFrame:
    """Uniform sweeps by the detector of some worst cases, value 0 included; empty where there are none."""
    label = label_of(cases.study, cases.block)
    if cases.suffix:
        records = load_records(cases.study.name)
        return page.uses(records[(records["shift"] == "uniform") & (records["detector"] == label)])
    sweeps = cases.study.sweeps
    swept = {category for suite in cases.suites for category in cases.study.covered(sweeps, suite)}
    categories = [name for name in dict.fromkeys(cases.worst["category"]) if name in swept]
    backbones = [name for name in cases.backbones if sweeps.backbones == "all" or name in sweeps.backbones]
    by_label = sweeps.detectors == "all" or label in sweeps.detectors
    if not (sweeps.values() and categories and backbones and by_label):
        return cases.worst.iloc[:0]
    return page.records("uniform", suites=cases.suites, categories=categories, detectors=[label], backbones=backbones)
