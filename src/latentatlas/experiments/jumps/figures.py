"""The picture of the study: where jumps lead on the rows that two charts share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["jumps_figure"]


def jumps_figure(shown: Mapping[str, Mapping[str, Any]]) -> Figure:
    """One line for each set, one panel for each kind of jump; a stroke goes from where it leads to where it should.

    Args:
        shown: by title of the set: coordinates `wanted` (rows, 2), and those `reached` by title of the jumps.
    """
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

    from latentatlas.plots.style import CATEGORY_COLOURS, FAINT, INK

    methods = list(next(iter(shown.values()))["reached"])
    figure = Figure(figsize=(2.5 * len(methods), 2.7 * len(shown)), layout="constrained")
    grid = figure.subplots(len(shown), len(methods), squeeze=False)
    for line, (title, part) in zip(grid, shown.items(), strict=True):
        wanted = np.asarray(part["wanted"])
        for axes, name in zip(line, methods, strict=True):
            reached = np.asarray(part["reached"][name])
            strokes = LineCollection(np.stack([reached, wanted], axis=1).tolist(), colors=FAINT, linewidths=0.5)
            axes.add_collection(strokes)
            axes.scatter(*wanted.T, s=7, facecolors="none", edgecolors=INK, linewidths=0.6)
            axes.scatter(*reached.T, s=5, color=CATEGORY_COLOURS[2])
            axes.set_aspect("equal", adjustable="datalim")
            axes.set_xticks([])
            axes.set_yticks([])
            axes.set_title(name.split(" (")[0], fontsize=8, color=INK)
        line[0].set_ylabel(title, fontsize=9, color=INK)
    return figure
