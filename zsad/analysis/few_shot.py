"""What a few good images of the product are worth: WinCLIP with 0, 1, 4, ... of them on the same test images."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from zsad.analysis.gaps import METRICS, PLAIN, WORSE, changes
from zsad.analysis.means import mean_over_categories
from zsad.analysis.published import DATA_SETS
from zsad.analysis.words import number, points, span
from zsad.study.config import Study
from zsad.study.whole import lacking

FEW_SHOT = "winclip_plus"
_SAID = {"image_auroc": "image AUROC is", "misses": "misses are", "pixel_auroc": "pixel AUROC is"}
_IN_PRINT = {"aupro": "pixel_aupro"}


def counts(study: Study) -> dict[str, int]:
    """Label -> how many good images a study gives to WinCLIP, from few to many: none to WinCLIP itself. Empty for a
    study that never gives any.
    """
    few = {d.label: int(d.options.get("references", 0)) for d in study.detectors if d.name == FEW_SHOT}
    given = {label: count for label, count in sorted(few.items(), key=lambda item: item[1]) if count}
    return {PLAIN: 0, **given} if given else {}


def on_the_same(records: pd.DataFrame) -> pd.DataFrame:
    """Of each suite the categories that every detector has that has any of it: what is compared is one set of images.
    Suites with a single detector have nothing to compare.
    """
    kept = []
    for _, rows in records.groupby("suite", sort=False):
        labels = rows["detector"].nunique()
        shared = rows.groupby("category")["detector"].nunique()
        if labels > 1:
            kept.append(rows[rows["category"].isin(shared.index[shared == labels])])
    return pd.concat(kept) if kept else records[:0]


def changed(records: pd.DataFrame, draws: Mapping[str, pd.DataFrame], given: Mapping[str, int]) -> pd.DataFrame:
    """`zsad.analysis.gaps.changes` of each number of references against none, paired, with the number as references."""
    found = changes(records, draws, [label for label, count in given.items() if count])
    return found.assign(references=found["cause"].map(given))


def table(
    records: pd.DataFrame,
    found: pd.DataFrame,
    given: Mapping[str, int],
    leagues: Mapping[str, str],
    printed: pd.DataFrame,
    metrics: Sequence[str],
) -> pd.DataFrame:
    """A row a suite and number of references: league, how many products, and of each metric the mean over them in
    percent, the change against none in points, and, where that is the mean of a whole suite, what is printed with as
    many for the data set that the suite stands for.

    Args:
        records: `on_the_same`. found: `changed`. leagues: by label.
        printed: results/published/winclip_per_category.csv.
    """
    rows = []
    for suite, of_suite in records.groupby("suite", sort=False):
        for label, count in given.items():
            own = of_suite[of_suite["detector"] == label]
            if own.empty:
                continue
            means = mean_over_categories(own, by=("metric",)).set_index("metric")
            row: dict[str, object] = {"suite": suite, "references": count, "league": leagues[label]}
            images = own.drop_duplicates("category").set_index("category")["n_images"]
            missing = lacking(str(suite), images.to_dict())
            row["products"] = f"{len(images)} ({missing})" if missing else str(len(images))
            for metric in metrics:
                mean = 100 * means.loc[metric, ["estimate", "low", "high"]].astype(float)
                row[METRICS[metric]] = span(*mean)
                of = found[(found["suite"] == suite) & (found["cause"] == label) & (found["metric"] == metric)]
                row[f"{METRICS[metric]}, change"] = points(of["change"].iloc[0]) if len(of) else "–"
                if not missing and metric not in WORSE:  # nobody prints decisions
                    row[f"{METRICS[metric]}, printed"] = _printed(printed, str(suite), count, metric)
            rows.append(row)
    return pd.DataFrame(rows).fillna("–")


def _printed(printed: pd.DataFrame, suite: str, count: int, metric: str) -> str:
    method = f"WinCLIP+ {count}-shot" if count else "WinCLIP"
    said = (printed["method"] == method) & (printed["dataset"] == DATA_SETS.get(suite))
    said &= (printed["category"] == "mean") & (printed["metric"] == _IN_PRINT.get(metric, metric))
    values = printed.loc[said, "value"]
    return number(float(values.iloc[0])) if len(values) else "–"


def forest(found: pd.DataFrame) -> pd.DataFrame:
    """`changed` as `plot_forest` takes it: a row a suite and number of references, a panel a metric."""
    rows = [
        {"row": in_words(r.suite, r.references), "panel": r.metric, "estimate": r.change.value, "low": r.change.low,
         "high": r.change.high}
        for r in found.itertuples()
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["row", "panel", "estimate", "low", "high"])


def in_words(suite: object, references: object) -> str:
    """What a row of the figure is called."""
    return f"{suite}, {references} {'picture' if references == 1 else 'pictures'}"


def in_prose(categories: Sequence[str]) -> str:
    """Two categories at most, by their names."""
    return " and ".join(name.replace("_", " ") for name in categories)


def sentence(found: pd.DataFrame, records: pd.DataFrame) -> str:
    """What a few good images change, image level first, on how many images of how many products."""
    said = []
    for suite, of_suite in found.groupby("suite", sort=False):
        own = records[records["suite"] == suite].drop_duplicates("category")
        products = f"{len(own)} products" if len(own) > 2 else in_prose([str(name) for name in own["category"]])
        levels: list[str] = []
        for metric, words in _SAID.items():
            rows = of_suite[of_suite["metric"] == metric].sort_values("references")
            if rows.empty:  # no threshold was set
                continue
            steps = ", ".join(_step(row) for row in rows.to_dict("records"))
            without = "" if levels else " without a good picture"
            levels.append(f"{words} {number(rows['plain'].iloc[0])} %{without}, {steps}")
        said.append(f"On {suite} ({own['n_images'].sum():,} test images of {products}) {'; '.join(levels)}.")
    return " ".join(said)


def _step(row: dict[Hashable, Any]) -> str:
    undecided = "" if row["change"].sign else " (undecided)"
    return f"{points(row['change'])} points with {row['references']}{undecided}"
