"""The poster's table (Gao et al.), measured in its shape, and the text FNN's lead over each other method in both.

Records and draws are those of `zsad.analysis.corruption` and, of AeBAD, of `zsad.analysis.domains`.
"""

from dataclasses import dataclass

import pandas as pd

from zsad.analysis import domains
from zsad.analysis.corruption import KIND_WORDS, as_row, at, in_order, level, mean_at, table_severity
from zsad.analysis.differences import Difference, Parts, minus
from zsad.analysis.published import OTHER, Comparison, counted, one_by_one

# Detectors of the table, in its order and by its names, and variants of a method that it does not tell apart.
METHODS = {"clip": "CLIP", "clip_ac": "CLIP-AC", "rwda": "RWDA", "winclip": "WinCLIP", "text_fnn": "text FNN"}
VARIANTS = {"rwda tokens": "RWDA, random tokens", "rwda unknown": "RWDA, object unknown"}
DATA_SETS = {"demo-mvtec": "MVTec AD", "mvtec_ad": "MVTec AD", "demo-visa": "VisA", "visa": "VisA"}
TRAINED = "text_fnn"
# What a method of the table has seen besides CLIP's own training; "text only" where it is not listed.
LEAGUES = {"AnomalyCLIP": "auxiliary anomalies", "ACR": "test batch", "MAEDAY": "no text (masked autoencoder)"}
OURS = "Poster method (text FNN)"
PRINTED = ("MAEDAY", "ACR", "CLIP", "CLIP-AC", "RWDA", "WinCLIP", "AnomalyCLIP", OURS)
_COLUMNS = ("brightness", "contrast", "blur", "noise", "corruption_mean", "none")


@dataclass(frozen=True)
class Measured:
    """Records of corruptions with their draws, and those of AeBAD's domains where there are any.

    `world` is what the domains are of: AeBAD itself, or the demo world's suite in its layout.
    """

    records: pd.DataFrame
    draws: pd.DataFrame
    domains: pd.DataFrame | None = None
    domain_draws: pd.DataFrame | None = None
    world: str = "AeBAD"

    def over_domains(self, detector: str, other: str | None = None) -> Difference | None:
        """A detector's mean over domains, or by how much it is above another's; None where one was not measured."""
        names = [name for name in (detector, other) if name is not None]
        if self.domains is None or self.domain_draws is None or not set(names) <= set(self.domains["detector"]):
            return None
        first, *rest = (domains.mean_of(self.domains, name) for name in names)
        return level(first + [part for parts in rest for part in minus(parts)], self.domain_draws)


def as_printed(rows: pd.DataFrame) -> pd.DataFrame:
    """The printed table from results/published: a row a method, columns (data set, corruption); percent."""
    return rows.pivot(index="method", columns=["dataset", "shift"], values="value")


def printed_table(printed: pd.DataFrame) -> pd.DataFrame:
    """`as_printed` as it is shown, with a column for the league."""
    rows = []
    for method in PRINTED:
        values = printed.loc[method]
        row: dict[str, object] = {"method": method.replace(OURS, "text FNN (theirs)")}
        row |= {"league": LEAGUES.get(method, "text only"), "AeBAD": values["AeBAD", "unspecified"]}
        row |= {f"{d} {c.removeprefix('corruption_')}": values[d, c] for d in ("MVTec AD", "VisA") for c in _COLUMNS}
        rows.append(row)
    return pd.DataFrame(rows)


def measured_table(found: Measured) -> pd.DataFrame:
    """method, column (as in the printed table), estimate, low, high: percent."""
    rows, records, severity = [], found.records, table_severity(found.records)
    for label, name in (METHODS | VARIANTS).items():
        of_method = records[records["detector"] == label]
        cells: dict[str, Difference] = {}
        over_domains = found.over_domains(label)
        if over_domains is not None and len(of_method):
            cells[found.world] = over_domains
        for suite in in_order(of_method["suite"]):
            parts: dict[str, Parts] = {
                KIND_WORDS[kind]: [(1.0, at(records, suite, label, kind, severity))]
                for kind in in_order(records["setting"])
            }
            parts |= {"mean": mean_at(records, suite, label, severity), "none": mean_at(records, suite, label, 0)}
            cells |= {f"{suite} {column}": level(of_column, found.draws) for column, of_column in parts.items()}
        rows += [{"method": name, "column": column} | as_row(cell) for column, cell in cells.items()]
    return pd.DataFrame(rows)


def comparisons(found: Measured, printed: pd.DataFrame) -> list[Comparison]:
    """The text FNN against every other method that is both printed and measured, on each data set."""
    records, severity = found.records, table_severity(found.records)
    there = set(records["detector"])
    if TRAINED not in there:
        return []
    said = []
    for label in (label for label in METHODS if label in there and label != TRAINED):
        over_domains = found.over_domains(TRAINED, label)
        if over_domains is not None:
            where = (found.world, "AeBAD", "unspecified", "mean of its domains")
            said.append(_compared(printed, label, *where, over_domains))
        for suite in (suite for suite in in_order(records["suite"]) if suite in DATA_SETS):
            for column, what, strength in (
                ("corruption_mean", "mean of four corruptions", severity),
                ("none", "no corruption", 0),
            ):
                ours, theirs = (mean_at(records, suite, detector, strength) for detector in (TRAINED, label))
                gap = level(ours + minus(theirs), found.draws)
                said.append(_compared(printed, label, suite, DATA_SETS[suite], column, what, gap))
    return said


def _compared(
    printed: pd.DataFrame, label: str, suite: str, data_set: str, column: str, what: str, gap: Difference
) -> Comparison:
    ours, theirs = (float(printed.loc[method, (data_set, column)]) for method in (OURS, METHODS[label]))
    return Comparison(METHODS[TRAINED], METHODS[label], suite, data_set, what, ours - theirs, gap)


def poster_sentence(found: list[Comparison]) -> str:
    """How often the poster's order is borne out, and what was found on corrupted images against the nearest rival."""
    if not found:
        return "The study lacks the detector text_fnn, so the poster's order is not tested."
    said = [
        f"Of {len(found)} comparisons of the text FNN with another method, the order of the poster's table is "
        f"{counted(found)}"
    ]
    said += one_by_one([c for c in found if c.second == "WinCLIP" and c.what != "no corruption"], "the poster")
    against = "; ".join(f"{c.second} on {c.suite} ({c.what})" for c in found if c.verdict == OTHER)
    if against:
        world = "The demo world" if all(c.suite.startswith("demo-") for c in found) else "This study"
        said.append(f"{world} disagrees with the poster here: {against}.")
    return " ".join(said)
