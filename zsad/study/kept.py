"""The records that are kept of a study in `results/<study>`, and which of its results are not among them.

Nothing is loaded or computed for them: neither data, nor weights.
"""

import shlex
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from zsad.study.cells import Request, Selection, requests
from zsad.study.committed import committed_folder
from zsad.study.config import Study
from zsad.study.manifest import load_records

Name = tuple[str | float, ...]
"""The values of the columns that tell a result from all others of its study."""

_NAME = ["suite", "category", "detector", "backbone", "shift", "variant", "setting", "value"]


def is_kept(study: str) -> bool:
    """Whether there are records of it in `results/<study>`."""
    return (committed_folder(study) / "provenance.json").is_file()


@dataclass(frozen=True)
class Kept:
    """What is kept of a study."""

    study: Study

    @cached_property
    def records(self) -> pd.DataFrame:
        """All of it. Raises FileNotFoundError where nothing is kept, RecordError for a damaged file."""
        return load_records(self.study)

    def select(self, selection: Selection) -> tuple[pd.DataFrame, list[Request]]:
        """The records of a selection, in the study's order, and the results that are not kept.

        Raises ValueError as `zsad.study.compute` for a selection that the study does not have.
        """
        asked = {name_of(request): request for request in requests(self.study, selection)}
        rows = [row for name in asked for row in self._rows.get(name, ())]
        return (
            self.records.iloc[rows].reset_index(drop=True),
            [request for name, request in asked.items() if name not in self._rows],
        )

    def key(self, request: Request) -> str | None:
        """The key of the cell that holds a result; None where it is not kept."""
        rows = self._rows.get(name_of(request))
        return None if rows is None else str(self.records["key"].iloc[rows[0]])

    @cached_property
    def _rows(self) -> dict[Name, list[int]]:
        """Where the records of each result stand."""
        rows: dict[Name, list[int]] = {}
        for row, name in enumerate(self.records[_NAME].itertuples(index=False, name=None)):
            rows.setdefault(name, []).append(row)
        return rows


def lacking_in_words(study: str, lacking: Iterable[Request], asked: str = "") -> str:
    """What is not kept, counted by block and suite, and what computes it: `zsad run` with the study as it was `asked`
    for, a file where that lies elsewhere; by default its name.
    """
    counts = Counter((_block(request), request.suite) for request in lacking)
    named = "; ".join(f"{count} of {block} on {suite}" for (block, suite), count in counts.items())
    run = f"`zsad run {shlex.quote(asked or study)}`"
    return f"Not kept in results/{study} yet: {named} ({run} computes them)."


def _block(request: Request) -> str:
    kind = request.shift.kind
    if kind == "none":
        return "unshifted"
    return kind if request.variant == "default" else f"{kind} ({request.variant})"


def name_of(request: Request) -> Name:
    """What tells a result from all others of its study."""
    shift = request.shift
    subject = (request.suite, request.category, request.detector.label, request.backbone)
    return (*subject, shift.kind, request.variant, shift.setting, shift.value)
