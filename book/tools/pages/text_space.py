"""Where texts and pictures lie in CLIP's space: the gap between them, and what learning the words changes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from book.tools import plots
from book.tools.page import Page
from book.tools.pages.corruption import KINDS, SEVERITY
from book.tools.probes.embedded import images_and_corrupted, training_texts, winclip_prompts
from zsad.clip import Backbone, load_backbone
from zsad.metrics import expanded, interval
from zsad.study.config import DetectorConfig
from zsad.study.evaluate import sizes_of
from zsad.study.run import load_study_detector

DRAWN, LEARNED, PROMPTS = "words as drawn", "learned words", "WinCLIP's prompts"
_SHOWN = 240  # texts a side in the figure
_DRAWS = 200


@dataclass(frozen=True)
class Texts:
    """Unit features of texts, and whether each is on the anomalous side."""

    features: Float[np.ndarray, "text dim"]
    anomalous: Bool[np.ndarray, " text"]

    def mean(self, side: bool) -> Float[np.ndarray, " dim"]:
        mean: np.ndarray = self.features[self.anomalous == side].mean(0)
        return mean


@dataclass(frozen=True)
class Pictures:
    """Unit features of the test pictures of one category, and of the same under every corruption."""

    features: Float[np.ndarray, "image dim"]
    anomalous: Bool[np.ndarray, " image"]
    corrupted: Float[np.ndarray, "corrupted dim"]


def texts_of(page: Page, backbone: Backbone, category: str) -> dict[str, Texts]:
    """What the text FNN is trained on with words as they are drawn and with learned words; and WinCLIP's prompts.

    Raises ValueError where the study has no text_fnn.
    """
    config = next((d for d in page.study.detectors if d.name == "text_fnn"), None)
    if config is None:
        raise ValueError(f"study {page.study.name!r} has no detector text_fnn")
    towers: dict[str, Backbone | Exception] = {page.study.backbones[0]: backbone}
    found = {}
    for name, options in ((DRAWN, {"diversity": None, "guidance": None}), (LEARNED, {})):
        changed = DetectorConfig(name=config.name, options={**config.options, **options})
        detector = load_study_detector(page.study, changed, page.study.backbones[0], towers)
        found[name] = Texts(**page.computed(training_texts, detector=detector, category=category))
    return {**found, PROMPTS: Texts(**page.computed(winclip_prompts, backbone=backbone, category=category))}


def pictures_of(page: Page, backbone: Backbone, suite: str, category: str) -> Pictures:
    """Test pictures as the detector is given them, and the same under the four corruptions at severity 3."""
    found = page.computed(
        images_and_corrupted,
        backbone=backbone,
        dataset=page.dataset(suite, category),
        sizes=sizes_of(page.study),
        kinds=[*KINDS],
        severity=SEVERITY,
        seed=page.study.seed,
    )
    return Pictures(**found)


@dataclass(frozen=True)
class Projection:
    """The plane of the first two principal components."""

    mean: Float[np.ndarray, " dim"]
    axes: Float[np.ndarray, "2 dim"]
    shares: tuple[float, float]

    def __call__(self, features: np.ndarray) -> np.ndarray:
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


def _evenly(features: np.ndarray, count: int) -> np.ndarray:
    """At most `count` rows, evenly spaced: a stable choice."""
    rows: np.ndarray = features[np.unique(np.linspace(0, len(features) - 1, min(count, len(features))).astype(int))]
    return rows


def show_space(page: Page, suite: str, category: str) -> None:
    """The figure of texts and pictures, what was measured, and the conclusion."""
    study = page.study
    backbone = load_backbone(study.backbones[0], device=study.device, dtype=study.dtype)
    texts, pictures = texts_of(page, backbone, category), pictures_of(page, backbone, suite, category)
    count = len(pictures.features)
    balanced = [_evenly(texts[name].features, count // 2) for name in (DRAWN, LEARNED)]
    plane = principal_plane(np.concatenate([*balanced, pictures.features]))
    words = category.replace("_", " ")
    page.figure(
        plots.plot_clouds(
            {name: _clouds(plane, texts[name], texts[PROMPTS], pictures) for name in (DRAWN, LEARNED)},
            (f"first component ({plane.shares[0]:.0%} of the variance)", f"second ({plane.shares[1]:.0%})"),
        ),
        "fig-text-space",
        f"<strong>Texts and pictures in one space: {words}, {suite}.</strong> Unit embeddings on the first two "
        "principal components of texts and pictures in equal number. Left: the network's training texts with words as "
        f"drawn; right: with learned words (at most {_SHOWN} a side). Corrupted: the same pictures, each corruption "
        f"at severity {SEVERITY}. Crosses: the mean of WinCLIP's prompts on each side.",
    )
    table = measures(texts, pictures, page.study.seed)
    shown = {name: [f"{v:.2f} ({low:.2f} to {high:.2f})" if low != high else f"{v:.2f}" for v, low, high in table[name]]
             for name in table.columns}  # fmt: skip
    page.table(
        pd.DataFrame({"texts": table.index, **shown}),
        "tab-text-space",
        "<strong>Distances between unit embeddings</strong>, which are at most 2, and a cosine. Gap: between the means "
        "of all texts and of all uncorrupted pictures. Spread: mean distance of a text from its side's mean. Sides: "
        "between the means of both sides. Direction: cosine of (anomalous minus normal) in texts and in pictures; 1 "
        "where texts say which way damage moves a picture. In brackets: 95 % interval over pictures, where they count.",
    )
    conclusion = conclude(table, pictures)
    page.say(f"**Conclusion ({words}, {suite}).** {conclusion}")
    page.number("conclusion", conclusion)


def _clouds(plane: Projection, texts: Texts, prompts: Texts, pictures: Pictures) -> list[plots.Cloud]:
    side = {s: _evenly(texts.features[texts.anomalous == s], _SHOWN) for s in (False, True)}
    means = np.stack([prompts.mean(False), prompts.mean(True)])
    return [
        plots.Cloud("texts, normal", plane(side[False]), 2, "o", 5),
        plots.Cloud("texts, anomalous", plane(side[True]), 4, "o", 5),
        plots.Cloud("pictures, corrupted", plane(pictures.corrupted), 7, "s", 5),
        plots.Cloud("pictures, normal", plane(pictures.features[~pictures.anomalous]), 0, "^", 16),
        plots.Cloud("pictures, anomalous", plane(pictures.features[pictures.anomalous]), 1, "v", 16),
        plots.Cloud("WinCLIP's prompts", plane(means), 3, "x", 45),
    ]


def measures(texts: dict[str, Texts], pictures: Pictures, seed: int) -> pd.DataFrame:
    """A row a kind of texts; in each cell (value, low, high), with a bootstrap over pictures where these take part."""
    generator = np.random.default_rng(seed)
    draws = [_draw(pictures.anomalous, generator) for _ in range(_DRAWS)]
    rows = {}
    for name, t in texts.items():
        between = t.mean(True) - t.mean(False)
        spread = np.mean(
            [np.linalg.norm(t.features[t.anomalous == s] - t.mean(s), axis=1).mean() for s in (False, True)]
        )
        rows[name] = {
            "gap": _with_interval(
                lambda p, _, t=t: float(np.linalg.norm(p.mean(0) - t.features.mean(0))), pictures, draws, (0, np.inf)
            ),
            "spread": (float(spread),) * 3,
            "sides": (float(np.linalg.norm(between)),) * 3,
            "direction": _with_interval(
                lambda p, a, between=between: _cosine(p[a].mean(0) - p[~a].mean(0), between), pictures, draws, (-1, 1)
            ),
        }
    return pd.DataFrame(rows).T


def _draw(anomalous: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Pictures drawn with replacement, normal and anomalous by themselves so that both are there."""
    return np.concatenate(
        [generator.choice(np.flatnonzero(anomalous == side), (anomalous == side).sum()) for side in (False, True)]
    )


def _with_interval(
    statistic: Callable[..., float], pictures: Pictures, draws: list[np.ndarray], limits: tuple[float, float]
) -> tuple[float, float, float]:
    drawn = np.array([[statistic(pictures.features[d], pictures.anomalous[d])] for d in draws])
    fewer = np.array([min(pictures.anomalous.sum(), (~pictures.anomalous).sum())])
    low, high = np.clip(interval(expanded(drawn, fewer)[:, 0]), *limits).tolist()
    return statistic(pictures.features, pictures.anomalous), low, high


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def conclude(table: pd.DataFrame, pictures: Pictures) -> str:
    """How large the gap is beside what tells the sides apart, and what learning changed."""
    gap, sides, spread, direction = (table.loc[LEARNED, name] for name in ("gap", "sides", "spread", "direction"))
    apart = np.linalg.norm(
        pictures.features[pictures.anomalous].mean(0) - pictures.features[~pictures.anomalous].mean(0)
    )
    drawn = {name: table.loc[DRAWN, name][0] for name in ("spread", "sides", "direction")}
    return (
        f"Texts and pictures lie {gap[0]:.2f} apart ({gap[1]:.2f} to {gap[2]:.2f}): {gap[0] / sides[0]:.1f} times the "
        f"distance of normal from anomalous texts ({sides[0]:.2f}) and {gap[0] / apart:.1f} times that of normal from "
        f"anomalous pictures ({apart:.2f}). The network is used where it was not trained. Learning the words changes "
        f"the spread of the texts from {drawn['spread']:.2f} to {spread[0]:.2f} and the distance of their sides from "
        f"{drawn['sides']:.2f} to {sides[0]:.2f}; the cosine of damage in texts and in pictures goes from "
        f"{drawn['direction']:.2f} to {direction[0]:.2f} ({direction[1]:.2f} to {direction[2]:.2f})."
    )
