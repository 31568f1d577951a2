"""WinCLIP as it is: its metrics on every category without a shift, beside print and in another data type; and what is
left of it under words that say something else.
"""

from collections.abc import Iterable, Mapping

import pandas as pd

from zsad.analysis.means import mean_over_categories
from zsad.analysis.published import DATA_SETS
from zsad.analysis.words import number, span
from zsad.study.whole import lacking

SHOWN = ("image_auroc", "pixel_auroc", "aupro")
PUBLISHED, SWAPPED, NONSENSE = "as published", "swapped", "nonsense"


def with_means(records: pd.DataFrame, metrics: Iterable[str] = SHOWN) -> pd.DataFrame:
    """suite, category, images, metric, estimate, low, high (percent): each suite's categories and, after them, "mean".

    The interval of a mean is about these categories.
    """
    rows, columns = [], ["suite", "category", "images", "metric", "estimate", "low", "high"]
    for suite, of_suite in records[records["metric"].isin(tuple(metrics))].groupby("suite"):
        images = of_suite.drop_duplicates("category")["n_images"].sum()
        mean = mean_over_categories(of_suite, by=("metric",)).assign(suite=suite, category="mean", images=images)
        rows += [of_suite.assign(images=of_suite["n_images"])[columns], mean[columns]]
    found = pd.concat(rows, ignore_index=True)
    found[["estimate", "low", "high"]] *= 100
    return found


def printed_means(printed: pd.DataFrame) -> pd.DataFrame:
    """WinCLIP's means in print (results/published/winclip_per_category.csv), by the metrics' names in records."""
    rows = printed[(printed["method"] == "WinCLIP") & (printed["category"] == "mean")]
    return rows.replace({"metric": {"pixel_aupro": "aupro"}})


def levels_table(levels: pd.DataFrame, printed: pd.DataFrame) -> pd.DataFrame:
    """`with_means` in words, a row a category and a column a metric; below each mean what is printed (`printed_means`)
    for the data set that the suite stands for, unless the mean is one of fewer categories or images than all.
    """
    rows: list[dict[str, object]] = []
    for (suite, category), group in levels.groupby(["suite", "category"], sort=False):
        cells = {r.metric: span(r.estimate, r.low, r.high).replace(" ", "\u00a0") for r in group.itertuples()}
        name, images = str(category).replace("_", " "), group["images"].iloc[0]
        missing = _lacking(levels, str(suite)) if category == "mean" else ""
        rows.append({"suite": suite, "category": f"{name} ({missing})" if missing else name, "images": images, **cells})
        real = printed[printed["dataset"] == DATA_SETS.get(str(suite))]
        if category == "mean" and len(real) and not missing:
            cells = {r.metric: number(r.value) for r in real.itertuples() if r.metric in cells}
            rows.append({"suite": f"{DATA_SETS[str(suite)]} (real)", "category": "published mean", **cells})
    return pd.DataFrame(rows)


def _lacking(levels: pd.DataFrame, suite: str) -> str:
    of = levels[(levels["suite"] == suite) & (levels["category"] != "mean")]
    return lacking(suite, dict(zip(of["category"], of["images"], strict=True)))


def printed_wide(printed: pd.DataFrame, index: list[str], names: Mapping[str, str]) -> pd.DataFrame:
    """A column a metric by its name, in the order of the file; one with a number that was not checked has a †."""
    unsure = set(printed.loc[printed["evidence"].str.startswith("recalled"), "metric"])
    wide = printed.pivot_table(index=index, columns="metric", values="value", sort=False).reset_index()
    return wide.rename_axis(columns=None).rename(
        columns=lambda name: names.get(name, name) + (" †" if name in unsure else "")
    )


def changes(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """The second records minus the first, cell by cell: suite, category, metric, difference (points)."""
    both = first.merge(second, on=["suite", "category", "metric"], suffixes=("_first", "_second"))
    difference = 100 * (both["estimate_second"] - both["estimate_first"])
    return both[["suite", "category", "metric"]].assign(difference=difference)


def changes_table(found: pd.DataFrame) -> pd.DataFrame:
    """suite, metric, and of `changes` the mean over categories and the largest size."""
    by = found.assign(size=found["difference"].abs()).groupby(["suite", "metric"])
    table = by.agg(**{"mean change [points]": ("difference", "mean"),
                      "largest change of a category [points]": ("size", "max")})  # fmt: skip
    return table.reset_index()


def other_words(aurocs: pd.DataFrame) -> pd.DataFrame:
    """What other words leave of the image AUROC, and "mean" last: suite, category, then as published, swapped, and of
    all draws of nonsense the mean, the lowest and the highest.

    Args:
        aurocs: percent; a row a (suite, category), a column for `PUBLISHED`, `SWAPPED` and each draw of `NONSENSE`.
    """
    drawn = aurocs[[name for name in aurocs if name.startswith(NONSENSE)]]
    table = aurocs[[PUBLISHED, SWAPPED]].assign(
        nonsense=drawn.mean(axis=1), lowest=drawn.min(axis=1), highest=drawn.max(axis=1)
    )
    of_draw = drawn.mean(axis=0)  # one mean over the categories for each draw of words
    means = table[[PUBLISHED, SWAPPED, NONSENSE]].mean()
    table.loc[("all", "mean"), :] = [*means, of_draw.min(), of_draw.max()]
    return table.reset_index()


def other_words_sentence(table: pd.DataFrame) -> str:
    """What `other_words` says."""
    mean, single = table.iloc[-1], table.iloc[:-1]
    mirror = (single[PUBLISHED] + single[SWAPPED] - 100).abs().max()
    return (
        f"With the prompts swapped, the two AUROCs of a category add up to 100 within {number(mirror)} points. "
        f"Nonsense prompts give {number(mean[NONSENSE])} on average over all draws; the mean over the categories lies "
        f"between {number(mean['lowest'])} and {number(mean['highest'])} for a single draw, against "
        f"{number(mean[PUBLISHED])} for the words about damage."
    )
