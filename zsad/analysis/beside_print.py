"""WinCLIP's numbers in print beside measured ones: categories of the same data set one by one, and means of a suite
only where all its categories and images were measured.
"""

from collections.abc import Mapping

import pandas as pd

from zsad.analysis.means import mean_over_categories
from zsad.analysis.published import DATA_SETS
from zsad.analysis.words import number, span
from zsad.study.whole import lacking, whole_counts

# The metrics of results/published, by the names that records have for them.
NAMES = {"pixel_aupro": "aupro"}


def means_beside_print(printed: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """A row a printed mean (percent): data set, metric, published, checked, measured on, measured, difference (points),
    each with its interval as text.

    A suite that lacks a category or an image has no mean beside one that is over all: "measured" then says what it
    lacks. What was not measured at all is a dash.
    """
    rows, there = [], set(records["suite"])
    for r in printed.itertuples():
        suite = next((name for name, of in DATA_SETS.items() if of == r.dataset and name in there), None)
        here = records[(records["suite"] == suite) & (records["metric"] == r.metric)]
        row = {"data set": r.dataset, "metric": r.metric, "published": r.value}
        row |= {"checked": "no" if r.evidence.startswith("recalled") else "yes", "measured on": suite or "–"}
        rows.append({**row, **_mean(here, str(suite), r.value)})
    return pd.DataFrame(rows)


def _mean(records: pd.DataFrame, suite: str, printed: float) -> dict[str, str]:
    if not len(records):
        return {"measured": "–", "difference": "–"}
    if missing := lacking(suite, dict(zip(records["category"], records["n_images"], strict=True))):
        return {"measured": f"no mean: {missing}", "difference": "–"}
    mean = mean_over_categories(records, by=("metric",)).iloc[0]
    low, value, high = (100 * mean[name] for name in ("low", "estimate", "high"))
    return {
        "measured": number(value),
        "difference": span(value - printed, low - printed, high - printed, sign=True),
    }


def categories_beside_print(printed: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """A row a category and metric that is both in print and measured on the data set itself: suite, category, metric,
    images (how many of how many), published, measured (percent), and difference, low, high (points).

    The interval is that of the measurement: print has none. A demo suite is another world, and has no row.

    Args:
        printed: one method's rows of results/published/winclip_per_category.csv.
        records: unshifted records of one detector on one backbone.
    """
    single = printed[printed["category"] != "mean"].replace({"metric": NAMES})
    own = records[records["suite"].isin([name for name in DATA_SETS if not name.startswith("demo-")])]
    single = single.rename(columns={"value": "printed"})[["dataset", "category", "metric", "printed"]]
    both = own.assign(dataset=own["suite"].map(DATA_SETS)).merge(single, on=["dataset", "category", "metric"])
    counts = [whole_counts(r.suite).get(r.category) for r in both.itertuples()]
    found = both[["suite", "category", "metric"]].assign(
        images=[f"{n} of {all_}" for n, all_ in zip(both["n_images"], counts, strict=True)],
        published=both["printed"],
        measured=100 * both["estimate"],
    )
    for name, of in (("difference", "estimate"), ("low", "low"), ("high", "high")):
        found[name] = 100 * both[of] - found["published"]
    return found


def in_words(found: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """`categories_beside_print` as a table: the metrics by `names`, the difference with its interval."""
    return pd.DataFrame(
        {
            "suite": found["suite"],
            "category": found["category"].str.replace("_", " "),
            "metric": found["metric"].map(lambda name: names.get(name, name)),
            "images": found["images"],
            "published": found["published"].map(number),
            "measured": found["measured"].map(number),
            "difference [points]": [span(r.difference, r.low, r.high, sign=True) for r in found.itertuples()],
        }
    )


def sentence(found: pd.DataFrame) -> str:
    """How many of `categories_beside_print` differ from print by more than their interval allows."""
    away = int(((found["low"] > 0) | (found["high"] < 0)).sum())
    return (
        f"Of {len(found)} numbers that are in print and were measured here, {away} differ from print by more than the "
        f"95 % interval of the measurement; the largest difference is "
        f"{number(found['difference'].abs().max())} points."
    )
