"""The picture of the ablation: figures along one setting after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["sweep_figure"]


def sweep_figure(panels: Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]], names: Sequence[str]) -> Figure:
    """One panel for each setting; its values stand side by side, a curve for each figure with a band of one s.d.

    Args:
        panels: title of the setting → value of the setting → name of a figure → the figure for each seed.
        names: of the figures that are drawn.
    """
    from matplotlib.figure import Figure

    from latentatlas.plots.style import CATEGORY_COLOURS, FAINT, INK, quiet

    widths = [len(cells) for cells in panels.values()]
    figure = Figure(figsize=(2.6 + 0.75 * sum(widths), 3.8), layout="constrained")
    grid = figure.subplots(1, len(panels), sharey=True, squeeze=False, gridspec_kw={"width_ratios": widths})[0]
    for axes, (title, cells) in zip(grid, panels.items(), strict=True):
        places = np.arange(len(cells))
        for name, colour in zip(names, CATEGORY_COLOURS, strict=False):
            mean = np.array([np.mean(figures[name]) for figures in cells.values()])
            spread = np.array([np.std(figures[name]) for figures in cells.values()])
            axes.plot(places, mean, color=colour, marker="o", markersize=4, linewidth=1.4, label=name)
            axes.fill_between(places, mean - spread, mean + spread, color=colour, alpha=0.15, linewidth=0)
        quiet(axes, title)
        axes.set_xticks(places, list(cells), fontsize=8)
        axes.set_xlim(-0.3, len(cells) - 0.7)
    grid[0].set_ylabel("share", fontsize=9, color=FAINT)
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", fontsize=8, frameon=False, labelcolor=INK)
    return figure
