"""Histograms of the parameters that a search ended at."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, MultipleLocator

from book.tools.plots.style import INK, PALETTE, new_figure, style
from book.tools.plots.sweep import SETTINGS

KINDS = (("anomalous", True, PALETTE[4]), ("normal", False, PALETTE[0]))


def plot_histograms(
    samples: pd.DataFrame,
    setting: str,
    bound: float,
    bins: int = 19,
) -> Figure:
    """A row of panels a suite, a column a backbone: how many images have their worst case where.

    Args:
        samples: a row an image: suite, backbone, label (True: anomalous) and a column of the setting's name, in its
            own unit.
        setting: "angle", "hue" or "saturation".
        bound: half-width of what was searched, in the same unit.
        bins: an odd number, so that 0 is the middle of a bin.
    """
    axis_of = SETTINGS[setting]
    suites, backbones = (samples[name].drop_duplicates().tolist() for name in ("suite", "backbone"))
    figure, axes = new_figure(len(suites), len(backbones), height=0.7 + 1.9 * len(suites), sharex=True, sharey="row")
    edges = np.linspace(-bound, bound, bins + 1) * axis_of.scale
    with style():
        for index, axis in enumerate(axes):
            suite, backbone = suites[index // len(backbones)], backbones[index % len(backbones)]
            rows = samples[(samples["suite"] == suite) & (samples["backbone"] == backbone)]
            values = [rows[rows["label"] == label][setting].to_numpy(float) * axis_of.scale for _, label, _ in KINDS]
            axis.hist(
                [np.clip(v, edges[0], edges[-1]) for v in values],
                edges.tolist(),
                stacked=True,
                color=[colour for *_, colour in KINDS],
                label=[f"{name} images" for name, *_ in KINDS],
            )
            axis.axvline(0, color=INK, linewidth=0.9, linestyle=":")
            axis.set_title(f"{suite}, {backbone} ({len(rows)})")
            axis.xaxis.set_major_locator(MultipleLocator(axis_of.tick))
            axis.yaxis.set_major_locator(MaxNLocator(5, integer=True))
            if index % len(backbones) == 0:
                axis.set_ylabel("images")
            if index >= len(axes) - len(backbones):
                axis.set_xlabel(axis_of.label)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=2, handlelength=1.2)
    return figure
