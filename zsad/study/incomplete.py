"""Results that could not be computed: each reason once, with what it befell, beside all that could be."""

from __future__ import annotations

import pandas as pd

from zsad.study.shifts import StudyError

_SHOWN = 6  # names after one reason

# Suite, category and backbone of a result: what one manifest is about.
Subject = tuple[str, str, str]


class Failures:
    """Reasons why results could not be computed, in the order in which they were met."""

    def __init__(self) -> None:
        self.count = 0
        self.subjects: set[Subject] = set()
        self._reasons: dict[str, dict[str, None]] = {}

    def add(self, what: str, why: str, subject: Subject) -> None:
        """One result is missing: `what` cannot be had (a category, a detector on a backbone, or the result itself)."""
        self.count += 1
        self.subjects.add(subject)
        self._reasons.setdefault(why, {})[what] = None

    def lines(self) -> list[str]:
        """One `what: why` a reason."""
        return [f"{_listed(list(what))}: {why}" for why, what in self._reasons.items()]


class IncompleteError(StudyError):
    """Some results could not be computed or, where only what is there was wanted, looked up. `records` holds all
    others; `reasons` says what is missing and why, a line a reason; `subjects` are suite, category and backbone of what
    is missing.
    """

    def __init__(self, study: str, records: pd.DataFrame, failures: Failures, what: str = "computed") -> None:
        self.records, self.reasons, self.subjects = records, failures.lines(), failures.subjects
        results = "1 result" if failures.count == 1 else f"{failures.count} results"
        super().__init__(f"study {study!r}: {results} could not be {what}. {'; '.join(self.reasons)}")


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
