"""Texts and images in CLIP's space: the gap between them, and how far the directions of damage agree."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from zsad.analysis.words import number, span
from zsad.metrics import expanded, interval

_DRAWS = 200


@dataclass(frozen=True)
class Sides:
    """Unit features of texts or images, and whether each is on the anomalous side."""

    features: Float[np.ndarray, "point dim"]
    anomalous: Bool[np.ndarray, " point"]

    def of(self, side: bool) -> Float[np.ndarray, "point dim"]:
        features: np.ndarray = self.features[self.anomalous == side]
        return features

    def mean(self, side: bool) -> Float[np.ndarray, " dim"]:
        mean: np.ndarray = self.of(side).mean(0)
        return mean

    @property
    def damage(self) -> Float[np.ndarray, " dim"]:
        """From the mean of the normal side to that of the anomalous one."""
        damage: np.ndarray = self.mean(True) - self.mean(False)
        return damage

    @property
    def spread(self) -> float:
        """Mean distance of a point from the mean of its side."""
        return float(np.mean([np.linalg.norm(self.of(s) - self.mean(s), axis=1).mean() for s in (False, True)]))


@dataclass(frozen=True)
class Projection:
    """The plane of the first two principal components."""

    mean: Float[np.ndarray, " dim"]
    axes: Float[np.ndarray, "2 dim"]
    shares: tuple[float, float]

    def __call__(self, features: Float[np.ndarray, "point dim"]) -> Float[np.ndarray, "point 2"]:
        coordinates: np.ndarray = (features - self.mean) @ self.axes.T
        return coordinates


def principal_plane(features: Float[np.ndarray, "point dim"]) -> Projection:
    """The two directions of largest variance, and their shares of it; the largest entry of each is positive."""
    mean = features.mean(0)
    _, sizes, directions = np.linalg.svd(features - mean, full_matrices=False)
    axes = directions[:2]
    axes = axes * np.sign(axes[np.arange(2), np.abs(axes).argmax(1)])[:, None]
    first, second = (sizes[:2] ** 2 / (sizes**2).sum()).tolist()
    return Projection(mean, axes, (first, second))


def evenly(features: Float[np.ndarray, "point dim"], count: int) -> Float[np.ndarray, "chosen dim"]:
    """At most `count` rows, evenly spaced: a stable choice."""
    rows: np.ndarray = features[np.unique(np.linspace(0, len(features) - 1, min(count, len(features))).astype(int))]
    return rows


def distances(texts: Mapping[str, Sides], images: Sides, seed: int) -> pd.DataFrame:
    """A row a kind of texts: gap, spread, sides, direction; and of the first and last, which images take part in, the
    95 % interval of a bootstrap over images: gap_low, gap_high, direction_low, direction_high.

    gap: between the means of all texts and of all images. spread: of texts around the mean of their side. sides:
    between the means of both sides of the texts. direction: cosine of `damage` in texts and in images.
    """
    generator = np.random.default_rng(seed)
    drawn = [images, *(_drawn_again(images, generator) for _ in range(_DRAWS))]
    fewer = int(min(images.anomalous.sum(), (~images.anomalous).sum()))
    rows = {}
    for name, t in texts.items():
        middle, damage = t.features.mean(0), t.damage
        gaps = [float(np.linalg.norm(i.features.mean(0) - middle)) for i in drawn]
        cosines = [_cosine(i.damage, damage) for i in drawn]
        rows[name] = {
            **_with_interval("gap", gaps, fewer, (0, np.inf)),
            "spread": t.spread,
            "sides": float(np.linalg.norm(damage)),
            **_with_interval("direction", cosines, fewer, (-1, 1)),
        }
    return pd.DataFrame(rows).T


def _drawn_again(images: Sides, generator: np.random.Generator) -> Sides:
    """As many with replacement, normal and anomalous by themselves so that both are there."""
    sides = [np.flatnonzero(images.anomalous == side) for side in (False, True)]
    rows = np.concatenate([generator.choice(side, len(side)) for side in sides])
    return Sides(images.features[rows], images.anomalous[rows])


def _with_interval(name: str, values: list[float], images: int, limits: tuple[float, float]) -> dict[str, float]:
    """The first value, with the interval of the others, which is wider for few images."""
    wider = expanded(np.array(values[1:])[:, None], np.array([images]))[:, 0]
    low, high = np.clip(interval(wider), *limits).tolist()
    return {name: values[0], f"{name}_low": low, f"{name}_high": high}


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def in_words(table: pd.DataFrame) -> pd.DataFrame:
    """`distances` as they are shown: a row a kind of texts, with intervals in brackets."""
    shown = {
        name: [span(r[name], r[f"{name}_low"], r[f"{name}_high"], 2) for _, r in table.iterrows()]
        if f"{name}_low" in table
        else [number(value, 2) for value in table[name]]
        for name in ("gap", "spread", "sides", "direction")
    }
    return pd.DataFrame({"texts": table.index, **shown})


def learning_sentence(table: pd.DataFrame, images: Sides, drawn: str, learned: str) -> str:
    """How large the gap is beside what tells the sides apart, and what learning changed.

    Args:
        table: `distances`, with rows `drawn` and `learned`.
    """
    before, after, apart = table.loc[drawn], table.loc[learned], float(np.linalg.norm(images.damage))
    gap = span(after["gap"], after["gap_low"], after["gap_high"], 2)
    direction = span(after["direction"], after["direction_low"], after["direction_high"], 2)
    changed = {name: f"{number(before[name], 2)} to {number(after[name], 2)}" for name in ("spread", "sides")}
    return (
        f"Texts and images lie {gap} apart: {after['gap'] / after['sides']:.1f} times the distance of normal from "
        f"anomalous texts ({after['sides']:.2f}) and {after['gap'] / apart:.1f} times that of normal from anomalous "
        f"images ({apart:.2f}). The network is used where it was not trained. Learning the words changes the spread of "
        f"the texts from {changed['spread']} and the distance of their sides from {changed['sides']}; the cosine of "
        f"damage in texts and in images goes from {number(before['direction'], 2)} to {direction}."
    )
