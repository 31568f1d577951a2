"""What the pages of corruptions have in common: a block of a study, its records, means over categories and kinds."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from book.tools.page import Page
from zsad.analysis.differences import Difference, by_key, difference_of
from zsad.study import load_records
from zsad.study.config import Study, load_study
from zsad.study.records import SUBJECT_COLUMNS
from zsad.study.shifts import Corruptions
from zsad.study.suites import DOMAINS

KINDS = ("brightness", "contrast", "defocus_blur", "gaussian_noise")
KIND_WORDS = {"brightness": "brightness", "contrast": "contrast", "defocus_blur": "blur", "gaussian_noise": "noise"}
SEVERITY = 3  # of the script that the poster's protocol comes from (Cao et al.); the poster itself states none
METRIC = "image_auroc"
# Detectors of the poster's table, in its order and by its names.
POSTER_NAMES = {"clip": "CLIP", "clip_ac": "CLIP-AC", "rwda": "RWDA", "winclip": "WinCLIP",
                "text_fnn": "text FNN"}  # fmt: skip
DATA_SETS = {"demo-mvtec": "MVTec AD", "mvtec_ad": "MVTec AD", "demo-visa": "VisA", "visa": "VisA"}


@dataclass(frozen=True)
class Corrupted:
    """The image AUROC of one block's corruptions by several detectors on one backbone, severity 0 included.

    `suffix` keeps ids and numbers apart where a page shows two studies.
    """

    study: Study
    block: Corruptions
    records: pd.DataFrame
    suffix: str = ""

    @property
    def suites(self) -> list[str]:
        return _found(self.study.suites, self.records["suite"])

    @property
    def detectors(self) -> list[str]:
        """Labels, in the study's order."""
        return _found((d.label for d in self.study.detectors), self.records["detector"])

    @property
    def kinds(self) -> list[str]:
        return _found(KINDS, self.records["setting"])

    @property
    def severities(self) -> list[int]:
        return sorted({int(value) for value in self.records["value"]})

    @property
    def severity(self) -> int:
        """That of tables: `SEVERITY`, or the study's strongest where it has none of that."""
        return SEVERITY if SEVERITY in self.severities else self.severities[-1]

    @property
    def who(self) -> str:
        """Backbone and pictures in words."""
        first = self.records.iloc[0]
        once = self.records.drop_duplicates(["suite", "category"]).groupby("suite", sort=False)
        counted = "; ".join(
            f"{suite}: {len(rows)} {'category' if len(rows) == 1 else 'categories'}, {rows['n_images'].sum()} images"
            for suite, rows in once
        )
        how = counts_set(self.study, self.detectors)
        place = f"pictures corrupted at {_place(self.block)} size"
        return f"{first['backbone']} ({first['dtype']}), {counted}; {place}{how}"

    def at(self, suite: str, detector: str, kind: str, severity: int) -> pd.DataFrame:
        """One record a category."""
        return self._groups.get((suite, detector, kind, float(severity)), self.records.iloc[:0])

    @cached_property
    def _groups(self) -> dict[Any, pd.DataFrame]:
        return dict(iter(self.records.groupby(["suite", "detector", "setting", "value"], sort=False)))

    def clean(self, suite: str, detector: str) -> pd.DataFrame:
        return self.at(suite, detector, self.kinds[0], 0)

    def mean_of(self, suite: str, detector: str, severity: int, sign: float = 1) -> list[tuple[float, pd.DataFrame]]:
        """The mean over the kinds of corruption, as parts of a `difference`."""
        return [(sign / len(self.kinds), self.at(suite, detector, kind, severity)) for kind in self.kinds]


def _found(names: Iterable[str], column: pd.Series) -> list[str]:
    there = set(column)
    return [name for name in names if name in there]


def _place(block: Corruptions) -> str:
    return "their native" if block.at == "native" else "the detector's"


def computed(page: Page, name: str = "default") -> Corrupted | None:
    """The corruptions of the page's study, computing the missing cells: those of its block `name`, on the first of its
    backbones; None where the study has none.
    """
    study = page.study
    block = next((b for b in study.corruptions if b.name == name), None)
    pairs = [] if block is None else [(s, c) for s in study.suites for c in study.covered(block, s)]
    if block is None or not pairs:
        return None
    labels = [d.label for d in study.detectors if block.detectors == "all" or d.label in block.detectors]
    where: dict[str, Any] = {
        "detectors": labels,
        "suites": list(dict.fromkeys(suite for suite, _ in pairs)),
        "categories": list(dict.fromkeys(category for _, category in pairs)),
        "backbones": study.backbones[:1] if block.backbones == "all" else block.backbones[:1],
    }
    return _with_clean(study, block, page.records("corruption", variant=name, **where), page.records("none", **where))


def kept(page: Page, name: str = "default") -> Corrupted | None:
    """The corruptions of the demo study's block `name` that are kept in `results/demo`; None where none are."""
    try:
        records = load_records("demo")
    except FileNotFoundError:
        return None
    study = load_study("demo", check_models=False)
    block = next(b for b in study.corruptions if b.name == name)
    corrupted = records[(records["shift"] == "corruption") & (records["variant"] == name)]
    if corrupted.empty:
        return None
    found = _with_clean(study, block, corrupted, unshifted(records), "-demo")
    page.uses(found.records)
    return found


def unshifted(records: pd.DataFrame) -> pd.DataFrame:
    """The study's own unshifted records, not those of a block with fewer pictures."""
    return records[(records["shift"] == "none") & (records["variant"] == "default")]


def _with_clean(
    study: Study, block: Corruptions, corrupted: pd.DataFrame, clean: pd.DataFrame, suffix: str = ""
) -> Corrupted:
    """The unshifted cell stands for severity 0 of every kind, whether the block lists that or not."""
    clean = clean.merge(corrupted[SUBJECT_COLUMNS].drop_duplicates(), on=SUBJECT_COLUMNS)
    none = [clean.assign(shift="corruption", setting=kind, value=0.0) for kind in corrupted["setting"].unique()]
    records = pd.concat([corrupted[corrupted["value"] != 0], *none], ignore_index=True)
    return Corrupted(study, block, records[records["metric"] == METRIC].reset_index(drop=True), suffix)


def draws_of(page: Page, records: pd.DataFrame) -> pd.DataFrame:
    """The bootstrap draws of some records' image AUROC: a row a draw, a column a key."""
    return by_key(page.details("replicates", records), METRIC)


def level(parts: list[tuple[float, pd.DataFrame]], draws: pd.DataFrame) -> Difference:
    """A weighted sum of means over categories, in percent, with its interval; `draws` come from `draws_of`."""
    return difference_of(parts, draws, METRIC)


def minus(parts: list[tuple[float, pd.DataFrame]]) -> list[tuple[float, pd.DataFrame]]:
    return [(-weight, records) for weight, records in parts]


def percent(found: Difference) -> str:
    """A mean and half the width of its interval, such as "87.6 ± 2.1", broken into two lines at most."""
    return f"{found.value:.1f} ±\u00a0{(found.high - found.low) / 2:.1f}"


def points(found: Difference) -> str:
    """A difference with its interval, such as "+1.1 (-0.4 to +2.5)"."""
    return f"{found.value:+.1f} ({found.low:+.1f} to {found.high:+.1f})".replace("-", "−")


def domains_of(suites: Iterable[str]) -> dict[str, str]:
    """Domain -> the suite that shows it, of the suites that are AeBAD's, in the order of the domains."""
    names = list(suites)
    found = {domain: next((n for n in names if n.endswith(f"aebad-{domain}")), None) for domain in DOMAINS}
    return {domain: suite for domain, suite in found.items() if suite}


def counts_set(study: Study, labels: list[str]) -> str:
    """`; text_fnn with diversity words 20`: the counts that a study sets of some detectors, from their options; of a
    seed, which is none, nothing.
    """
    said = []
    for config in study.detectors:
        counts = [
            f"{name.replace('_', ' ')} {value}"
            for name, value in config.options.items()
            if isinstance(value, int) and not isinstance(value, bool) and name != "seed"
        ]
        if counts and config.label in labels:
            said.append(f"{config.label} with {', '.join(counts)}")
    return "".join(f"; {part}" for part in said)
