"""The poster's table (Gao et al.), measured in its shape, and the text FNN's lead over each other method in both."""

from collections.abc import Mapping, Sequence

import pandas as pd

from zsad.analysis.corruption import KIND_WORDS, Sampled, as_row
from zsad.analysis.differences import Difference, Parts, minus
from zsad.analysis.domains import mean_of
from zsad.analysis.published import DATA_SETS, OTHER, Comparison, Missing, counted, lacks, not_compared, one_by_one
from zsad.study.whole import lacking_domains

# Variants of a method that the poster does not tell apart.
VARIANTS = {"rwda tokens": "RWDA, random tokens", "rwda unknown": "RWDA, object unknown"}
TRAINED = "text_fnn"
OURS = "Poster method (text FNN)"
# The printed methods, in the table's order; a detector whose title is among them is measured beside its row.
PRINTED = ("MAEDAY", "ACR", "CLIP", "CLIP-AC", "RWDA", "WinCLIP", "AnomalyCLIP", OURS)
_COLUMNS = ("brightness", "contrast", "blur", "noise", "corruption_mean", "none")


def as_printed(rows: pd.DataFrame) -> pd.DataFrame:
    """The printed table from results/published: a row a method, columns (data set, corruption); percent."""
    return rows.pivot(index="method", columns=["dataset", "shift"], values="value")


def printed_table(printed: pd.DataFrame, leagues: Mapping[str, str]) -> pd.DataFrame:
    """`as_printed` as it is shown, with a column for the league (method -> league)."""
    rows = []
    for method in PRINTED:
        values = printed.loc[method]
        row: dict[str, object] = {"method": method.replace(OURS, "text FNN (theirs)")}
        row |= {"league": leagues[method], "AeBAD": values["AeBAD", "unspecified"]}
        row |= {f"{d} {c.removeprefix('corruption_')}": values[d, c] for d in ("MVTec AD", "VisA") for c in _COLUMNS}
        rows.append(row)
    return pd.DataFrame(rows)


def title_of(label: str, titles: Mapping[str, str]) -> str:
    """What the measured table calls a detector."""
    return VARIANTS.get(label, titles.get(label, label))


def name_in_print(label: str, titles: Mapping[str, str]) -> str | None:
    """What the poster calls a detector; None for one that it does not print."""
    name = OURS if label == TRAINED else titles.get(label, label)
    return name if name in PRINTED else None


def in_order_of_print(labels: Sequence[str], titles: Mapping[str, str]) -> list[str]:
    """Labels of detectors, those that the poster prints first and in its order, then variants of them."""
    order = [*PRINTED, *VARIANTS]
    ranks = {label: name_in_print(label, titles) or label for label in labels}
    return sorted(labels, key=lambda label: order.index(ranks[label]) if ranks[label] in order else len(order))


def absent_from(labels: Sequence[str], titles: Mapping[str, str]) -> list[str]:
    """The printed methods, and the variants of them, that are not among some detectors."""
    there = {name_in_print(label, titles) for label in labels}
    named = [name.replace(OURS, "text FNN") for name in PRINTED if name not in there]
    return named + [name for label, name in VARIANTS.items() if label not in labels]


def measured_table(found: Sampled, domains: Sampled | None, titles: Mapping[str, str]) -> pd.DataFrame:
    """method, column (as in the printed table), estimate, low, high: percent. The column of `domains` is called as
    their suite; detectors as `titles` (label -> title) say, those that the poster prints first.
    """
    rows = []
    for label in in_order_of_print([label for label in titles if label in found.detectors], titles):
        name = title_of(label, titles)
        cells: dict[str, Difference] = {}
        if domains is not None and label in domains.detectors:
            cells[domains.suites[0]] = domains.level(mean_of(domains, label))
        for suite in (suite for suite, detector in found.subjects if detector == label):
            parts: dict[str, Parts] = {
                KIND_WORDS[kind]: [(1.0, found.at(suite, label, kind, found.severity))] for kind in found.kinds
            }
            parts |= {"mean": found.mean_at(suite, label, found.severity), "none": found.mean_at(suite, label, 0)}
            cells |= {f"{suite} {column}": found.level(of_column) for column, of_column in parts.items()}
        rows += [{"method": name, "column": column} | as_row(cell) for column, cell in cells.items()]
    return pd.DataFrame(rows)


def seeds_in_words(count: int) -> str:
    """What a caption says of so many training seeds of the text FNN."""
    if count < 2:
        return "Text FNN: one training seed, whose luck no interval holds."
    return (
        f"Text FNN: mean over {count} training seeds, whose spread is inside its intervals: each bootstrap draw draws "
        "test images and seeds."
    )


def comparisons(
    found: Sampled, domains: Sampled | None, printed: pd.DataFrame, titles: Mapping[str, str]
) -> list[Comparison]:
    """The text FNN against every other method that is both printed and measured, on each data set of which all was
    measured.
    """
    if TRAINED not in found.detectors:
        return []
    columns = {"corruption_mean": ("mean of four corruptions", found.severity), "none": ("no corruption", 0)}
    said, few = [], partly(found, domains, titles)
    for label in in_order_of_print(found.detectors, titles):
        other = name_in_print(label, titles)
        if other is None or other == OURS:
            continue
        pair = [title_of(TRAINED, titles), title_of(label, titles)]
        whole = domains is not None and not any((domains.suites[0], name) in few for name in pair)
        if domains is not None and whole and {label, TRAINED} <= set(domains.detectors):
            gap = domains.level(mean_of(domains, TRAINED) + minus(mean_of(domains, label)))
            where = (domains.suites[0], "AeBAD", "unspecified", "mean of its domains")
            said.append(_compared(printed, other, *where, gap))
        both = [suite for suite in found.suites if {(suite, TRAINED), (suite, label)} <= set(found.subjects)]
        for suite in (suite for suite in both if suite in DATA_SETS):
            if any((suite, name) in few for name in pair):
                continue
            for column, (what, severity) in columns.items():
                ours, theirs = (found.mean_at(suite, detector, severity) for detector in (TRAINED, label))
                gap = found.level(ours + minus(theirs))
                said.append(_compared(printed, other, suite, DATA_SETS[suite], column, what, gap))
    return said


def partly(found: Sampled, domains: Sampled | None, titles: Mapping[str, str]) -> Missing:
    """The methods that are not held against the poster, which prints means over whole data sets, where less of these
    was measured; none without the text FNN.
    """
    if TRAINED not in found.detectors:
        return {}
    printed = {label: title_of(label, titles) for label in found.detectors if name_in_print(label, titles)}
    missing: dict[tuple[str, str], str] = {}
    for suite, label in (subject for subject in found.subjects if subject[1] in printed):
        rows = found.records[(found.records["suite"] == suite) & (found.records["detector"] == label)]
        missing[suite, printed[label]] = lacks(suite, rows) if suite in DATA_SETS else ""
    for label, rows in () if domains is None else domains.records.groupby("detector", sort=False):
        if label in printed:
            (world,), images = rows["suite"].unique(), rows.groupby("domain")["n_images"].min()
            missing[world, printed[label]] = lacking_domains(world.lower(), images.to_dict())
    return {where: why for where, why in missing.items() if why}


def _compared(
    printed: pd.DataFrame, other: str, suite: str, data_set: str, column: str, what: str, gap: Difference
) -> Comparison:
    ours, theirs = (float(printed.loc[method, (data_set, column)]) for method in (OURS, other))
    return Comparison("text FNN", other, suite, data_set, what, ours - theirs, gap)


def poster_sentence(found: list[Comparison], missing: Missing) -> str:
    """How often the poster's order is borne out, and what was found on corrupted images against the nearest rival;
    `missing` is of `partly`.
    """
    if not found:
        return not_compared(missing) or "The study lacks the detector text_fnn, so the poster's order is not tested."
    said = [
        f"Of {len(found)} comparisons of the text FNN with another method, the order of the poster's table is "
        f"{counted(found)}"
    ]
    said += one_by_one([c for c in found if c.second == "WinCLIP" and c.what != "no corruption"], "the poster")
    against = "; ".join(f"{c.second} on {c.suite} ({c.what})" for c in found if c.verdict == OTHER)
    if against:
        world = "The demo world" if all(c.suite.startswith("demo-") for c in found) else "This study"
        said.append(f"{world} disagrees with the poster here: {against}.")
    return " ".join([*said, *filter(None, [not_compared(missing)])])
