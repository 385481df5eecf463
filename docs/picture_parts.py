"""What the pictures of the documentation share."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

BLUE, RED, GREY = "#1f6fb4", "#d1495b", "#8a8f98"


def solid(
    figure: Figure,
    place: int,
    points: np.ndarray,
    values: np.ndarray,
    colours: str,
    *,
    shape: tuple[int, int] = (2, 4),
    size: float = 0.8,
) -> Axes:
    panel = figure.add_subplot(*shape, place, projection="3d")
    panel.scatter(*points.T, c=values, cmap=colours, s=size)
    panel.set_aspect("equal")
    panel.set_axis_off()
    return panel


def row_of_panels(count: int, *, sharex: bool = False, sharey: bool = False) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(7.6, 2.5), layout="constrained")
    axes = list(figure.subplots(1, count, sharex=sharex, sharey=sharey))
    for panel in axes:
        panel.spines[["top", "right"]].set_visible(False)
    return figure, axes


def join(panel: Axes, first: torch.Tensor, second: torch.Tensor, *, colour: str) -> None:
    """A line from each row of one set to its row of the other."""
    panel.plot(*torch.stack([first.T, second.T], dim=1), color=colour, linewidth=0.7, zorder=1)


def bare(panel: Axes) -> None:
    panel.set_xticks([])
    panel.set_yticks([])
    panel.spines[:].set_visible(False)
