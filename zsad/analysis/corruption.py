"""Image AUROC under corruptions: means over kinds and categories at each severity, and what a severity costs.

Records are of one backbone and one metric, a row a suite, category, detector, kind of corruption ("setting") and
severity ("value"). Severity 0 stands under every kind. Suites, detectors and kinds are shown in the order in which they
come. Draws are by key (`zsad.analysis.differences.by_key`); estimates and intervals are in percent.
"""

from typing import Any

import pandas as pd

from zsad.analysis.differences import Difference, Parts, difference_of, minus
from zsad.analysis.words import points

METRIC = "image_auroc"
KIND_WORDS = {"brightness": "brightness", "contrast": "contrast", "defocus_blur": "blur", "gaussian_noise": "noise"}
SEVERITY = 3  # of the script that the poster's protocol comes from (Cao et al.); the poster itself states none


def in_order(column: pd.Series) -> list[Any]:
    """The values of a column, each once, in the order in which they come."""
    return list(dict.fromkeys(column))


def table_severity(records: pd.DataFrame) -> int:
    """That of tables: `SEVERITY`, or the strongest where there are no records of that."""
    severities = {int(value) for value in records["value"]}
    return SEVERITY if SEVERITY in severities else max(severities)


def at(records: pd.DataFrame, suite: str, detector: str, kind: str, severity: float) -> pd.DataFrame:
    """One record a category."""
    where = (records["suite"] == suite) & (records["detector"] == detector)
    return records[where & (records["setting"] == kind) & (records["value"] == severity)]


def mean_at(records: pd.DataFrame, suite: str, detector: str, severity: float, weight: float = 1.0) -> Parts:
    """The mean over kinds of corruption and over categories at a severity, as parts of a `difference`."""
    kinds = in_order(records["setting"])
    if severity == 0:  # the same under every kind
        return [(weight, at(records, suite, detector, kinds[0], 0))]
    return [(weight / len(kinds), at(records, suite, detector, kind, severity)) for kind in kinds]


def level(parts: Parts, draws: pd.DataFrame) -> Difference:
    """A weighted sum of means over categories, in percent, with its interval."""
    return difference_of(parts, draws, METRIC)


def as_row(found: Difference) -> dict[str, float]:
    return {"estimate": found.value, "low": found.low, "high": found.high}


def subjects(records: pd.DataFrame) -> list[tuple[str, str]]:
    """Each suite and detector that there are records of."""
    return list(dict.fromkeys(zip(records["suite"], records["detector"], strict=True)))


def severity_curves(records: pd.DataFrame, draws: pd.DataFrame) -> pd.DataFrame:
    """detector, suite, corruption ("mean": over all kinds), severity, estimate, low, high."""
    rows = []
    for suite, detector in subjects(records):
        for severity in sorted({int(value) for value in records["value"]}):
            parts: dict[str, Parts] = {
                kind: [(1.0, at(records, suite, detector, kind, severity))] for kind in in_order(records["setting"])
            }
            parts["mean"] = mean_at(records, suite, detector, severity)
            rows += [
                {"detector": detector, "suite": suite, "corruption": kind, "severity": severity}
                | as_row(level(of_kind, draws))
                for kind, of_kind in parts.items()
            ]
    return pd.DataFrame(rows)


def loss(records: pd.DataFrame, suite: str, detector: str, severity: float) -> Parts:
    """The mean without corruption minus that at a severity, as parts of a `difference`."""
    return [*mean_at(records, suite, detector, 0), *minus(mean_at(records, suite, detector, severity))]


def severity_sentence(records: pd.DataFrame, draws: pd.DataFrame) -> str:
    """What the strongest severity costs each detector, and whether the text FNN loses less than WinCLIP."""
    strongest = int(records["value"].max())
    said = []
    for suite in in_order(records["suite"]):
        parts = {d: loss(records, suite, d, strongest) for s, d in subjects(records) if s == suite}
        lost = ", ".join(f"{detector} {points(level(of_it, draws))}" for detector, of_it in parts.items())
        said.append(f"On {suite}, severity {strongest} costs, in points of the mean image AUROC, {lost}.")
        if {"text_fnn", "winclip"} <= set(parts):
            more = level(parts["text_fnn"] + minus(parts["winclip"]), draws)
            verdict = {1: "more", -1: "less", 0: "neither more nor less, statistically undecided,"}[more.sign]
            said.append(f"There text_fnn loses {verdict} than WinCLIP: {points(more)} points, a paired difference.")
    return " ".join(said)


def scores_below(images: pd.DataFrame, id: str) -> float:
    """Percent of the normal images that score lower than image `id`; ties count half.

    Args:
        images: a row an image: id, label (True: anomalous) and score.
    """
    own = float(images.loc[images["id"] == id, "score"].iloc[0])
    normal = images.loc[~images["label"], "score"]
    return 100 * float((normal < own).mean() + (normal == own).mean() / 2)


def ranks_of(images: pd.DataFrame, id: str) -> pd.DataFrame:
    """`scores_below` of one image: a row a detector and corruption, a column a severity.

    Args:
        images: the table "images" of some records, of one category.
    """
    rows = []
    for (detector, kind), group in images.groupby(["detector", "setting"], sort=False):
        row: dict[str, Any] = {"detector": detector, "corruption": KIND_WORDS[str(kind)]}
        row |= {f"severity {severity:g}": scores_below(them, id) for severity, them in group.groupby("value")}
        rows.append(row)
    return pd.DataFrame(rows)
