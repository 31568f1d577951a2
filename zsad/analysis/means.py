"""What a set of records says: means over categories, drops under a shift, and the sentence that states the worst.

Everything is an estimate in [0, 1] with a 95 % interval from a bootstrap over the test images of one category.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from zsad.analysis.words import number
from zsad.metrics import expanded, interval
from zsad.study.schema import SUBJECT_COLUMNS, smaller_class

_RANGES = {"clean": (0, 1), "shifted": (0, 1), "drop": (-1, 1), "relative": (-np.inf, 1)}
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
        _one_a_category(group, by, key)
        estimate = group["estimate"].mean()
        below = np.sqrt(((group["estimate"] - group["low"]) ** 2).sum()) / len(group)
        above = np.sqrt(((group["high"] - group["estimate"]) ** 2).sum()) / len(group)
        rows.append((*key, estimate, max(estimate - below, 0.0), min(estimate + above, 1.0), len(group)))
    return pd.DataFrame(rows, columns=[*by, "estimate", "low", "high", "categories"])


def unshifted(records: pd.DataFrame) -> pd.DataFrame:
    """The study's own unshifted records, not those of a block with fewer images."""
    return records[(records["shift"] == "none") & (records["variant"] == "default")]


def drops(records: pd.DataFrame, replicates: pd.DataFrame, by: tuple[str, ...] = ("value", "metric")) -> pd.DataFrame:
    """How far each shift lowers the mean over categories, against the same categories without shift.

    Both measurements share their images and, in each bootstrap draw, the images drawn; so does their difference, whose
    interval is far narrower than that of two independent measurements.

    Args:
        records: shifted records, and the unshifted ones of the same subjects (`shift` none, or value 0 of a sweep).
        replicates: the table "replicates" of these records (`zsad.study.results.load_table`).
        by: columns that tell the means apart; each shifted mean must hold a category once.

    Returns:
        A row a shifted mean: by, clean, shifted, drop = clean - shifted, relative = drop / clean, each a fraction with
        its 95 % interval in <name>_low and <name>_high; and the number of categories. The interval of `relative` is
        missing where some draw's clean mean is not above 0, which takes a handful of pictures. Few images make all
        intervals wider (`zsad.metrics.expanded`).

    Raises:
        ValueError: a category without unshifted record, or several records of one category in a mean.
    """
    unshifted = (records["shift"] == "none") | ((records["shift"] != "worst") & (records["value"] == 0))
    subject = ["study", *SUBJECT_COLUMNS, "metric"]
    clean = records[unshifted].drop_duplicates(subject)[[*subject, "estimate", "key"]]
    paired = records[~unshifted].merge(clean, on=subject, how="left", suffixes=("", "_clean"))
    alone = paired[paired["key_clean"].isna()]
    if len(alone):
        raise ValueError(
            f"no unshifted record of {'/'.join(alone.iloc[0][subject])}: a drop is measured from the record of the "
            'same subject with shift "none", or value 0 of its sweep'
        )
    replicates = replicates.drop_duplicates(["key", "replicate"]).sort_values("replicate")
    draws = {str(key): rows for key, rows in replicates.groupby("key")}
    rows = []
    for group_key, group in paired.groupby(list(by), sort=True):
        _one_a_category(group, by, group_key)
        metrics = group["metric"]
        images = smaller_class(group)
        drawn = {
            name: expanded(
                np.stack([_drawn(draws, key, m) for key, m in zip(group[column], metrics, strict=True)], axis=1), images
            ).mean(axis=1)
            for name, column in (("clean", "key_clean"), ("shifted", "key"))
        }
        row = {"clean": group["estimate_clean"].mean(), "shifted": group["estimate"].mean()}
        for values in (row, drawn):
            values["drop"] = values["clean"] - values["shifted"]
            values["relative"] = values["drop"] / np.where(values["clean"] > 0, values["clean"], np.nan)
        for name, values in drawn.items():
            # Draws of few images, which are widened, may leave the range that they are of.
            row[f"{name}_low"], row[f"{name}_high"] = np.clip(interval(values), *_RANGES[name]).tolist()
        rows.append({**dict(zip(by, group_key, strict=True)), **row, "categories": len(group)})
    return pd.DataFrame(rows)


def _drawn(draws: dict[str, pd.DataFrame], key: str, metric: str) -> np.ndarray:
    if key not in draws or metric not in draws[key]:
        raise ValueError(f"no bootstrap replicates of {metric} for cell {key}")
    drawn: np.ndarray = draws[key][metric].to_numpy(np.float64)
    return drawn


def _one_a_category(group: pd.DataFrame, by: tuple[str, ...], key: tuple[object, ...]) -> None:
    if group.duplicated(["suite", "category"]).any():
        raise ValueError(
            f"several records of one category for {by} = {key}: select one study, detector, backbone and variant, "
            "or tell them apart with `by`"
        )


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


def worst_drop(table: pd.DataFrame, metric: str) -> Drop:
    """The value at which the mean of `metric` is lowest, and how far below the clean mean that is; `table` comes from
    `drops`.

    The interval is that of this value, as if it had been chosen beforehand.
    """
    rows = table[table["metric"] == metric]
    if rows.empty:
        raise ValueError(f"no drop of {metric}: known are {', '.join(sorted(table['metric'].unique()))}")
    worst = rows.loc[rows["shifted"].idxmin()]
    clean, shifted, drop, low, high = (
        100 * float(worst[name]) for name in ("clean", "shifted", "drop", "drop_low", "drop_high")
    )
    return Drop(metric, float(worst["value"]), clean, shifted, drop, low, high, len(rows))


def drop_sentence(drop: Drop, strength: str) -> str:
    """One sentence, whichever way the numbers fall; `strength` words the worst value, such as "60 degrees"."""
    name = _NAMES.get(drop.metric, drop.metric)
    clean, worst = f"{number(drop.clean)} %", f"{number(drop.worst)} %"
    if drop.drop <= 0:
        return (
            f"Mean {name} never falls below its value without shift, {clean}: its lowest shifted value is {worst}, at "
            f"{strength}."
        )
    fall = f"{number(drop.drop)} points (95 % interval {number(drop.low)} to {number(drop.high)})"
    if drop.clear:
        return f"Mean {name} falls by {fall}, from {clean} without shift to {worst} at {strength}."
    return (
        f"Mean {name} is lowest at {strength}, {fall} below its {clean} without shift; the interval includes 0: "
        "statistically undecided."
    )
