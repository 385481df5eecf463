"""The picture of p-values against what they promise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from latentatlas.core.errors import DataError
from latentatlas.plots.style import CATEGORY_COLOURS, FAINT, INK, quiet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["calibration_figure"]

_SMALL = 0.1
_NAMED = 8


def calibration_figure(p: Mapping[str, np.ndarray], *, luck: float, title: str = "") -> Figure:
    """Share of rows with a p-value of α or less against α: all of them, and the small ones by themselves.

    p-values that keep their promise run on the diagonal or below it. The grey band is what luck can add; a curve above
    it finds more anomalies among usual rows than it says. Of more than eight parts those that exceed α most are named.

    Args:
        p: name of a part of the rows → their p-values.
        luck: height of the band above the diagonal, from `checks.CrossCalibrated.luck`; 0 draws none.
        title: heading.

    Cost: O(n log n).

    >>> figure = calibration_figure({"new rows": np.linspace(0.1, 1, 10)}, luck=0.2)
    >>> len(figure.axes)
    2

    Raises:
        DataError: without p-values, or if one is not between 0 and 1.
    """
    from matplotlib.figure import Figure

    for name, values in p.items():
        if not len(values) or not ((values >= 0) & (values <= 1)).all():
            raise DataError(f"calibration_figure wants p-values from 0 to 1; {name!r} has others, or none. Drop it.")
    if not p:
        raise DataError("calibration_figure wants p-values of one part or more; got none. Pass some.")
    figure = Figure(figsize=(9.2, 4.4), layout="constrained")
    worst = sorted(p, key=lambda name: -_excess(p[name]))[:_NAMED]
    for axes, most, heading in zip(
        figure.subplots(1, 2), (1.0, _SMALL), ("All p-values", f"Those up to {_SMALL:g}"), strict=True
    ):
        _draw(axes, p, worst, most=most, luck=luck)
        quiet(axes, heading)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=8, labelcolor=INK)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, color=INK, fontweight="bold")
    return figure


def _draw(axes: Axes, p: Mapping[str, np.ndarray], named: list[str], *, most: float, luck: float) -> None:
    """Curves up to one α."""
    ends = np.array([0.0, most])
    if luck > 0:
        axes.fill_between(ends, ends, ends + luck, color="#e5e7eb", linewidth=0, label="what luck can add")
    axes.plot(ends, ends, color=INK, linewidth=1, linestyle=(0, (4, 3)), label="the promise: a share α at most")
    highest = most
    for name, values in p.items():
        ordered = np.append(np.sort(values), 1.0)
        shares = np.minimum(np.arange(1, len(values) + 2) / len(values), 1.0)
        known = name in named
        colour = CATEGORY_COLOURS[named.index(name) % len(CATEGORY_COLOURS)] if known else FAINT
        axes.step(
            np.append(0.0, ordered),
            np.append(0.0, shares),
            where="post",
            color=colour,
            linewidth=1.5 if known else 0.7,
            label=f"{name} ({len(values):,})" if known else None,
        )
        highest = max(highest, float((values <= most).mean()))
    axes.set_xlim(0, most)
    axes.set_ylim(0, min(1.0, 1.05 * max(highest, min(most + luck, 3 * most))))
    axes.set_xlabel("α", fontsize=9, color=FAINT)
    axes.set_ylabel("share of rows with p ≤ α", fontsize=9, color=FAINT)


def _excess(values: np.ndarray) -> float:
    return float((np.arange(1, len(values) + 1) / len(values) - np.sort(values)).max())
