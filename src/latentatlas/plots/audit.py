"""The picture of an audit: what each probe reads of a nuisance, before and after, and what it cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from latentatlas.core.errors import DataError
from latentatlas.plots.style import CATEGORY_COLOURS, FAINT, INK, quiet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["AuditMark", "AuditPanel", "audit_figure"]

_AFTER, _BEFORE = CATEGORY_COLOURS[0], FAINT
_LOWEST = -0.35


class AuditMark(NamedTuple):
    """One line of a panel.

    Attributes:
        name: what is read, and by whom.
        after: excess over chance, or another number at most 1; NaN draws nothing.
        before: the same before treatment; NaN draws nothing.
        low: lower end of what is tolerated.
        high: upper end of what is tolerated.
    """

    name: str
    after: float
    before: float
    low: float
    high: float


class AuditPanel(NamedTuple):
    """One panel: its title, its lines from top to bottom, and whether less is better (else more)."""

    title: str
    marks: Sequence[AuditMark]


def audit_figure(panels: Sequence[AuditPanel], *, title: str = "", before: bool = False) -> Figure:
    """One panel per nuisance and one for the price, all from chance (0) to certainty (1).

    A filled dot is the audited embedding, a hollow one the rows before treatment, the grey band what is tolerated.
    Numbers below −.35 are drawn there.

    Args:
        panels: from top to bottom.
        title: heading.
        before: whether the legend names the rows before treatment.

    >>> figure = audit_figure([AuditPanel("scanner", [AuditMark("linear", 0.7, 0.9, 0.0, 0.05)])])
    >>> len(figure.axes)
    1

    Raises:
        DataError: without a panel, or for one without lines.
    """
    from matplotlib.figure import Figure

    if not panels or not all(panel.marks for panel in panels):
        raise DataError("audit_figure wants panels with a line or more each; got none. Pass what was measured.")
    lines = [len(panel.marks) for panel in panels]
    figure = Figure(figsize=(7.6, 0.9 + sum(0.27 * count + 0.75 for count in lines)), layout="constrained")
    grid = figure.subplots(len(panels), 1, squeeze=False, height_ratios=[count + 1.6 for count in lines])[:, 0]
    for axes, panel in zip(grid, panels, strict=True):
        _draw(axes, panel)
    grid[-1].set_xlabel("excess over chance: 0 nothing is read, 1 all of it", fontsize=8, color=FAINT)
    _legend(figure, before=before)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, color=INK, fontweight="bold")
    return figure


def _draw(axes: Axes, panel: AuditPanel) -> None:
    for place, mark in enumerate(panel.marks):
        band = max(mark.low, _LOWEST), mark.high
        axes.barh(place, band[1] - band[0], left=band[0], height=0.72, color="#e5e7eb", zorder=1)
        after, before = (max(value, _LOWEST) if math.isfinite(value) else value for value in (mark.after, mark.before))
        if math.isfinite(after) and math.isfinite(before):
            axes.plot([before, after], [place, place], color=FAINT, linewidth=1, zorder=2)
        axes.scatter([before], [place], s=34, facecolors="white", edgecolors=_BEFORE, linewidths=1.4, zorder=3)
        axes.scatter([after], [place], s=40, color=_AFTER, edgecolors="white", linewidths=0.8, zorder=4)
    axes.axvline(0, color=INK, linewidth=0.9, zorder=1.5)
    quiet(axes, panel.title)
    axes.set_yticks(range(len(panel.marks)), [mark.name for mark in panel.marks])
    axes.tick_params(axis="y", labelcolor=INK, length=0)
    axes.grid(visible=False, axis="y")
    axes.set_ylim(len(panel.marks) - 0.4, -0.6)
    axes.set_xlim(_LOWEST - 0.03, 1.03)


def _legend(figure: Figure, *, before: bool) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = [
        Line2D([], [], marker="o", linestyle="", color=_AFTER, markersize=6, label="audited"),
        Line2D([], [], marker="o", linestyle="", markerfacecolor="white", color=_BEFORE, markersize=6, label="before"),
        Patch(color="#e5e7eb", label="tolerated"),
    ]
    shown = handles if before else [handles[0], handles[2]]
    figure.legend(handles=shown, loc="outside lower center", ncols=3, frameon=False, fontsize=8, labelcolor=INK)
