"""Where worst cases of one parameter lie within what was searched: how many at 0, near it, and at the bound."""

import math
from collections.abc import Mapping
from itertools import product

import pandas as pd
from scipy.stats import binomtest

from zsad.analysis.words import number
from zsad.analysis.worst import SETTINGS

NOUNS = {"angle": "angle", "hue": "hue shift", "saturation": "saturation shift"}
NEAR = 0.05
"""Share of the half-width that counts as near 0."""
_AT_THE_BOUND = 0.99


def count_parameters(samples: pd.DataFrame, bounds: Mapping[str, float]) -> pd.DataFrame:
    """A row a suite, backbone, setting and kind of image: their number, and the percentages of them at 0, near 0 and at
    the bound. A hue that may go all the way round has no bound.

    Args:
        samples: the table "samples" of worst cases (`zsad.study.results.load_table`).
        bounds: half-widths of what was searched: angle (degrees), hue (radians) and saturation ([-1, 1]).
    """
    rows = []
    for (suite, backbone), found in samples.groupby(["suite", "backbone"], sort=False):
        for setting, (label, kind) in product(NOUNS, ((True, "anomalous"), (False, "normal"))):
            share = _shares(found[found["label"] == label], setting, bounds)
            if len(share):
                rows.append(
                    {
                        "suite": suite,
                        "backbone": backbone,
                        "setting": SETTINGS[setting],
                        "images": kind,
                        "number": len(share),
                        "at 0 [%]": 100 * (share == 0).mean(),
                        "near 0 [%]": 100 * (share <= NEAR).mean(),
                        "at the bound [%]": None if _circle(setting, bounds) else 100 * (share >= _AT_THE_BOUND).mean(),
                    }
                )
    return pd.DataFrame(rows)


def _shares(samples: pd.DataFrame, setting: str, bounds: Mapping[str, float]) -> pd.Series:
    """The worst cases of one parameter, without sign, as shares of the half-width that was searched."""
    return samples.loc[samples["setting"] == setting, setting].abs() / (bounds[setting] or 1.0)


def _circle(setting: str, bounds: Mapping[str, float]) -> bool:
    return setting == "hue" and bounds["hue"] >= math.pi - 1e-6


def conclude(samples: pd.DataFrame, bounds: Mapping[str, float]) -> str:
    """For each setting over all images: the share near 0 and at the bound, beside what an even spread would give;
    arguments as `count_parameters`.
    """
    said = []
    for setting, noun in NOUNS.items():
        share = _shares(samples, setting, bounds)
        if share.empty:
            continue
        near, total = int((share <= NEAR).sum()), len(share)
        text = (
            f"Of {total} worst {noun}s {_percent(near, total)} lie near 0, where an even spread would put "
            f"{100 * NEAR:.0f} %: {_beside(near, total)}; {int((share == 0).sum())} are 0 itself"
        )
        edge = int((share >= _AT_THE_BOUND).sum())
        text += "" if _circle(setting, bounds) else f", and {_percent(edge, total)} lie at the bound"
        said.append(f"{text}.")
    return " ".join(said)


def finding(samples: pd.DataFrame, bounds: Mapping[str, float]) -> str:
    """Whether the first setting has a peak near 0, and how many worst cases of each lie at the bound: two sentences;
    arguments as `conclude`, with samples of one setting at least.
    """
    shares = {setting: _shares(samples, setting, bounds) for setting in NOUNS}
    there = {setting: share for setting, share in shares.items() if len(share)}
    first, share = next(iter(there.items()))
    near, total = int((share <= NEAR).sum()), len(share)
    said = (
        f"Searched by itself, the worst {NOUNS[first]} lies near 0 for {_percent(near, total)} of {total} images, "
        f"where an even spread would put {100 * NEAR:.0f} %: {_beside(near, total)}."
    )
    edges = [
        f"{_percent(int((share >= _AT_THE_BOUND).sum()), len(share))} of the {NOUNS[setting]}s"
        for setting, share in there.items()
        if not _circle(setting, bounds)
    ]
    return f"{said} At the bound of what was searched lie {' and '.join(edges)}." if edges else said


def _percent(count: int, total: int) -> str:
    low, high = _interval(count, total)
    return f"{number(100 * count / total)} % (95 % interval {number(100 * low)} to {number(100 * high)})"


def _interval(count: int, total: int) -> tuple[float, float]:
    found = binomtest(count, total).proportion_ci(method="wilson")
    return found.low, found.high


def _beside(count: int, total: int) -> str:
    low, high = _interval(count, total)
    return "a peak" if low > NEAR else "a gap" if high < NEAR else "statistically no peak"


def names(samples: pd.DataFrame) -> str:
    """The categories of some images, for a caption."""
    return ", ".join(sorted(str(name).replace("_", " ") for name in samples["category"].unique()))


def in_words(sample: pd.Series) -> str:
    """Angle, hue and saturation shift of a worst case, such as "+45°, +0.50 π, −0.20"."""
    hue = number(sample["hue"] / math.pi, 2, sign=True)
    return f"{number(sample['angle'], 0, sign=True)}°, {hue} π, {number(sample['saturation'], 2, sign=True)}"


def examples_table(chosen: pd.DataFrame) -> pd.DataFrame:
    """Images that a rule chose (`zsad.analysis.worst.typical_and_largest`): their worst case, AUROC and loss."""
    return pd.DataFrame(
        {
            "chosen as": chosen["rule"],
            "suite": chosen["suite"],
            "image": chosen["id"],
            "angle [degrees]": chosen["angle"],
            "hue [π]": chosen["hue"] / math.pi,
            "saturation": chosen["saturation"],
            "AUROC": 100 * chosen["clean_auroc"],
            "AUROC at its worst": 100 * chosen["auroc"],
            "loss": chosen["clean_loss"],
            "loss at its worst": chosen["loss"],
        }
    )
