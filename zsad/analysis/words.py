"""Numbers as a reader sees them: one form for intervals, and one minus sign."""

import pandas as pd

from zsad.analysis.differences import Difference

MINUS = "−"


def number(value: float, digits: int = 1, sign: bool = False) -> str:
    """A number with so many digits after the point; `sign`: with its sign even where it is positive."""
    return f"{value:{'+' if sign else ''}.{digits}f}".replace("-", MINUS)


def exact(value: float) -> str:
    """A number that was chosen and not measured, with its sign and as many digits as it has, such as "−0.25"."""
    return f"{value:+g}".replace("-", MINUS)


def span(value: float, low: float, high: float, digits: int = 1, sign: bool = False) -> str:
    """An estimate with its interval, such as "87.6 (85.1 to 89.9)"."""
    return f"{number(value, digits, sign)} ({number(low, digits, sign)} to {number(high, digits, sign)})"


def points(found: Difference) -> str:
    """A difference with its interval, such as "+1.1 (−0.4 to +2.5)"."""
    return span(found.value, found.low, found.high, sign=True)


def percent(found: Difference) -> str:
    """A mean with its interval, such as "87.6 (85.5 to 89.7)"."""
    return span(found.value, found.low, found.high)


def wide_percents(frame: pd.DataFrame, rows: list[str], columns: str) -> pd.DataFrame:
    """`percent` of estimate, low and high, in percent: a row for each of `rows`, a column for each value of `columns`,
    in the order in which they come.
    """
    words = [percent(Difference(r.estimate, r.low, r.high, 0)) for r in frame.itertuples()]
    long = frame.assign(words=words).set_index([*rows, columns])["words"]
    return long.unstack(sort=False).rename_axis(columns=None).reset_index()
