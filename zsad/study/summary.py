"""What a set of records says: means over categories, the worst shift, and the sentence that states it.

Everything is an estimate in [0, 1] with a 95 % interval from a bootstrap over the test images of one category.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

_NAMES = {"pixel_auroc": "pixel AUROC", "aupro": "AUPRO", "image_auroc": "image AUROC"}


def mean_over_categories(records: pd.DataFrame, by: tuple[str, ...] = ("value", "metric")) -> pd.DataFrame:
    """Unweighted mean of `estimate` over categories for every group of `by`, with an interval: columns by, estimate,
    low, high, categories.

    The categories' test images are disjoint, so their errors are independent: each side of the mean's interval is the
    root of the summed squared sides over their number. The interval is about these categories, not about others one
    might have chosen.
    """
    rows = []
    for key, group in records.groupby(list(by), sort=True):
        if group.duplicated(["suite", "category"]).any():
            raise ValueError(
                f"several records of one category for {by} = {key}: select one study, detector and backbone first"
            )
        estimate = group["estimate"].mean()
        below = np.sqrt(((group["estimate"] - group["low"]) ** 2).sum()) / len(group)
        above = np.sqrt(((group["high"] - group["estimate"]) ** 2).sum()) / len(group)
        rows.append((*key, estimate, max(estimate - below, 0.0), min(estimate + above, 1.0), len(group)))
    return pd.DataFrame(rows, columns=[*by, "estimate", "low", "high", "categories"])


@dataclass(frozen=True)
class Drop:
    """The lowest mean of a sweep against the mean at no shift; `drop`, `low`, `high` in points (percent of the
    metric's range).
    """

    metric: str
    value: float
    clean: float
    worst: float
    drop: float
    low: float
    high: float
    tried: int

    @property
    def clear(self) -> bool:
        """Whether the interval leaves no drop out."""
        return self.low > 0


def worst_drop(mean: pd.DataFrame, metric: str) -> Drop:
    """The value at which the mean of `metric` is lowest, and how far below the clean mean that is.

    `mean` comes from `mean_over_categories` and must hold value 0. Both measurements share their images, but the
    interval is taken as if they were independent: it is wider than need be, never narrower for measurements that rise
    and fall together.
    """
    rows = mean[mean["metric"] == metric]
    at_zero = rows[rows["value"] == 0]
    shifted = rows[rows["value"] != 0]
    if at_zero.empty or shifted.empty:
        raise ValueError(
            f"a drop of {metric} needs the clean value 0 and at least one shifted value, got {sorted(rows['value'])}"
        )
    clean = at_zero.iloc[0]
    worst = shifted.loc[shifted["estimate"].idxmin()]
    drop = clean["estimate"] - worst["estimate"]
    smallest = drop - math.hypot(clean["estimate"] - clean["low"], worst["high"] - worst["estimate"])
    largest = drop + math.hypot(clean["high"] - clean["estimate"], worst["estimate"] - worst["low"])
    return Drop(
        metric, float(worst["value"]), 100 * float(clean["estimate"]), 100 * float(worst["estimate"]),
        100 * float(drop), 100 * float(smallest), 100 * float(largest), len(shifted),
    )  # fmt: skip


def drop_sentence(drop: Drop, strength: str) -> str:
    """One sentence, whichever way the numbers fall; `strength` words the worst value, such as "60 degrees"."""
    name = _NAMES.get(drop.metric, drop.metric)
    if drop.drop <= 0:
        return (
            f"Mean {name} never falls below its value without shift, {drop.clean:.1f} %: "
            f"its lowest shifted value is {drop.worst:.1f} %, at {strength}."
        )
    span = f"{drop.drop:.1f} points (95 % interval {drop.low:.1f} to {drop.high:.1f})"
    if drop.clear:
        return (
            f"Mean {name} falls by {span}, from {drop.clean:.1f} % without shift to {drop.worst:.1f} % at {strength}."
        )
    return (
        f"Mean {name} is lowest at {strength}, {span} below its {drop.clean:.1f} % without shift; "
        f"the interval includes no drop, so these images cannot tell it from chance."
    )
