"""Clouds of points in the plane: embeddings of texts and pictures, projected."""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from matplotlib.figure import Figure
from numpy import ndarray

from book.tools.plots.style import PALETTE, new_figure, style


@dataclass(frozen=True)
class Cloud:
    """Points of one kind. `colour` counts in the palette; `marker` is matplotlib's; `size` in points."""

    name: str
    points: Float[ndarray, "point 2"]
    colour: int
    marker: str
    size: float = 9


def plot_clouds(panels: dict[str, Sequence[Cloud]], axes_labels: tuple[str, str], height: float = 3.6) -> Figure:
    """A panel a title, all on the same axes and scale; later clouds lie on top."""
    figure, axes = new_figure(1, len(panels), height=height, sharex=True, sharey=True)
    with style():
        for axis, (title, clouds) in zip(axes, panels.items(), strict=True):
            for cloud in clouds:
                axis.scatter(
                    cloud.points[:, 0], cloud.points[:, 1], s=cloud.size, marker=cloud.marker, label=cloud.name,
                    color=PALETTE[cloud.colour], alpha=0.75, linewidths=0 if cloud.marker != "x" else 1.5,
                )  # fmt: skip
            axis.set_title(title)
            axis.set_xlabel(axes_labels[0])
        axes[0].set_ylabel(axes_labels[1])
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 3), markerscale=1.6)
    return figure
