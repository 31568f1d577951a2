"""How far searches lower the AUROC or the loss of each image, after how many forward passes: frames in, frames out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from zsad.metrics import expanded, interval

# What an evaluation with a gradient costs, in forward passes of the same data type: measured with WinCLIP on demo-b, on
# one thread in batches of 16, 2.7 to 3.1 in float32 and 3.8 to 4.5 in bfloat16.
FORWARDS_OF_A_GRADIENT = {"float32": 3, "bfloat16": 4}
IMAGE = ["suite", "category", "id"]
# Falls that differ by less, as a share of the furthest of any search on an image, are alike.
ALIKE = 1e-3
DRAWS = 1000


def with_forwards(evaluations: pd.DataFrame) -> pd.DataFrame:
    """The table "tries" of some cells, with the forward passes spent: those of a gradient count three in float32 and
    four in bfloat16.
    """
    beyond_one = evaluations["dtype"].map(FORWARDS_OF_A_GRADIENT) - 1
    return evaluations.assign(forwards=evaluations["evaluation"] + beyond_one * evaluations["gradients"])


def relative_falls(evaluations: pd.DataFrame, criterion: str) -> dict[str, pd.DataFrame]:
    """search -> a row an image that all searches have seen, a column a number of forward passes, from 1 to all that the
    search has spent: how far the lowest value so far lies below that of the image as it is, as a share of the furthest
    fall of any search on that image; 0 where none has lowered it.

    Args:
        evaluations: of one backbone and setting, with `forwards` and the search's name in `search`.
        criterion: "auroc" or "loss"; an image without AUROC is judged by its loss.
    """
    values = evaluations.assign(value=evaluations[criterion].fillna(evaluations["loss"]).astype(float))
    falls = {}
    for search, rows in values.groupby("search", sort=False):
        lowest = rows.pivot_table(index=IMAGE, columns="forwards", values="value", aggfunc="first")
        fall = lowest.rsub(lowest.iloc[:, 0], axis=0)
        falls[str(search)] = fall.reindex(columns=range(1, int(fall.columns.max()) + 1)).ffill(axis=1).fillna(0.0)
    shared = sorted(set.intersection(*(set(fall.index) for fall in falls.values())))
    falls = {search: fall.loc[shared] for search, fall in falls.items()}
    furthest = pd.concat([fall.iloc[:, -1] for fall in falls.values()], axis=1).max(axis=1)
    return {search: fall.div(furthest.where(furthest > 0), axis=0).fillna(0.0) for search, fall in falls.items()}


def drawn_means(
    values: Float[np.ndarray, "image x"], seed: int | Sequence[int] = 0, within: tuple[float, float] | None = None
) -> Float[np.ndarray, "draw x"]:
    """Means over as many images drawn with replacement, wider where images are few (`zsad.metrics.expanded`); the same
    seed draws the same images.

    Draws are not cut off at the lowest and highest of the images seen: others may lie beyond. Of 4 images intervals
    would hold the truth in 88 % of cases where values are normal and in 82 % where they are exponential, and not in
    94 and 87 % as without a cut.

    Args:
        within: the least and the most that such a mean can be, where it has bounds of its own, such as a share.
    """
    generator = np.random.default_rng(seed)
    drawn = generator.integers(len(values), size=(DRAWS, len(values)))
    weights = np.stack([np.bincount(row, minlength=len(values)) for row in drawn]) / len(values)
    means: Float[np.ndarray, "draw x"] = expanded(weights @ values, np.full(values.shape[1], len(values)))
    return means if within is None else np.clip(means, *within)


def mean_curve(values: pd.DataFrame, within: tuple[float, float] | None = None) -> pd.DataFrame:
    """The mean over the rows of each column, with its 95 % bootstrap interval: x, estimate, low, high; `within` as in
    `drawn_means`.
    """
    low, high = np.quantile(drawn_means(values.to_numpy(float), within=within), (0.025, 0.975), axis=0)
    return pd.DataFrame({"x": values.columns, "estimate": values.mean().to_numpy(), "low": low, "high": high})


def wins(ours: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Per image and number of forward passes that both have spent: 1 where ours has fallen further, 0 where the other
    has, and a half where they are alike.
    """
    both = [x for x in ours.columns if x in other.columns]
    ahead = ours[both] - other[both]
    return (ahead > ALIKE).astype(float) + 0.5 * (ahead.abs() <= ALIKE)


@dataclass(frozen=True)
class Compared:
    """Our search against another after as many forward passes: on how many images it has fallen further, and as far;
    the share of images that it wins (as far counts half), and by how much it has fallen further in the mean, in percent
    of the furthest fall; both with 95 % bootstrap intervals over images.
    """

    other: str
    forwards: int
    images: int
    further: int
    alike: int
    rate: float
    rate_low: float
    rate_high: float
    ahead: float
    ahead_low: float
    ahead_high: float


def compared(falls: Mapping[str, pd.DataFrame], ours: str, other: str, forwards: int) -> Compared:
    """`ours` and `other` after `forwards` passes, which both must have spent."""
    won = wins(falls[ours], falls[other])[forwards]
    ahead = falls[ours][forwards] - falls[other][forwards]
    both = np.stack([won.to_numpy(float), ahead.to_numpy(float)], 1)  # a share, and shares of the furthest fall
    drawn = drawn_means(both).clip([0, -1], [1, 1])
    (rate_low, rate_high), (ahead_low, ahead_high) = (interval(100 * column) for column in drawn.T)
    return Compared(
        other=other,
        forwards=forwards,
        images=len(won),
        further=int((won == 1).sum()),
        alike=int((won == 0.5).sum()),
        rate=100 * float(won.mean()),
        rate_low=rate_low,
        rate_high=rate_high,
        ahead=100 * float(ahead.mean()),
        ahead_low=ahead_low,
        ahead_high=ahead_high,
    )


def lowest_aurocs(evaluations: pd.DataFrame) -> pd.DataFrame:
    """A row an anomalous image, a column an evaluation: its lowest AUROC so far, in percent."""
    rows = evaluations[evaluations["auroc"].notna()]
    return 100 * rows.pivot_table(index=IMAGE, columns="evaluation", values="auroc", aggfunc="first").astype(float)


def doublings(lowest: pd.DataFrame, smallest: int = 8) -> pd.DataFrame:
    """What twice as many evaluations change: a row a budget with its mean AUROC over images, how many points lower the
    mean is after twice as many, with its 95 % bootstrap interval, and the largest change of a category's mean.
    """
    longest, rows = int(lowest.columns[-1]), []
    budget = longest
    while budget // 2 >= smallest and budget % 2 == 0:
        half, budget = budget // 2, budget // 2
        change = (lowest[half] - lowest[2 * half]).to_numpy(float)
        low, high = interval(drawn_means(change[:, None], within=(0, 100))[:, 0])
        category = lowest[half] - lowest[2 * half]
        largest = float(category.groupby(level=["suite", "category"]).mean().max())
        rows.append({"evaluations": half, "mean": float(lowest[half].mean()), "doubled": float(lowest[2 * half].mean()),
                     "change": float(change.mean()), "low": low, "high": high, "largest": largest})  # fmt: skip
    return pd.DataFrame(rows[::-1])
