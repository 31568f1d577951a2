"""Image AUROC over the severity of the corruptions: the figure, its table, and how fast each detector falls."""

import pandas as pd

from book.tools import plots
from book.tools.page import Page
from book.tools.pages.corruption import KIND_WORDS, Corrupted, draws_of, level, minus, percent, points
from zsad.analysis.differences import Difference


def show_severity(page: Page, cases: Corrupted) -> None:
    """The mean over the four corruptions, then each of them; the table and the conclusion."""
    draws = draws_of(page, cases.records)
    over_kinds = means(cases, draws)
    table = over_severity(cases, draws, over_kinds)
    label = "image AUROC [%]"
    lines = "Lines: 95 % interval from a bootstrap over test images. The vertical axes do not start at zero."
    mean = table[table["column"] == "mean"]
    page.figure(
        plots.plot_severity(mean, cases.detectors, cases.suites, {"mean": "mean"}, label, height=2.7),
        f"fig-severity{cases.suffix}",
        f"<strong>Image AUROC over the severity, mean of the four corruptions.</strong> {cases.who}. Severity 0: no "
        f"corruption. {lines}",
        study=cases.study.name,
    )
    page.figure(
        plots.plot_severity(
            table[table["column"] != "mean"],
            cases.detectors,
            cases.suites,
            {k: KIND_WORDS[k] for k in cases.kinds},
            label,
            height=2.3,
        ),
        f"fig-severity-kinds{cases.suffix}",
        f"<strong>Image AUROC over the severity of each corruption.</strong> The same pictures and detectors. {lines}",
        study=cases.study.name,
    )
    rows = [
        {"suite": suite, "detector": label, **{f"severity {s}": percent(f) for s, f in of_detector.items()}}
        for (suite, label), of_detector in over_kinds.items()
    ]
    page.table(
        pd.DataFrame(rows),
        f"tab-severity{cases.suffix}",
        "<strong>Mean of the four corruptions at each severity</strong>: image AUROC in percent, ± half the width of "
        "the 95 % interval. The CSV file also holds each corruption.",
        study=cases.study.name,
        csv=table.rename(columns={"series": "detector", "row": "suite", "column": "corruption"}),
    )
    conclusion = conclude(cases, draws)
    page.say(f"**Conclusion ({cases.who}).** {conclusion}")
    page.number(f"conclusion{cases.suffix}", conclusion)


def means(cases: Corrupted, draws: pd.DataFrame) -> dict[tuple[str, str], dict[int, Difference]]:
    """(suite, detector) -> severity -> the mean over kinds and categories."""
    return {
        (suite, label): {s: level(cases.mean_of(suite, label, s), draws) for s in cases.severities}
        for suite in cases.suites
        for label in cases.detectors
        if len(cases.clean(suite, label))
    }


def over_severity(
    cases: Corrupted, draws: pd.DataFrame, over_kinds: dict[tuple[str, str], dict[int, Difference]]
) -> pd.DataFrame:
    """series, row, column, severity, estimate, low, high (percent), for each kind and for their mean (see `means`)."""
    rows = []
    for (suite, label), of_detector in over_kinds.items():
        for severity in cases.severities:
            found = {kind: level([(1.0, cases.at(suite, label, kind, severity))], draws) for kind in cases.kinds} | {
                "mean": of_detector[severity]
            }
            rows += [
                {"series": label, "row": suite, "column": kind, "severity": severity,
                 "estimate": f.value, "low": f.low, "high": f.high}
                for kind, f in found.items()
            ]  # fmt: skip
    return pd.DataFrame(rows)


def conclude(cases: Corrupted, draws: pd.DataFrame) -> str:
    """What the strongest severity costs each detector, and whether the text FNN loses less than WinCLIP."""
    strongest = cases.severities[-1]
    said = []
    for suite in cases.suites:
        labels = [label for label in cases.detectors if len(cases.clean(suite, label))]
        lost = {label: level(loss(cases, suite, label, strongest), draws) for label in labels}
        said.append(
            f"On {suite}, severity {strongest} costs, in points of the mean image AUROC, "
            + ", ".join(f"{label} {points(found)}" for label, found in lost.items())
            + "."
        )
        if {"text_fnn", "winclip"} <= set(labels):
            more = level(
                loss(cases, suite, "text_fnn", strongest) + minus(loss(cases, suite, "winclip", strongest)), draws
            )
            words = {1: "loses more", -1: "loses less", 0: "cannot be told from WinCLIP in what it loses"}[more.sign]
            said.append(f"There text_fnn {words}: by {points(more)} points more than WinCLIP.")
    return " ".join(said)


def loss(cases: Corrupted, suite: str, label: str, severity: int) -> list[tuple[float, pd.DataFrame]]:
    """The clean mean minus the mean over kinds at a severity, as parts of a `difference`."""
    return [(1.0, cases.clean(suite, label)), *minus(cases.mean_of(suite, label, severity))]
