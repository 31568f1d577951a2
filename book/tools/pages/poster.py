"""The poster's table (Gao et al.): detectors by data set and corruption, measured and in print, and who is ahead."""

from dataclasses import dataclass, replace

import pandas as pd

from book.tools.origin import PUBLISHED
from book.tools.page import Page
from book.tools.pages.aebad import Domains, compared
from book.tools.pages.corruption import (
    DATA_SETS,
    KIND_WORDS,
    POSTER_NAMES,
    Corrupted,
    draws_of,
    level,
    minus,
    percent,
    points,
)
from book.tools.pages.seeds import mean_over_seeds, seeds_of
from zsad.analysis.differences import Difference
from zsad.study.config import Study, project_root

# What a method of the poster's table has seen besides CLIP's own training; "text only" where it is not listed.
LEAGUES = {
    "AnomalyCLIP": "auxiliary anomalies",
    "ACR": "test batch",
    "MAEDAY": "no text (masked autoencoder)",
}
OURS = "Poster method (text FNN)"
TRAINED = "text_fnn"
# Variants of a method that the poster does not tell apart.
VARIANTS = {"rwda tokens": "RWDA, random tokens", "rwda unknown": "RWDA, object unknown"}
_COLUMNS = ["brightness", "contrast", "blur", "noise", "corruption_mean", "none"]
_HEAD = {"corruption_mean": "mean"}


def published() -> pd.DataFrame:
    """The poster's table: a row a method, columns (data set, corruption); percent."""
    return as_printed(pd.read_csv(project_root() / "results" / "published" / "poster_table.csv"))


def as_printed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.pivot(index="method", columns=["dataset", "shift"], values="value")


def show_published(page: Page) -> None:
    """The table as it is printed, with a column for the league."""
    table = as_printed(page.published("poster_table"))
    rows = []
    for method in ["MAEDAY", "ACR", "CLIP", "CLIP-AC", "RWDA", "WinCLIP", "AnomalyCLIP", OURS]:
        values = table.loc[method]
        row: dict[str, object] = {"method": method.replace(OURS, "text FNN (theirs)")}
        row["league"] = LEAGUES.get(method, "text only")
        row["AeBAD"] = values["AeBAD", "unspecified"]
        row |= {f"{d} {_HEAD.get(c, c)}": values[d, c] for d in ("MVTec AD", "VisA") for c in _COLUMNS}
        rows.append(row)
    frame = pd.DataFrame(rows)
    page.table(
        frame,
        "tab-poster-published",
        "<strong>The poster's table, as printed</strong>: real data, percent; that it is image AUROC is inferred from "
        "its columns without corruption. Mean: of the four corruptions. AnomalyCLIP was trained on other anomalies, "
        "ACR adapts to a batch of test pictures, and MAEDAY has no text at all: they are not measured here, and not to "
        "be ranked with the others.",
        formats={name: "{:.1f}" for name in frame.columns[2:]},
        study=PUBLISHED,
    )


@dataclass(frozen=True)
class Comparison:
    """Two detectors on one data set: what the poster prints of the first minus the second, and what was measured."""

    first: str
    second: str
    suite: str
    data_set: str
    what: str
    printed: float
    measured: Difference

    @property
    def verdict(self) -> str:
        """Whether the measurement bears out which is ahead in print."""
        if self.measured.sign == 0:
            return "undecided"
        if abs(self.printed) < 0.05:  # equal to the last digit
            return "a tie in print"
        return "the same order" if self.measured.sign * self.printed > 0 else "the other order"

    @property
    def as_large(self) -> bool:
        """Whether the printed difference lies in the interval of the measured one."""
        return self.measured.low <= self.printed <= self.measured.high


def labels_of(study: Study) -> list[str]:
    """The detectors of the table: those that the study compares, their further seeds, and their variants."""
    compares = compared(study)
    seeds = seeds_of(study, TRAINED) if TRAINED in compares else []
    return list(dict.fromkeys([*compares, *seeds, *(d.label for d in study.detectors if d.label in VARIANTS)]))


def with_seeds(cases: Corrupted | None, ablation: Corrupted | None) -> Corrupted | None:
    """The corruptions that a study compares detectors under, with further seeds and variants from its ablations."""
    if cases is None or ablation is None:
        return cases
    more = ablation.records
    wanted = more["detector"].isin(labels_of(cases.study)) & ~more["detector"].isin(cases.detectors)
    more = more[wanted & more["value"].isin(cases.severities)]
    return replace(cases, records=pd.concat([cases.records, more], ignore_index=True))


def show_measured(page: Page, cases: Corrupted, domains: Domains | None) -> None:
    """The table in the poster's shape, who is ahead of whom against the poster, and the conclusion."""
    names = POSTER_NAMES | VARIANTS
    known = [label for label in names if label in cases.detectors]
    absent = [name for label, name in VARIANTS.items() if label not in known]
    seeds = [s for s in seeds_of(cases.study, TRAINED) if s in cases.detectors] if TRAINED in known else []
    cases, domains, draws = averaged(page, cases, domains, seeds)
    rows, everything = [], []
    for label in known:
        row: dict[str, object] = {"method": names[label]}
        cells = _cells(cases, domains, label, draws)
        row |= {name: percent(found) for name, found in cells.items()}
        rows.append(row)
        everything += [
            {"method": names[label], "column": name, "estimate": f.value, "low": f.low, "high": f.high}
            for name, f in cells.items()
        ]
    page.table(
        pd.DataFrame(rows),
        f"tab-poster{cases.suffix}",
        f"<strong>The poster's table, measured</strong>: image AUROC in percent at severity {cases.severity}, ± half "
        f"the width of the 95 % interval from a bootstrap over test images. {cases.who}"
        f"{'' if domains is None else f'; {domains.world}: {domains.who}'}. Mean: of the four corruptions"
        f"{'' if domains is None else f'; {domains.world}: of its domains'}. "
        "Every method of this table is of the league “text only”. CLIP and CLIP-AC are as in the AnomalyCLIP paper; "
        f"RWDA and text FNN are re-implemented from incomplete descriptions. {_seeds_in_words(seeds)}"
        f"{' Not there: ' + ', '.join(absent) + '.' if absent else ''}",
        study=cases.study.name,
        csv=pd.DataFrame(everything),
    )
    found = comparisons(cases, domains, draws)
    _show_comparisons(page, cases, found)
    conclusion = conclude(found)
    page.say(f"**Conclusion ({cases.who}).** {conclusion}")
    page.number(f"conclusion{cases.suffix}", conclusion)
    page.number(f"who{cases.suffix}", cases.who)


def averaged(
    page: Page, cases: Corrupted, domains: Domains | None, seeds: list[str]
) -> tuple[Corrupted, Domains | None, pd.DataFrame]:
    """Everything with the mean over seeds in place of the first, and the bootstrap draws of images and seeds."""
    records = cases.records if domains is None else pd.concat([cases.records, domains.records], ignore_index=True)
    draws = draws_of(page, records)
    if len(seeds) < 2:
        return cases, domains, draws
    changed, draws = mean_over_seeds(cases.records, draws, seeds, cases.study.seed)
    if domains is not None:
        of_domains, draws = mean_over_seeds(domains.records, draws, seeds, cases.study.seed)
        domains = replace(domains, records=of_domains)
    return replace(cases, records=changed), domains, draws


def _seeds_in_words(seeds: list[str]) -> str:
    if len(seeds) < 2:
        return "Text FNN: one training seed, whose luck no interval holds."
    return (
        f"Text FNN: mean over {len(seeds)} training seeds, whose spread is inside its intervals: each bootstrap draw "
        "draws test images and seeds."
    )


def _cells(cases: Corrupted, domains: Domains | None, label: str, draws: pd.DataFrame) -> dict[str, Difference]:
    """A row of the table."""
    cells: dict[str, Difference] = {}
    if domains is not None and label in domains.detectors:
        cells[domains.world] = level(domains.mean_of(label), draws)
    for suite in cases.suites:
        if cases.clean(suite, label).empty:
            continue
        for kind in cases.kinds:
            part = [(1.0, cases.at(suite, label, kind, cases.severity))]
            cells[f"{suite} {KIND_WORDS[kind]}"] = level(part, draws)
        cells[f"{suite} mean"] = level(cases.mean_of(suite, label, cases.severity), draws)
        cells[f"{suite} none"] = level([(1.0, cases.clean(suite, label))], draws)
    return cells


def comparisons(cases: Corrupted, domains: Domains | None, draws: pd.DataFrame) -> list[Comparison]:
    """The text FNN against every other method that is both printed and measured, on each data set."""
    printed = published()
    if "text_fnn" not in cases.detectors:
        return []
    found = []
    for label in (other for other in POSTER_NAMES if other in cases.detectors and other != "text_fnn"):
        other = POSTER_NAMES[label]
        if domains is not None and {label, "text_fnn"} <= set(domains.detectors):
            gap = level(domains.mean_of("text_fnn") + minus(domains.mean_of(label)), draws)
            theirs = _printed_gap(printed, other, "AeBAD", "unspecified")
            found.append(Comparison("text FNN", other, domains.world, "AeBAD", "mean of its domains", theirs, gap))
        for suite in (name for name in cases.suites if name in DATA_SETS):
            parts = {
                "corruption_mean": [cases.mean_of(suite, name, cases.severity) for name in ("text_fnn", label)],
                "none": [[(1.0, cases.clean(suite, name))] for name in ("text_fnn", label)],
            }
            for column, (ours, theirs_) in parts.items():
                gap = level(ours + minus(theirs_), draws)
                theirs = _printed_gap(printed, other, DATA_SETS[suite], column)
                what = "mean of four corruptions" if column == "corruption_mean" else "no corruption"
                found.append(Comparison("text FNN", other, suite, DATA_SETS[suite], what, theirs, gap))
    return found


def _printed_gap(printed: pd.DataFrame, other: str, data_set: str, column: str) -> float:
    return float(printed.loc[OURS, (data_set, column)] - printed.loc[other, (data_set, column)])


def _show_comparisons(page: Page, cases: Corrupted, found: list[Comparison]) -> None:
    rows = [
        {
            "text FNN against": c.second,
            "data set": c.suite if c.suite == c.data_set else f"{c.suite} ({c.data_set})",
            "pictures": c.what,
            "poster": c.printed,
            "measured": points(c.measured),
            "which is ahead": c.verdict,
            "as large": "yes" if c.as_large else "no",
        }
        for c in found
    ]
    if rows:
        page.table(
            pd.DataFrame(rows),
            f"tab-poster-order{cases.suffix}",
            "<strong>How far the text FNN is ahead</strong> (behind, where negative), in points of image AUROC: in the "
            "poster's table, and measured, with the 95 % interval of the difference on the same pictures. Undecided: "
            "the interval holds 0. As large: whether it also holds the printed difference.",
            formats={"poster": "{:+.1f}"},
            study=cases.study.name,
        )


def _tied(found: list[Comparison]) -> str:
    count = sum(c.verdict == "a tie in print" for c in found)
    return f"; in {count} the poster prints a tie" if count else ""


def conclude(found: list[Comparison]) -> str:
    """How often the poster's order is borne out, and what was found on corrupted pictures against the nearest rival."""
    if not found:
        return "The study lacks the detector text_fnn, so the poster's order is not tested."
    total = len(found)
    counts = {v: sum(c.verdict == v for c in found) for v in ("the same order", "the other order", "undecided")}
    said = [
        f"Of {total} comparisons of the text FNN with another method, the order of the poster's table is borne out in "
        f"{counts['the same order']}, reversed in {counts['the other order']}, and left open by these pictures in "
        f"{counts['undecided']}{_tied(found)}. The printed difference lies in the measured interval in "
        f"{sum(c.as_large for c in found)}."
    ]
    for c in found:
        if c.second == "WinCLIP" and c.what != "no corruption":
            said.append(
                f"On {c.suite}, {c.what}, it is {points(c.measured)} points from WinCLIP; the poster prints "
                f"{c.printed:+.1f} on {c.data_set}: {c.verdict}."
            )
    against = [f"{c.second} on {c.suite} ({c.what})" for c in found if c.verdict == "the other order"]
    if against:
        said.append(f"The demo world disagrees with the poster here: {'; '.join(against)}."
                    if all(c.suite.startswith("demo-") for c in found)
                    else f"This study disagrees with the poster here: {'; '.join(against)}.")  # fmt: skip
    return " ".join(said)
