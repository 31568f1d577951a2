"""Which records the pages of the tiling pipeline show: those of the page's study, and those kept of the demo study."""

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from book.tools.absent import say_absent, say_not_kept, shows_kept
from book.tools.page import Page
from zsad.analysis.means import unshifted
from zsad.analysis.tiling import NAMES, PIPELINE, draws_of, subject
from zsad.leagues import output_of
from zsad.study import load_records
from zsad.study.config import DetectorConfig, Study, load_study
from zsad.study.results import leagues_of


@dataclass(frozen=True)
class Tiled:
    """Unshifted records of WinCLIP and the pipeline's variants on one suite and backbone.

    `suffix` keeps ids and numbers apart where a page shows two studies.
    """

    page: Page
    study: Study
    records: pd.DataFrame
    suffix: str = ""

    @cached_property
    def draws(self) -> dict[str, pd.DataFrame]:
        """Bootstrap draws of each metric, by key."""
        return draws_of(self.page.details("replicates", self.records))

    @property
    def who(self) -> str:
        """Suite, backbone and images in words."""
        return subject(self.records)

    def leagues(self, metric: str) -> dict[str, str]:
        """The league of each method of the table of a metric, by its name there."""
        named = self.records[self.records["detector"].isin(NAMES)]
        found = leagues_of(named, self.page.study, output_of(metric))
        return {NAMES[label]: league for label, league in found.items()}

    @property
    def pipeline(self) -> pd.DataFrame:
        """The pipeline's own records, one a category."""
        return self.records[self.records["detector"] == PIPELINE].drop_duplicates("category")


def pipeline_suite(study: Study) -> str | None:
    """The suite that the pipeline is shown on: of those it is evaluated on the first in VisA's layout, else the first;
    None where the study lacks the pipeline.
    """
    found = [suite for suite in study.suites if any(d.name == PIPELINE for d in study.detectors_on(suite))]
    return next((suite for suite in found if study.suites[suite].reader == "visa"), found[0] if found else None)


def pipeline_config(study: Study) -> DetectorConfig:
    """The pipeline as it is, not one of its variants."""
    return next(detector for detector in study.detectors if detector.label == PIPELINE)


def shown(page: Page) -> list[Tiled]:
    """The pipeline in the page's study, computing the missing cells, and in the demo study, from the records kept in
    `results/demo`. Of what is missing, or not shown for parameters other than the book's, the page says so.
    """
    return [*_computed(page), *_kept(page)]


def _computed(page: Page) -> list[Tiled]:
    suite = pipeline_suite(page.study)
    if suite is None:
        page.number("conclusion", say_absent(page, "the tiling pipeline"))
        return []
    records = page.records(
        "none", detectors=_labels(page.study, suite), suites=[suite], backbones=page.study.backbones[:1]
    )
    return [Tiled(page, page.study, records)]


def _kept(page: Page) -> list[Tiled]:
    if not shows_kept(page):
        return []
    study = load_study("demo", check_models=False)
    suite = pipeline_suite(study)
    records = _kept_records(study, suite) if suite else pd.DataFrame(columns=["detector"])
    if PIPELINE not in set(records["detector"]):
        page.number("conclusion-demo", say_not_kept(page, "tiling pipeline"))
        return []
    return [Tiled(page, study, page.uses(records).reset_index(drop=True), "-demo")]


def _labels(study: Study, suite: str) -> list[str]:
    """The methods of the tables, where the study has them, and the pipeline's variants."""
    return [d.label for d in study.detectors_on(suite) if d.label in NAMES or d.name == PIPELINE]


def _kept_records(study: Study, suite: str) -> pd.DataFrame:
    try:
        records = unshifted(load_records("demo"))
    except FileNotFoundError:
        return pd.DataFrame(columns=["detector"])
    shown = (records["suite"] == suite) & records["detector"].isin(_labels(study, suite))
    return records[shown & (records["backbone"] == study.backbones[0])]
