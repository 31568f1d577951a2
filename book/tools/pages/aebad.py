"""AeBAD domain by domain: what another background, lamp or view costs each detector."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from book.tools import plots
from book.tools.page import Page
from book.tools.pages.corruption import (
    METRIC,
    counts_set,
    domains_of,
    draws_of,
    level,
    minus,
    percent,
    points,
    unshifted,
)
from zsad import metrics
from zsad.analysis.differences import Difference
from zsad.study import load_records
from zsad.study.config import Study, load_study

ALL = "aebad"


@dataclass(frozen=True)
class Domains:
    """Image AUROC of several detectors in the domains of AeBAD, on one backbone.

    The column `domain` tells the records apart; the suite of all of them is called `ALL`, so that domains can be
    subtracted like cells of one suite. They show other pictures, so that such a difference is not a paired one.
    """

    study: Study
    records: pd.DataFrame
    suffix: str = ""

    @property
    def domains(self) -> list[str]:
        return list(dict.fromkeys(self.records["domain"]))

    @property
    def detectors(self) -> list[str]:
        there = set(self.records["detector"])
        return [d.label for d in self.study.detectors if d.label in there]

    @property
    def world(self) -> str:
        """What is measured: AeBAD itself, or the demo world's suite in its layout."""
        drawn = all(self.study.is_demo(suite) for suite in domains_of(self.study.suites).values())
        return "demo-aebad" if drawn else "AeBAD"

    @property
    def who(self) -> str:
        once = self.records.drop_duplicates("domain")
        counted = ", ".join(f"{r.domain} {r.n_images}" for r in once.itertuples())
        first = self.records.iloc[0]
        return (
            f"{str(first['category']).replace('_', ' ')} on {first['backbone']} ({first['dtype']}), images: {counted}"
        )

    @property
    def how(self) -> str:
        """The counts that the study sets of its detectors, such as how many words they learn."""
        return counts_set(self.study, self.detectors)

    def at(self, detector: str, domain: str) -> pd.DataFrame:
        return self.records[(self.records["detector"] == detector) & (self.records["domain"] == domain)]

    def mean_of(self, detector: str, domains: list[str] | None = None) -> list[tuple[float, pd.DataFrame]]:
        """The mean over some domains, by default all, as parts of a `difference`."""
        domains = domains or self.domains
        return [(1 / len(domains), self.at(detector, domain)) for domain in domains]


def computed_domains(page: Page, labels: list[str] | None = None) -> Domains | None:
    """The domains of AeBAD in the page's study, computing the missing cells; None where it has none.

    `labels`: detectors; by default those of the study's first block of corruptions, which are what it compares.
    """
    study = page.study
    suites = domains_of(study.suites)
    if not suites:
        return None
    labels = labels or compared(study)
    records = page.records("none", suites=list(suites.values()), detectors=labels, backbones=study.backbones[:1])
    return _of(study, records, suites)


def kept_domains(page: Page, labels: list[str] | None = None) -> Domains | None:
    """The same of the demo study, from the records kept in `results/demo`; None where there are none."""
    study = load_study("demo", check_models=False)
    suites = domains_of(study.suites)
    try:
        records = unshifted(load_records("demo"))
    except FileNotFoundError:
        return None
    records = records[
        records["suite"].isin(suites.values())
        & records["detector"].isin(labels or compared(study))
        & (records["backbone"] == study.backbones[0])
    ]
    return None if records.empty else _of(study, page.uses(records), suites, "-demo")


def compared(study: Study) -> list[str]:
    """The detectors that a study compares: those of its first block of corruptions, or all."""
    chosen = study.corruptions[0].detectors if study.corruptions else "all"
    return [d.label for d in study.detectors if chosen == "all" or d.label in chosen]


def _of(study: Study, records: pd.DataFrame, suites: dict[str, str], suffix: str = "") -> Domains:
    named = records[records["metric"] == METRIC].copy()
    names = {suite: domain for domain, suite in suites.items()}
    named["domain"] = named["suite"].map(names)
    order = {domain: place for place, domain in enumerate(suites)}
    named = named.sort_values("domain", key=lambda d: d.map(order), kind="stable")
    return Domains(study, named.assign(suite=ALL).reset_index(drop=True), suffix)


def show_domains(page: Page, cases: Domains) -> None:
    """The figure, the table and the conclusion."""
    draws = draws_of(page, cases.records)
    shifted = [domain for domain in cases.domains if domain != "same"]
    levels = {(label, d): level([(1.0, cases.at(label, d))], draws) for label in cases.detectors
              for d in cases.domains}  # fmt: skip
    page.figure(
        plots.plot_dots(
            pd.DataFrame(
                [
                    {"series": label, "group": domain, "estimate": f.value, "low": f.low, "high": f.high}
                    for (label, domain), f in levels.items()
                ]
            ),
            cases.detectors,
            {domain: domain for domain in cases.domains},
            "image AUROC [%]",
            chance=50,
        ),
        f"fig-aebad{cases.suffix}",
        f"<strong>Image AUROC in each domain of {cases.world}.</strong> {cases.who}{cases.how}. "
        f"Points: {', '.join(cases.detectors)}, from left to "
        "right; lines: 95 % interval from a bootstrap over test images. Dotted: chance. The vertical axis does not "
        "start at zero.",
        study=cases.study.name,
    )
    rows, everything = [], []
    drops: dict[str, dict[str, Difference]] = {}
    for label in cases.detectors:
        summary = {"mean of all": level(cases.mean_of(label), draws), "pooled": pooled(page, cases, label)}
        if "same" in cases.domains and shifted:
            summary["mean of the shifted"] = level(cases.mean_of(label, shifted), draws)
            drops[label] = {
                d: level([(1.0, cases.at(label, "same")), *minus([(1.0, cases.at(label, d))])], draws) for d in shifted
            }
        found = {domain: levels[label, domain] for domain in cases.domains} | summary
        rows.append({"detector": label} | {name: percent(f) for name, f in found.items()})
        everything += [{"detector": label, "column": n, "estimate": f.value, "low": f.low, "high": f.high}
                       for n, f in found.items()]  # fmt: skip
    page.table(
        pd.DataFrame(rows),
        f"tab-aebad{cases.suffix}",
        f"<strong>Image AUROC in each domain of {cases.world}</strong>, in percent, ± half the width of the 95 % "
        f"interval{cases.how}. Means: "
        "unweighted over domains; shifted: all but “same”. Pooled: one AUROC over the pictures of all domains. "
        "Which of these the poster's single number is, it does not say; the mean over all is the likeliest.",
        study=cases.study.name,
        csv=pd.DataFrame(everything),
    )
    conclusion = conclude(drops)
    page.say(f"**Conclusion ({cases.world}, {cases.who}).** {conclusion}")
    page.number(f"conclusion{cases.suffix}", conclusion)


def pooled(page: Page, cases: Domains, label: str) -> Difference:
    """One AUROC over all domains, in percent, with a bootstrap over all their pictures."""
    pictures = page.details("images", cases.records[cases.records["detector"] == label])
    scores, labels = pictures["score"].to_numpy(np.float64), pictures["label"].to_numpy(bool)
    low, high = metrics.bootstrap_intervals(scores, labels, generator=np.random.default_rng(cases.study.seed))[METRIC]
    return Difference(100 * metrics.image_auroc(scores, labels), 100 * low, 100 * high, len(cases.domains))


def conclude(drops: dict[str, dict[str, Difference]]) -> str:
    """What each shifted domain costs, detector by detector, and which of these costs are sure."""
    if not drops:
        return "The study lacks the domain “same” or any other, so that no shift can be measured from it."
    said = []
    for label, of_label in drops.items():
        worst = max(of_label, key=lambda domain: of_label[domain].value)
        sure = sum(found.sign > 0 for found in of_label.values())
        said.append(
            f"{label} loses most by {worst}, {points(of_label[worst])} points; {sure} of {len(of_label)} "
            "shifts lower it for certain"
        )
    return (
        f"Against the domain “same”: {'; '.join(said)}. The domains show other pictures, so that these differences are "
        "not paired, and the largest of several was chosen after looking."
    )
