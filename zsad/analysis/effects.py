"""What shifts do to means over categories, many at once: each with its paired interval, and one rule for all of them.

The intervals are those of `zsad.analysis.differences`: percentiles of paired bootstrap draws over the images within
each category, wider where these are few; the categories are fixed.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import scipy.stats
from jaxtyping import Float, Int

from zsad.analysis.differences import intervals_around
from zsad.study.schema import SUBJECT_COLUMNS, smaller_class

CERTAIN = 0.05
"""The share of the effects called clear that may be none: the false-discovery rate."""
_LEAST = {"before": 0.0, "after": 0.0, "change": -1.0}


def beside_unshifted(records: pd.DataFrame, by: Sequence[str] = ()) -> pd.DataFrame:
    """The shifted ones of some records, each with `estimate_clean` and `key_clean` of the same images as they are.

    Args:
        records: shifted, and the unshifted ones of the same subjects (`shift` none, or value 0 of a sweep).
        by: columns besides study, subject, metric and number of images in which the two must agree.

    Raises:
        ValueError: a record without its unshifted one.
    """
    plain = (records["shift"] == "none") | ((records["shift"] != "worst") & (records["value"] == 0))
    same = ["study", *SUBJECT_COLUMNS, "metric", "n_images", *by]
    clean = records[plain].drop_duplicates(same)[[*same, "estimate", "key"]]
    paired = records[~plain].merge(clean, on=same, how="left", suffixes=("", "_clean"))
    alone = paired[paired["key_clean"].isna()]
    if len(alone):
        raise ValueError(
            f"no unshifted record of {'/'.join(alone.iloc[0][['study', *SUBJECT_COLUMNS, 'metric']])} with as many "
            "images: an effect is measured from the images as they are"
        )
    return paired


def effects(paired: pd.DataFrame, draws: Mapping[str, pd.DataFrame], by: Sequence[str]) -> pd.DataFrame:
    """Means over categories before and under a shift, and the change: a row a group of `by` and metric.

    A category that a group holds several times (an angle to the left and to the right, several kinds of corruption) has
    the mean of its records.

    Args:
        paired: of `beside_unshifted`.
        draws: metric -> a row a draw, a column a key (`zsad.analysis.differences.by_key`).
        by: columns that tell the means apart, the metric not among them; suite, detector and backbone must be.

    Returns:
        by, metric, categories, images; before, after and change = after - before, in percent and points with their 95 %
        intervals in <name>_low and <name>_high; and p, the probability of such a change or a larger one where there is
        none (`p_values`).

    Raises:
        ValueError: `by` leaves several subjects in one mean, or the same shift twice; a cell without draws.
    """
    missing = {"suite", "detector", "backbone"} - set(by)
    if missing:
        raise ValueError(f"a mean holds one suite, detector and backbone: `by` lacks {', '.join(sorted(missing))}")
    twice = paired.duplicated([*by, "metric", "category", "shift", "setting", "value"])
    if twice.any():
        where = paired.loc[twice, list(by)].iloc[0].to_dict()
        raise ValueError(f"{where}: the same shift twice in one mean; choose one study, dtype and variant")
    tables = []
    for metric, of_metric in paired.groupby("metric", sort=False):
        drawn, sizes = draws[str(metric)], smaller_class(of_metric)
        named, seen_in = of_metric["category"].to_numpy(str), of_metric["n_images"].to_numpy()
        clean, shifted = (of_metric[column].to_numpy(float) for column in ("estimate_clean", "estimate"))
        before, after = (_columns(drawn, of_metric[column]) for column in ("key_clean", "key"))
        rows, images, drawn_of = [], [], {name: list[Float[np.ndarray, "replicate _"]]() for name in _LEAST}
        for at, place in _groups(of_metric, by):
            where = dict(zip(by, at, strict=True))
            categories, code = np.unique(named[place], return_inverse=True)
            mean = np.eye(len(categories))[code] / np.bincount(code)[code, None]  # record x category
            images.append(np.array([sizes[place][code == number].min() for number in range(len(categories))]))
            seen = int(seen_in[place][np.unique(code, return_index=True)[1]].sum())
            estimate = {n: float((v[place] @ mean).mean()) for n, v in (("before", clean), ("after", shifted))}
            estimate["change"] = estimate["after"] - estimate["before"]
            rows.append({**where, "metric": metric, "categories": len(categories), "images": seen, **estimate})
            sides = before[:, place] @ mean, after[:, place] @ mean
            for name, replicates in zip(_LEAST, (*sides, sides[1] - sides[0]), strict=True):
                drawn_of[name].append(replicates)
        tables.append(_with_ends(pd.DataFrame(rows), drawn_of, images))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _with_ends(
    table: pd.DataFrame,
    drawn: Mapping[str, Sequence[Float[np.ndarray, "replicate _"]]],
    images: Sequence[Int[np.ndarray, " _"]],
) -> pd.DataFrame:
    """Means of one metric in percent and points, with their intervals and p."""
    means: dict[str, Float[np.ndarray, " mean"]] = {}
    for name, replicates in drawn.items():
        estimates = table.pop(name).to_numpy()
        ends = intervals_around(estimates, replicates, images, _LEAST[name], 1.0)
        means |= {name: 100 * estimates, f"{name}_low": 100 * ends[:, 0], f"{name}_high": 100 * ends[:, 1]}
        if name == "change":
            means["p"] = p_values(estimates, replicates, images)
    return table.assign(**means)


def p_values(
    estimates: Float[np.ndarray, " mean"],
    drawn: Sequence[Float[np.ndarray, "replicate _"]],
    images: Sequence[Int[np.ndarray, " _"]],
) -> Float[np.ndarray, " mean"]:
    """Two-sided, of means over categories that are 0 where a shift does nothing.

    Counting draws on the other side of 0 could say no less than 1 in the number of draws, too coarse for thousands of
    tests. So a mean is compared with its standard error by Student's t. The error is the spread of the draws, grown
    by sqrt(m / (m - 1)) for m images of the smaller class as in `zsad.metrics.expanded`; its degrees of freedom are
    those of Welch and Satterthwaite over the categories. A category whose draws all agree counts with an error of half
    an image: that no image has changed sides does not prove that none would.

    Args:
        estimates: means over categories.
        drawn: of each mean, draws of each category's part.
        images: of each mean, how many of the smaller class each category has; one counts as two.
    """
    t, freedom = np.empty(len(estimates)), np.empty(len(estimates))
    for place, (replicates, sizes) in enumerate(zip(drawn, images, strict=True)):
        m = np.maximum(sizes, 2)
        errors = replicates.std(axis=0) * np.sqrt(m / (m - 1))
        variances = np.where(errors > 1e-12, errors, 0.5 / m) ** 2
        freedom[place] = variances.sum() ** 2 / (variances**2 / (m - 1)).sum()
        t[place] = abs(estimates[place]) * len(m) / np.sqrt(variances.sum())
    found: Float[np.ndarray, " mean"] = 2 * scipy.stats.t.sf(t, freedom)
    return found


def with_false_discovery_rate(table: pd.DataFrame) -> pd.DataFrame:
    """`q` and `clear` for all rows together: of those that are clear, no more than `CERTAIN` are expected to be none.

    By Benjamini and Yekutieli (2001), which holds however the rows depend on each other: rows share detectors, images
    and the pictures that set a threshold, and false alarms go against misses, so that what the milder rule of Benjamini
    and Hochberg asks for cannot be vouched for. The price is a factor of about log(rows) + 0.6 on every p.
    """
    q = scipy.stats.false_discovery_control(table["p"], method="by")
    return table.assign(q=q, clear=q <= CERTAIN)


def _columns(drawn: pd.DataFrame, keys: "pd.Series[str]") -> Float[np.ndarray, "replicate record"]:
    found: Float[np.ndarray, "replicate record"] = drawn.reindex(columns=keys).to_numpy(np.float64)
    absent = np.isnan(found).any(axis=0)
    if absent.any():
        raise ValueError(f"no bootstrap draws for cell {keys[absent].min()}")
    return found


def _groups(records: pd.DataFrame, by: Sequence[str]) -> list[tuple[tuple[object, ...], Int[np.ndarray, " record"]]]:
    """The values of `by` and the rows that have them, in the order in which they come."""
    places = records.groupby(list(by), sort=False, dropna=False).indices
    return sorted(places.items(), key=lambda found: int(found[1][0]))
