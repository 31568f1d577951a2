"""What the corners do that a turned image leaves empty: a sweep of rotations with them counted, and left out.

A map that is turned back scores 0 in its empty corners, which is "normal", and most corners are: pixel metrics that
rise with the angle may rise for that alone.
"""

import pandas as pd

from zsad.analysis.corruption import as_row
from zsad.analysis.differences import by_key, difference_of
from zsad.analysis.sweeps import METRICS
from zsad.analysis.words import number, span

_WORDS = {"angle": "rotation", "3d": "all three"}
COUNTED, LEFT_OUT = "counted", "left out"
ARTEFACT = (
    "A map that is turned back scores 0 in its empty corners, which is normal, as most of them are: pixel metrics of "
    "rotated pictures look better for that alone."
)


def corner_curves(counted: pd.DataFrame, left_out: pd.DataFrame, replicates: pd.DataFrame) -> pd.DataFrame:
    """Both curves of one suite, detector and backbone, over the angles and categories that both have.

    Args:
        counted, left_out: records of sweeps of the angle.
        replicates: the table "replicates" of both.

    Returns:
        metric, value (degrees), corners (`COUNTED` or `LEFT_OUT`), estimate, low, high: means over categories in
        percent; and gain: how many points counting the corners adds, with its paired interval in gain_low and
        gain_high.
    """
    rows = []
    for metric in METRICS:
        draws = by_key(replicates, metric)
        of = {name: records[records["metric"] == metric] for name, records in
              ((COUNTED, counted), (LEFT_OUT, left_out))}  # fmt: skip
        for value in sorted(set(of[COUNTED]["value"]) & set(of[LEFT_OUT]["value"])):
            at = {name: records[records["value"] == value] for name, records in of.items()}
            shared = set(at[COUNTED]["category"]) & set(at[LEFT_OUT]["category"])
            at = {name: records[records["category"].isin(shared)] for name, records in at.items()}
            gain = difference_of([(1.0, at[COUNTED]), (-1.0, at[LEFT_OUT])], draws, metric)
            for name, records in at.items():
                mean = difference_of([(1.0, records)], draws, metric)
                row = {"metric": metric, "value": value, "corners": name, **as_row(mean)}
                rows.append(row | {"gain": gain.value, "gain_low": gain.low, "gain_high": gain.high})
    return pd.DataFrame(rows)


def worst_sentence(counted: pd.DataFrame, left_out: pd.DataFrame, replicates: pd.DataFrame) -> str:
    """`ARTEFACT`, and how far worst cases lower pAUROC where search and metric count the corners and where they leave
    them out, over the categories that both have.

    Args:
        counted, left_out: records of worst cases of one detector, and the unshifted ones of the same images.
        replicates: the table "replicates" of both.
    """
    case, draws = ["suite", "backbone", "setting"], by_key(replicates, "pixel_auroc")
    sides = [frame[frame["metric"] == "pixel_auroc"] for frame in (counted, left_out)]
    where = [*case, "category", "n_images"]
    worst = [side[side["shift"] == "worst"] for side in sides]
    shared = worst[0][where].merge(worst[1][where]).drop_duplicates()
    said = []
    for at, rows in shared.groupby(case, sort=False):
        fallen = []
        for side, found in zip(sides, worst, strict=True):
            found = found.merge(rows, on=where)
            plain = side[side["shift"] == "none"].merge(rows[["suite", "backbone", "category", "n_images"]])
            plain = plain.drop_duplicates("category")
            fall = difference_of([(1.0, plain), (-1.0, found)], draws, "pixel_auroc")
            fallen.append(span(fall.value, fall.low, fall.high))
        said.append(f"{_WORDS.get(str(at[2]), str(at[2]))} on {at[0]}, {len(rows)} products: {' → '.join(fallen)}")
    if not said:
        return ARTEFACT
    return (
        f"{ARTEFACT} Points of {METRICS['pixel_auroc']} that the worst case takes, with the corners counted → with "
        f"search and metric leaving them out: {'; '.join(said)}."
    )


def corners_sentence(curves: pd.DataFrame) -> str:
    """What the largest angle does to each metric with and without the corners, and what counting them adds there."""
    said = []
    for metric, name in METRICS.items():
        rows = curves[curves["metric"] == metric]
        largest = rows["value"].abs().max()
        moved = {}
        for corners, curve in rows.groupby("corners"):
            plain = curve.loc[curve["value"] == 0, "estimate"].mean()
            moved[corners] = curve.loc[curve["value"].abs() == largest, "estimate"].mean() - plain
        top = rows.loc[rows["gain"].idxmax()]
        said.append(
            f"At {number(largest, 0)} degrees {name} moves by {number(moved[COUNTED], sign=True)} points with the "
            f"empty corners counted and by {number(moved[LEFT_OUT], sign=True)} without; counting them adds up to "
            f"{span(top['gain'], top['gain_low'], top['gain_high'])} points, at "
            f"{number(top['value'], 0)} degrees."
        )
    return " ".join(said)
