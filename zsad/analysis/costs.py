"""What shifts cost, at image level first: image AUROC, and false alarms and misses at the threshold that stays; then at
pixel level. The same numbers for every page, and the same sentence.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from zsad.analysis.decisions import METRICS as DECIDED
from zsad.analysis.decisions import RULES, TRAINING, Decisions
from zsad.analysis.effects import beside_unshifted, effects
from zsad.analysis.words import number

IMAGE = {"image_auroc": "image AUROC", **DECIDED}
PIXEL = {"pixel_auroc": "pixel AUROC", "aupro": "AUPRO"}
HOW = f"The threshold of false alarms and misses: {RULES[TRAINING]}; it is not set anew."
UNKNOWN = "False alarms and misses: not known, for no scores of good training images are there."


def costs(
    records: pd.DataFrame, draws: Mapping[str, pd.DataFrame], decisions: Decisions, by: Sequence[str]
) -> pd.DataFrame:
    """Means over categories before and under shifts, and the change: what `zsad.analysis.effects.effects` gives of
    `IMAGE` and `PIXEL`, in this order. Where nothing is kept of good training images there are no false alarms and
    misses.

    Args:
        records: shifted, and unshifted ones of the same subjects.
        draws: metric -> a row a draw, a column a key (`zsad.analysis.differences.by_key`).
        decisions: in the same cells.
        by: columns that tell the means apart; suite, detector and backbone must be among them.
    """
    wanted = [*IMAGE, *PIXEL]
    both = [records, decisions.records[decisions.records["rule"] == TRAINING]]
    rows = pd.concat(both, ignore_index=True)
    rows = rows[rows["metric"].isin(wanted)].sort_values("metric", key=lambda m: m.map(wanted.index), kind="stable")
    return effects(beside_unshifted(rows), {**draws, **decisions.draws}, by)


def levels(found: pd.DataFrame, column: str, without: float | str = 0.0) -> pd.DataFrame:
    """`costs` as points of curves: estimate, low and high in percent under each shift, and those before any, in which
    `column`, one of its `by`, is `without`.
    """
    numbers = [name for name in found if str(name).startswith(("before", "after", "change"))]
    rest = [name for name in found if name not in [*numbers, column, "p", "categories", "images"]]
    plain = found.drop_duplicates(rest).assign(**{column: without})
    parts = [
        rows.assign(estimate=rows[name], low=rows[f"{name}_low"], high=rows[f"{name}_high"])
        for name, rows in (("before", plain), ("after", found))
    ]
    return pd.concat(parts, ignore_index=True)[[*rest, column, "estimate", "low", "high"]]


def cost_sentence(rows: pd.DataFrame) -> str:
    """Two sentences on the image level, whichever way the numbers fall.

    Args:
        rows: of `costs`, a row a metric. Without false alarms and misses the second says so.
    """
    of = {str(row["metric"]): row for _, row in rows.iterrows()}
    said = f"Image AUROC {moved(of['image_auroc'])}."
    if not DECIDED.keys() <= of.keys():
        return f"{said} {UNKNOWN}"
    return (
        f"{said} At the threshold that was set before, false alarms {moved(of['false_alarms'], many=True)}, and misses "
        f"{moved(of['misses'], many=True)}."
    )


def many_sentence(rows: pd.DataFrame) -> str:
    """For how many detectors each metric gets worse at image level with an interval that excludes 0, and by how much
    where it does so most.

    Args:
        rows: of `costs`, a row a detector and metric. Of one detector it is `cost_sentence`.
    """
    if rows["detector"].nunique() == 1:
        return cost_sentence(rows)
    said = {metric: _worse(rows[rows["metric"] == metric], metric) for metric in IMAGE}
    if not all(said[metric] for metric in DECIDED):
        return f"{said['image_auroc']}. {UNKNOWN}"
    return f"{said['image_auroc']}. At the threshold that was set before, {said['false_alarms']}, and {said['misses']}."


def worst_sentence(rows: pd.DataFrame, column: str, names: Mapping[str, str]) -> str:
    """Which of several shifts lowers image AUROC most, or raises it least where none lowers it, and what it costs at
    image level. Which one that is rests on the estimates: no shift is held against another with a paired interval.

    Args:
        rows: of `costs`, of one detector: a row a metric and a value of `column`, whose words are `names`.
    """
    aurocs = rows[rows["metric"] == "image_auroc"].reset_index(drop=True)
    worst = aurocs.loc[aurocs["change"].idxmin()]
    name = names[str(worst[column])]
    said = cost_sentence(rows[rows[column] == worst[column]])
    shown = [words for shift, words in names.items() if shift in set(aurocs[column])]
    if len(shown) == 1:
        return said
    if worst["change"] >= 0:
        which = f"none of {_listed(shown)} lowers {worst['detector']}'s image AUROC, which gains least under {name}"
    else:
        others = _listed([words for words in shown if words != name])
        which = f"{name} costs {worst['detector']} more image AUROC than {others}"
    return f"By the estimates {which}. {said}"


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _worse(rows: pd.DataFrame, metric: str) -> str:
    """Empty where there are no rows."""
    if rows.empty:
        return ""
    sign = -1 if metric == "image_auroc" else 1
    apart = rows["change_low"] * rows["change_high"] > 0
    found = rows[apart & (sign * rows["change"] > 0)].reset_index(drop=True)
    first = metric == "image_auroc"  # the others follow in the same sentence
    what = "With an interval that excludes 0, image AUROC falls" if first else f"{IMAGE[metric]} rise so"
    if found.empty:
        return f"{what} for none of {len(rows)} detectors"
    most = found.loc[(sign * found["change"]).idxmax()]
    return f"{what} for {len(found)} of {len(rows)} detectors, most for {most['detector']}, {_ends(most)}"


def moved(row: "pd.Series[float]", many: bool = False) -> str:
    """Which way a metric moves, where its interval excludes 0, from where to where, and by how much; `many`: of a
    metric with a plural name. "Clear" is kept for what the rule for many effects calls so
    (`zsad.analysis.effects.with_false_discovery_rate`); these intervals are those of single changes.
    """
    way = int(row["change_low"] > 0) - int(row["change_high"] < 0)
    verb = {1: "rise", -1: "fall", 0: "move"}[way] + ("" if many else "s")
    ends = _ends(row)
    return f"{verb} {ends}" if way else f"{verb} {ends.removesuffix(')')}; the interval holds 0)"


def _ends(row: "pd.Series[float]") -> str:
    change, low, high = (number(row[name], sign=True) for name in ("change", "change_low", "change_high"))
    return f"from {number(row['before'])} to {number(row['after'])} % ({change} points, {low} to {high})"


def counted(rows: pd.DataFrame) -> str:
    """How many images and products some rows of `costs` are about."""
    images, products = int(rows["images"].max()), int(rows["categories"].max())
    return f"{images:,} test images of {products} {'product' if products == 1 else 'products'}"
