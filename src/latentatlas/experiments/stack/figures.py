"""The picture of the study: what is left by depth, above what each block explains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["depth_figure"]

Panel = tuple[Mapping[str, Mapping[int, Sequence[float]]], Mapping[str, Sequence[Sequence[float]]]]


def depth_figure(panels: Mapping[str, Panel], *, least: float) -> Figure:
    """One column for each source.

    Args:
        panels: by title: what is left by way and depth over seeds, and what each block explains by kind of block.
        least: level of the stop rule.
    """
    from matplotlib.figure import Figure

    from latentatlas.plots.style import CATEGORY_COLOURS, FAINT, INK

    figure = Figure(figsize=(4.4 * len(panels) + 2.6, 6.6), layout="constrained")
    axes = figure.subplots(2, len(panels), squeeze=False, sharex=True)
    for (above, below), (title, (curves, explained)) in zip(axes.T, panels.items(), strict=True):
        for colour, (name, by_depth) in zip(CATEGORY_COLOURS, curves.items(), strict=False):
            mean = [np.mean(values) for values in by_depth.values()]
            width = 2.4 if "ours" in name else 1.2
            above.plot(list(by_depth), mean, marker="o", markersize=3.5, color=colour, linewidth=width,
                       label=name.replace("*", ""))  # fmt: skip
        above.set_yscale("log")
        above.set_title(title, loc="left", fontsize=11, color=INK, fontweight="bold")
        blocks = np.arange(1, 1 + max(map(len, explained.values())))
        for number, (name, values) in enumerate(explained.items()):
            mean, deviation = np.mean(values, axis=1), np.std(values, axis=1)
            below.bar(blocks[: len(mean)] + 0.38 * (number - 0.5), mean, 0.36, yerr=deviation, ecolor=INK,
                      color=CATEGORY_COLOURS[2 * number], label=f"blocks of {name}")  # fmt: skip
        below.axhline(least, color=FAINT, linewidth=1, linestyle="--", label=f"stop rule, {least:g}")
        below.set(xticks=blocks, ylim=(0, 1))
        below.set_xlabel("block", fontsize=9, color=INK)
        for panel in (above, below):
            panel.spines[["top", "right"]].set_visible(False)
    axes[0, 0].set_ylabel("left of the variance, test rows", fontsize=9, color=INK)
    axes[1, 0].set_ylabel("share a block explains of what it reads", fontsize=9, color=INK)
    handles = [each for row in axes for each in zip(*row[0].get_legend_handles_labels(), strict=True)]
    figure.legend(*zip(*handles, strict=True), loc="outside right upper", fontsize=8, frameon=False)
    return figure
