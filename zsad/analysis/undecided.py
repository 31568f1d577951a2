"""How small a change these images can tell, and how many images it would take to tell those that stay undecided."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import norm

from zsad.analysis.alike import counted_once
from zsad.analysis.matrix import METRICS, chosen
from zsad.analysis.words import number

MULTIPLES = (2, 4, 10)
"""Times as many images."""
LEVEL = 0.05


def undecided(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The rows of a metric of `zsad.analysis.matrix.matrix` whose change is not clear, with `reach`, half the width of
    the 95 % interval in points, and `times`: with so many times as many images the change would be clear, if it stays
    as it is. A standard error is taken to shrink with the square root of the number of images, and clear is what is as
    improbable by chance as the least improbable of the whole matrix's clear changes (of all rows, where none is).
    """
    rows = chosen(table, metric)
    rows = rows[~rows["clear"]]
    reach = (rows["change_high"] - rows["change_low"]) / 2
    enough = table.loc[table["clear"], "p"].max() if table["clear"].any() else LEVEL / len(table)
    needed = reach * norm.isf(enough / 2) / norm.isf(LEVEL / 2)
    with np.errstate(divide="ignore"):
        return rows.assign(reach=reach, times=(needed / rows["change"].abs()) ** 2)


def sentence(table: pd.DataFrame, correlations: Mapping[str, pd.DataFrame], metric: str = "image_auroc") -> str:
    """What stays undecided about a metric of the matrix, and what more images would decide; empty where nothing is.
    Detectors that rank alike are counted once: `correlations` as for `counted_once`.
    """
    every, open_ = (counted_once(rows, correlations) for rows in (chosen(table, metric), undecided(table, metric)))
    if not len(open_):
        return ""
    reach = float(((every["change_high"] - every["change_low"]) / 2).median())
    first, *more = (int((open_["times"] <= times).sum()) for times in MULTIPLES)
    others = ", ".join(f"{times} times {count}" for times, count in zip(MULTIPLES[1:], more, strict=True))
    return (
        f"Of {len(every)} changes of {METRICS[metric]} {len(open_)} are not clear. The interval of a change reaches "
        f"{number(reach)} points to either side (median): smaller ones these images do not tell. If each of the "
        f"{len(open_)} is what it is measured to be, {MULTIPLES[0]} times as many images would settle {first} of them, "
        f"{others}."
    )
