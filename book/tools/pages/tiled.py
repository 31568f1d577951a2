"""What the pages of the tiling pipeline have in common: unshifted records of one suite, and differences of F1-max."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from book.tools.page import Page
from zsad.analysis.differences import Difference, by_key, difference_of
from zsad.analysis.means import unshifted
from zsad.study import load_records
from zsad.study.config import DetectorConfig, Study, load_study

PIPELINE = "tiling"
METRICS = {"image_f1max": "sample F1-max", "pixel_f1max": "pixel F1-max"}


@dataclass(frozen=True)
class Tiled:
    """Unshifted records of several detectors on one suite and backbone.

    `suffix` keeps ids and numbers apart where a page shows two studies.
    """

    study: Study
    suite: str
    records: pd.DataFrame
    suffix: str = ""

    @property
    def detectors(self) -> list[str]:
        """Labels, in the study's order."""
        there = set(self.records["detector"])
        return [d.label for d in self.study.detectors if d.label in there]

    @property
    def categories(self) -> list[str]:
        return list(dict.fromkeys(self.records["category"]))

    @property
    def who(self) -> str:
        """Suite, backbone and pictures in words."""
        first = self.records.iloc[0]
        images = int(self.records.drop_duplicates("category")["n_images"].sum())
        count = len(self.categories)
        return (
            f"{self.suite}, {first['backbone']} ({first['dtype']}), "
            f"{count} {'category' if count == 1 else 'categories'}, {images} images"
        )

    def of(self, detector: str, category: str | None = None) -> pd.DataFrame:
        """A detector's records, of one category or of all."""
        rows = self.records[self.records["detector"] == detector]
        return rows if category is None else rows[rows["category"] == category]


def suite_of(study: Study, suites: Iterable[str] | None = None) -> str | None:
    """The suite that the pipeline is shown on: of those it is evaluated on the first in VisA's layout, else the first;
    None where the study lacks the pipeline.
    """
    found = [
        suite
        for suite in suites or study.suites
        if any(detector.name == PIPELINE for detector in study.detectors_on(suite))
    ]
    return next((suite for suite in found if study.suites[suite].reader == "visa"), found[0] if found else None)


def variants(study: Study, suite: str) -> list[DetectorConfig]:
    """The pipeline and its variants on a suite."""
    return [detector for detector in study.detectors_on(suite) if detector.name == PIPELINE]


def shown(study: Study, suite: str) -> list[str]:
    """Labels of WinCLIP, where the study has it, and of the pipeline with its variants."""
    winclip = [detector.label for detector in study.detectors_on(suite) if detector.label == "winclip"]
    return winclip + [detector.label for detector in variants(study, suite)]


def computed(page: Page) -> Tiled | None:
    """The pipeline in the page's study, computing the missing cells; None where the study has none."""
    suite = suite_of(page.study)
    if suite is None:
        return None
    labels = shown(page.study, suite)
    records = page.records("none", detectors=labels, suites=[suite], backbones=page.study.backbones[:1])
    return Tiled(page.study, suite, records)


def kept(page: Page) -> Tiled | None:
    """The pipeline in the demo study, from the records kept in `results/demo`; None where none are."""
    study = load_study("demo", check_models=False)
    suite = suite_of(study)
    try:
        records = unshifted(load_records("demo"))
    except FileNotFoundError:
        return None
    records = records[
        (records["suite"] == suite)
        & records["detector"].isin(shown(study, suite) if suite else [])
        & (records["backbone"] == study.backbones[0])
    ]
    if suite is None or PIPELINE not in set(records["detector"]):
        return None
    return Tiled(study, suite, page.uses(records).reset_index(drop=True), "-demo")


def draws_of(page: Page, cases: Tiled) -> dict[str, pd.DataFrame]:
    """The bootstrap draws of each of `METRICS`: a row a draw, a column a key."""
    replicates = page.details("replicates", cases.records)
    return {metric: by_key(replicates, metric) for metric in METRICS}


def gap(
    cases: Tiled, first: str, second: str, metric: str, draws: pd.DataFrame, category: str | None = None
) -> Difference:
    """The mean of a metric over categories (or that of one) with one detector minus that with another."""
    parts = [(1.0, cases.of(first, category)), (-1.0, cases.of(second, category))]
    return difference_of(parts, draws, metric)


def level(cases: Tiled, detector: str, metric: str, draws: pd.DataFrame, category: str | None = None) -> Difference:
    """The mean of a metric over categories, or its value for one, in percent with its interval."""
    return difference_of([(1.0, cases.of(detector, category))], draws, metric)
