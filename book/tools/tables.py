"""A table as a reader wants it: what is the same in every row is said once, and numbers stand under each other."""

import re
from dataclasses import dataclass

import pandas as pd

_NUMBER = re.compile(r"([+\-−]?\d[\d,]*(?:\.\d+)?(?: %)?)(?:\s(\(.+\)))?")
_ABSENT = ("", "–")

# What a table takes of a page beside its words, roughly: an average character, a cell's padding, a line of words.
_CHARACTER, _PADDING, _LINE = 7, 15, 34
COLUMN_WIDTH = 690
"""The width of a page's text in pixels, where the window has room for more."""


@dataclass(frozen=True)
class Parts:
    """A cell of a column of numbers: the number, and what is in brackets behind it ("" where nothing is)."""

    number: str
    brackets: str


def cell_text(value: object) -> str:
    """A cell's text; a dash where a value is missing."""
    return "–" if value is None or value != value else str(value)  # a missing value is unlike itself


def told_once(frame: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The table without the columns that are the same in each of its rows, and a sentence that says them ("" where
    there are none). At least two columns stay; a table of one row stays as it is.
    """
    shown = {name: [cell_text(value) for value in frame[name]] for name in frame}
    same = [name for name, cells in shown.items() if len(frame) > 1 and len(set(cells)) == 1]
    same = same[: max(0, len(shown) - 2)]
    said = [f"{name} {shown[name][0]}" for name in same if shown[name][0]]
    return frame.drop(columns=same), f"In every row: {'; '.join(said)}." if said else ""


def in_parts(cells: list[str]) -> list[Parts] | None:
    """The cells of a column of numbers, such as "83.9" and "−6.2 (−7.2 to −5.1)"; None for any other column."""
    found = [_NUMBER.fullmatch(cell) for cell in cells]
    if not any(found) or any(match is None and cell not in _ABSENT for match, cell in zip(found, cells, strict=True)):
        return None
    return [
        Parts(match[1], match[2] or "") if match else Parts(cell, "") for match, cell in zip(found, cells, strict=True)
    ]


def is_wide(names: list[str], rows: list[list[str]]) -> bool:
    """Whether a table would have to fold its cells to fit a page's column of text."""
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    longest = [
        max([*(len(cell) for cell in cells), *(len(word) for word in name.split())], default=0)
        for name, cells in zip(names, columns, strict=True)
    ]
    return sum(_CHARACTER * min(length, _LINE) + _PADDING for length in longest) > COLUMN_WIDTH
