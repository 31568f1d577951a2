"""The tiling pipeline's F1-max: levels and gaps on one suite, the report's two tables, and what needs no skill.

Records are unshifted, of several detectors on one suite and backbone; draws are by metric, then by key
(`draws_of`); levels, floors and gaps are in percent. Categories are shown in the order in which they come.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from zsad.analysis.differences import Difference, Parts, by_key, difference_of, minus
from zsad.analysis.published import DATA_SETS, Comparison, lacks
from zsad.analysis.words import number, percent, points
from zsad.metrics import image_f1max

PIPELINE = "tiling"
METRICS = {"image_f1max": "sample F1-max", "pixel_f1max": "pixel F1-max"}
# Detectors of the measured tables: labels, and the names that a reader knows them by.
NAMES = {"winclip": "WinCLIP", "april_gan": "APRIL-GAN", "clipseg alone": "CLIPSeg alone", PIPELINE: "tiling pipeline"}
PRINTED = {"WinCLIP": "WinCLIP", "APRIL-GAN": "APRIL-GAN", "VVV": "VVV (tiling pipeline)"}
FLOOR = "all called anomalous"
CHANCE = "95 % of random orders"
SHUFFLES = 500

Draws = Mapping[str, pd.DataFrame]


def draws_of(replicates: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The bootstrap draws of each metric, by key."""
    return {metric: by_key(replicates, metric) for metric in METRICS}


def subject(records: pd.DataFrame) -> str:
    """Suite, backbone and images in words."""
    first, each = records.iloc[0], records.drop_duplicates("category")
    categories = "1 category" if len(each) == 1 else f"{len(each)} categories"
    return f"{first['suite']}, {first['backbone']} ({first['dtype']}), {categories}, {each['n_images'].sum()} images"


def _parts(records: pd.DataFrame, detector: str, category: str | None) -> Parts:
    rows = records[records["detector"] == detector]
    return [(1.0, rows if category is None else rows[rows["category"] == category])]


def level(records: pd.DataFrame, draws: Draws, metric: str, detector: str, category: str | None = None) -> Difference:
    """A detector's mean over categories, or its value for one."""
    return difference_of(_parts(records, detector, category), draws[metric], metric)


def gap(
    records: pd.DataFrame, draws: Draws, metric: str, first: str, second: str, category: str | None = None
) -> Difference:
    """The mean of a metric over categories (or that of one) with one detector minus that with another."""
    parts = _parts(records, first, category) + minus(_parts(records, second, category))
    return difference_of(parts, draws[metric], metric)


def levels(records: pd.DataFrame, draws: Draws, metric: str) -> pd.DataFrame:
    """Each detector of `NAMES` on each category and in the mean: series, group, estimate, low, high."""
    rows = []
    for label in (label for label in NAMES if label in set(records["detector"])):
        for category in (*records["category"].unique(), None):
            found = level(records, draws, metric, label, category)
            rows.append((NAMES[label], category or "mean", found.value, found.low, found.high))
    return pd.DataFrame(rows, columns=["series", "group", "estimate", "low", "high"])


def without_interval(series: str, values: Mapping[str, float]) -> pd.DataFrame:
    """Values of each group, in the form of `levels`."""
    return pd.DataFrame(
        [{"series": series, "group": group, "estimate": v, "low": v, "high": v} for group, v in values.items()]
    )


def levels_table(found: pd.DataFrame) -> pd.DataFrame:
    """`levels` in words: a row a method, a column a group."""
    rows: dict[str, dict[str, str]] = {}
    for r in found.itertuples():
        text = number(r.estimate) if r.low == r.high else percent(Difference(r.estimate, r.low, r.high, 1))
        rows.setdefault(r.series, {"method": r.series})[r.group.replace("_", " ")] = text
    return pd.DataFrame([*rows.values()])


def floors(records: pd.DataFrame) -> dict[str, float]:
    """F1-max of calling every image anomalous, per category and in the mean."""
    rows = records[records["metric"] == "image_f1max_floor"].drop_duplicates("category")
    return _with_mean((100 * rows.set_index("category")["estimate"]).to_dict())


def chance(images: pd.DataFrame, seed: int) -> dict[str, float]:
    """What 95 % of random orders of the images stay below in sample F1-max, per category and in the mean over them.

    Args:
        images: the table "images" of one detector's records (`zsad.study.kept.load_table`).
        seed: of the orders.
    """
    generator, drawn = np.random.default_rng(seed), {}
    for category in images["category"].unique():
        labels = images.loc[images["category"] == category, "label"].to_numpy(bool)
        order = np.arange(len(labels), dtype=float)
        drawn[category] = [image_f1max(generator.permutation(order), labels) for _ in range(SHUFFLES)]
    drawn["mean"] = np.mean(list(drawn.values()), axis=0).tolist()
    return {name: 100 * float(np.quantile(values, 0.95)) for name, values in drawn.items()}


def without_skill(records: pd.DataFrame, by_chance: Mapping[str, float]) -> list[str]:
    """Categories where the pipeline's sample F1-max is no higher than `chance`."""
    rows = records[(records["detector"] == PIPELINE) & (records["metric"] == "image_f1max")]
    return [r.category for r in rows.itertuples() if 100 * r.estimate <= by_chance[r.category]]


def printed_table(printed: pd.DataFrame, metric: str, leagues: Mapping[str, str]) -> pd.DataFrame:
    """One of the report's tables (results/published/vvv_tables.csv) as it is printed: method, league (of `leagues`, by
    method), the categories and "mean"; percent.
    """
    table = printed[printed["metric"] == metric]
    wide = table.pivot(index="method", columns="category", values="value")[table["category"].unique()]
    wide = wide.loc[[*PRINTED]].rename_axis(columns=None).reset_index()
    wide.insert(1, "league", [leagues[name] for name in PRINTED])
    return wide.replace({"method": PRINTED}).rename(columns=lambda name: name.replace("_", " "))


def printed_floors(counts: Mapping[str, tuple[int, int]]) -> dict[str, float]:
    """`floors` of a test split, from each category's (good, anomalous) images."""
    f1 = {name: 100 * 2 * anomalous / (2 * anomalous + good) for name, (good, anomalous) in counts.items()}
    return _with_mean({name.replace("_", " "): value for name, value in f1.items()})


def not_tested(records: pd.DataFrame) -> str:
    """Why the report's comparison, of means over all of VisA, is not held against what was measured; "" where it is."""
    suite = str(records["suite"].iloc[0])
    if not {"winclip", PIPELINE} <= set(records["detector"]):
        return "The study lacks WinCLIP beside the pipeline, so the report's comparison is not tested."
    if DATA_SETS.get(suite) != "VisA":
        return f"The report's comparison is of VisA, and {suite} is another data set: it is not tested."
    if missing := lacks(suite, records[records["detector"].isin(["winclip", PIPELINE])]):
        return f"The report's comparison is of all of VisA, {suite} was measured in part ({missing}): it is not tested."
    return ""


def measured_leads(records: pd.DataFrame, draws: Draws) -> dict[str, Difference]:
    """Metric in words -> by how much the pipeline's mean is above WinCLIP's; none without WinCLIP."""
    if not {"winclip", PIPELINE} <= set(records["detector"]):
        return {}
    return {words: gap(records, draws, metric, PIPELINE, "winclip") for metric, words in METRICS.items()}


def leads(records: pd.DataFrame, draws: Draws, printed: pd.DataFrame) -> list[Comparison]:
    """By how much the pipeline's means are above WinCLIP's, in print on VisA and measured; none where that is
    `not_tested`.
    """
    if not_tested(records):
        return []
    measured = measured_leads(records, draws)
    means = printed[printed["category"] == "mean"].set_index(["method", "metric"])["value"]
    return [
        Comparison("the pipeline", "WinCLIP", records["suite"].iloc[0], "VisA", words,
                   float(means["VVV", metric] - means["WinCLIP", metric]),
                   measured[words])
        for metric, words in METRICS.items()
    ]  # fmt: skip


def leads_table(records: pd.DataFrame, draws: Draws, found: list[Comparison]) -> pd.DataFrame:
    """A row a metric: the lead on each category and in the mean, and, of what was `found` by `leads`, what the report
    prints and who is ahead.
    """
    rows, printed = [], {lead.what: {"report": lead.printed, "which is ahead": lead.verdict} for lead in found}
    measured = measured_leads(records, draws)
    for metric, words in METRICS.items():
        cells = {
            category.replace("_", " "): points(gap(records, draws, metric, PIPELINE, "winclip", category))
            for category in records["category"].unique()
        }
        rows.append({"metric": words, **cells, "mean": points(measured[words]), **printed.get(words, {})})
    return pd.DataFrame(rows)


def conclusion(
    categories: list[str],
    found: list[Comparison],
    by_chance: list[str],
    measured: Mapping[str, Difference],
    untested: str,
) -> str:
    """Who is ahead on both metrics, against the report, and in which of the categories the pipeline shows no skill.

    Args:
        found: of `leads`; where there are none, `measured_leads` are told and why they are `not_tested`.
    """
    said = [
        f"In the mean {lead.what}, the pipeline is {points(lead.measured)} points from WinCLIP; the report prints "
        f"{number(lead.printed, sign=True)} on VisA: {lead.verdict}."
        for lead in found
    ]
    if not found:
        said = [f"In the mean {words}, the pipeline is {points(lead)} points from WinCLIP." for words, lead in
                measured.items()] + [untested]  # fmt: skip
    if by_chance:
        named = ", ".join(category.replace("_", " ") for category in by_chance)
        said.append(f"In {len(by_chance)} of {len(categories)} categories ({named}) its sample F1-max is what a random "
                    "order reaches too.")  # fmt: skip
    else:
        said.append(f"In all {len(categories)} categories its sample F1-max is above what 95 % of random orders reach.")
    return " ".join(said)


def _with_mean(values: dict[str, float]) -> dict[str, float]:
    return {**values, "mean": sum(values.values()) / len(values)}
