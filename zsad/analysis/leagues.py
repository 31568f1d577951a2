"""Leagues beside methods: those of printed ones, a sentence for a caption, and a column where they differ.

A league is text, by method: as `zsad.study.results.leagues_of` reads it from records, or as results/published has it.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Literal

import pandas as pd

from zsad.leagues import NOT_RECORDED

NONE = "–"  # of a row that is no method


def of_printed(leagues: pd.DataFrame, output: Literal["image", "pixel"]) -> dict[str, str]:
    """The league of each method of results/published (`leagues.csv`): of its image scores, or of its maps."""
    return {str(method): str(league) for method, league in leagues.set_index("method")[output].items()}


def in_words(leagues: Mapping[str, str]) -> str:
    """What a caption says of the methods of a figure or table."""
    different = set(leagues.values())
    if not different - {NOT_RECORDED}:
        return "The league of the methods is not recorded."
    if NOT_RECORDED in " ".join(different):
        return "The league of some methods is not recorded."
    if len(different) > 1:
        return "The methods are of different leagues and not to be ranked with each other."
    return f"All methods are of the league “{different.pop()}”."


def told_apart(leagues: Mapping[str, str]) -> str:
    """What a caption says of methods of several leagues: which are of another than most, and of which; as `in_words`
    where all are of one, no two are of one, or that of some is not recorded.
    """
    counts = Counter(leagues.values())
    if len(counts) in (1, len(leagues)) or NOT_RECORDED in " ".join(counts):
        return in_words(leagues)
    ((most, _),) = counts.most_common(1)
    others = {league: [method for method, of in leagues.items() if of == league] for league in counts if league != most}
    said = [f"{' and '.join(methods)} (“{league}”)" for league, methods in others.items()]
    return f"Of another league than the others, which are “{most}”, and not to be ranked with them: {', '.join(said)}."


def with_leagues(table: pd.DataFrame, leagues: Mapping[str, str]) -> pd.DataFrame:
    """A table with a column for the league behind "method", where the methods are of different leagues."""
    if len(set(leagues.values())) < 2:
        return table
    marked = table.copy()
    marked.insert(table.columns.get_loc("method") + 1, "league", [leagues.get(m, NONE) for m in table["method"]])
    return marked
