"""What one shift of growing strength does to a detector: the records of a sweep, over the categories of one suite."""

import math
from collections.abc import Mapping
from fractions import Fraction

import pandas as pd

from zsad.analysis.costs import IMAGE, cost_sentence, counted, worst_sentence
from zsad.analysis.means import Drop, drop_sentence, drops, worst_drop
from zsad.analysis.words import MINUS, exact, span

METRICS = {"pixel_auroc": "pAUROC", "aupro": "AUPRO"}
"""The pixel metrics of a sweep, and their names in a table."""
TABLE = IMAGE | METRICS


def subject(records: pd.DataFrame) -> str:
    """Detector, backbone, suite, categories and number of test images in words.

    Raises ValueError for records of more than one suite, detector, backbone or dtype.
    """
    if len(records[["suite", "detector", "backbone", "dtype"]].drop_duplicates()) != 1:
        raise ValueError(
            "a sweep figure shows one suite, detector, backbone and dtype: choose them with the parameters"
        )
    first = records.iloc[0]
    names = ", ".join(sorted(name.replace("_", " ") for name in records["category"].unique()))
    images = records.drop_duplicates("category")["n_images"].sum()
    detector = "WinCLIP" if first["detector"] == "winclip" else first["detector"]
    return f"{detector} on {first['backbone']} ({first['dtype']}), {first['suite']}: {names}; {images} test images"


def strength(setting: str, value: float) -> str:
    """A shift in words: "−60 degrees", "a hue shift of +0.5 π", "a saturation shift of −0.05", "−0.25 stops",
    "−40 mired". Not rounded, since a rounded one was never tried.
    """
    if setting == "hue":
        return f"a hue shift of {_of_pi(value)} π"
    unit = {"angle": " degrees", "exposure": " stops", "white_balance": " mired"}.get(setting)
    return f"{exact(value)}{unit}" if unit else f"a {setting} shift of {exact(value)}"


def _of_pi(radians: float) -> str:
    """How many π: a decimal number where three digits are enough, else a fraction, such as "+0.25" or "−1/6"."""
    whole = Fraction(radians / math.pi).limit_denominator(12)
    if math.isclose(1000 * whole, round(1000 * whole)) or not math.isclose(whole, radians / math.pi):
        return exact(radians / math.pi)
    return f"{whole.numerator:+d}/{whole.denominator}".replace("-", MINUS)


def finding(cost: pd.DataFrame, records: pd.DataFrame, setting: str) -> str:
    """What a sweep costs at image level in the mean over all its shifted values: none was chosen after looking.

    Args:
        cost: of `zsad.analysis.costs.costs`, a row a metric, of all shifted values together.
        records: of the sweep.
    """
    values = records.loc[records["value"] != 0, "value"]
    first, last = (strength(setting, at).removeprefix(f"a {setting} shift of ") for at in (values.min(), values.max()))
    called = {"angle": "turns"}.get(setting, f"{setting.replace('_', ' ')} shifts")
    return (
        f"{cost_sentence(cost)} Means over {values.nunique()} {called} from {first} to {last}, on {counted(cost)}; in "
        "brackets 95 % intervals."
    )


def worst_finding(cost: pd.DataFrame, names: Mapping[str, str]) -> str:
    """Which of several sweeps costs most at image level.

    Args:
        cost: of `zsad.analysis.costs.costs`, a row a metric and setting, of all shifted values of a setting together.
        names: the words for each setting.
    """
    return (
        f"{worst_sentence(cost, 'setting', names)} Means over all strengths of a shift, on {counted(cost)}; in "
        "brackets 95 % intervals."
    )


def worst_drops(records: pd.DataFrame, replicates: pd.DataFrame) -> dict[str, Drop]:
    """Of each of `METRICS` the lowest shifted mean, against the mean at value 0; see `zsad.analysis.means.drops`."""
    fallen = drops(records[records["metric"].isin(METRICS)], replicates)
    return {metric: worst_drop(fallen, metric) for metric in METRICS}


def conclusion(worst: dict[str, Drop], setting: str) -> str:
    """A sentence a metric."""
    return " ".join(drop_sentence(drop, strength(setting, drop.value)) for drop in worst.values())


def percents(records: pd.DataFrame, mean: pd.DataFrame) -> pd.DataFrame:
    """A row a value; of each of `TABLE` that is there the mean over categories, its interval and every category, in
    percent.

    `mean`: of `zsad.analysis.means.mean_over_categories`.
    """
    columns: dict[str, pd.Series] = {}
    for metric, short in TABLE.items():
        rows = mean[mean["metric"] == metric].set_index("value")
        if rows.empty:
            continue
        for name, key in (("mean", "estimate"), ("low", "low"), ("high", "high")):
            columns[f"{short} {name}"] = rows[key] * 100
        for category, group in records[records["metric"] == metric].groupby("category"):
            columns[f"{short} {str(category).replace('_', ' ')}"] = group.set_index("value")["estimate"] * 100
    return pd.DataFrame(columns).rename_axis("value").reset_index()


def with_intervals(table: pd.DataFrame) -> dict[str, list[str]]:
    """The means of `percents` in words, with their intervals."""
    return {
        short: [span(*row) for row in table[[f"{short} {part}" for part in ("mean", "low", "high")]].to_numpy()]
        for short in TABLE.values()
        if f"{short} mean" in table
    }
