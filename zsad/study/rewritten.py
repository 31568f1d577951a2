"""Modules that were written anew since the kept results were computed, and compute the same.

A result is known by the code that made it (`zsad.study.code`), so a faster sort or a clearer name would make strangers
of all results. `rewritten.csv` says of a module's code of today which earlier code it stands for, and what was seen
before that was written down: `tools/rewritten.py` computes a sample of the kept results again and writes it only where
all agree. Any further change of the module makes the row void.
"""

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path

from zsad.files import write_atomically

NAME = "rewritten.csv"


@dataclass(frozen=True)
class Rewritten:
    """A module, the fingerprints of its code of today and of the code that it stands for (SHA-256, hex, as
    `zsad.study.code` takes them), why it was written anew, and what was seen.
    """

    module: str
    code: str
    same_as: str
    why: str
    seen: str


@cache
def rewritten(package: Path) -> dict[tuple[str, str], Rewritten]:
    """(module, code) -> what is written of it, in the sources of a package; empty where nothing is."""
    path = package / "study" / NAME
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        rows = [Rewritten(**row) for row in csv.DictReader(file)]
    return {(row.module, row.code): row for row in rows}


def write(rows: Iterable[Rewritten], package: Path) -> None:
    """What `rewritten` reads from now on."""

    def fill(path: Path) -> None:
        with path.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, [field.name for field in fields(Rewritten)], lineterminator="\n")
            table.writeheader()
            table.writerows(asdict(row) for row in sorted(rows, key=lambda row: row.module))

    write_atomically(package / "study" / NAME, fill)
    rewritten.cache_clear()
