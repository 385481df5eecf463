"""Many charts side by side: coordinates with transitions, and codes with their cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np
from jaxtyping import Float, Int

from latentatlas.core.errors import ShapeError
from latentatlas.plots.style import CATEGORY_COLOURS, FAINT, INK, MISSING, bare

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["charts_figure", "codebook_figure"]

_ACROSS = 5
_MOST_CHARTS = 20
_MOST_ROWS = 1_000
_MOST_LINKS = 60
_LEAST = 0.05
_LONGEST_NAME = 18


def charts_figure(
    local: Float[np.ndarray, "n charts dim"],
    memberships: Float[np.ndarray, "n charts"],
    *,
    reached: Float[np.ndarray, "n charts charts dim"] | None = None,
    colour: np.ndarray | None = None,
    title: str = "",
) -> Figure:
    """Charts side by side, each with the rows that it has and those that it shares.

    Dots are rows of the chart, rings rows of other charts with a membership of .05 or more in this one. Colours are
    those of the charts, or of `colour`; a chart is named in its own colour. With jumps a line leads from each of at
    most 60 rings of a panel to where the jump from the row's own chart puts it: short lines are good transitions. Of
    charts with more than two axes the two main ones of their rows are shown; of more than 20 charts the most used.

    Args:
        local: coordinates in every chart.
        memberships: soft ones.
        reached: where jumps lead, from the second axis to the third.
        colour: a category for each row, such as its label; None is its chart.
        title: heading.

    Cost: O(n charts dim²).

    >>> local, memberships = np.zeros((4, 2, 2)), np.array([[0.9, 0.1], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    >>> [axes.get_title(loc="left") for axes in charts_figure(local, memberships).axes]
    ['chart 0 · 2 rows', 'chart 1 · 2 rows']

    Raises:
        ShapeError: if the arrays are not of the same rows, charts and axes.
    """
    _require_same(local, memberships, reached, colour)
    chart = memberships.argmax(axis=1)
    names, kinds = (None, chart) if colour is None else np.unique(colour.astype(str), return_inverse=True)
    figure, panels = _panels(chart, memberships.shape[1])
    for number, axes in panels:
        plane = _Plane.of(local[chart == number, number])
        own, shared = _thinned(chart == number), _thinned((memberships[:, number] >= _LEAST) & (chart != number))
        links = shared[:_MOST_LINKS] if reached is not None else shared[:0]
        if reached is not None:
            _draw_links(axes, plane(local[links, number]), plane(reached[links, chart[links], number]))
        inside, also = plane(local[own, number]), plane(local[shared, number])
        axes.scatter(*inside.T, s=7, c=_colours(kinds[own]), linewidths=0, alpha=0.7)
        axes.scatter(*also.T, s=16, facecolors="none", edgecolors=_colours(kinds[shared]), linewidths=1.0, zorder=3)
        _frame(axes, number, int((chart == number).sum()), plane)
        _look_at(axes, np.concatenate([inside, also]))
    _explain(figure, names, linked=reached is not None)
    _head(figure, title)
    return figure


def codebook_figure(
    local: Float[np.ndarray, "n charts dim"],
    chart: Int[np.ndarray, " n"],
    code: Int[np.ndarray, " n"],
    places: Float[np.ndarray, "charts codes dim"],
    *,
    title: str = "",
) -> Figure:
    """The rows of each chart in the colours of their codes, the codes with their numbers, and the borders of the cells.

    A cell holds the places whose nearest code is its own (Voronoi). Of charts with more than two axes the two main ones
    of their rows are shown, and no borders, since cells do not lie in a plane there.

    Args:
        local: coordinates in every chart.
        chart: of each row.
        code: of each row in its chart.
        places: of the codes.
        title: heading.

    Cost: O(n dim² + charts · codes log codes).

    >>> local, none = np.zeros((3, 1, 2)), np.zeros(3, int)
    >>> figure = codebook_figure(local, none, none, np.array([[[0.0, 0.0], [1.0, 1.0]]]))
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['0', '1']

    Raises:
        ShapeError: if the arrays are not of the same rows, charts and axes.
    """
    if local.shape[1:] != (len(places), places.shape[2]) or not len(local) == len(chart) == len(code):
        raise ShapeError(
            f"codebook_figure wants chart and code of every row, and codes for its charts; got coordinates "
            f"{local.shape}, {len(chart)} charts, {len(code)} codes of rows, codes {places.shape}. Pass those of one "
            "model."
        )
    figure, panels = _panels(chart, len(places))
    for number, axes in panels:
        plane = _Plane.of(local[chart == number, number])
        own = _thinned(chart == number)
        at, seats = plane(local[own, number]), plane(places[number])
        axes.scatter(*at.T, s=7, c=_colours(code[own]), linewidths=0, alpha=0.75)
        _frame(axes, number, int((chart == number).sum()), plane)
        _look_at(axes, np.concatenate([at, seats]))
        if places.shape[2] <= 2:
            _draw_borders(axes, seats, flat=places.shape[2] == 1)
        _number_codes(axes, seats)
    _head(figure, title)
    return figure


@final
@dataclass(frozen=True, eq=False)
class _Plane:
    """Coordinates of a chart to the plane of its picture."""

    centre: np.ndarray
    axes: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> _Plane:
        """The coordinates themselves up to two axes, else the two main axes of the rows."""
        dim = rows.shape[1]
        if dim <= 2 or len(rows) < 3:
            return cls(np.zeros(dim), np.eye(dim, min(dim, 2)))
        centre = rows.mean(axis=0, dtype=np.float64)
        return cls(centre, np.linalg.eigh(np.cov(rows.T.astype(np.float64)))[1][:, :-3:-1])

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """(m, 2); a single axis is drawn in a band, so that rows do not hide each other."""
        flat = (points - self.centre) @ self.axes
        if flat.shape[1] == 2:
            return flat
        heights = (np.arange(len(flat)) * 0.6180339887 % 1 - 0.5)[:, None] * 0.5
        return np.concatenate([flat, heights], axis=1)

    @property
    def words(self) -> str:
        dim = len(self.centre)
        return "" if dim <= 2 else f"2 main axes of {dim}"


def _panels(chart: np.ndarray, count: int) -> tuple[Figure, list[tuple[int, Axes]]]:
    """A grid with a panel for each chart, the most used ones where there are many."""
    from matplotlib.figure import Figure

    sizes = np.bincount(chart, minlength=count)
    shown = np.sort(np.argsort(-sizes, kind="stable")[:_MOST_CHARTS])
    across = min(_ACROSS, len(shown))
    down = -(-len(shown) // across)
    figure = Figure(figsize=(2.5 * max(across, 2) + 0.2, 2.6 * down + 0.7))
    figure.set_layout_engine("constrained", w_pad=0.06, h_pad=0.1)
    grid = figure.subplots(down, across, squeeze=False).ravel()
    for axes in grid[len(shown) :]:
        axes.remove()
    if len(shown) < count:
        figure.supxlabel(f"the {len(shown)} most used of {count} charts", fontsize=9, color=FAINT)
    return figure, list(zip(shown.tolist(), grid, strict=False))


def _thinned(mask: np.ndarray) -> np.ndarray:
    """Numbers of the rows, in random order, not too many to draw."""
    return np.random.default_rng(0).permutation(np.flatnonzero(mask))[:_MOST_ROWS]


def _colours(kinds: np.ndarray) -> list[str]:
    return [CATEGORY_COLOURS[kind] if 0 <= kind < len(CATEGORY_COLOURS) else MISSING for kind in kinds.tolist()]


def _frame(axes: Axes, number: int, rows: int, plane: _Plane) -> None:
    bare(axes)
    axes.set_box_aspect(1)
    words = f"chart {number} · {rows:,} rows" if rows else f"chart {number} · empty"
    axes.set_title(words, loc="left", fontsize=9, color=INK, fontweight="bold")
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color(_colours(np.array([number]))[0])
        spine.set_linewidth(1.6)
    if plane.words:
        axes.set_xlabel(plane.words, fontsize=8, color=FAINT, loc="left")


def _draw_links(axes: Axes, here: np.ndarray, there: np.ndarray) -> None:
    from matplotlib.collections import LineCollection

    axes.add_collection(LineCollection(list(np.stack([here, there], axis=1)), colors=FAINT, linewidths=0.7, zorder=1))


def _draw_borders(axes: Axes, seats: np.ndarray, *, flat: bool) -> None:
    """Borders between the cells of codes; equal codes have one cell."""
    from matplotlib.collections import LineCollection
    from scipy.spatial import Voronoi

    if flat:
        places = np.unique(seats[:, 0])
        for border in (places[1:] + places[:-1]) / 2:
            axes.axvline(border, color=INK, linewidth=0.8, zorder=2)
        return
    seats = np.unique(seats, axis=0)
    if len(seats) < 2:
        return
    far = 1e3 * (float(np.abs(seats).max()) + 1) * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
    found = Voronoi(np.concatenate([seats, far]))
    inner = [
        found.vertices[ends]
        for ends, sides in zip(found.ridge_vertices, found.ridge_points, strict=True)
        if min(ends) >= 0 and max(sides) < len(seats)
    ]
    axes.add_collection(LineCollection(inner, colors=INK, linewidths=0.8, zorder=2), autolim=False)


def _number_codes(axes: Axes, seats: np.ndarray) -> None:
    from matplotlib import patheffects

    halo = [patheffects.withStroke(linewidth=2.5, foreground="white")]
    for number, (across, up) in enumerate(seats):
        text = axes.text(across, up, str(number), ha="center", va="center", fontsize=8, color=INK, zorder=4)
        text.set(path_effects=halo, clip_on=True)


def _look_at(axes: Axes, points: np.ndarray) -> None:
    """A square window around the points, one unit in both directions, without what reaches beyond."""
    if not len(points):
        return
    low, high = points.min(axis=0), points.max(axis=0)
    reach = 0.55 * float((high - low).max()) or 1.0
    for middle, set_limits in zip((low + high) / 2, (axes.set_xlim, axes.set_ylim), strict=True):
        set_limits(middle - reach, middle + reach)


def _explain(figure: Figure, names: Sequence[str] | np.ndarray | None, *, linked: bool) -> None:
    """Dots, rings, lines and, where colours are categories, their names."""
    from matplotlib.lines import Line2D

    dot: Callable[..., Line2D] = lambda **style: Line2D([], [], linestyle="", marker="o", **style)  # noqa: E731
    handles = [
        dot(color=FAINT, markersize=4, label="row of the chart"),
        dot(markerfacecolor="none", color=FAINT, markersize=6, label="row of another chart, also here"),
    ]
    if linked:
        handles.append(Line2D([], [], color=FAINT, linewidth=1, label="to where the jump puts it"))
    small: Any = {"frameon": False, "fontsize": 8, "labelcolor": INK}
    wide = figure.get_figwidth() > 6
    figure.legend(handles=handles, loc="outside lower left", ncols=len(handles) if wide else 1, **small)
    if names is not None:
        named = zip(names, CATEGORY_COLOURS, strict=False)
        kinds = [dot(color=colour, markersize=5, label=_short(str(name))) for name, colour in named]
        figure.legend(handles=kinds, loc="outside right upper", **small)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1].rstrip() + "…"


def _head(figure: Figure, title: str) -> None:
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, color=INK, fontweight="bold")


def _require_same(
    local: np.ndarray, memberships: np.ndarray, reached: np.ndarray | None, colour: np.ndarray | None
) -> None:
    n, charts, dim = local.shape
    right = memberships.shape == (n, charts) and (colour is None or np.shape(colour) == (n,))
    if not right or (reached is not None and reached.shape != (n, charts, charts, dim)):
        came = [None if each is None else np.shape(each) for each in (memberships, reached, colour)]
        raise ShapeError(
            f"charts_figure wants memberships, jumps and colours of the rows with coordinates {local.shape}; got "
            f"{came[0]}, {came[1]} and {came[2]}. Pass those of one model."
        )
