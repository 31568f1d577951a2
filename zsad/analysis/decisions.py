"""Decisions part by part: false alarms and misses at a threshold that was set before the images shifted.

They are computed from kept scores, and come as records and bootstrap draws like those of AUROC, so that the same means,
differences and intervals serve for them (`zsad.analysis.effects`).
"""

import math
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from zsad.analysis.differences import category_seed
from zsad.analysis.words import number
from zsad.metrics import expanded
from zsad.metrics.bootstrap import draw_counts
from zsad.metrics.decision import (
    SHARE,
    best_f1_thresholds,
    error_rates,
    good_share_thresholds,
    median_shift,
    once,
)
from zsad.study.schema import KEY_COLUMNS, SUBJECT_COLUMNS, smaller_class

TRAINING, BEST_F1 = "training images", "best F1"
RULES = {
    TRAINING: f"at most {100 * SHARE:.0f} % of the category's good training images raise an alarm",
    BEST_F1: "the largest F1 on the unshifted test set itself: optimistic, for it takes the labels of what is judged",
}
METRICS = {"false_alarms": "false alarms", "misses": "misses"}
ANEW = "good images under the shift"
LEAST = math.ceil(1 / SHARE)
"""Of fewer good images none may raise an alarm (`good_share_thresholds`): no threshold that anybody would set."""


def unshifted_sentence(rows: pd.DataFrame) -> str:
    """What each shift is held against: the share without one, of all products, and of those that are turned where
    these are fewer.

    Args:
        rows: of `zsad.analysis.matrix.matrix`, one metric of one suite and detector.
    """
    of = {products: before for products, before in zip(rows["products"], rows["before"], strict=True)}
    if len(of) == 1:
        return f"As they are: {number(next(iter(of.values())))} %."
    return (
        f"As they are: {number(of['all'])} % of all products, the dotted line; rotation is held against the "
        f"{number(of['rotation-invariant'])} % of those that were turned."
    )


@dataclass(frozen=True)
class Decisions:
    """What was decided in some cells.

    Attributes:
        records: a row a cell, rule and metric (false_alarms, a share of the good images; misses, a share of the
            anomalous ones), named and shaped like the records of other metrics, with `rule` and the `threshold`, which
            is that of the unshifted images; its `key` is the cell's and the rule's.
        draws: metric -> a row a bootstrap draw, a column a key.
        moved: a row a shifted cell: its names and `moved`, the median shift of the good images' scores, in
            interquartile ranges of theirs as they are (`zsad.metrics.decision.median_shift`).
    """

    records: pd.DataFrame
    draws: dict[str, pd.DataFrame]
    moved: pd.DataFrame


def decide(
    images: pd.DataFrame, training: pd.DataFrame | None = None, replicates: int = 200, seed: int = 0
) -> Decisions:
    """Set thresholds on the images as they are, by each of `RULES`, and judge all images at them.

    A draw of the bootstrap is a test set drawn with replacement within its category, the same for every detector and
    shift and unrelated to those of other categories, and beside it as many training images as there are, drawn
    likewise. It sets its thresholds anew: a user has some twenty to a few hundred good images, others would have set
    another threshold, and false alarms depend on it. A test set's own best F1 is found again in each draw, since that
    is how it is found.

    Args:
        images: the table "images" of shifted cells, and of the unshifted ones of the same subjects and images.
        training: the table "training" of the unshifted cells; subjects without one have no threshold by that rule.
        replicates: how many draws.
        seed: of the draws.

    Raises:
        ValueError: a cell without an unshifted one of the same images.
    """
    cells = _cells(images)
    good = {str(key): rows["score"].to_numpy(float)
            for key, rows in (training if training is not None else images[:0]).drop_duplicates(["key", "id"])
            .sort_values("id").groupby("key")}  # fmt: skip
    named = images[["study", *KEY_COLUMNS, "key"]].drop_duplicates()
    plain = _plain_keys(named, cells)
    draws, thresholds = _Draws(replicates, seed), dict[str, _Thresholds]()
    rows, drawn, moved = [], {metric: dict[str, Float[np.ndarray, " replicate"]]() for metric in METRICS}, []
    for key, cell in cells.items():
        first = plain[key]
        if first not in thresholds:
            thresholds[first] = _Thresholds.of(cells[first], good.get(first), draws)
        counts = draws.of(cell)
        counted = {"n_images": len(cell.labels), "n_anomalous": int(cell.labels.sum())}
        for rule, (threshold, of_draw) in thresholds[first].by_rule.items():
            found = error_rates(once(cell.scores), cell.scores, cell.labels, threshold)
            spread = error_rates(counts, cell.scores, cell.labels, of_draw)
            for metric, estimate, values in zip(METRICS, found, spread, strict=True):
                rows.append({"of": key, "rule": rule, "threshold": float(threshold[0]), "metric": metric,
                             "estimate": float(estimate[0]), **counted, "key": f"{key} {rule}"})  # fmt: skip
                drawn[metric][f"{key} {rule}"] = values
        if key != first:
            before = cells[first].scores[~cell.labels]
            moved.append({"key": key, "moved": median_shift(before, cell.scores[~cell.labels])})
    found_draws = {metric: pd.DataFrame(values) for metric, values in drawn.items()}
    records = named.rename(columns={"key": "of"}).merge(pd.DataFrame(rows), on="of").drop(columns="of")
    return Decisions(
        _with_intervals(records, found_draws),
        found_draws,
        named.merge(pd.DataFrame(moved, columns=["key", "moved"]), on="key"),
    )


def decide_anew(images: pd.DataFrame, replicates: int = 200, seed: int = 0) -> Decisions:
    """The same with the threshold set anew in every cell, on good images under the cell's own shift: what is left to
    whoever has noticed that the picture has changed. The rule is `ANEW`.

    Every other good image, by id, sets the threshold that all other images are judged at, by the share of false alarms
    of `good_share_thresholds`; then the halves change places, and the mean of both counts. Draws are those of `decide`.
    Cells whose halves hold fewer than `LEAST` good images are left out.

    Args:
        images: the table "images" of any cells.
        replicates, seed: as for `decide`.
    """
    named = images[["study", *KEY_COLUMNS, "key"]].drop_duplicates()
    draws, rows = _Draws(replicates, seed), []
    drawn = {metric: dict[str, Float[np.ndarray, " replicate"]]() for metric in METRICS}
    for key, cell in _cells(images).items():
        halves = _halves(cell.labels)
        if min(half.sum() for half in halves) < LEAST:
            continue
        found, spread = (_at_halves(counts, cell, halves) for counts in (once(cell.scores), draws.of(cell)))
        counted = {"n_images": len(cell.labels), "n_anomalous": int(cell.labels.sum())}
        for metric, estimate, values in zip(METRICS, found, spread, strict=True):
            rows.append({"of": key, "rule": ANEW, "threshold": math.nan, "metric": metric,
                         "estimate": float(estimate[0]), **counted, "key": f"{key} {ANEW}"})  # fmt: skip
            drawn[metric][f"{key} {ANEW}"] = values
    columns = ["of", "rule", "threshold", "metric", "estimate", "n_images", "n_anomalous", "key"]
    records = named.rename(columns={"key": "of"}).merge(pd.DataFrame(rows, columns=columns), on="of").drop(columns="of")
    draws_of = {metric: pd.DataFrame(values) for metric, values in drawn.items()}
    return Decisions(_with_intervals(records, draws_of), draws_of, named[:0].assign(moved=0.0))


@dataclass(frozen=True)
class _Cell:
    suite: str
    category: str
    ids: tuple[str, ...]
    scores: Float[np.ndarray, " image"]
    labels: Bool[np.ndarray, " image"]


def _cells(images: pd.DataFrame) -> dict[str, _Cell]:
    """Key -> its images by id, keys as they come."""
    rows = images.drop_duplicates(["key", "id"])
    of_key, keys = pd.factorize(rows["key"])
    by_id, _ = pd.factorize(rows["id"], sort=True)
    order = np.lexsort((by_id, of_key))
    places = rows.drop_duplicates("key")[["suite", "category"]].to_numpy(str).tolist()
    columns = rows["id"].to_numpy(object), rows["score"].to_numpy(float), rows["label"].to_numpy(bool)
    starts = np.searchsorted(of_key[order], np.arange(len(keys)))  # before the first lies nothing
    parts = zip(*(np.split(column[order], starts)[1:] for column in columns), strict=True)
    return {
        str(key): _Cell(suite, category, tuple(ids), scores, labels)
        for key, (suite, category), (ids, scores, labels) in zip(keys, places, parts, strict=True)
    }


@dataclass
class _Draws:
    """How often each image is drawn: the same for the same images, whatever is measured, and unrelated in other
    categories, so that means over categories can be taken draw by draw.
    """

    replicates: int
    seed: int
    _known: dict[tuple[str, str, bytes], Int[np.ndarray, "replicate image"]] = field(default_factory=dict)

    def of(self, cell: _Cell) -> Int[np.ndarray, "replicate image"]:
        labels, known = cell.labels, (cell.suite, cell.category, cell.labels.tobytes())
        if known not in self._known:
            generator = np.random.default_rng(category_seed(cell.suite, cell.category, self.seed))
            self._known[known] = draw_counts(labels, labels, ~labels, self.replicates, generator)
        return self._known[known]

    def of_training(self, cell: _Cell, images: int) -> Int[np.ndarray, "replicate image"]:
        generator = np.random.default_rng([*category_seed(cell.suite, cell.category, self.seed), 1])
        return generator.multinomial(images, np.full(images, 1 / images), size=self.replicates)


@dataclass(frozen=True)
class _Thresholds:
    """Rule -> the threshold (one value), and that of each draw."""

    by_rule: dict[str, tuple[Float[np.ndarray, " one"], Float[np.ndarray, " replicate"]]]

    @classmethod
    def of(cls, cell: _Cell, good: Float[np.ndarray, " image"] | None, draws: _Draws) -> "_Thresholds":
        by_rule = {}
        if good is not None:
            counts = draws.of_training(cell, len(good))
            by_rule[TRAINING] = (good_share_thresholds(once(good), good), good_share_thresholds(counts, good))
        both = (cell.scores, cell.labels)
        drawn = best_f1_thresholds(draws.of(cell), *both)
        return cls({**by_rule, BEST_F1: (best_f1_thresholds(once(cell.scores), *both), drawn)})


def _halves(labels: Bool[np.ndarray, " image"]) -> list[Bool[np.ndarray, " image"]]:
    """Every other good image, and the rest of the good ones."""
    place = np.cumsum(~labels) % 2
    return [~labels & (place == half) for half in (1, 0)]


def _at_halves(
    counts: Int[np.ndarray, "replicate image"], cell: _Cell, halves: list[Bool[np.ndarray, " image"]]
) -> Float[np.ndarray, "2 replicate"]:
    """False alarms and misses at the threshold that either half sets for all other images, in the mean."""
    rates = [
        error_rates(counts * ~half, cell.scores, cell.labels, good_share_thresholds(counts[:, half], cell.scores[half]))
        for half in halves
    ]
    both: Float[np.ndarray, "2 replicate"] = np.mean(rates, axis=0)
    return both


def _plain_keys(named: pd.DataFrame, cells: dict[str, _Cell]) -> dict[str, str]:
    """Key of each cell -> key of the unshifted cell of the same subject and images."""
    plain = (named["shift"] == "none") | ((named["shift"] != "worst") & (named["value"] == 0))
    subjects = named.set_index("key")[SUBJECT_COLUMNS].apply(tuple, axis=1).to_dict()
    known = {(subjects[key], cells[key].ids): key for key in named.loc[plain, "key"].unique()}
    found = {key: known.get((subjects[key], cell.ids)) for key, cell in cells.items()}
    for key, first in found.items():
        if first is None:
            raise ValueError(
                f"{'/'.join(subjects[key])}: no unshifted cell of the same images, on which a threshold is set: "
                "give the images of both"
            )
    return {key: first for key, first in found.items() if first is not None}


def _with_intervals(records: pd.DataFrame, draws: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """`low` and `high` of each record by itself, where the images of few cells have wider ones."""
    parts = [records[:0].assign(low=0.0, high=0.0)]
    for metric, rows in records.groupby("metric", sort=False):
        drawn = expanded(draws[str(metric)][rows["key"]].to_numpy(), smaller_class(rows))
        low, high = np.clip(np.quantile(drawn, (0.025, 0.975), axis=0), 0.0, 1.0)
        parts.append(rows.assign(low=low, high=high))
    return pd.concat(parts).sort_index()
