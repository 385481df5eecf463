"""The verdict on orientation: charts, where they meet, and whether they turn there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from jaxtyping import Float, Int

from latentatlas.core.errors import ShapeError
from latentatlas.plots.style import CATEGORY_COLOURS, INK, MISSING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["SignedOverlaps", "orientation_figure"]

_CLEAR = 0.5
_KEEPS, _TURNS = CATEGORY_COLOURS[0], CATEGORY_COLOURS[2]
_BEND = 0.32
_NUMBER_AT = 0.4  # of the line, since many cross at their middle


class SignedOverlaps(Protocol):
    """The signed multigraph of overlaps, as `metrics.orientation` gives it."""

    @property
    def orientable(self) -> bool:
        """Whether every sign can be made +1."""
        ...

    @property
    def charts(self) -> Int[np.ndarray, "overlaps 2"]:
        """The two charts of each piece of an overlap."""
        ...

    @property
    def signs(self) -> Int[np.ndarray, " overlaps"]:
        """+1 where orientation is kept, −1 where it turns."""
        ...

    @property
    def rows(self) -> Int[np.ndarray, " overlaps"]:
        """Rows of each piece."""
        ...

    @property
    def agreement(self) -> Float[np.ndarray, " overlaps"]:
        """How far the rows of a piece agree."""
        ...


def orientation_figure(found: SignedOverlaps, *, charts: int, title: str = "") -> Figure:
    """Charts on a ring, and a line for each connected piece of an overlap: does the transition turn orientation there?

    Blue lines keep orientation, red broken ones turn it; grey dotted ones, on whose sign fewer than three quarters of
    the rows agree, do not count. Each line has the number of its rows where there are no more than 15 lines. The charts
    are orientable where every ring of counted lines has an even number of red ones.

    Args:
        found: as `metrics.orientation` gives it.
        charts: how many there are; those that share rows with none are drawn too.
        title: heading; None of the words of the verdict are lost by it.

    >>> from typing import NamedTuple
    >>> class Two(NamedTuple):
    ...     orientable: bool
    ...     charts: np.ndarray
    ...     signs: np.ndarray
    ...     rows: np.ndarray
    ...     agreement: np.ndarray
    >>> band = Two(False, np.array([[0, 1], [0, 1]]), np.array([1, -1]), np.array([40, 30]), np.ones(2))
    >>> orientation_figure(band, charts=2).axes[0].get_title(loc="left")
    'Not orientable: a ring of charts turns orientation'

    Raises:
        ShapeError: if an overlap is of a chart that does not exist.
    """
    from matplotlib.figure import Figure

    if charts < 1 or (len(found.charts) and int(found.charts.max()) >= charts):
        raise ShapeError(
            f"orientation_figure wants overlaps of charts 0 … {charts - 1}; got one of chart "
            f"{int(found.charts.max()) if len(found.charts) else 'none'}. Pass the number of charts."
        )
    figure = Figure(figsize=(5.6, 5.4), layout="constrained")
    axes = figure.add_subplot()
    places = _ring(charts)
    clear = found.agreement >= _CLEAR
    for number, bend in enumerate(_bends(found.charts)):
        ends = places[found.charts[number]]
        _draw_overlap(axes, ends, bend, int(found.signs[number]), clear=bool(clear[number]))
    if len(found.charts) <= 15:
        _number_overlaps(axes, places, found)
    _draw_charts(axes, places)
    axes.set_title(_verdict(found, clear), loc="left", fontsize=10, color=INK, fontweight="bold")
    _legend(figure)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, color=INK, fontweight="bold")
    return figure


def _verdict(found: SignedOverlaps, clear: np.ndarray) -> str:
    if not clear.any():
        return "No overlap with a clear sign: nothing can be said"
    if not found.orientable:
        return "Not orientable: a ring of charts turns orientation"
    if not clear.all():
        return f"Unclear in {(~clear).sum()} of {len(clear)} overlaps: nothing can be said"
    return "Orientable, as far as these overlaps tell"


def _ring(charts: int) -> np.ndarray:
    angles = np.pi / 2 - 2 * np.pi * np.arange(charts) / charts
    if charts == 2:
        angles = np.array([np.pi, 0.0])
    return (charts > 1) * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _bends(pairs: np.ndarray) -> list[float]:
    """How far each line leaves the straight way, so that lines between the same charts lie apart."""
    names = [tuple(pair) for pair in pairs.tolist()]
    taken: dict[tuple[int, ...], int] = {}
    bends = []
    for name in names:
        place = taken[name] = taken.get(name, -1) + 1
        bends.append(_BEND * (place - (names.count(name) - 1) / 2))
    return bends


def _along(ends: np.ndarray, bend: float, t: np.ndarray) -> np.ndarray:
    """Points of a line from one end (0) to the other (1), pulled aside in the middle."""
    way = ends[1] - ends[0]
    middle, t = ends.mean(axis=0) + 2 * bend * np.array([-way[1], way[0]]), t[:, None]
    return (1 - t) ** 2 * ends[0] + 2 * t * (1 - t) * middle + t**2 * ends[1]


def _draw_overlap(axes: Axes, ends: np.ndarray, bend: float, sign: int, *, clear: bool) -> None:
    way = _along(ends, bend, np.linspace(0, 1, 40))
    colour, style = (_KEEPS if sign > 0 else _TURNS, "-" if sign > 0 else (0, (5, 2))) if clear else (MISSING, ":")
    axes.plot(*way.T, color=colour, linestyle=style, linewidth=2.2 if clear else 1.6, zorder=1)


def _number_overlaps(axes: Axes, places: np.ndarray, found: SignedOverlaps) -> None:
    for number, bend in enumerate(_bends(found.charts)):
        ends = places[found.charts[number]]
        across, up = _along(ends, bend, np.array([_NUMBER_AT]))[0]
        text = axes.text(across, up, f"{int(found.rows[number]):,}", fontsize=8, color=INK, ha="center", va="center")
        text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1.2})


def _draw_charts(axes: Axes, places: np.ndarray) -> None:
    colours = [CATEGORY_COLOURS[k] if k < len(CATEGORY_COLOURS) else MISSING for k in range(len(places))]
    axes.scatter(*places.T, s=420, c=colours, edgecolors="white", linewidths=1.5, zorder=3)
    for number, (across, up) in enumerate(places):
        text = axes.text(across, up, str(number), ha="center", va="center", fontsize=10, color="white", zorder=4)
        text.set(fontweight="bold")
        text.set_path_effects(_outline())
    axes.set_xlim(-1.35, 1.35)
    axes.set_ylim(-1.35, 1.35)
    axes.set_aspect("equal")
    axes.set_axis_off()


def _outline() -> list:
    from matplotlib import patheffects

    return [patheffects.withStroke(linewidth=2, foreground=INK)]


def _legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=_KEEPS, linewidth=2.2, label="keeps orientation"),
        Line2D([], [], color=_TURNS, linewidth=2.2, linestyle=(0, (5, 2)), label="turns it"),
        Line2D([], [], color=MISSING, linewidth=1.6, linestyle=":", label="unclear, does not count"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=8, labelcolor=INK)
