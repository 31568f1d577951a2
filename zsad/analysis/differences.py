"""Differences of means over categories, with paired intervals: one setting against another, one backbone against
another, one search against another.

Cells of one test set draw the same pictures in each bootstrap draw, so that any sum and difference of their metrics has
an interval of its own, far narrower than what two independent measurements would allow.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from zsad.metrics import expanded, interval
from zsad.study.schema import smaller_class


@dataclass(frozen=True)
class Difference:
    """A difference of means in points (percent of the metric's range), with its 95 % interval; or a mean itself."""

    value: float
    low: float
    high: float
    categories: int

    @property
    def sign(self) -> int:
        """1 or -1 where the interval lies on one side of 0, else 0: the pictures cannot tell."""
        return int(self.low > 0) - int(self.high < 0)

    def __str__(self) -> str:
        words = f"{self.value:+.1f} points (95 % interval {self.low:+.1f} to {self.high:+.1f})"
        return words.replace("-", "−")


HEADLINE = ("image_auroc", "pixel_auroc", "aupro")
"""The metrics of which the draws of every cell are kept."""

Parts = list[tuple[float, pd.DataFrame]]
"""Weights and records, whose weighted sum of means is taken: see `difference`."""


def difference(parts: Sequence[tuple[float, pd.DataFrame]], replicates: pd.DataFrame, metric: str) -> Difference:
    """A weighted sum of means over categories: [(1, a), (-1, b)] is mean a minus mean b, and [(0.5, a), (0.5, b)] the
    mean of both.

    Args:
        parts: weights and records, each with one record of the metric for each of the same categories, whose numbers of
            images widen the interval where they are few (`zsad.metrics.expanded`).
        replicates: the table "replicates" of these records (`zsad.study.results.load_table`).
        metric: a headline metric: image_auroc, pixel_auroc or aupro.

    Raises:
        ValueError: parts of other categories, several records of one category, or a cell without replicates.
    """
    return difference_of(parts, by_key(replicates, metric), metric)


def by_key(replicates: pd.DataFrame, metric: str) -> pd.DataFrame:
    """A column a cell, a row a bootstrap draw: the form in which many differences are taken from the same table."""
    return replicates.drop_duplicates(["key", "replicate"]).pivot(index="replicate", columns="key", values=metric)


def category_seed(suite: str, category: str, seed: int = 0) -> list[int]:
    """What seeds draws of a category's images: the same for all that is measured on them, so that differences are
    paired, and unrelated in other categories, whose errors are independent.
    """
    return [seed, zlib.crc32(f"{suite}/{category}".encode())]


def headline_draws(replicates: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Metric of `HEADLINE` -> `by_key`."""
    return {metric: by_key(replicates, metric) for metric in HEADLINE}


def difference_of(parts: Sequence[tuple[float, pd.DataFrame]], draws: pd.DataFrame, metric: str) -> Difference:
    """As `difference`, from draws by key."""
    estimate, members = 0.0, None
    drawn: Float[np.ndarray, "draw category"] = np.zeros((len(draws), 1))
    images = np.zeros(0, np.int64)
    for weight, records in parts:
        rows = records[records["metric"] == metric].set_index(["suite", "category"]).sort_index()
        if rows.index.has_duplicates:
            raise ValueError("several records of one category: select one setting, detector, backbone and variant")
        members = rows.index if members is None else members
        if not len(rows) or not rows.index.equals(members):
            raise ValueError(f"a difference needs the same categories on both sides, not {_names(members)} "
                             f"and {_names(rows.index)}")  # fmt: skip
        values = draws.reindex(columns=rows["key"]).to_numpy(np.float64)
        if np.isnan(values).any():
            missing = rows["key"][np.isnan(values).any(0)]
            raise ValueError(f"no bootstrap replicates of {metric} for cell {missing.min()}")
        estimate += weight * rows["estimate"].mean()
        drawn = drawn + weight * values
        sizes = smaller_class(rows)
        images = np.minimum(images, sizes) if len(images) else sizes
    # A sum of metrics in [0, 1] lies between those of its negative and of its positive weights; wider draws might not.
    least, most = (sum(w for w, _ in parts if w * sign > 0) for sign in (-1, 1))
    low, high = interval_around(estimate, drawn, images, least, most)
    return Difference(100 * estimate, 100 * low, 100 * high, 0 if members is None else len(members))


def interval_around(
    estimate: float,
    drawn: Float[np.ndarray, "draw category"],
    images: Int[np.ndarray, " category"],
    least: float,
    most: float,
) -> tuple[float, float]:
    """The 95 % interval of a mean over categories, from draws of each (`zsad.metrics.expanded`), within `least` and
    `most`; it holds the estimate. Where nearly all draws are the estimate, the few others move the mean that deviations
    grow from, and with it the whole interval past the estimate.
    """
    ((low, high),) = intervals_around(np.array([estimate]), [drawn], [images], least, most).tolist()
    return low, high


def intervals_around(
    estimates: Float[np.ndarray, " mean"],
    drawn: Sequence[Float[np.ndarray, "draw _"]],
    images: Sequence[Int[np.ndarray, " _"]],
    least: float,
    most: float,
) -> Float[np.ndarray, "mean 2"]:
    """The same of many means at once, each with draws and images of categories of its own."""
    wide = expanded(np.concatenate(drawn, axis=1), np.concatenate(images))
    parts = np.split(wide, np.cumsum([len(of_mean) for of_mean in images])[:-1], axis=1)
    low, high = np.clip([interval(part.mean(axis=1)) for part in parts], least, most).T
    return np.stack([np.minimum(low, estimates), np.maximum(high, estimates)], axis=1)


def minus(parts: Parts) -> Parts:
    """The same sum with its sign turned."""
    return [(-weight, records) for weight, records in parts]


def _names(index: pd.Index | None) -> str:
    return ", ".join("/".join(member) for member in index) if index is not None and len(index) else "none"


def verdict(differences: Sequence[Difference], more: str, less: str) -> str:
    """How many of several differences lie above 0, how many below, and how many the pictures cannot tell.

    `more` and `less` word a difference above and below 0, as in "colour hurts more".
    """
    signs = [difference.sign for difference in differences]
    total = len(signs)
    parts = [
        f"{words} in {count} of {total}"
        for words, count in ((more, signs.count(1)), (less, signs.count(-1)), ("undecided", signs.count(0)))
        if count
    ]
    return ", ".join(parts)
