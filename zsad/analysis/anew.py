"""What setting the threshold anew is worth: false alarms and misses under shifts at a threshold that stays as it was
set on the images as they are, beside those at one that good images under the same shift have set.
"""

from collections.abc import Mapping

import pandas as pd

from zsad.analysis.decisions import ANEW, METRICS, TRAINING
from zsad.analysis.matrix import EXTREME, PLAUSIBLE, SUBJECT
from zsad.analysis.unmoved import seen_span
from zsad.analysis.words import number

HOW = {TRAINING: "it stays", ANEW: "it is set anew"}
"""What becomes of the threshold."""
TOO_FEW = "Some category has too few good images to set a threshold anew."


def side_by_side(means: pd.DataFrame) -> pd.DataFrame:
    """The means over shifts that have both rules, in percent: a row a subject, level and metric, with `before` (as they
    are, at the threshold that stays), `stays` and `anew`, each with its 95 % interval.

    Args:
        means: of `zsad.analysis.matrix.over_shifts`, of both rules.
    """
    on = [*SUBJECT, "level", "metric", "categories", "images", "shifts"]
    stays, anew = (means[(means["rule"] == rule) & means["metric"].isin(METRICS)] for rule in HOW)
    found = stays[[*on, *_interval("before"), *_interval("after")]].merge(
        anew[[*on, *_interval("before"), *_interval("after")]], on=on, suffixes=("", "_anew")
    )
    names = {old: old.replace("after", "stays") for old in _interval("after")}
    names |= {f"{old}_anew": old.replace("after", "anew") for old in _interval("after")}
    names |= {f"{old}_anew": old.replace("before", "unshifted_anew") for old in _interval("before")}
    return found.rename(columns=names)


def sentence(table: pd.DataFrame, titles: Mapping[str, str]) -> str:
    """Of `side_by_side`, its first suite and detector: what a threshold set anew gives at each level, beside one that
    stays. `titles`: label -> what a detector is called.
    """
    first = table[(table[SUBJECT] == table[SUBJECT].iloc[0]).all(axis=1)] if len(table) else table
    said = []
    for level in (PLAUSIBLE, EXTREME):
        rows = {row["metric"]: row for row in first[first["level"] == level].to_dict("records")}
        if rows.keys() >= METRICS.keys():
            alarm, miss = rows["false_alarms"], rows["misses"]
            said.append(
                f"under {level} shifts {_span(alarm, 'anew')} % of good parts raise an alarm, where "
                f"{number(alarm['stays'])} % do at the threshold that stays, and {_span(miss, 'anew')} % of damaged "
                "ones raise none"
            )
    if not said:
        return TOO_FEW
    name, miss = str(first["detector"].iloc[0]), first[first["metric"] == "misses"].iloc[0]
    return (
        f"With a threshold set anew on good images under the same shift, of {titles.get(name, name)} on "
        f"{first['suite'].iloc[0]} {'; '.join(said)}. Without a shift the same rule misses "
        f"{_span(miss, 'unshifted_anew')} %."
    )


COLUMNS = {
    "unshifted": "as they are",
    **{f"{level} {name}": f"{level}, {how}" for level in (PLAUSIBLE, EXTREME)
       for name, how in (("stays", "stays"), ("anew", "anew"))},
}  # fmt: skip
"""Of `squares`, with the words shown for them."""


def squares(table: pd.DataFrame) -> pd.DataFrame:
    """Of `side_by_side`, one suite: row, column, panel, value and clear, as the book's heat maps take them. The first
    column is the images as they are, at the threshold that stays.
    """
    rows = []
    for row in table.to_dict("records"):
        at = {"row": row["detector"], "panel": row["metric"], "clear": True}
        rows += [{**at, "column": f"{row['level']} {name}", "value": row[name]} for name in ("stays", "anew")]
        rows.append({**at, "column": "unshifted", "value": row["before"]})
    return pd.DataFrame(rows).drop_duplicates(["row", "panel", "column"])


def for_readers(table: pd.DataFrame) -> pd.DataFrame:
    """Of `side_by_side`: a row a suite, detector and level, and a column a metric and threshold."""
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for row in table.to_dict("records"):
        at = (row["suite"], row["detector"], row["level"])
        shown = rows.setdefault(at, dict(zip(("suite", "detector", "level"), at, strict=True)))
        for name, how in (("stays", HOW[TRAINING]), ("anew", HOW[ANEW])):
            shown[f"{METRICS[row['metric']]}, {how}"] = _span(row, name)
    return pd.DataFrame(list(rows.values()))


def _interval(name: str) -> list[str]:
    return [name, f"{name}_low", f"{name}_high"]


def _span(row: "Mapping[str, float] | pd.Series[float]", name: str) -> str:
    value, low, high = (row[column] for column in _interval(name))
    return seen_span(value, low, high, int(row["images"]))
