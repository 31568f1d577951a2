"""Methods by league, without a shift: their tables beside what is printed, and variants of each."""

from collections.abc import Iterable, Mapping, Sequence
from typing import get_args

import pandas as pd

from zsad.analysis.gaps import COLUMNS, METRICS, WORSE, changes
from zsad.analysis.orders import NAMES, Order, Printed, orders_in_words
from zsad.analysis.poster import name_in_print
from zsad.analysis.published import DATA_SETS, OTHER, SAME, Missing, lacks, not_compared
from zsad.analysis.trainings import AUTHORS, compared_with
from zsad.analysis.unshifted import with_means
from zsad.analysis.words import number, points, span
from zsad.leagues import League, Shown, decided_by, never_shown
from zsad.study.config import DetectorConfig, Study

# Methods whose own paper prints numbers in results/published/fields_best.csv.
PAPERS = ("WinCLIP", "AnomalyCLIP", "APRIL-GAN", "ACR", "MuSc")


def rules(leagues: Iterable[str], never: Mapping[str, Sequence[Shown]] | None = None) -> pd.DataFrame:
    """league, what it may know anomalies from, and what it was never shown: as `zsad.leagues` decides, or as `never`
    has it by league, where it knows the methods.
    """
    rows = [
        {
            "league": league,
            "knows anomalies from": decided_by(league) or "nothing",
            "was never shown": ", ".join((never or {}).get(league, never_shown(league))) or "–",
        }
        for league in _ordered(leagues)
    ]
    return pd.DataFrame(rows)


def in_print(
    poster: pd.DataFrame, papers: pd.DataFrame, titles: Mapping[str, str]
) -> dict[tuple[str, str, str], float]:
    """What is printed of detectors without a shift (`Printed`): the poster's numbers
    (`zsad.analysis.poster.as_printed`) and, of what it does not print, those of each method's own paper
    (results/published/fields_best.csv).
    """
    found: dict[tuple[str, str, str], float] = {}
    means = papers[(papers["category"] == "mean") & (papers["shift"] == "none")]
    for label, title in titles.items():
        for row in means[(means["method"] == NAMES.get(title)) & (title in PAPERS)].itertuples():
            found[label, str(row.dataset), str(row.metric).replace("pixel_aupro", "aupro")] = float(row.value)
        name = name_in_print(label, titles)
        for data_set in dict.fromkeys(DATA_SETS.values()) if name else ():
            found[label, data_set, "image_auroc"] = float(poster.loc[name, (data_set, "none")])
    return found


def methods_by_league(
    records: pd.DataFrame,
    leagues: Mapping[str, str],
    titles: Mapping[str, str],
    metrics: Sequence[str],
    printed: Printed,
) -> pd.DataFrame:
    """A row a method, grouped by league; a column a suite and metric, percent with the 95 % interval of the mean over
    categories (of which it may have fewer than the suite: then the cell says what it lacks); and behind each mean of a
    whole suite what is printed for the data set that the suite stands for.

    Args:
        records: unshifted, of one backbone a method.
        leagues, titles: by label.
        printed: of `in_print`.
    """
    found, rows = levels(records, leagues, titles, metrics), []
    for (league, method), of_method in found.groupby(["league", "method"], sort=False):
        row: dict[str, object] = {"league": league, "method": method}
        for r in of_method.itertuples():
            suite, metric = str(r.suite), str(r.metric)
            few = f"{r.categories} of {r.of} categories" if r.categories < r.of else ""
            missing = str(r.lacking) or few
            row[f"{suite} {METRICS[metric]}"] = span(r.estimate, r.low, r.high) + (f" ({missing})" if missing else "")
            if (data_set := DATA_SETS.get(suite)) is not None and metric not in WORSE:  # nobody prints decisions
                value = None if r.lacking else printed.get((str(r.label), data_set, metric))
                row[f"{data_set}, printed {METRICS[metric]}"] = _number(value)
        rows.append(row)
    return pd.DataFrame(rows).fillna("–")


def levels(
    records: pd.DataFrame, leagues: Mapping[str, str], titles: Mapping[str, str], metrics: Sequence[str]
) -> pd.DataFrame:
    """Means over categories without a shift: a row a method, suite and metric, in the order of leagues, with label,
    league, method (its title), `categories` of the `of` that the records of the suite have, what is `lacking` of the
    whole suite, images, and estimate, low and high in percent. Arguments as `methods_by_league`.
    """
    records = records[records["metric"].isin(tuple(metrics))]
    most, rows = records.groupby("suite")["category"].nunique(), []
    suites = records["suite"].unique()
    for league in _ordered(leagues.values()):
        for label in (label for label, of in leagues.items() if of == league and label in set(records["detector"])):
            own = with_means(records[records["detector"] == label], metrics)
            for suite in (suite for suite in suites if suite in set(own["suite"])):
                of_suite = own[own["suite"] == suite]
                of_label = records[(records["suite"] == suite) & (records["detector"] == label)]
                means = of_suite[of_suite["category"] == "mean"].set_index("metric")
                for metric in (metric for metric in metrics if metric in means.index):
                    row = means.loc[metric, ["images", "estimate", "low", "high"]].to_dict()
                    where = {"label": label, "league": league, "method": titles[label], "suite": suite}
                    counts = {"categories": of_suite["category"].nunique() - 1, "of": int(most[suite])}
                    counts |= {"lacking": lacks(str(suite), of_label)}
                    rows.append({**where, "metric": metric, **counts, **row})
    columns = ["label", "league", "method", "suite", "metric", "categories", "of", "lacking", "images", "estimate",
               "low", "high"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def images_in_words(found: pd.DataFrame) -> str:
    """Of how many test images and categories the means of `levels` are, the suites one after another, and what these
    lack of the whole suites.
    """
    said = []
    for suite, rows in found.groupby("suite", sort=False):
        row = rows.loc[rows["categories"].idxmax()]
        products = "1 category" if row["categories"] == 1 else f"{row['categories']} categories"
        missing = f" ({row['lacking']})" if row["lacking"] else ""
        said.append(f"{suite}: {int(row['images']):,} test images of {products}{missing}")
    return "; ".join(said)


def partly_measured(found: pd.DataFrame) -> str:
    """Which methods of `levels` were measured on fewer categories of a suite than others; "" where none was."""
    suites = found.drop_duplicates("suite").set_index("suite")["of"]
    said = []
    for method, rows in found.drop_duplicates(["method", "suite"]).groupby("method", sort=False):
        there = rows.set_index("suite")["categories"]
        few = [f"{there.get(suite, 0)} of {of} categories of {suite}"
               for suite, of in suites.items() if there.get(suite, 0) < of]  # fmt: skip
        said += [f"{method} is measured on {', on '.join(few)}"] if few else []
    return f"{'; '.join(said)}: its numbers stand beside those of other images." if said else ""


def finding(compared: Sequence[Order], found: pd.DataFrame, missing: Missing) -> str:
    """What the page of leagues found: how often the printed order within a league holds, and how far methods lie
    apart; `found` are the `levels` of image AUROC, false alarms and misses; `missing` is of `orders`.
    """
    every = found[found["categories"] == found["of"]]
    every = every[every["suite"] == every["suite"].iloc[0]] if len(every) else every
    whole = every[every["metric"] == "image_auroc"]
    low, high = (whole.loc[place] for place in (whole["estimate"].idxmin(), whole["estimate"].idxmax()))
    worst, best = (
        f"{span(row['estimate'], row['low'], row['high'])} % ({row['method']}, {row['league']})" for row in (low, high)
    )
    reach = (
        f"Without a shift image AUROC on {high['suite']} lies between {worst} and {best}, on "
        f"{high['images']:,.0f} images of {high['of']} products.{_decided(every)}"
    )
    if not compared:
        none = not_compared(missing) or "No two methods of one league are both measured and printed."
        return f"{none} {reach}"
    same, other = (sum(c.verdict == verdict for c in compared) for verdict in (SAME, OTHER))
    claim = "mostly" if 2 * same > len(compared) else "only in part" if same > other else "rarely"
    return f"Within a league who is ahead is {claim} as printed: {orders_in_words(compared)}. {reach}"


def _decided(found: pd.DataFrame) -> str:
    """How far the methods' misses and false alarms lie apart; "" where no threshold was set."""
    misses, alarms = (found[found["metric"] == metric] for metric in ("misses", "false_alarms"))
    if misses.empty:
        return ""
    fewest, most = (misses.loc[place] for place in (misses["estimate"].idxmin(), misses["estimate"].idxmax()))
    return (
        f" At a threshold that hardly a good training image reaches, a method misses between "
        f"{number(fewest['estimate'])} % ({fewest['method']}) and {number(most['estimate'])} % ({most['method']}) of "
        f"the damaged products, at {number(alarms['estimate'].min())} to {number(alarms['estimate'].max())} % false "
        "alarms."
    )


def variants(study: Study, records: pd.DataFrame, draws: Mapping[str, pd.DataFrame], base: str) -> pd.DataFrame:
    """What each variant of a detector changes, on the same images, against our training of it with the same seed or,
    where there is none, our first (`zsad.analysis.trainings.compared_with`).

    Returns:
        variant (`cause`; where the detector itself is the authors' checkpoint and we trained it too, `AUTHORS` is one),
        options, and a row a suite and metric as `zsad.analysis.gaps.changes` has it, which says what the arguments are;
        and `against`, the label that is compared with, "" for the detector itself. Options are those of the suite, on
        which a detector may be trained on other data than elsewhere. A variant is left out on a suite where what it is
        measured against lacks one of its categories.
    """
    kind = next(detector.name for detector in study.detectors if detector.label == base)
    entries = {detector.label: detector for detector in study.detectors if detector.name == kind}
    parts = []
    for suite, of_suite in records.groupby("suite", sort=False):
        for label in entries:
            against = compared_with(study, base, label, str(suite))
            one, two = (set(of_suite.loc[of_suite["detector"] == name, "category"]) for name in (against, label))
            if against == label or not two <= one:
                continue
            found = changes(of_suite, draws, [label], against)
            found["cause"] = AUTHORS if label == base else label
            options = _differing(*(entries[one].on(str(suite)) for one in (against, label)))
            parts.append(found.assign(options=options, against="" if against == base else against))
    parts = [part for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*COLUMNS, "options", "against"])


def _differing(plain: DetectorConfig, other: DetectorConfig) -> str:
    """The options in which a detector differs from the plain one."""
    names = [*other.options, *(name for name in plain.options if name not in other.options)]
    changed = [name for name in names if plain.options.get(name) != other.options.get(name)]
    return "; ".join(f"{name}: {other.options.get(name, 'as usual')}" for name in changed)


def variants_table(found: pd.DataFrame) -> pd.DataFrame:
    """`variants` as a reader sees them: a row a suite and variant, the change of each metric in points; and in a column
    what each is measured against, where that is not everywhere the detector as it is.
    """
    several = found["against"].any()
    rows: dict[tuple[str, str], dict[str, object]] = {}
    for row in found.to_dict("records"):
        of = {"suite": row["suite"], "variant": row["cause"], "options": row["options"]}
        of |= {"against": row["against"] or "as it is"} if several else {}
        shown = rows.setdefault((row["suite"], row["cause"]), {**of, "categories": row["categories"]})
        shown[METRICS[row["metric"]]] = points(row["change"])
    return pd.DataFrame(list(rows.values())).fillna("–")


def variants_sentence(found: pd.DataFrame, base: str) -> str:
    """For each variant, where it differs from the detector as it is or, where it is measured against one, from our own
    training of it.
    """
    own = [label for label in dict.fromkeys(found["against"]) if label]
    against = f"our own training of {base} ({', '.join(own)})" if own else f"{base} as it is"
    said = []
    for cause, rows in found.groupby("cause", sort=False):
        clear = [row for row in rows.to_dict("records") if row["change"].sign]
        where = "; ".join(f"{METRICS[row['metric']]} on {row['suite']} {points(row['change'])}" for row in clear)
        said.append(f"{cause}: {where or 'no metric differs'}")
    return f"Against {against}, in points where the 95 % interval excludes 0. " + ". ".join(said) + "."


def _ordered(leagues: Iterable[str]) -> list[str]:
    known = list(get_args(League))
    return sorted(set(leagues), key=lambda league: (known.index(league) if league in known else len(known), league))


def _number(value: float | None) -> str:
    return "–" if value is None else number(value)
