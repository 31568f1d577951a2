"""What others have printed against what was measured: two methods' difference, its sign and its size.

Print is of whole test splits: a mean over a part of one is another quantity, and stands beside nothing printed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from zsad.analysis.differences import Difference
from zsad.analysis.words import number, points
from zsad.study.whole import lacking

# Suites, and the data sets that they are or stand for.
DATA_SETS = {"mvtec_ad": "MVTec AD", "visa": "VisA", "demo-mvtec": "MVTec AD", "demo-visa": "VisA"}
Missing = Mapping[tuple[str, str], str]
"""(suite, method) -> what its records lack of the whole suite (`lacks`)."""

SAME, OTHER, UNDECIDED, TIE = "the same order", "the other order", "undecided", "a tie in print"


def lacks(suite: str, records: pd.DataFrame) -> str:
    """What records of one suite lack of its whole test split, in words (`zsad.study.whole.lacking`); "" where nothing,
    and of a suite that nobody prints."""
    return lacking(suite, {str(name): int(n) for name, n in records.groupby("category")["n_images"].min().items()})


def not_compared(missing: Missing) -> str:
    """That some means are of a part of what print is of, as a sentence; "" where there are none."""
    if not missing:
        return ""
    methods: dict[tuple[str, str], list[str]] = {}
    for (suite, method), why in missing.items():
        methods.setdefault((suite, why), []).append(method)
    named = "; ".join(f"{', '.join(of)} on {suite} ({why})" for (suite, why), of in methods.items())
    return f"Not held against print, which is of whole test splits: {named}."


@dataclass(frozen=True)
class Comparison:
    """Two detectors on one data set: what is printed of the first minus the second, and what was measured; points."""

    first: str
    second: str
    suite: str
    data_set: str
    what: str
    printed: float
    measured: Difference

    @property
    def verdict(self) -> str:
        """Whether the measurement bears out which is ahead in print."""
        if self.measured.sign == 0:
            return UNDECIDED
        if abs(self.printed) < 0.05:  # equal to the last digit
            return TIE
        return SAME if self.measured.sign * self.printed > 0 else OTHER

    @property
    def as_large(self) -> bool:
        """Whether the printed difference lies in the interval of the measured one."""
        return self.measured.low <= self.printed <= self.measured.high


def comparison_table(found: Sequence[Comparison], printed_in: str) -> pd.DataFrame:
    """A row a comparison; `printed_in` names the column of what is printed."""
    return pd.DataFrame(
        [
            {
                f"{c.first} against": c.second,
                "data set": c.suite if c.suite == c.data_set else f"{c.suite} ({c.data_set})",
                "images": c.what,
                printed_in: c.printed,
                "measured": points(c.measured),
                "which is ahead": c.verdict,
                "as large": "yes" if c.as_large else "no",
            }
            for c in found
        ]
    )


def counted(found: Sequence[Comparison]) -> str:
    """How often an order and a size in print are borne out."""
    count = {verdict: sum(c.verdict == verdict for c in found) for verdict in (SAME, OTHER, UNDECIDED, TIE)}
    tied = f"; in {count[TIE]} a tie is printed" if count[TIE] else ""
    return (
        f"borne out in {count[SAME]}, reversed in {count[OTHER]}, and statistically undecided in "
        f"{count[UNDECIDED]}{tied}. The printed difference lies in the measured interval in "
        f"{sum(c.as_large for c in found)}."
    )


def one_by_one(found: Sequence[Comparison], printed_in: str) -> list[str]:
    """A sentence each."""
    return [
        f"On {c.suite}, {c.what}, it is {points(c.measured)} points from {c.second}; {printed_in} prints "
        f"{number(c.printed, sign=True)} on {c.data_set}: {c.verdict}."
        for c in found
    ]
