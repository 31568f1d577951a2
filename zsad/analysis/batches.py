"""What a shift of a whole test batch costs, and what one of half of it."""

from collections.abc import Mapping

import pandas as pd

from zsad.analysis.corruption import KIND_WORDS
from zsad.analysis.effects import beside_unshifted, effects
from zsad.analysis.matrix import SHIFTS, dose_in_words
from zsad.analysis.words import number, span

ALIKE, HALF = "batch", "half of the batch"
"""Names of a study's blocks: every image of the batch is shifted alike, or one half of them is."""
PARTS = {ALIKE: "all shifted alike", HALF: "half of them shifted", "between": "half against all"}
METRICS = {"image_auroc": "image AUROC", "pixel_auroc": "pixel AUROC", "aupro": "AUPRO"}
_SUBJECT = ["suite", "detector", "backbone"]
_SHIFT = ["setting", "value"]


def changes(records: pd.DataFrame, draws: Mapping[str, pd.DataFrame], by_shift: bool = False) -> pd.DataFrame:
    """`zsad.analysis.effects.effects` of `METRICS`: for each detector and suite what a batch shifted alike changes,
    what one of which half is shifted changes, and, of those shifts that were measured as both, the second less the
    first. A row a `part` of `PARTS` and metric; by default a mean over the shifts.

    Args:
        records: of blocks named `ALIKE` and `HALF`, and the unshifted ones of the same subjects.
        draws: metric -> a row a draw, a column a key (`zsad.analysis.differences.by_key`).
    """
    by = [*_SUBJECT, *(_SHIFT if by_shift else []), "part"]
    paired = beside_unshifted(records[records["metric"].isin(METRICS)])
    paired = paired.assign(part=paired["variant"])
    alike, half = (paired[paired["part"] == name] for name in (ALIKE, HALF))
    same = ["study", *_SUBJECT, "category", "metric", "n_images", "shift", *_SHIFT]
    other = alike[[*same, "estimate", "key"]].rename(columns={"estimate": "estimate_clean", "key": "key_clean"})
    between = half.drop(columns=["estimate_clean", "key_clean"]).merge(other, on=same).assign(part="between")
    return effects(pd.concat([paired, between], ignore_index=True), draws, by)


def forest(found: pd.DataFrame, titles: Mapping[str, str], metric: str = "image_auroc") -> pd.DataFrame:
    """`changes` as `plot_forest` takes them: a row a detector and suite, a panel a part."""
    rows = found[found["metric"] == metric]
    return pd.DataFrame(
        {
            "row": [in_words(r.detector, r.suite, titles) for r in rows.itertuples()],
            "panel": rows["part"],
            "estimate": rows["change"],
            "low": rows["change_low"],
            "high": rows["change_high"],
        }
    )


def in_words(detector: object, suite: object, titles: Mapping[str, str]) -> str:
    """What a row of the figure is called."""
    return f"{titles.get(str(detector), detector)}, {suite}"


def table(found: pd.DataFrame, titles: Mapping[str, str], metric: str) -> pd.DataFrame:
    """A row a detector, suite and shift: one of `METRICS` unshifted in percent, and each part's change in points."""
    rows = []
    for at, of_shift in found[found["metric"] == metric].groupby([*_SUBJECT, *_SHIFT], sort=False):
        suite, detector, _, setting, value = at
        row = {"detector": titles.get(detector, detector), "suite": suite, "shift": _shift_in_words(setting, value)}
        of = of_shift.set_index("part")
        row["unshifted"] = number(of["before"].iloc[0])  # half against all, which counts from another batch, comes last
        for part in (part for part in PARTS if part in of.index):
            change, low, high = of.loc[part, ["change", "change_low", "change_high"]].astype(float)
            row[PARTS[part]] = span(change, low, high, sign=True)
        rows.append(row)
    return pd.DataFrame(rows).fillna("–")


def sentence(found: pd.DataFrame, titles: Mapping[str, str], batch: set[str]) -> str:
    """For how many of the detectors that compare images, and of the others, half a batch costs more image AUROC than
    the whole, with an interval that excludes 0, and what it does to each.

    Args:
        found: of `changes`, means over the shifts.
        batch: labels of detectors that compare the images of a batch.
    """
    aurocs = found[found["metric"] == "image_auroc"]
    said = []
    for compares, who in ((True, "compare the images of a batch"), (False, "score an image by itself")):
        rows = aurocs[aurocs["detector"].isin(batch) == compares]
        between = rows[rows["part"] == "between"]
        if between.empty:
            continue
        more = int((between["change_high"] < 0).sum())
        each = "; ".join(_case(of, titles) for _, of in rows.groupby(_SUBJECT, sort=False))
        said.append(
            f"Of detectors that {who}, half a batch shifted costs more image AUROC than all of it, with an interval "
            f"that excludes 0, in {more} of {len(between)} cases: {each}."
        )
    return " ".join(said)


def _case(rows: pd.DataFrame, titles: Mapping[str, str]) -> str:
    of = rows.set_index("part")
    said = [
        f"{number(float(of.loc[part, 'change']), sign=True)} ({words})"
        for part, words in ((ALIKE, "all"), (HALF, "half"))
        if part in of.index
    ]
    return f"{in_words(rows['detector'].iloc[0], rows['suite'].iloc[0], titles)} {' and '.join(said)} points"


def _shift_in_words(setting: str, value: float) -> str:
    words = KIND_WORDS.get(setting) or SHIFTS.get(setting, setting)
    return f"{words}, {dose_in_words(setting, value)}"
