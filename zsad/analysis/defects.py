"""Which kinds of defect a detector sees: the image AUROC of each against the good images of its category.

A kind is a defect of one category: a scratch on wood is one, a scratch on a washer another. Wrong poses stand by
themselves. Whoever sees one image and words about damage is not told how a part should lie.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int, Shaped

from zsad.analysis.costs import moved
from zsad.analysis.differences import interval_around
from zsad.analysis.words import span
from zsad.metrics import curve, image_auroc
from zsad.metrics.bootstrap import image_curve

CHANCE = 50.0
"""Image AUROC of a detector that sees nothing, in percent."""
LEAST = 5
"""Images of a kind, and good ones beside them; of fewer nothing is said. Chance ranks all of five above all of another
five in 1 of 252 test sets.
"""


def with_kinds(images: pd.DataFrame, kinds: pd.DataFrame) -> pd.DataFrame:
    """The table "images" of some records with the `defect` that each image shows; `kinds`: suite, category, id, defect.

    Raises ValueError for an image that is not among the kinds.
    """
    found = images.merge(kinds, on=["suite", "category", "id"], how="left", validate="many_to_one")
    if (unknown := found["defect"].isna()).any():
        raise ValueError(f"no kind of defect is known of image {found.loc[unknown, 'id'].iloc[0]}")
    return found


def by_kind(images: pd.DataFrame, pose: Collection[str], replicates: int = 200, seed: int = 0) -> pd.DataFrame:
    """Image AUROC of each kind of defect against its category's good images, in percent, worst first.

    Intervals of 95 % come from draws of the images of each kind, and of the good ones, by themselves, and are widened
    as `zsad.metrics.expanded` says. All kinds of a category are held against the same draws of good images.

    Args:
        images: suite, category, defect, label and score of one detector on one backbone, without a shift.
        pose: names of the defects that are wrong poses.
        replicates: how many draws.
        seed: of the draws.

    Returns:
        suite, category, defect, pose, images (of the kind), good, estimate, low, high; no kind with fewer than `LEAST`
        images, nor of a category with fewer good ones.
    """
    rows = []
    for at in _categories(images, replicates, seed):
        good = int((~at.labels).sum())
        for defect in np.unique(at.defects[at.labels]):
            keep = ~at.labels | (at.defects == defect)
            size = int(keep.sum()) - good
            if min(size, good) >= LEAST:
                estimate, drawn = at.auroc(keep), at.drawn(keep)[:, None]
                ends = interval_around(estimate, drawn, np.array([min(size, good)]), 0.0, 1.0)
                percent = [100 * value for value in (estimate, *ends)]
                rows.append((at.suite, at.category, str(defect), defect in pose, size, good, *percent))
    columns = ["suite", "category", "defect", "pose", "images", "good", "estimate", "low", "high"]
    return pd.DataFrame(rows, columns=columns).sort_values("estimate", kind="stable", ignore_index=True)


def without(images: pd.DataFrame, left_out: Collection[str], replicates: int = 200, seed: int = 0) -> pd.DataFrame:
    """How the mean image AUROC of a suite changes if some defects are left out of its test images, in percent and
    points: suite, categories, before, after, change, change_low, change_high. Of the suites that have such defects.

    Both are means over the same categories, those that have other defects too, and take the same draws. The other
    arguments are those of `by_kind`.
    """
    there = images.loc[images["defect"].isin(left_out), "suite"].unique()
    of: dict[str, list[_Category]] = {}
    for at in _categories(images[images["suite"].isin(there)], replicates, seed):
        if at.labels[at.other_than(left_out)].any():
            of.setdefault(at.suite, []).append(at)
    rows = []
    for suite, found in of.items():
        kept = [at.other_than(left_out) for at in found]
        every = [np.ones_like(keep) for keep in kept]
        before, after = (
            float(np.mean([at.auroc(keep) for at, keep in zip(found, of_all, strict=True)])) for of_all in (every, kept)
        )
        drawn = [at.drawn(keep) - at.drawn(whole) for at, keep, whole in zip(found, kept, every, strict=True)]
        sizes = [min(at.labels[keep].sum(), (~at.labels).sum()) for at, keep in zip(found, kept, strict=True)]
        low, high = interval_around(after - before, np.stack(drawn, axis=1), np.array(sizes), -1.0, 1.0)
        rows.append((suite, len(found), *(100 * value for value in (before, after, after - before, low, high))))
    return pd.DataFrame(rows, columns=["suite", "categories", "before", "after", "change", "change_low", "change_high"])


def told(kinds: pd.DataFrame) -> "pd.Series[int]":
    """1 where the interval of `by_kind` lies above chance, -1 where it lies below, 0 where it holds chance."""
    return (kinds["low"] > CHANCE).astype(int) - (kinds["high"] < CHANCE).astype(int)


def name_of(kind: "pd.Series[str]") -> str:
    """A kind of defect in words, such as "bottle cap: stain"."""
    return f"{kind['category']}: {kind['defect']}".replace("_", " ")


def sentence(kinds: pd.DataFrame, changes: pd.DataFrame, who: str) -> str:
    """Which kinds of damage are told from good images, which wrong poses are, and what these do to the mean.

    Args:
        kinds: of `by_kind`.
        changes: of `without`, with the wrong poses left out.
        who: the detector and its backbone.
    """
    of = {"damage to a surface": kinds[~kinds["pose"]], "wrong pose": kinds[kinds["pose"]]}
    said = [
        f"Of {len(rows)} {'kind' if len(rows) == 1 else 'kinds'} of {what} {_above(rows)}."
        for what, rows in of.items()
        if len(rows)
    ]
    moves = [f"of {row['suite']} {moved(row)}" for _, row in changes.iterrows()]
    if moves:
        said.append(f"Without the wrong poses mean image AUROC {', and that '.join(moves)}.")
    return f"{who}, image AUROC of each kind against good pictures. {' '.join(said)}"


def _above(kinds: pd.DataFrame) -> str:
    """How many of some kinds lie above chance with their whole interval, and which do not."""
    sign = told(kinds)
    above = int((sign > 0).sum())
    verb, whose = ("lie", "their") if above > 1 else ("lies", "its")
    said = f"{above or 'none'} {verb} above chance with {whose} whole interval"
    for way, words in ((0, "not told from chance"), (-1, "below it with the whole interval")):
        rows = kinds[sign == way]
        named = [f"{name_of(row)} {span(row['estimate'], row['low'], row['high'])}" for _, row in rows.iterrows()]
        said += f"; {words}: {', '.join(named)}" if named else ""
    return said


@dataclass(frozen=True)
class _Category:
    """One category's images, and how often each is in each draw."""

    suite: str
    category: str
    defects: Shaped[np.ndarray, " image"]
    labels: Bool[np.ndarray, " image"]
    scores: Float[np.ndarray, " image"]
    counts: Int[np.ndarray, "replicate image"]

    def other_than(self, left_out: Collection[str]) -> Bool[np.ndarray, " image"]:
        return ~np.isin(self.defects, list(left_out))

    def auroc(self, keep: Bool[np.ndarray, " image"]) -> float:
        return image_auroc(self.scores[keep], self.labels[keep])

    def drawn(self, keep: Bool[np.ndarray, " image"]) -> Float[np.ndarray, " replicate"]:
        return np.asarray(curve.roc_area(image_curve(self.counts[:, keep], self.scores[keep], self.labels[keep])))


def _categories(images: pd.DataFrame, replicates: int, seed: int) -> Iterator[_Category]:
    """Each kind has as many images in every draw as it has: AUROC asks for no other share of them."""
    for number, ((suite, category), rows) in enumerate(images.groupby(["suite", "category"], sort=False)):
        defects, random = rows["defect"].to_numpy(str), np.random.default_rng([seed, number])
        counts = np.zeros((replicates, len(rows)), np.int64)
        for defect in np.unique(defects):
            (of,) = np.nonzero(defects == defect)
            counts[:, of] = random.multinomial(len(of), np.full(len(of), 1 / len(of)), replicates)
        labels, scores = rows["label"].to_numpy(bool), rows["score"].to_numpy(np.float64)
        yield _Category(str(suite), str(category), defects, labels, scores, counts)
