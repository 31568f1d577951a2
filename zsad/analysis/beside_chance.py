"""The drop that the page of worst cases leads with, beside what the worst of as many random shifts does: a minimum of
many tries lies low by itself, so that an interval that excludes 0 says little of it.
"""

import pandas as pd

from zsad.analysis.null import ALL
from zsad.analysis.words import number, span

_WORDS = {"angle": "rotation", "saturation": "saturation", "hue": "hue", ALL: "all three"}


def chance_sentence(drop: "pd.Series[float]", drops: pd.DataFrame, pooled: pd.DataFrame, falls: pd.DataFrame) -> str:
    """How much of a drop random shifts give too, where they are kept; and for which settings they are not.

    Args:
        drop: a row of `drops`.
        drops: of `zsad.analysis.worst.worst_drops`.
        pooled, falls: of `zsad.analysis.null.pooled` and `falls`, of the same worst cases; without rows where no random
            shifts are kept.
    """
    said = [_beside(drop, pooled, falls)]
    kept = set(pooled["setting"]) if len(pooled) else set()
    lacking = [words for setting, words in _WORDS.items() if setting in set(drops["setting"]) - kept]
    if kept and lacking:
        named = " or ".join(filter(None, [", ".join(lacking[:-1]), lacking[-1]]))
        said.append(f"Not kept are random shifts of {named} alone.")
    return " ".join(said)


def _beside(drop: "pd.Series[float]", pooled: pd.DataFrame, falls: pd.DataFrame) -> str:
    (whole,), (single,) = ([_same(frame, drop)] for frame in (pooled, falls))
    whole = whole[whole["metric"] == drop["metric"]] if len(whole) else whole
    if whole.empty:
        return (
            "No random shifts of the same images are kept beside it: how much of it is the luck of many tries is not "
            "known, for the lowest of many lies low by itself."
        )
    null, beyond = (whole.iloc[0][name] for name in ("null", "beyond"))
    own = single.iloc[0]
    tried = f"{own['random_evaluations']:.0f} random shifts"
    further = span(beyond.value, beyond.low, beyond.high)
    alone = span(own["beyond_random"], own["beyond_random_low"], own["beyond_random_high"])
    return (
        f"The lowest of many tries lies low by itself: the worst of {tried} of each image lowers the same mean by "
        f"{number(null.value)} points, and the search by {further} more; in the mean over single damaged images it "
        f"gets {alone} points further."
    )


def _same(frame: pd.DataFrame, drop: "pd.Series[float]") -> pd.DataFrame:
    """The rows of the same case within the widest bounds."""
    if frame.empty:
        return frame
    of = frame[(frame[["suite", "backbone", "setting"]] == drop[["suite", "backbone", "setting"]]).all(axis=1)]
    return of[of["size"] == of["size"].max()]
