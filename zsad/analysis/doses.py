"""Doses: from which on a shift costs image AUROC for sure, and from which on false alarms have doubled."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from zsad.analysis.decisions import TRAINING, Decisions
from zsad.analysis.differences import difference_of
from zsad.analysis.effects import beside_unshifted, effects
from zsad.analysis.matrix import SUBJECT, dose_in_words, of_products, with_signs

BOTH_WAYS = ("angle", "hue")
"""Settings whose two ways are alike, so that they are one curve: the ends of their scales meet. A picture that is too
bright is another thing than one that is too dark."""
EITHER = "either"
CURVE = [*SUBJECT, "setting", "way", "products"]


def dose_effects(
    records: pd.DataFrame,
    draws: Mapping[str, pd.DataFrame],
    decisions: Decisions,
    rotation_invariant: Mapping[str, Sequence[str]],
) -> pd.DataFrame:
    """Image AUROC, and false alarms and misses at the threshold from training images, at every dose: `CURVE`, dose and
    `both_ways` (`zsad.analysis.matrix.with_signs`), `size` of the dose, and what `effects` gives. `way` is `EITHER` for
    `BOTH_WAYS`, else "+" or "−".

    Of false alarms `beyond_double`, `beyond_double_low` and `_high` are how many points they lie above twice those
    without shift; missing elsewhere.

    Args:
        records: of image AUROC, shifted by doses of each setting, and unshifted.
        draws: metric -> a row a draw, a column a key.
        decisions: in the same cells.
        rotation_invariant: suite -> the categories that may lie any way, the only ones that are turned, as in
            `zsad.analysis.matrix.matrix`.
    """
    records = pd.concat([records[records["metric"] == "image_auroc"].assign(rule=""),
                         decisions.records[decisions.records["rule"] == TRAINING]], ignore_index=True)  # fmt: skip
    ways = np.where(records["setting"].isin(BOTH_WAYS), EITHER, np.where(records["value"] < 0, "−", "+"))
    records = of_products(records.assign(way=ways), rotation_invariant)
    paired = with_signs(beside_unshifted(records, by=["rule"]), CURVE)
    by = [*CURVE, "dose", "both_ways"]
    found = effects(paired, {**draws, **decisions.draws}, by)
    found = found.assign(size=found["dose"].abs()).sort_values([*CURVE, "metric", "size"])
    alarms = paired[paired["metric"] == "false_alarms"]
    beyond = [
        {**dict(zip(by, at, strict=True)), "metric": "false_alarms"} | _beyond_double(rows, decisions)
        for at, rows in alarms.groupby(by, sort=False)
    ]
    if not beyond:
        return found.assign(beyond_double=math.nan, beyond_double_low=math.nan, beyond_double_high=math.nan)
    names = ["beyond_double", "beyond_double_low", "beyond_double_high"]
    return found.merge(pd.DataFrame(beyond, columns=[*by, "metric", *names]), on=[*by, "metric"], how="left")


def thresholds(table: pd.DataFrame) -> pd.DataFrame:
    """The doses that matter, from `dose_effects`: a row a curve.

    Returns:
        `CURVE`; tried: all doses from the smallest to the largest, each with its sign; both_ways: those among them that
        are means of both ways; drop: the smallest dose from which on, at every larger one tried too, the interval of
        the drop of image AUROC excludes 0; first_drop: the smallest dose at which it does so, whatever comes after;
        double: the smallest from which on false alarms are more than twice those without shift, with an interval that
        excludes twice; and first_double: the smallest at which their estimate is. NaN where there is none.

    No curve is taken to rise: hue comes back to where it began. Going down from the largest dose until one is unclear
    is a fixed sequence of tests, each at the level of one, that together claim something wrong in no more than 5 % of
    curves (Tamhane, Hochberg & Dunnett, Biometrics 1996). `first_drop` is one of several tries, each of which may be
    clear by chance, and says less.
    """
    rows = []
    for at, curve in table.groupby(CURVE, sort=False):
        aurocs = curve[curve["metric"] == "image_auroc"].sort_values("size")
        alarms = curve[curve["metric"] == "false_alarms"].sort_values("size")
        tried = aurocs if len(aurocs) else alarms
        rows.append(
            dict(zip(CURVE, at, strict=True))
            | {
                "drop": _from_which_on(aurocs["dose"], aurocs["change_high"] < 0),
                "first_drop": _first(aurocs["dose"], aurocs["change_high"] < 0),
                "double": _from_which_on(alarms["dose"], alarms["beyond_double_low"] > 0),
                "first_double": _first(alarms["dose"], alarms["beyond_double"] > 0),
                "tried": tuple(tried["dose"]),
                "both_ways": tuple(tried.loc[tried["both_ways"], "dose"]),
            }
        )
    return pd.DataFrame(rows)


def told(row: "pd.Series[Any]", dose: float) -> str:
    """A dose of a row of `thresholds` with its sign and unit: "±" where it is the mean of both ways."""
    return dose_in_words(str(row["setting"]), dose, dose in row["both_ways"])


def thresholds_table(found: pd.DataFrame) -> pd.DataFrame:
    """`thresholds` as a reader sees them, each dose with its unit, or "none up to" the largest one tried."""

    def words(row: "pd.Series[Any]", name: str) -> str:
        return f"none up to {told(row, row['tried'][-1])}" if math.isnan(row[name]) else told(row, row[name])

    columns = {
        "drop": "image AUROC falls from",
        "first_drop": "falls first at",
        "double": "false alarms more than double from",
        "first_double": "estimate doubles at",
    }
    shown = {words_of: [words(row, name) for _, row in found.iterrows()] for name, words_of in columns.items()}
    return found[SUBJECT].assign(**shown)


def _beyond_double(rows: pd.DataFrame, decisions: Decisions) -> dict[str, float]:
    """False alarms minus twice those without shift, the mean over both ways where there are two."""
    weight = 1 / rows["value"].nunique()
    parts = []
    for _, of_value in rows.groupby("value"):
        clean = of_value.assign(key=of_value["key_clean"], estimate=of_value["estimate_clean"])
        parts += [(weight, of_value), (-2 * weight, clean)]
    found = difference_of(parts, decisions.draws["false_alarms"], "false_alarms")
    return {"beyond_double": found.value, "beyond_double_low": found.low, "beyond_double_high": found.high}


def _from_which_on(doses: "pd.Series[float]", holds: "pd.Series[bool]") -> float:
    """Of doses from the smallest to the largest the first at which, and at all larger ones, something holds."""
    return _first(doses, holds[::-1].cummin()[::-1].astype(bool))


def _first(doses: "pd.Series[float]", holds: "pd.Series[bool]") -> float:
    return float(next(iter(doses[holds]), math.nan))
