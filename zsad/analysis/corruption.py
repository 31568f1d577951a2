"""Image AUROC under corruptions: means over kinds and categories at each severity, and what a severity costs.

Estimates and intervals are in percent.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from zsad.analysis.costs import counted, many_sentence, worst_sentence
from zsad.analysis.differences import Difference, Parts, difference_of, minus
from zsad.analysis.words import points

METRIC = "image_auroc"
KIND_WORDS = {"brightness": "brightness", "contrast": "contrast", "defocus_blur": "blur", "gaussian_noise": "noise"}
SEVERITY = 3  # of the script that the poster's protocol comes from (Cao et al.); the poster itself states none


def in_order(values: Iterable[Any]) -> list[Any]:
    """Each value once, in the order in which they come."""
    return list(dict.fromkeys(values))


def severity_of_tables(severities: Iterable[float]) -> int:
    """`SEVERITY`, or the strongest where that is not among them."""
    found = {int(value) for value in severities}
    return SEVERITY if SEVERITY in found else max(found)


@dataclass(frozen=True)
class Sampled:
    """Records of image AUROC on one backbone, and their bootstrap draws.

    Attributes:
        records: a row a suite, category, detector and, of corruptions, kind ("setting") and severity ("value"), where
            severity 0 stands under every kind. All are shown in the order in which they come.
        draws: a row a draw, a column a key (`zsad.analysis.differences.by_key`).
    """

    records: pd.DataFrame
    draws: pd.DataFrame

    @property
    def suites(self) -> list[str]:
        return in_order(self.records["suite"])

    @property
    def detectors(self) -> list[str]:
        return in_order(self.records["detector"])

    @property
    def subjects(self) -> list[tuple[str, str]]:
        """Each suite and detector that there are records of."""
        return in_order(zip(self.records["suite"], self.records["detector"], strict=True))

    @property
    def kinds(self) -> list[str]:
        return in_order(self.records["setting"])

    @property
    def severity(self) -> int:
        """That of tables: `SEVERITY`, or the strongest where there are no records of that."""
        return severity_of_tables(self.records["value"])

    def at(self, suite: str, detector: str, kind: str, severity: float) -> pd.DataFrame:
        """One record a category."""
        return self._by_place.get((suite, detector, kind, float(severity)), self.records[:0])

    @cached_property
    def _by_place(self) -> dict[tuple[Any, ...], pd.DataFrame]:
        return dict(iter(self.records.groupby(["suite", "detector", "setting", "value"], sort=False)))

    def mean_at(self, suite: str, detector: str, severity: float, weight: float = 1.0) -> Parts:
        """The mean over kinds of corruption and over categories, as parts of a `difference`."""
        if severity == 0:  # the same under every kind
            return [(weight, self.at(suite, detector, self.kinds[0], 0))]
        return [(weight / len(self.kinds), self.at(suite, detector, kind, severity)) for kind in self.kinds]

    def level(self, parts: Parts) -> Difference:
        """A weighted sum of means over categories, with its interval."""
        return difference_of(parts, self.draws, METRIC)


def as_row(found: Difference) -> dict[str, float]:
    """A mean as columns of a frame, in the unit of the mean."""
    return {"estimate": found.value, "low": found.low, "high": found.high}


def severity_curves(found: Sampled) -> pd.DataFrame:
    """detector, suite, corruption ("mean": over all kinds), severity, estimate, low, high."""
    rows = []
    for suite, detector in found.subjects:
        for severity in sorted({int(value) for value in found.records["value"]}):
            parts: dict[str, Parts] = {kind: [(1.0, found.at(suite, detector, kind, severity))] for kind in found.kinds}
            parts["mean"] = found.mean_at(suite, detector, severity)
            rows += [
                {"detector": detector, "suite": suite, "corruption": kind, "severity": severity}
                | as_row(found.level(of_kind))
                for kind, of_kind in parts.items()
            ]
    return pd.DataFrame(rows)


def loss(found: Sampled, suite: str, detector: str, severity: float) -> Parts:
    """The mean without corruption minus that at a severity, as parts of a `difference`."""
    return found.mean_at(suite, detector, 0) + minus(found.mean_at(suite, detector, severity))


def severity_sentence(found: Sampled) -> str:
    """What the strongest severity costs each detector, and whether the text FNN loses less than WinCLIP."""
    strongest = int(found.records["value"].max())
    said = []
    for suite in found.suites:
        parts = {detector: loss(found, suite, detector, strongest) for s, detector in found.subjects if s == suite}
        lost = ", ".join(f"{detector} {points(found.level(of_it))}" for detector, of_it in parts.items())
        said.append(f"On {suite}, severity {strongest} costs, in points of the mean image AUROC, {lost}.")
        if {"text_fnn", "winclip"} <= set(parts):
            more = found.level(parts["text_fnn"] + minus(parts["winclip"]))
            verdict = {1: "text_fnn loses more than WinCLIP", -1: "text_fnn loses less than WinCLIP"}.get(
                more.sign, "it is statistically undecided whether text_fnn loses more than WinCLIP"
            )
            said.append(f"There {verdict}: {points(more)} points, by a paired bootstrap.")
    return " ".join(said)


def strongest_finding(cost: pd.DataFrame) -> str:
    """What the strongest severity costs at image level, on the first suite.

    Args:
        cost: of `zsad.analysis.costs.costs`, by suite, detector, backbone and severity ("value").
    """
    rows = cost[(cost["value"] == cost["value"].max()) & (cost["suite"] == cost["suite"].iloc[0])]
    where = f"severity {rows['value'].iloc[0]:g}, {rows['suite'].iloc[0]}"
    return (
        f"{many_sentence(rows)} Means over the corruptions ({where}), on {counted(rows)}; in brackets 95 % intervals."
    )


def kind_finding(cost: pd.DataFrame) -> str:
    """Which corruption costs the first detector most at its strongest severity, on the first suite.

    Args:
        cost: of `zsad.analysis.costs.costs`, by suite, detector, backbone, kind ("setting") and severity ("value").
    """
    first = cost.iloc[0]
    rows = cost[(cost[["suite", "detector"]] == first[["suite", "detector"]]).all(axis=1)]
    rows = rows[rows["value"] == rows["value"].max()]
    return (
        f"{worst_sentence(rows, 'setting', KIND_WORDS)} All at severity {rows['value'].iloc[0]:g}, on {counted(rows)} "
        f"of {first['suite']}; in brackets 95 % intervals."
    )


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
