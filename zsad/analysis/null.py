"""What a search for worst cases finds beyond chance. The lowest of many random shifts lies below an image as it is for
almost any detector, so that what counts is how much further a search gets than as many random shifts do, and how far
both lie below the mean over random shifts.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from zsad.analysis.differences import Difference, category_seed, difference_of
from zsad.analysis.falls import drawn_means
from zsad.analysis.unmoved import seen_span, still
from zsad.analysis.words import number
from zsad.metrics import interval

ALL = "3d"  # the setting of a search of all parameters together
CASE = ["suite", "detector", "backbone", "setting"]
_IMAGE = [*CASE, "category", "id"]
POOLED = {"image_auroc": "image AUROC", "pixel_auroc": "pixel AUROC", "aupro": "AUPRO"}


@dataclass(frozen=True)
class Bound:
    """A block of worst cases, the block of random shifts within the same bounds, and the bounds' size as a share of
    those published (1: as published).
    """

    search: str
    random: str
    size: float


def beside_null(samples: pd.DataFrame, bounds: list[Bound]) -> pd.DataFrame:
    """A row an anomalous image and size of the bounds that search and null have both seen: `CASE`, category, id, size,
    and its pixel AUROC as it is (clean), at the worst that the search found (worst), at the worst random shift
    (random_worst), and the mean over random shifts (random_mean); and how many evaluations each had, those of the
    searches of single parameters that a search of all three begins with among them.

    Args:
        samples: the table "samples" of the blocks (`zsad.study.results.load_table`).
    """
    found = []
    anomalous = samples[samples["label"] & samples["clean_auroc"].notna()]
    for bound in bounds:
        searched, drawn = (anomalous[anomalous["variant"] == name] for name in (bound.search, bound.random))
        searched = _with_starts(searched)
        null = drawn[[*_IMAGE, "auroc", "mean_auroc", "evaluations"]].rename(
            columns={"auroc": "random_worst", "mean_auroc": "random_mean", "evaluations": "random_evaluations"}
        )
        both = searched[[*_IMAGE, "clean_auroc", "auroc", "evaluations"]].merge(null, on=_IMAGE)
        found.append(both.rename(columns={"clean_auroc": "clean", "auroc": "worst"}).assign(size=bound.size))
    return pd.concat(found, ignore_index=True)


def in_both(records: pd.DataFrame, bounds: list[Bound]) -> pd.DataFrame:
    """The unshifted of some records, and of searches and random shifts those of the cases and categories that both
    have: means over categories of one are not held against those of another.
    """
    where, kept = [*CASE, "category"], [records[records["shift"] == "none"]]
    worst = records[records["shift"] == "worst"]
    for bound in bounds:
        sides = [worst[worst["variant"] == name] for name in (bound.search, bound.random)]
        shared = sides[0][where].merge(sides[1][where]).drop_duplicates()
        kept += [side.merge(shared, on=where) for side in sides]
    return pd.concat(kept, ignore_index=True)[list(records.columns)].drop_duplicates()


def rows_of(cases: pd.DataFrame) -> pd.Series:
    """What a figure's rows are called: detector and suite; the backbone only where a detector has several, and the
    setting only where there are several, so that headings stay apart.

    Args:
        cases: a row a case, with the columns `CASE` as they are to be read.
    """
    rows = cases["detector"] + ", " + cases["suite"]
    if cases.groupby("detector")["backbone"].nunique().max() > 1:
        rows += ", " + cases["backbone"]
    if cases["setting"].nunique() > 1:
        rows += ", " + cases["setting"]
    return rows


def _with_starts(searched: pd.DataFrame) -> pd.DataFrame:
    """A search of all parameters has seen what those of single ones have tried; all try the image as it is."""
    same = [column for column in _IMAGE if column != "setting"]
    alone = searched[searched["setting"] != ALL]
    before = (alone["evaluations"] - 1).groupby([alone[column] for column in same]).sum()
    all_three = searched[searched["setting"] == ALL]
    found = all_three.join(before.rename("before"), on=same)
    joint = found["evaluations"] + found["before"].fillna(0)
    return pd.concat([alone, all_three.assign(evaluations=joint)])


def falls(images: pd.DataFrame) -> pd.DataFrame:
    """Means over categories of `beside_null`, in points of the images' own pixel AUROC, each with its 95 % interval in
    <name>_low and <name>_high from a bootstrap over images within category:

    worst, random_worst and random_mean, how far each lies below the images as they are; beyond_random, how much further
    the search gets than as many random shifts; and beyond_mean, how far its worst lies below the mean over random
    shifts. A row a case and size, with the numbers of images, categories and evaluations.
    """
    rows = []
    for at, group in images.groupby([*CASE, "size"], sort=False):
        estimates, drawn = [], []
        row = dict(zip([*CASE, "size"], at, strict=True))
        for category, of_category in group.groupby("category"):
            values = _falls_of(of_category)
            estimates.append(values.mean())
            drawn.append(drawn_means(values.to_numpy(float), seed=category_seed(row["suite"], str(category))))
        means: Float[np.ndarray, "draw x"] = np.mean(drawn, axis=0)
        row |= {"categories": len(estimates), "images": len(group)}
        row |= {name: group[name].mean() for name in ("evaluations", "random_evaluations")}
        for column, name in enumerate(values):
            low, high = interval(means[:, column])
            row |= {name: float(np.mean([e[name] for e in estimates])), f"{name}_low": low, f"{name}_high": high}
        rows.append(row)
    return pd.DataFrame(rows)


def _falls_of(images: pd.DataFrame) -> pd.DataFrame:
    below = {name: images["clean"] - images[name] for name in ("worst", "random_worst", "random_mean")}
    beyond = {f"beyond_{name}": images[f"random_{of}"] - images["worst"]
              for name, of in (("random", "worst"), ("mean", "mean"))}  # fmt: skip
    return 100 * pd.DataFrame(below | beyond)


def pooled(records: pd.DataFrame, draws: Mapping[str, pd.DataFrame], bounds: list[Bound]) -> pd.DataFrame:
    """The metrics of whole test sets in which each image is at its worst: a row a case, size and metric of `POOLED`,
    with the means over the categories that all have, as they are (clean), by the search (worst) and by random shifts
    (random), in percent; and the paired `Difference`s drop (clean minus worst), null (clean minus random) and beyond
    (random minus worst).

    Args:
        records: of the blocks, and the unshifted ones of the same subjects.
        draws: metric -> a row a draw, a column a key.
    """
    rows = []
    for bound in bounds:
        for metric in POOLED:
            of_metric = records[records["metric"] == metric]
            worst = of_metric[of_metric["shift"] == "worst"]
            for at, searched in worst[worst["variant"] == bound.search].groupby(CASE, sort=False):
                where = dict(zip(CASE, at, strict=True))
                random = _same(worst[worst["variant"] == bound.random], searched, CASE)
                plain = of_metric[of_metric["shift"] == "none"].drop_duplicates([*CASE[:-1], "category", "n_images"])
                clean = _same(plain, searched, CASE[:-1])  # several blocks of few images name the same one
                sides = _shared(clean, searched, random)
                if not len(sides[0]):
                    continue
                (c, w, r) = sides
                gaps = {"drop": (c, w), "null": (c, r), "beyond": (r, w)}
                rows.append(
                    {**where, "size": bound.size, "metric": metric, "categories": len(c)}
                    | {n: 100 * s["estimate"].mean() for n, s in zip(("clean", "worst", "random"), sides, strict=True)}
                    | {n: difference_of([(1.0, a), (-1.0, b)], draws[metric], metric) for n, (a, b) in gaps.items()}
                )
    return pd.DataFrame(rows)


def foremost(found: pd.DataFrame) -> "pd.Series[float]":
    """The row of `falls`, or of one metric of `pooled`, that a finding speaks of: the widest bounds of the first suite
    and detector, and of their searches that of all parameters together where there is one.
    """
    widest = found[found["size"] == found["size"].max()]
    subject = [column for column in CASE if column != "setting"]
    first = widest[(widest[subject] == widest[subject].iloc[0]).all(axis=1)]
    together = first[first["setting"] == ALL]
    row: pd.Series[float] = (first if together.empty else together).iloc[0]
    return row


def image_sentence(found: pd.DataFrame) -> str:
    """Of `pooled`, what the search that is `foremost` does to image AUROC, in a sentence that ends in a space; "" where
    that is not there.
    """
    rows = found[found["metric"] == "image_auroc"] if len(found) else found
    if rows.empty:
        return ""
    row = foremost(rows)
    drop, null, beyond = row["drop"], row["null"], row["beyond"]
    further = {1: "lower", 0: "not told from that", -1: "higher"}[beyond.sign]
    again = f"{_MOVES[null.sign]} " if null.sign != drop.sign else ""
    return (
        f"With every image of {row['suite']} at its worst, image AUROC {_MOVES[drop.sign]} from {number(row['clean'])} "
        f"to {number(row['worst'])} % by the search{_untold(drop)}, and {again}to {number(row['random'])} % by as many "
        f"random shifts{_untold(null)}; the search's is {further}: {_span(beyond)} points. "
    )


def score_sentences(found: pd.DataFrame, titles: Mapping[str, str]) -> str:
    """Of `pooled` of searches for misleading image scores, what becomes of image AUROC, a sentence a case.

    Args:
        titles: detector -> what it is called.
    """
    said = []
    for row in found[found["metric"] == "image_auroc"].to_dict("records") if len(found) else ():
        drop, beyond = row["drop"], row["beyond"]
        further = {1: "lower than that", 0: "not told from that", -1: "higher than that"}[beyond.sign]
        said.append(
            f"{titles.get(row['detector'], row['detector'])} on {row['backbone']}, {row['suite']} ({row['categories']} "
            f"categories): image AUROC {_MOVES[drop.sign]} from {number(row['clean'])} to {number(row['worst'])} %"
            f"{_untold(drop)}, which is {further} of as many random shifts, {number(row['random'])} %: {_span(beyond)} "
            "points."
        )
    return " ".join(said)


_MOVES = {1: "falls", 0: "moves", -1: "rises"}  # by the sign of a drop


def _untold(drop: Difference) -> str:
    """Why it is not said which way a mean moves."""
    return "" if drop.sign else " (no draw differs)" if still(drop.low, drop.high) else " (the interval holds 0)"


def _span(gap: Difference) -> str:
    return seen_span(gap.value, gap.low, gap.high)


def lowest_criterion(
    records: pd.DataFrame, draws: Mapping[str, pd.DataFrame], criteria: Mapping[str, str], published: str
) -> pd.DataFrame:
    """What is kept of a search's evaluations decides how low the pooled metrics come: a row a case and metric, with the
    criterion that gives the lowest mean, that mean and the published criterion's in percent, and the paired
    `Difference` gap, published minus lowest. The lowest was chosen after looking, which makes it look lower than it is.

    Args:
        criteria: criterion -> the block that keeps by it; the blocks differ in nothing else.
        published: one of them.
    """
    rows = []
    for metric in POOLED:
        of_metric = records[(records["metric"] == metric) & (records["shift"] == "worst")]
        for at, base in of_metric[of_metric["variant"] == criteria[published]].groupby(CASE, sort=False):
            others = {name: _same(of_metric[of_metric["variant"] == block], base, CASE)
                      for name, block in criteria.items()}  # fmt: skip
            sides = _shared(*(rows_of for rows_of in others.values() if len(rows_of)))
            means = {
                name: 100 * side["estimate"].mean()
                for name, side in zip([n for n, r in others.items() if len(r)], sides, strict=True)
            }
            if len(means) < 2 or not len(sides[0]):
                continue
            lowest = min(means, key=lambda name: means[name])
            by_name = dict(zip(means, sides, strict=True))
            gap = difference_of([(1.0, by_name[published]), (-1.0, by_name[lowest])], draws[metric], metric)
            row = {"metric": metric, "categories": len(sides[0]), "lowest": lowest, "lowest_mean": means[lowest]}
            rows.append(dict(zip(CASE, at, strict=True)) | row | {"published_mean": means[published], "gap": gap})
    return pd.DataFrame(rows)


def gaps_as_columns(table: pd.DataFrame, names: tuple[str, ...] = ("drop", "null", "beyond")) -> pd.DataFrame:
    """`pooled` with each `Difference` as <name>, <name>_low and <name>_high, for a figure or a CSV file."""
    parts: dict[str, list[float]] = {}
    for name in names:
        gaps: list[Difference] = table[name].tolist()
        parts |= {name: [gap.value for gap in gaps], f"{name}_low": [gap.low for gap in gaps],
                  f"{name}_high": [gap.high for gap in gaps]}  # fmt: skip
    return table.drop(columns=list(names)).assign(**parts)


def _same(records: pd.DataFrame, like: pd.DataFrame, on: list[str]) -> pd.DataFrame:
    """The records of the same case and of as many images of the same categories."""
    return records.merge(like[[*on, "category", "n_images"]].drop_duplicates(), on=[*on, "category", "n_images"])


def _shared(*sides: pd.DataFrame) -> list[pd.DataFrame]:
    """Of each the records of the categories that all have."""
    categories = set.intersection(*(set(side["category"]) for side in sides))
    return [side[side["category"].isin(categories)] for side in sides]
