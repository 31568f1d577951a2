"""Which detectors rank the images of every category alike: where several read one text score of the image, their image
AUROC and their alarms are one finding, told several times.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from zsad.analysis.words import number

ALIKE = 0.99
"""Two rankings are one where Spearman's rank correlation is above this in every category."""


def rank_correlations(images: pd.DataFrame) -> pd.DataFrame:
    """Spearman's rank correlation of the image scores of every two detectors: a row and a column a detector, in the
    order in which they come, each the lowest over all suites and categories that both have seen; NaN where none.

    Args:
        images: the table "images" of unshifted cells, one backbone a detector: suite, category, detector, id, score.
    """
    names = images["detector"].drop_duplicates().tolist()
    lowest = pd.DataFrame(np.nan, index=names, columns=names)
    for _, of_category in images.groupby(["suite", "category"], sort=False):
        scores = of_category.pivot_table(index="id", columns="detector", values="score", aggfunc="first").dropna()
        ranks = np.apply_along_axis(rankdata, 0, scores.to_numpy(float))
        with np.errstate(invalid="ignore"):  # scores that are all equal rank nothing: NaN
            found = pd.DataFrame(np.corrcoef(ranks.T).reshape(-1, scores.shape[1]), scores.columns, scores.columns)
        found = found.fillna(0.0).reindex(index=names, columns=names)
        lowest = lowest.where(lowest.le(found) | found.isna(), found)
    return lowest


def groups(correlations: pd.DataFrame) -> list[list[str]]:
    """The detectors of `rank_correlations`, each with those that rank as it does (`ALIKE`), in their order: all of a
    group rank as its first does.
    """
    found: list[list[str]] = []
    for name in correlations.index:
        own = next((group for group in found if correlations.loc[name, group[0]] > ALIKE), None)
        if own is None:
            found.append([str(name)])
        else:
            own.append(str(name))
    return found


def alike_sentence(correlations: pd.DataFrame, suite: str, titles: Mapping[str, str] | None = None) -> str:
    """Which detectors share one ranking of the images of a suite, and how nearly; "" where none do. `titles`: label ->
    what it is called.
    """
    called = titles or {}
    said = []
    for group in groups(correlations):
        if len(group) > 1:
            least = min(correlations.loc[name, group[0]] for name in group[1:])
            names = [called.get(name, name) for name in group]
            others = f"{', '.join(names[1:-1])} and {names[-1]} rank" if len(names) > 2 else f"{names[1]} ranks"
            said.append(
                f"{others} the images of every category of {suite} as {names[0]} does (rank correlation of the "
                f"unshifted image scores at least {number(np.floor(1000 * least + 1e-6) / 1000, 3)})"
            )
    if not said:
        return ""
    return f"{'; '.join(said)}: what is said of several of them at image level is one finding, not several."


def one_of_each(labels: Sequence[str], of: list[list[str]]) -> list[str]:
    """The first of each group of `groups` among some detectors; one that is in no group stands for itself."""
    first: dict[str, str] = {}
    for label in labels:
        group = next((group for group in of if label in group), [label])
        first.setdefault(group[0], label)
    return list(first.values())


def counted_once(table: pd.DataFrame, correlations: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The rows of some image-level effects without those of detectors that rank the images of a suite as another of
    them does.

    Args:
        table: suite, detector.
        correlations: suite -> `rank_correlations`.
    """
    keep = pd.Series(True, table.index)
    for suite, found in correlations.items():
        here = table["suite"] == suite
        apart = one_of_each(table.loc[here, "detector"].drop_duplicates().tolist(), groups(found))
        keep &= ~here | table["detector"].isin(apart)
    return table[keep]


def named_once(correlations: Mapping[str, pd.DataFrame]) -> str:
    """Which detectors `counted_once` counts as one, on which suites; "" where there are none."""
    suites: dict[tuple[str, ...], list[str]] = {}
    for suite, found in correlations.items():
        for group in groups(found):
            if len(group) > 1:
                suites.setdefault(tuple(group), []).append(suite)
    named = "; ".join(f"{', '.join(group[:-1])} and {group[-1]} on {', '.join(on)}" for group, on in suites.items())
    return f"Detectors that rank the images of every category alike are counted once: {named}." if named else ""
