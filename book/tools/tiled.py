"""Which records the pages of the tiling pipeline show."""

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from book.tools.absent import say_absent, say_not_kept
from book.tools.page import Page
from zsad.analysis.means import unshifted
from zsad.analysis.tiling import NAMES, PIPELINE, draws_of, subject
from zsad.leagues import output_of
from zsad.study.config import DetectorConfig, Study
from zsad.study.results import leagues_of


@dataclass(frozen=True)
class Tiled:
    """Unshifted records of WinCLIP and the pipeline's variants on one suite and backbone."""

    page: Page
    study: Study
    records: pd.DataFrame

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


def shown(page: Page, variants: bool = True) -> list[Tiled]:
    """The pipeline in the page's study, or nothing; that it is missing is said, and kept as the page's conclusion. All
    methods are shown on the pipeline's categories: which ones lack some of them, and are left out, is said too.

    Args:
        variants: the pipeline's variants too, not the methods of the tables alone.
    """
    suite = pipeline_suite(page.study)
    if suite is None:
        page.number("conclusion", say_absent(page, "the tiling pipeline"))
        return []
    labels = [d.label for d in page.study.detectors_on(suite) if d.label in NAMES or (variants and d.name == PIPELINE)]
    records = page.records("none", detectors=labels, suites=[suite], backbones=page.study.backbones[:1])
    records = unshifted(records).reset_index(drop=True)
    of_each = records.groupby("detector")["category"].agg(set).to_dict()
    if PIPELINE not in of_each:
        page.number("conclusion", say_not_kept(page, "tiling pipeline"))
        return []
    lacking = {label: len(of_each[PIPELINE] - found) for label, found in of_each.items() if of_each[PIPELINE] - found}
    if lacking:
        named = ", ".join(f"{label} ({count})" for label, count in lacking.items())
        page.say(f"Left out, as they lack categories that the pipeline has (how many): {named}.")
    records = records[records["category"].isin(of_each[PIPELINE]) & ~records["detector"].isin(lacking)]
    return [Tiled(page, page.study, records.reset_index(drop=True))]
