"""Methods by league, without a shift: their tables, their order beside the printed one, and variants of each."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import pandas as pd

from zsad.analysis.differences import by_key, difference_of
from zsad.analysis.gaps import METRICS, changes
from zsad.analysis.poster import name_in_print
from zsad.analysis.published import DATA_SETS, Comparison
from zsad.analysis.unshifted import with_means
from zsad.analysis.words import number, points, span
from zsad.leagues import League, decided_by, never_shown
from zsad.study.config import Study


def rules(leagues: Iterable[str]) -> pd.DataFrame:
    """league, what it may know anomalies from, and what it was never shown: as `zsad.leagues` decides."""
    rows = [
        {
            "league": league,
            "knows anomalies from": decided_by(league) or ("captions" if league == "text only" else "nothing"),
            "was never shown": ", ".join(never_shown(league)) or "–",
        }
        for league in _ordered(leagues)
    ]
    return pd.DataFrame(rows)


def methods_by_league(
    records: pd.DataFrame,
    leagues: Mapping[str, str],
    titles: Mapping[str, str],
    metrics: Sequence[str],
    printed: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """A row a method, grouped by league; a column a suite and metric, percent with the 95 % interval of the mean over
    categories (of which it may have fewer than others: then the cell says how many); and what is printed.

    Args:
        records: unshifted, of one backbone a method.
        leagues, titles: by label.
        printed: as `zsad.analysis.poster.as_printed`: image AUROC, put behind the suite that stands for a data set.
    """
    records = records[records["metric"].isin(tuple(metrics))]
    found = {label: with_means(records[records["detector"] == label], metrics) for label in set(records["detector"])}
    most = records.groupby("suite")["category"].nunique()
    rows = []
    for league in _ordered(leagues.values()):
        for label in [label for label, of in leagues.items() if of == league and label in found]:
            row = {"league": league, "method": titles[label]}
            for suite in records["suite"].unique():
                of_suite = found[label][found[label]["suite"] == suite]
                count = of_suite["category"].nunique() - 1
                few = f" ({count} of {most[suite]} categories)" if 0 < count < most[suite] else ""
                for r in of_suite[of_suite["category"] == "mean"].itertuples():
                    row[f"{suite} {METRICS[str(r.metric)]}"] = span(r.estimate, r.low, r.high) + few
                if printed is not None and suite in DATA_SETS:
                    row[f"{DATA_SETS[suite]}, printed"] = _number(printed, label, titles, DATA_SETS[suite])
            rows.append(row)
    return pd.DataFrame(rows).fillna("–")


def order(
    records: pd.DataFrame,
    replicates: pd.DataFrame,
    leagues: Mapping[str, str],
    titles: Mapping[str, str],
    printed: pd.DataFrame,
) -> list[Comparison]:
    """Each two methods of one league that are printed and measured on all categories of a suite: image AUROC."""
    draws, said = by_key(replicates, "image_auroc"), []
    for suite, rows in records[records["metric"] == "image_auroc"].groupby("suite", sort=False):
        whole = rows.groupby("detector")["category"].nunique()
        there = [label for label in leagues if whole.get(label, 0) == whole.max() and name_in_print(label, titles)]
        for first, second in combinations(there if suite in DATA_SETS else [], 2):
            if leagues[first] != leagues[second]:
                continue
            one, two = (rows[rows["detector"] == label] for label in (first, second))
            data_set = DATA_SETS[str(suite)]
            ahead = printed.loc[name_in_print(first, titles), (data_set, "none")]
            ahead -= printed.loc[name_in_print(second, titles), (data_set, "none")]
            measured = difference_of([(1, one), (-1, two)], draws, "image_auroc")
            names = titles[first], titles[second]
            said.append(Comparison(*names, str(suite), data_set, leagues[first], float(ahead), measured))
    return said


def order_table(found: list[Comparison]) -> pd.DataFrame:
    """A row a comparison, as a reader sees it."""
    rows = [
        {
            "first": c.first,
            "second": c.second,
            "data set": f"{c.suite} ({c.data_set})",
            "poster": c.printed,
            "measured": points(c.measured),
            "which is ahead": c.verdict,
        }
        for c in found
    ]
    return pd.DataFrame(rows)


def variants(study: Study, records: pd.DataFrame, replicates: pd.DataFrame, base: str) -> pd.DataFrame:
    """What each variant of a detector changes against it, on the same images: variant, options, and a row a suite and
    metric as `zsad.analysis.gaps.changes` has it.
    """
    plain = next(detector for detector in study.detectors if detector.label == base)
    others = [detector for detector in study.detectors if detector.name == plain.name and detector.label != base]
    found = changes(records, replicates, [detector.label for detector in others], base)
    differing = {
        detector.label: "; ".join(
            f"{name}: {value}" for name, value in detector.options.items() if plain.options.get(name) != value
        )
        for detector in others
    }
    return found.assign(options=found["cause"].map(differing))


def variants_table(found: pd.DataFrame) -> pd.DataFrame:
    """`variants` as a reader sees them: a row a suite and variant, the change of each metric in points."""
    rows: dict[tuple[str, str], dict[str, object]] = {}
    for row in found.to_dict("records"):
        of = {"suite": row["suite"], "variant": row["cause"], "options": row["options"]}
        shown = rows.setdefault((row["suite"], row["cause"]), {**of, "categories": row["categories"]})
        shown[METRICS[row["metric"]]] = points(row["change"])
    return pd.DataFrame(list(rows.values())).fillna("–")


def variants_sentence(found: pd.DataFrame, base: str) -> str:
    """For each variant, where it differs from the detector as it is."""
    said = []
    for cause, rows in found.groupby("cause", sort=False):
        clear = [row for row in rows.to_dict("records") if row["change"].sign]
        where = "; ".join(f"{METRICS[row['metric']]} on {row['suite']} {points(row['change'])}" for row in clear)
        said.append(f"{cause}: {where or 'no metric differs'}")
    return f"Against {base} as it is, in points where the 95 % interval excludes 0. " + ". ".join(said) + "."


def _ordered(leagues: Iterable[str]) -> list[str]:
    known = list(League.__args__)  # type: ignore[attr-defined]
    return sorted(set(leagues), key=lambda league: known.index(league) if league in known else len(known))


def _number(printed: pd.DataFrame, label: str, titles: Mapping[str, str], data_set: str) -> str:
    name = name_in_print(label, titles)
    return "–" if name is None else number(float(printed.loc[name, (data_set, "none")]))
