"""The picture of the study: every set, coloured by the charts that cover it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["cover_figure"]

_ACROSS = 4


def cover_figure(shown: Mapping[str, Mapping[str, Any]]) -> Figure:
    """One panel for each set: held-out rows on three principal axes, coloured by their likeliest chart.

    Rows inside two charts are ringed.

    Args:
        shown: `places` (n, 3), `chart` and `shared` of some rows, and what the overlaps `say`, by title of the set.
    """
    from matplotlib.figure import Figure

    from latentatlas.plots.style import CATEGORY_COLOURS, INK

    down = -(-len(shown) // _ACROSS)
    figure = Figure(figsize=(3.3 * _ACROSS, 3.5 * down), layout="constrained")
    for number, (title, part) in enumerate(shown.items(), start=1):
        axes: Any = figure.add_subplot(down, _ACROSS, number, projection="3d")
        places, chart, shared = (np.asarray(part[name]) for name in ("places", "chart", "shared"))
        colours = np.array(CATEGORY_COLOURS)[chart % len(CATEGORY_COLOURS)]
        edges = np.where(shared, INK, colours)
        axes.scatter(*places.T, c=colours, edgecolors=edges, s=9, linewidths=0.5, depthshade=False)
        axes.set_box_aspect(np.maximum(np.ptp(places, axis=0), 0.2 * np.ptp(places)), zoom=1.4)
        axes.set_title(f"{title}\n{part['say']}", fontsize=9, color=INK)
        axes.set_axis_off()
    return figure
