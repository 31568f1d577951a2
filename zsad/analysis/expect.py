"""What to expect of each change by itself: ranking, and decisions at a threshold that stays and at one set anew."""

from collections.abc import Mapping

import pandas as pd

from zsad.analysis.anew import TOO_FEW
from zsad.analysis.decisions import ANEW, METRICS, TRAINING
from zsad.analysis.matrix import EXTREME, PLAUSIBLE, SHIFTS, SUBJECT, dose_in_words
from zsad.analysis.unmoved import seen_span
from zsad.analysis.words import number

COLUMNS = {
    "image_auroc": "image AUROC [points]",
    "false_alarms": "false alarms, threshold stays",
    "misses": "misses, threshold stays",
    "false_alarms_anew": "false alarms, threshold set anew",
    "misses_anew": "misses, threshold set anew",
}
"""What is said of each change; all but the first in percent of the good and of the damaged parts."""

_ON = [*SUBJECT, "level", "setting", "dose", "both_ways", "products", "categories"]


def expected(matrix: pd.DataFrame, anew: pd.DataFrame) -> pd.DataFrame:
    """A row a suite, detector, backbone, level and shift, the plausible ones first: for each of `COLUMNS` the value,
    its 95 % interval (`_low`, `_high`), what it is without the shift (`_before`), and whether the change is clear, with
    the whole matrix judged together (`_clear`). That of `image_auroc` is the change itself.

    Args:
        matrix: of `zsad.analysis.matrix.matrix`.
        anew: the same of decisions with a threshold set anew. Shifts of which it has none, or not of as many
            categories, are left out: all, where it is empty.
    """
    if anew.empty:
        return anew
    stays, renewed = matrix[matrix["rule"] == TRAINING], anew[anew["rule"] == ANEW]
    table = _values(matrix[matrix["rule"] == ""], "image_auroc", "image_auroc", "change")
    for metric in METRICS:
        table = table.merge(_values(stays, metric, metric, "after"), on=_ON)
        table = table.merge(_values(renewed, metric, f"{metric}_anew", "after"), on=_ON)
    order = {setting: place for place, setting in enumerate(SHIFTS)}
    return table.sort_values(
        ["level", "setting"],
        key=lambda column: column.map(order) if column.name == "setting" else column != PLAUSIBLE,
        kind="stable",
    ).reset_index(drop=True)


def of_first(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the first suite and detector."""
    return table[(table[SUBJECT] == table[SUBJECT].iloc[0]).all(axis=1)] if len(table) else table


def sentence(table: pd.DataFrame, titles: Mapping[str, str]) -> str:
    """Of `expected`, its first suite and detector: at each level under which changes more good parts clearly raise an
    alarm at a threshold that stays, and under which image AUROC clearly falls. `titles`: label -> what a detector is
    called.
    """
    rows = of_first(table)
    if not len(rows):
        return TOO_FEW
    said = []
    for level in (PLAUSIBLE, EXTREME):
        of_level = rows[rows["level"] == level]
        if len(of_level):
            more = of_level[
                of_level["false_alarms_clear"] & (of_level["false_alarms"] > of_level["false_alarms_before"])
            ]
            less = of_level[of_level["image_auroc_clear"] & (of_level["image_auroc"] < 0)]
            said.append(
                f"of {len(of_level)} {level} changes {_listed(more)} clearly more false alarms at a threshold that "
                f"stays, and {_listed(less)} a clearly lower image AUROC"
            )
    name = str(rows["detector"].iloc[0])
    return f"{titles.get(name, name)} on {rows['suite'].iloc[0]}: {'; '.join(said)}."


def _listed(rows: pd.DataFrame) -> str:
    """How many changes these are and which, with the verb, such as "2 (hue, exposure) bring"."""
    if not len(rows):
        return "none brings"
    names = ", ".join(SHIFTS[setting] for setting in rows["setting"])
    return f"{len(rows)} ({names}) {'brings' if len(rows) == 1 else 'bring'}"


def as_they_are(rows: pd.DataFrame) -> str:
    """The same numbers without any shift, in words: of all products, and of those that were turned."""
    said = []
    for products, of in rows.groupby("products"):  # "all" comes first
        first = of.iloc[0]
        stays, anew = (
            f"{number(first[f'false_alarms{rule}_before'])} % false alarms and "
            f"{number(first[f'misses{rule}_before'])} % misses"
            for rule in ("", "_anew")
        )
        who = "all products" if products == "all" else "those that were turned"
        said.append(f"of {who} {stays}, by the rule that sets it anew {anew}")
    return "; ".join(said)


def for_readers(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of `expected` in words: the change with its dose, and each of `COLUMNS` with its interval."""
    return pd.DataFrame(
        [{"change": _named(row), "level": row["level"], **{words: _span(row, name) for name, words in COLUMNS.items()}}
         for _, row in rows.iterrows()]
    )  # fmt: skip


def _values(rows: pd.DataFrame, metric: str, name: str, value: str) -> pd.DataFrame:
    columns = {"before": f"{name}_before", "clear": f"{name}_clear"}
    columns |= {value: name, f"{value}_low": f"{name}_low", f"{value}_high": f"{name}_high"}
    return rows.loc[rows["metric"] == metric, [*_ON, *columns]].rename(columns=columns)


def _named(row: "pd.Series[float]") -> str:
    dose = dose_in_words(str(row["setting"]), float(row["dose"]), bool(row["both_ways"]))
    return f"{SHIFTS[str(row['setting'])]} {dose}"


def _span(row: "pd.Series[float]", name: str) -> str:
    return seen_span(row[name], row[f"{name}_low"], row[f"{name}_high"], sign=name == "image_auroc")
