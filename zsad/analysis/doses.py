"""Doses: from which on a shift clearly costs image AUROC, and from which on false alarms clearly more than double."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from zsad.analysis.decisions import TRAINING, Decisions
from zsad.analysis.effects import beside_unshifted, effects, with_false_discovery_rate
from zsad.analysis.matrix import SHIFTS, SUBJECT, dose_in_words, of_products, with_signs

BOTH_WAYS = ("angle", "hue")
"""Settings whose two ways are alike, so that they are one curve: the ends of their scales meet. A picture that is too
bright is another thing than one that is too dark."""
EITHER = "either"
LEAST = 3
"""Doses of a curve of which one can be told from which on it falls: of two, either is the largest or next to it."""
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
    without shift; missing elsewhere. `q` and `clear` are of the change of image AUROC, and of false alarms of what lies
    beyond twice, all judged together (`zsad.analysis.effects.with_false_discovery_rate`); misses are not judged.

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
    of_curve = found.groupby(CURVE, sort=False, dropna=False).ngroup()  # in the study's order
    found = found.assign(size=found["dose"].abs(), curve=of_curve).sort_values(["curve", "metric", "size"])
    found = found.drop(columns="curve")
    found = found.merge(_beyond_double(paired, decisions, by), on=[*by, "metric"], how="left")
    judged = found["p"].where(found["metric"] == "image_auroc", found["p_double"]).dropna().to_frame("p")
    together = with_false_discovery_rate(judged).reindex(found.index)
    return found.assign(q=together["q"], clear=together["clear"].eq(True))


def thresholds(table: pd.DataFrame) -> pd.DataFrame:
    """The doses that matter, from `dose_effects`: a row a curve.

    Returns:
        `CURVE`; tried: all doses from the smallest to the largest, each with its sign; both_ways: those among them that
        are means of both ways; alarms: whether false alarms are known, for which the scores of good training pictures
        are needed; drop: the smallest dose from which on, at every larger one tried too, image AUROC
        falls clearly; first_drop: the smallest dose at which it does so, whatever comes after; double: the smallest
        from which on false alarms are clearly more than twice those without shift; and first_double: the smallest at
        which their estimate is, clearly or not. NaN where there is none.

    No curve is taken to rise: hue comes back to where it began. What is clear, one rule for all doses of all curves
    says.
    """
    rows = []
    for at, curve in table.groupby(CURVE, sort=False):
        aurocs = curve[curve["metric"] == "image_auroc"].sort_values("size")
        alarms = curve[curve["metric"] == "false_alarms"].sort_values("size")
        tried = aurocs if len(aurocs) else alarms
        rows.append(
            dict(zip(CURVE, at, strict=True))
            | {
                "drop": _from_which_on(aurocs["dose"], aurocs["clear"] & (aurocs["change"] < 0)),
                "first_drop": _first(aurocs["dose"], aurocs["clear"] & (aurocs["change"] < 0)),
                "double": _from_which_on(alarms["dose"], alarms["clear"] & (alarms["beyond_double"] > 0)),
                "first_double": _first(alarms["dose"], alarms["beyond_double"] > 0),
                "alarms": len(alarms) > 0,
                "tried": tuple(tried["dose"]),
                "both_ways": tuple(tried.loc[tried["both_ways"], "dose"]),
            }
        )
    return pd.DataFrame(rows)


def compared(found: pd.DataFrame) -> pd.DataFrame:
    """The rows of `thresholds` that can stand side by side: of at least `LEAST` doses, and of each suite, setting and
    way those with the same doses as the curve with most. To be clear at every larger dose is easier where few were
    tried.
    """
    grids = pd.Series([*zip(found["tried"], found["both_ways"], strict=True)], index=found.index)
    fits = pd.Series(False, index=found.index)
    for _, of_kind in grids.groupby([found[name] for name in ("suite", "setting", "way")], sort=False):
        most = max(of_kind, key=lambda grid: len(grid[0]))
        fits[of_kind.index] = [grid == most and len(grid[0]) >= LEAST for grid in of_kind]
    return found[fits]


def left_out(found: pd.DataFrame) -> str:
    """Which curves are not `compared`, and why, in a sentence; "" where all are."""
    rest = found.drop(compared(found).index)
    if rest.empty:
        return ""
    counts = sorted({len(tried) for tried in rest["tried"]})
    doses = " to ".join(f"{count}" for count in dict.fromkeys((counts[0], counts[-1])))
    return (
        f"Left out: {len(rest)} of {len(found)} curves, of {doses} dose{'s' * (doses != '1')} each "
        f"({', '.join(rest['detector'].drop_duplicates())}). Curves are compared where they have {LEAST} doses or "
        "more, the same ones: to be clear at every larger dose is easier where few were tried."
    )


def told(row: "pd.Series[Any]", dose: float) -> str:
    """A dose of a row of `thresholds` with its sign and unit: "±" where it is the mean of both ways."""
    return dose_in_words(str(row["setting"]), dose, dose in row["both_ways"])


def thresholds_table(found: pd.DataFrame) -> pd.DataFrame:
    """`thresholds` as a reader sees them, each dose with its unit, or "none up to" the largest one tried; "–" where
    false alarms are not known.
    """

    def words(row: "pd.Series[Any]", name: str) -> str:
        if name.endswith("double") and not row["alarms"]:
            return "–"
        return f"none up to {told(row, row['tried'][-1])}" if math.isnan(row[name]) else told(row, row[name])

    columns = {
        "drop": "image AUROC falls from",
        "first_drop": "falls first at",
        "double": "false alarms more than double from",
        "first_double": "estimate doubles at",
    }
    shown = {words_of: [words(row, name) for _, row in found.iterrows()] for name, words_of in columns.items()}
    return found[SUBJECT].assign(shift=found["setting"].map(SHIFTS), doses=found["tried"].map(len), **shown)


def _beyond_double(paired: pd.DataFrame, decisions: Decisions, by: Sequence[str]) -> pd.DataFrame:
    """False alarms minus twice those without shift: what `effects` finds beside cells with twice as many."""
    names = {"change": "beyond_double", "change_low": "beyond_double_low", "change_high": "beyond_double_high"}
    names["p"] = "p_double"
    alarms = paired[paired["metric"] == "false_alarms"]
    if alarms.empty:
        return pd.DataFrame(columns=[*by, "metric", *names.values()]).astype({**paired.dtypes[[*by, "metric"]]})
    draws = decisions.draws["false_alarms"]
    twice = 2 * draws[alarms["key_clean"].unique()].add_suffix(" twice")
    alarms = alarms.assign(estimate_clean=2 * alarms["estimate_clean"], key_clean=alarms["key_clean"] + " twice")
    found = effects(alarms, {"false_alarms": pd.concat([draws, twice], axis=1)}, by)
    return found[[*by, "metric", *names]].rename(columns=names)


def _from_which_on(doses: "pd.Series[float]", holds: "pd.Series[bool]") -> float:
    """Of doses from the smallest to the largest the first at which, and at all larger ones, something holds."""
    return _first(doses, holds[::-1].cummin()[::-1].astype(bool))


def _first(doses: "pd.Series[float]", holds: "pd.Series[bool]") -> float:
    return float(next(iter(doses[holds]), math.nan))
