"""Pictures of the energy studies: curves side by side, and images beside images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["bars_figure", "lines_figure"]

Curves = Mapping[str, Mapping[float, Sequence[float]]]
"""By title: the values over seeds at each place of the axis."""


def lines_figure(
    panels: Mapping[str, Curves], *, across: str, up: str, ticks: Sequence[float], level: float | None = None
) -> Figure:
    """One panel of curves for each title, a band of one standard deviation about each; ours are thick.

    Args:
        panels: curves by title of the panel.
        across: name of the horizontal axis.
        up: name of the vertical axis.
        ticks: of the horizontal axis.
        level: of a dashed line, such as a target.
    """
    from matplotlib.figure import Figure

    from latentatlas.plots.style import CATEGORY_COLOURS, FAINT, INK

    figure = Figure(figsize=(5.2 * len(panels) + 2.8, 4.4), layout="constrained")
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    names = list(dict.fromkeys(name for curves in panels.values() for name in curves))
    colours = dict(zip(names, CATEGORY_COLOURS, strict=False))
    for panel, (title, curves) in zip(axes, panels.items(), strict=True):
        for name, curve in curves.items():
            mean = np.array([np.mean(values) for values in curve.values()])
            deviation = np.array([np.std(values) for values in curve.values()])
            style = {"color": colours[name], "linewidth": 2.4 if "ours" in name else 1.2}
            panel.plot(list(curve), mean, marker="o", markersize=3, label=name.replace("*", ""), **style)
            panel.fill_between(list(curve), mean - deviation, mean + deviation, color=colours[name], alpha=0.12, lw=0)
        if level is not None:
            panel.axhline(level, color=FAINT, linewidth=1, linestyle="--")
        panel.set_title(title, loc="left", fontsize=11, color=INK, fontweight="bold")
        panel.set_xticks(list(ticks))
        panel.set_xlabel(across, fontsize=9, color=INK)
        panel.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel(up, fontsize=9, color=INK)
    handles = {label: line for panel in axes for line, label in zip(*panel.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside right upper", fontsize=8, frameon=False)
    return figure


def bars_figure(
    panels: Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]],
    *,
    across: str,
    up: str,
    marks: Mapping[str, Mapping[str, float]],
    mark: str,
) -> Figure:
    """Groups of bars, one panel above the other; a bar is a mean over seeds, its whisker a standard deviation.

    Args:
        panels: by title of the panel, of the bars and of the group: values over seeds.
        across: name of the groups.
        up: name of the height.
        marks: levels to draw across groups, by title of the panel and of the group.
        mark: name of the levels.
    """
    from matplotlib.figure import Figure

    from latentatlas.plots.style import CATEGORY_COLOURS, INK

    figure = Figure(figsize=(10.5, 3.4 * len(panels)), layout="constrained")
    axes = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
    for panel, (title, bars) in zip(axes, panels.items(), strict=True):
        width = 0.84 / len(bars)
        for number, (name, by_group) in enumerate(bars.items()):
            at = np.arange(len(by_group)) + (number - (len(bars) - 1) / 2) * width
            mean, deviation = (np.array([each(values) for values in by_group.values()]) for each in (np.mean, np.std))
            colour = CATEGORY_COLOURS[number % len(CATEGORY_COLOURS)]
            label = name.replace("*", "").replace("`", "")
            panel.bar(at, mean, width * 0.92, yerr=deviation, label=label, color=colour, ecolor=INK)
        groups = list(next(iter(bars.values())))
        for place, group in enumerate(groups):
            if group in marks.get(title, {}):
                panel.hlines(marks[title][group], place - 0.45, place + 0.45, color=INK, linewidth=1.6,
                             linestyle="--", label=mark if place == 0 else None)  # fmt: skip
        panel.set_xticks(range(len(groups)), groups)
        panel.set_title(title, loc="left", fontsize=11, color=INK, fontweight="bold")
        panel.set_ylabel(up, fontsize=9, color=INK)
        panel.spines[["top", "right"]].set_visible(False)
    axes[-1].set_xlabel(across, fontsize=9, color=INK)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper", fontsize=8, frameon=False)
    return figure
