"""Sweeps: a metric against the strength of one shift, a line a category and their mean with its interval."""

import math
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, MultipleLocator

from book.tools.plots.style import INK, PALETTE, new_figure, style

METRIC_NAMES = {
    "image_auroc": "image AUROC",
    "image_ap": "image AP",
    "image_f1max": "image F1-max",
    "image_f1max_floor": "F1-max floor",
    "pixel_auroc": "pixel AUROC",
    "pixel_ap": "pixel AP",
    "pixel_f1max": "pixel F1-max",
    "aupro": "AUPRO (FPR ≤ 0.3)",
    "false_alarms": "false alarms",
    "misses": "misses",
}


@dataclass(frozen=True)
class Axis:
    """How one setting's strength is shown: `label` of the axis, factor from the record's unit, tick spacing."""

    label: str
    scale: float
    tick: float


SETTINGS = {
    "angle": Axis("rotation angle [degrees]", 1.0, 30.0),
    "hue": Axis("hue shift [multiples of π rad]", 1 / math.pi, 0.5),
    "saturation": Axis("saturation shift [HSV units, −1 to 1]", 1.0, 0.25),
    "exposure": Axis("exposure [stops]", 1.0, 1.0),
    "white_balance": Axis("white balance [mired, + warmer]", 1.0, 25.0),
}


def plot_sweep(
    per_category: pd.DataFrame,
    mean: pd.DataFrame,
    setting: str,
    metrics: tuple[str, ...] = ("pixel_auroc", "aupro"),
) -> Figure:
    """One panel a metric, in percent, against the strength of `setting`.

    `per_category`: records (suite, category, value, metric, estimate in [0, 1]); `mean`: value, metric, estimate,
    low, high. The mean is drawn in the page's text colour with its 95 % interval as a band; the dotted line is the
    mean at no shift.
    """
    axis = SETTINGS[setting]
    figure, panels = new_figure(1, len(metrics), height=3.5, sharex=True)
    with style():
        for panel, metric in zip(panels, metrics, strict=True):
            _panel(panel, per_category[per_category["metric"] == metric], mean[mean["metric"] == metric], axis)
            panel.xaxis.set_major_locator(MultipleLocator(axis.tick * (2 if len(metrics) > 2 else 1)))
            panel.set_ylabel(f"{METRIC_NAMES[metric]} [%]")
        figure.supxlabel(axis.label, fontsize="medium", color=INK)  # once: beside each other three would collide
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 5), handlelength=1.8)
    return figure


def _panel(panel: Axes, per_category: pd.DataFrame, mean: pd.DataFrame, axis: Axis) -> None:
    markers = "osD^vPX*"
    for index, (category, rows) in enumerate(per_category.groupby("category", sort=True)):
        rows = rows.sort_values("value")
        panel.plot(
            rows["value"] * axis.scale,
            rows["estimate"] * 100,
            color=PALETTE[index % len(PALETTE)],
            marker=markers[index % len(markers)],
            markersize=4,
            linewidth=1.1,
            label=str(category).replace("_", " "),
        )
    mean = mean.sort_values("value")
    x = mean["value"] * axis.scale
    panel.fill_between(
        x, mean["low"] * 100, mean["high"] * 100, color=INK, alpha=0.16, linewidth=0, label="95 % interval"
    )
    panel.plot(x, mean["estimate"] * 100, color=INK, linewidth=2.4, label="mean")
    clean = mean.loc[mean["value"] == 0, "estimate"]
    if len(clean):
        panel.axhline(float(clean.iloc[0]) * 100, color=INK, linewidth=1, linestyle=":", alpha=0.7)
    panel.yaxis.set_major_locator(MaxNLocator(6))
