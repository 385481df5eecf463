"""An energy on a map: its minima, its basins, and the barriers between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from latentatlas.core.errors import ShapeError
from latentatlas.plots.map import map_figure
from latentatlas.plots.marks import number_places, outline_groups
from latentatlas.plots.style import FAINT, INK
from latentatlas.plots.tree import joins

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["barrier_figure", "energy_map_figure"]

_MOST_MARKED = 30
_MOST_OUTLINED = 12
_MOST_HEIGHTS = 15
_SHORT_LINE = 60  # pixels


def energy_map_figure(
    xy: np.ndarray,
    energy: np.ndarray,
    *,
    minima: np.ndarray,
    basins: np.ndarray | None = None,
    title: str = "",
    energy_name: str = "energy",
) -> Figure:
    """The map coloured by an energy, dark where it is low, with minima numbered by prominence and basins outlined.

    The 30 most prominent minima are numbered. A line holds the densest half of the rows of each of the 12 most
    prominent basins; where basins overlap on the map they need not in the space the energy lives in. Otherwise as
    `map_figure`. Cost O(n log n).

    Args:
        xy: coordinates (n, 2), finite.
        energy: (n,); NaN is grey.
        minima: row numbers, most prominent first.
        basins: (n,) number of the minimum each row falls to, or None.
        title: heading.
        energy_name: for the colour bar.

    Raises:
        ShapeError: if the arrays do not have one row per point, or a minimum is no row.
        DataError: if a coordinate is NaN or infinite.

    >>> import numpy as np
    >>> figure = energy_map_figure(np.array([[0.0, 0], [9, 9], [5, 5]]), np.array([0.0, 1, 5]), minima=np.array([0, 1]))
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['0', '1']
    """
    xy, minima = np.asarray(xy, dtype=float), np.asarray(minima)
    _require_rows("energy_map_figure", len(xy), minima, energy=energy, basins=basins)
    figure = map_figure(xy, colour=np.asarray(energy, dtype=float), title=title, colour_name=energy_name)
    axes = figure.axes[0]
    notes = [axes.get_xlabel(), _marked(len(minima))]
    if basins is not None and len(minima) > 1:
        outlined = min(len(minima), _MOST_OUTLINED)
        outline_groups(axes, xy, np.asarray(basins), outlined)
        which = "each basin" if outlined == len(minima) else f"each of the {outlined} most prominent basins"
        notes.append(f"lines: densest half of {which}")
    _note(axes, notes)
    number_places(axes, xy[minima[:_MOST_MARKED]], [str(number) for number in range(len(minima[:_MOST_MARKED]))])
    return figure


def barrier_figure(
    xy: np.ndarray,
    minima: np.ndarray,
    *,
    depth: np.ndarray,
    heights: np.ndarray,
    title: str = "",
    names: Sequence[str] | None = None,
) -> Figure:
    """Minima on the map, joined by their lowest passes: thick and dark lines are easy to cross.

    Drawn are the m − 1 passes that suffice (a minimum spanning tree of the saddle heights): the lowest way between any
    two minima goes along these lines, and its height is that of the highest line on it. The number on a line is the
    climb, from the shallower end to the saddle. Lines are not ways on the map. The 30 most prominent minima are drawn.
    Cost O(n + m² log m).

    Args:
        xy: coordinates (n, 2), finite.
        minima: row numbers, most prominent first.
        depth: (m,) energy of each minimum.
        heights: (m, m) energy of the lowest saddle between two minima, infinite where there is no way.
        title: heading.
        names: of the minima; their numbers if not given.

    Raises:
        ShapeError: if there is not one depth, one row of heights and one name per minimum.

    >>> import numpy as np
    >>> figure = barrier_figure(
    ...     np.array([[0.0, 0], [9, 9]]), np.array([0, 1]), depth=np.zeros(2), heights=np.array([[0.0, 2], [2, 0]])
    ... )
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['2', '0', '1']
    """
    xy, minima = np.asarray(xy, dtype=float), np.asarray(minima)
    _require_rows("barrier_figure", len(xy), minima)
    m = len(minima)
    if len(depth) != m or np.shape(heights) != (m, m) or (names is not None and len(names) != m):
        raise ShapeError(
            f"barrier_figure wants one depth, one row of heights and one name for each of {m} minima; got "
            f"{len(depth)} depths and heights of shape {np.shape(heights)}. Pass matching arrays."
        )
    shown = min(m, _MOST_MARKED)
    figure = map_figure(xy, colour=np.full(len(xy), -1), title=title)
    axes = figure.axes[0]
    places = xy[minima[:shown]]
    passes = joins(np.asarray(depth)[:shown], np.asarray(heights)[:shown, :shown], places=places)
    if passes:
        _draw_passes(axes, places, np.array([[p.first, p.second] for p in passes]), np.array([p.climb for p in passes]))
    parts = shown - len(passes)
    _note(axes, [axes.get_xlabel(), _marked(m), *([f"{parts} parts with no way between them"] if parts > 1 else [])])
    number_places(axes, places, [str(n) for n in range(shown)] if names is None else list(names[:shown]))
    return figure


def _draw_passes(axes: Axes, places: np.ndarray, ends: np.ndarray, climbs: np.ndarray) -> None:
    from matplotlib import patheffects
    from matplotlib.cm import ScalarMappable
    from matplotlib.collections import LineCollection
    from matplotlib.colors import Normalize

    high = float(climbs.max()) or 1.0
    scale = ScalarMappable(Normalize(0, high), "viridis")
    widths = 1.6 + 4 * (1 - climbs / high)
    order = np.argsort(-climbs, kind="stable")  # easy passes on top
    lines = LineCollection(
        list(places[ends[order]]),
        colors=scale.to_rgba(climbs[order]).tolist(),
        linewidths=widths[order].tolist(),
        zorder=5,
    )
    lines.set_path_effects([patheffects.withStroke(linewidth=7, foreground="white", alpha=0.5)])
    axes.add_collection(lines)
    bar = axes.figure.colorbar(scale, ax=axes, shrink=0.6, aspect=28, pad=0.02)  # type: ignore[union-attr]
    bar.outline.set_visible(False)  # type: ignore[operator]
    bar.ax.tick_params(labelsize=10, colors=FAINT, length=2)
    bar.set_label("climb from the shallower minimum", fontsize=11, color=INK)
    if len(climbs) > _MOST_HEIGHTS:
        return
    halo: list[Any] = [patheffects.withStroke(linewidth=3, foreground="white")]
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    pixels = axes.transData.transform(places)
    for (first, second), climb in zip(ends, climbs, strict=True):
        if np.linalg.norm(pixels[first] - pixels[second]) < _SHORT_LINE:
            continue  # the discs at its ends leave no room
        across, up = (places[first] + places[second]) / 2
        text = axes.text(across, up, f"{climb:.3g}", ha="center", va="center", fontsize=9, color=INK, zorder=7)
        text.set_path_effects(halo)


def _require_rows(who: str, n: int, minima: np.ndarray, **columns: np.ndarray | None) -> None:
    for name, values in columns.items():
        if values is not None and np.shape(values) != (n,):
            raise ShapeError(f"{who} wants one {name} per point ({n}); got {np.shape(values)}. Pass matching rows.")
    if minima.ndim != 1 or not len(minima) or minima.dtype.kind not in "iu" or minima.min() < 0 or minima.max() >= n:
        raise ShapeError(
            f"{who} wants minima as one or more row numbers below {n}; got {minima.dtype} of shape {minima.shape}. "
            "Pass landscape.minima."
        )


def _marked(count: int) -> str:
    if count > _MOST_MARKED:
        return f"{_MOST_MARKED} most prominent of {count:,} minima"
    return f"{count} minima" if count > 1 else "1 minimum"


def _note(axes: Axes, notes: Sequence[str]) -> None:
    axes.set_xlabel(" · ".join(notes), fontsize=10, color=FAINT, loc="left")
