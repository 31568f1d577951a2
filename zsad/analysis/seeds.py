"""Detectors that are trained with several seeds: their mean, with an interval over test images and seeds together."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

# What tells the cells of one detector apart.
_PLACE = ["suite", "category", "domain", "setting", "value", "metric"]


def mean_over_seeds(
    records: pd.DataFrame, draws: pd.DataFrame, labels: Sequence[str], seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Records in which those of `labels[0]` are means over all `labels`, and bootstrap draws with theirs.

    Each draw of test images also draws seeds, the same for every cell, so that their spread is inside an interval; one
    fewer than there are, with replacement: the variance of such a mean is that of a mean over all of them, where as
    many as there are would give too little of it (for three seeds, two thirds). A cell that only some seeds have stays
    that of the first alone.

    Args:
        records: of several detectors, with one metric.
        draws: a row a draw, a column a key (`zsad.analysis.differences.by_key`).
    """
    place = [column for column in _PLACE if column in records]
    chosen = records[records["detector"].isin(labels)]
    keys = chosen.pivot(index=place, columns="detector", values="key").reindex(columns=list(labels)).dropna()
    estimates = chosen.groupby(place)["estimate"].mean()
    if len(labels) < 2 or keys.empty:
        return records, draws
    drawn = drawn_seeds(len(draws), len(labels), np.random.default_rng(seed))
    names = {tuple(where): "+".join(row) for where, row in zip(keys.index, keys.to_numpy(), strict=True)}
    means = {
        names[tuple(where)]: (draws[list(row)].to_numpy(np.float64) * drawn).sum(axis=1)
        for where, row in zip(keys.index, keys.to_numpy(), strict=True)
    }
    changed = records.copy()
    places = [tuple(row) for row in changed[place].to_numpy()]
    there = (changed["detector"] == labels[0]).to_numpy() & np.array([where in names for where in places])
    changed.loc[there, "key"] = [names[where] for where, mine in zip(places, there, strict=True) if mine]
    changed.loc[there, "estimate"] = [estimates[where] for where, mine in zip(places, there, strict=True) if mine]
    return changed, pd.concat([draws, pd.DataFrame(means, index=draws.index)], axis=1)


def drawn_seeds(draws: int, seeds: int, generator: np.random.Generator) -> Float[np.ndarray, "draw seed"]:
    """How much each seed weighs in each draw."""
    return generator.multinomial(seeds - 1, np.full(seeds, 1 / seeds), size=draws) / (seeds - 1)
