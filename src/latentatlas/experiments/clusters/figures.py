"""The picture of a study: groups beside labels, on one map, and how many rows they share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["groups_figure", "matched"]

_INK = "#22262e"


def matched(label: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The groups under the numbers of the labels they match best one to one; groups that are left over come after.

    >>> matched(np.array([0, 0, 1, 1]), np.array([3, 3, 0, 7])).tolist()
    [0, 0, 1, 2]
    """
    from scipy.optimize import linear_sum_assignment

    from latentatlas.metrics import contingency

    codes = np.unique(groups, return_inverse=True)[1]
    table = contingency(label, codes)
    names = np.full(table.shape[1], -1)
    classes, columns = linear_sum_assignment(table, maximize=True)
    names[columns] = classes
    left = np.flatnonzero(names < 0)
    names[left] = table.shape[0] + np.arange(len(left))
    return names[codes]


def groups_figure(places: np.ndarray, label: np.ndarray, groups: np.ndarray, *, names: list[str], title: str) -> Figure:
    """Three panels: places coloured by group, by label, and the shares of each label in each group.

    Args:
        places: (n, 2).
        label: numbers of the labels, from 0.
        groups: numbers of the groups.
        names: of the labels.
        title: of the first panel.
    """
    from matplotlib.figure import Figure

    from latentatlas.metrics import contingency

    found = matched(label, groups)
    figure = Figure(figsize=(14, 4.6), layout="constrained")
    axes = figure.subplots(1, 3)
    _scatter(axes[0], places, found, title)
    _scatter(axes[1], places, label, "True labels")
    shares = contingency(label, found)
    shares = shares / shares.sum(axis=1, keepdims=True)
    axes[2].imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in zip(*np.nonzero(shares >= 0.005), strict=True):
        colour = "white" if shares[row, column] > 0.5 else _INK
        axes[2].text(column, row, f"{shares[row, column]:.2f}"[1 - (shares[row, column] >= 0.995) :],
                     ha="center", va="center", fontsize=7, color=colour)  # fmt: skip
    axes[2].set_yticks(range(len(names)), names, fontsize=8)
    axes[2].set_xticks([])
    axes[2].set_xlabel("group, beside the label it matches", fontsize=9, color=_INK)
    axes[2].set_title("Share of each label", loc="left", fontsize=11, color=_INK, fontweight="bold")
    return figure


def _scatter(axes: Axes, places: np.ndarray, codes: np.ndarray, title: str) -> None:
    from latentatlas.plots.style import CATEGORY_COLOURS, bare

    order = np.random.default_rng(0).permutation(len(places))
    colours = np.array(CATEGORY_COLOURS)[codes % len(CATEGORY_COLOURS)]
    axes.scatter(*places[order].T, s=min(8.0, 12_000 / len(places)), c=colours[order], linewidths=0, rasterized=True)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_title(title, loc="left", fontsize=11, color=_INK, fontweight="bold")
    bare(axes)
