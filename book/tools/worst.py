"""Which records belong to the worst cases of a study: those of a block, of other blocks that search alike over other
categories, and the unshifted cells of the same images.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from book.tools.absent import say_absent, say_not_kept
from book.tools.nulls import bounds_of
from book.tools.page import Page
from zsad.analysis.corners import ARTEFACT, LEFT_OUT, worst_sentence
from zsad.analysis.differences import headline_draws
from zsad.analysis.null import beside_null, falls, pooled
from zsad.analysis.worst import SETTINGS
from zsad.study import load_records
from zsad.study.config import DetectorConfig, Study
from zsad.study.results import load_sidecars, load_table
from zsad.study.schema import SUBJECT_COLUMNS
from zsad.study.shifts import Worst

Pair = tuple[str, str]

AIMS = {
    "auroc": "the lowest pixel AUROC of the image",
    "loss": "the lowest loss",
    "score": "the most misleading score of the image",
}
"""Which evaluation a search keeps, by its criterion, in words."""


@dataclass(frozen=True)
class WorstCases:
    """The worst cases of a block of a study, or of several that search alike over other categories, and the unshifted
    cells of the same subjects.
    """

    study: Study
    blocks: tuple[Worst, ...]
    records: pd.DataFrame
    left_out: str = ""  # worst cases that are kept and not among the records, in a sentence

    @property
    def block(self) -> Worst:
        """The first block, whose aim and bounds are those of all."""
        return self.blocks[0]

    @property
    def worst(self) -> pd.DataFrame:
        return self.records[self.records["shift"] == "worst"]

    @cached_property
    def replicates(self) -> pd.DataFrame:
        """A row a bootstrap draw of each cell, with its metrics."""
        return load_table(self.records, "replicates", self.study)

    @cached_property
    def samples(self) -> pd.DataFrame:
        """A row an image: the worst case that the search found."""
        return load_table(self.worst, "samples", self.study)

    @property
    def suites(self) -> list[str]:
        return list(dict.fromkeys(self.worst["suite"]))

    @property
    def backbones(self) -> list[str]:
        return list(dict.fromkeys(self.worst["backbone"]))

    @property
    def settings(self) -> list[str]:
        return list(dict.fromkeys(self.worst["setting"]))

    @property
    def asked(self) -> list[str]:
        """The backbones that the study searches for them, of which some may not be kept."""
        every = any(block.backbones == "all" for block in self.blocks)
        named = self.study.backbones if every else [name for block in self.blocks for name in block.backbones]
        return list(dict.fromkeys(named))

    @property
    def bounds(self) -> dict[str, float]:
        """Half-widths of what was searched: degrees, radians, and the [-1, 1] scale of saturation."""
        return dict(self.block.bounds.model_dump())

    @property
    def who(self) -> str:
        """Detector, images and search in words."""
        clean = self.records[self.records["shift"] == "none"].drop_duplicates(["suite", "category"])
        counts = clean.groupby("suite", sort=False)["n_images"].agg(["count", "sum"])
        seen = "; ".join(
            f"{suite}: {row['count']} {'category' if row['count'] == 1 else 'categories'}, {row['sum']} test images"
            for suite, row in counts.iterrows()
        )
        first = self.worst.iloc[0]
        return f"{first['detector']} ({first['dtype']}), {seen}; {self._search}"

    @property
    def _search(self) -> str:
        """The search in words: "search bayes_opt with 33 evaluations an image, keeping that of the lowest loss"."""
        budgets = " or ".join("its default number of" if b is None else str(b) for b in self.budgets)
        aim = AIMS[self.block.criterion]
        turned = "" if self.block.align == "map" else ", the mask turned along"
        return f"search {self.block.search} with {budgets} evaluations an image, keeping that of {aim}{turned}"

    @property
    def budgets(self) -> list[int | None]:
        """The evaluations an image that the records were computed with, None for the search's default: those of kept
        records may be others than the study asks for today.
        """
        sidecars = load_sidecars(self.worst, self.study).values()
        found = {sidecar["spec"]["shift"]["how"]["budget"] for sidecar in sidecars}
        return sorted(found, key=lambda budget: budget or 0)

    @property
    def config(self) -> DetectorConfig:
        """The detector whose worst cases these are."""
        label = _label_of(self.study, self.block)
        return next(detector for detector in self.study.detectors if detector.label == label)

    def rotation_invariant(self) -> pd.DataFrame:
        """The samples of the group `rotation_invariant`, of the suites that have one."""
        groups = {suite: self.study.suites[suite].groups.get("rotation_invariant", []) for suite in self.suites}
        samples = self.samples
        return samples[[c in groups[s] for s, c in zip(samples["suite"], samples["category"], strict=True)]]

    # What follows needs the renderer or the models, whose import takes seconds.
    def dataset(self, suite: str, category: str) -> Any:
        """The test images of a category that were searched (a `zsad.Dataset`)."""
        from zsad.study.data import ensure_suite, read_suite

        limit = self.study.limit_of(next(b for b in self.blocks if category in self.study.covered(b, suite)))
        ensure_suite(self.study, suite, whole=False)
        return read_suite(self.study, suite, category, limit)

    def detector(self, backbone: str) -> Any:
        from zsad.study.run import load_study_detector

        return load_study_detector(self.study, self.config, backbone)


def shown(page: Page) -> list[WorstCases]:
    """The worst cases of the page's study, or none; what is missing is said, and kept as the page's conclusion."""
    found = cases_of(page)
    if found is None:
        say = say_not_kept if page.study.worst and page.shows_kept else say_absent
        page.number("conclusion", say(page, "worst cases"))
    elif found.left_out:
        page.remark(found.left_out)
    return [] if found is None else [found]


def cases_of(page: Page, block: Worst | None = None) -> WorstCases | None:
    """The worst cases of the page's study: those of the first block that has some and of all that search alike, or of
    `block` alone; None where there are none. A category counts in the first block that has it.
    """
    study, found, blocks, seen = page.study, list[pd.DataFrame](), list[Worst](), set[Pair]()
    for each in [block] if block else study.worst:
        pairs = [pair for pair in _covered(study, each) if pair not in seen]
        if not pairs or (blocks and not _alike(blocks[0], each)):
            continue
        where: dict[str, Any] = {
            "suites": list(dict.fromkeys(suite for suite, _ in pairs)),
            "categories": list(dict.fromkeys(category for _, category in pairs)),
            "detectors": [_label_of(study, each)],
            "backbones": study.backbones if each.backbones == "all" else list(each.backbones),
        }
        worst = page.records("worst", variant=each.name, **where)
        if len(worst):
            found.append(_with_clean(worst, page.records("none", variant=_unshifted(each), **where)))
            blocks.append(each)
            seen |= set(zip(worst["suite"], worst["category"], strict=True))
    if not found:
        return None
    records, left_out = of_all_categories(pd.concat(found, ignore_index=True))
    return WorstCases(study, tuple(blocks), records, left_out)


def of_all_categories(records: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Of worst cases and unshifted records those of backbones and settings that have all categories of a suite that any
    has, since their means stand side by side; and what is left out, in a sentence.
    """
    worst = records[records["shift"] == "worst"]
    short = dict[tuple[str, str, str], str]()
    for suite, of_suite in worst.groupby("suite", sort=False):
        found = of_suite.groupby(["backbone", "setting"], sort=False)["category"].agg(frozenset)
        most = max(found, key=len)
        for (backbone, setting), categories in found[found != most].items():
            short[str(suite), backbone, setting] = f"{len(categories)} of {len(most)}"
    if not short:
        return records, ""
    unit = pd.MultiIndex.from_frame(worst[["suite", "backbone", "setting"]])
    worst = worst[~unit.isin(list(short))]
    clean = records[records["shift"] != "worst"]
    subjects = worst[SUBJECT_COLUMNS].drop_duplicates()
    kept = pd.concat([worst, clean.merge(subjects, on=SUBJECT_COLUMNS)], ignore_index=True)
    named = "; ".join(
        f"{SETTINGS[setting]} on {backbone}, {count} products of {suite}"
        for (suite, backbone, setting), count in short.items()
    )
    return kept[list(records.columns)], f"Begun, and not shown beside what is whole: {named}."


def beside_chance(page: Page, cases: WorstCases) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The same images under random shifts within the same bounds: `zsad.analysis.null.pooled` and `falls`, without rows
    where there are none.
    """
    searches = {block.name for block in cases.blocks}
    bounds = [bound for bound in bounds_of(cases.study) if bound.search in searches]
    found = [page.records("worst", variant=name) for name in dict.fromkeys(bound.random for bound in bounds)]
    random = pd.concat([cases.worst.iloc[:0], *found], ignore_index=True)
    if random.empty:
        return pd.DataFrame(), pd.DataFrame()
    images = beside_null(pd.concat([cases.samples, page.details("samples", random)]), bounds)
    both = pd.concat([cases.records, random], ignore_index=True)
    draws = headline_draws(page.details("replicates", both))
    return pooled(both, draws, bounds), falls(images) if len(images) else pd.DataFrame()


def corners_note(page: Page) -> str:
    """What a turned map's empty corners do to pixel metrics, with the worst cases in which they are left out beside
    those in which they count, where the study has both: `zsad.analysis.corners.worst_sentence`.
    """
    counted = cases_of(page)
    other = next((block for block in page.study.worst if block.corners == LEFT_OUT), None)
    left_out = cases_of(page, other) if other is not None and counted is not None else None
    if counted is None or left_out is None:
        return ARTEFACT
    replicates = pd.concat([counted.replicates, left_out.replicates], ignore_index=True)
    return worst_sentence(counted.records, left_out.records, replicates)


def kept_cases(page: Page, study: Study, block: Worst) -> WorstCases | None:
    """The worst cases of a block of another study that are kept in `results/<study>`; None where none are kept."""
    try:
        records = load_records(study.name)
    except FileNotFoundError:
        return None
    worst = _worst_of(study, block, records)
    if worst.empty:
        return None
    clean = records[(records["shift"] == "none") & (records["variant"] == _unshifted(block))]
    return WorstCases(study, (block,), page.uses(_with_clean(worst, clean)))


def _alike(one: Worst, other: Worst) -> bool:
    """Whether two blocks differ in no more than their categories and how many images of each."""
    apart = {"name", "over", "limit"}
    return bool(one.model_dump(exclude=apart) == other.model_dump(exclude=apart))


def _label_of(study: Study, block: Worst) -> str:
    """The first detector that a block covers."""
    return next(d.label for d in study.detectors if block.detectors == "all" or d.label in block.detectors)


def _covered(study: Study, block: Worst) -> list[Pair]:
    """The suites and categories that a block covers."""
    return [(suite, category) for suite in study.suites for category in study.covered(block, suite)]


def _worst_of(study: Study, block: Worst, records: pd.DataFrame) -> pd.DataFrame:
    of_block = (records["shift"] == "worst") & (records["variant"] == block.name)
    return records[of_block & (records["detector"] == _label_of(study, block))]


def _unshifted(block: Worst) -> str:
    """The variant under which a block's images are recorded as they are."""
    return "default" if block.limit is None else block.name


def _with_clean(worst: pd.DataFrame, clean: pd.DataFrame) -> pd.DataFrame:
    subjects = worst[SUBJECT_COLUMNS].drop_duplicates()
    return pd.concat([worst, clean.merge(subjects, on=SUBJECT_COLUMNS)], ignore_index=True)[list(worst.columns)]


def sweeps_beside(page: Page, cases: WorstCases) -> pd.DataFrame:
    """Uniform sweeps, of all images alike, by the detector of some worst cases, value 0 included; empty where there are
    none."""
    label = cases.config.label
    sweeps = next((block for block in cases.study.sweeps if block.variant == "default"), None)
    if sweeps is None:
        return cases.worst.iloc[:0]
    swept = {category for suite in cases.suites for category in cases.study.covered(sweeps, suite)}
    categories = [name for name in cases.worst["category"].drop_duplicates() if name in swept]
    backbones = [name for name in cases.backbones if sweeps.backbones == "all" or name in sweeps.backbones]
    by_label = sweeps.detectors == "all" or label in sweeps.detectors
    if not (sweeps.values() and categories and backbones and by_label):
        return cases.worst.iloc[:0]
    of: dict[str, Any] = {"detectors": [label], "backbones": backbones}
    return page.records("uniform", variant="default", suites=cases.suites, categories=categories, **of)
