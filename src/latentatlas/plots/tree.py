"""How minima join as the energy rises: merge tree, prominences and persistence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from latentatlas.core.errors import ShapeError
from latentatlas.plots.style import CATEGORY_COLOURS, FAINT, INK, MISSING, quiet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Join", "joins", "merge_tree_figure", "prominence_figure"]

_MOST_LEAVES = 40
_MOST_BARS = 25
_LONGEST_NAME = 34


class Join(NamedTuple):
    """Two parts of the landscape that meet as the energy rises.

    Attributes:
        height: energy of the saddle.
        first: a minimum of one part, on the pass.
        second: a minimum of the other part, on the pass.
        survivor: the deepest minimum of both.
        ended: the deepest minimum of the other part.
        climb: height above the shallower of `first` and `second`.
    """

    height: float
    first: int
    second: int
    survivor: int
    ended: int
    climb: float


def joins(depth: np.ndarray, heights: np.ndarray, *, places: np.ndarray | None = None) -> list[Join]:
    """The m − 1 joins (fewer where there is no way), from low to high: Kruskal's algorithm on the saddle heights.

    Of passes of equal height the shortest between `places` is taken, if they are given. Cost O(m² log m).

    >>> import numpy as np
    >>> heights = np.array([[0.0, 3, 3], [3, 0, 2], [3, 2, 0]])
    >>> [(join.height, join.survivor, join.ended) for join in joins(np.array([0.0, 1.0, 1.5]), heights)]
    [(2.0, 1, 2), (3.0, 0, 1)]
    """
    i, j = np.triu_indices(len(depth), 1)
    length = np.zeros(len(i)) if places is None else np.linalg.norm(places[i] - places[j], axis=1)
    part = np.arange(len(depth))  # each minimum → the deepest of its part
    found = []
    for pair in np.lexsort((length, heights[i, j])):
        first, second, height = int(i[pair]), int(j[pair]), float(heights[i[pair], j[pair]])
        a, b = int(part[first]), int(part[second])
        if a == b or not np.isfinite(height):
            continue
        survivor, ended = (a, b) if (depth[a], a) < (depth[b], b) else (b, a)
        part[part == ended] = survivor
        found.append(Join(height, first, second, survivor, ended, height - float(max(depth[first], depth[second]))))
    return found


def merge_tree_figure(
    depth: np.ndarray,
    heights: np.ndarray,
    *,
    names: Sequence[str] | None = None,
    title: str = "",
    energy_name: str = "energy",
) -> Figure:
    """The merge tree: one line per minimum, from its energy to the saddle where a deeper one takes over.

    A line's length is the prominence of its minimum. The deepest line of each connected part goes on to the right.
    Long lines that join late are basins far from each other; short ones are ripples. The 40 first minima are drawn.
    Cost O(m² log m).

    Args:
        depth: (m,) energy of each minimum, the most prominent first.
        heights: (m, m) energy of the lowest saddle between two minima, infinite where there is no way.
        names: of the minima; their numbers if not given.
        title: heading.
        energy_name: of the axis.

    Raises:
        ShapeError: if there is no minimum, or not one row of heights and one name for each.

    >>> import numpy as np
    >>> figure = merge_tree_figure(np.array([0.0, 1.0]), np.array([[0.0, 4], [4, 0]]), names=["sea", "lake"])
    >>> [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    ['sea', 'lake']
    """
    from matplotlib.figure import Figure

    depth, heights = np.asarray(depth, dtype=float), np.asarray(heights, dtype=float)
    names = _checked(depth, heights, names)
    shown = min(len(depth), _MOST_LEAVES)
    depth, heights = depth[:shown], heights[:shown, :shown]
    found = joins(depth, heights)
    order = _leaf_order(shown, found)
    place = np.empty(shown)
    place[order] = np.arange(shown)
    figure = Figure(figsize=(8, 1.3 + 0.3 * max(shown, 2)), layout="constrained")
    axes = figure.add_subplot()
    _draw_tree(axes, depth, found, place)
    axes.set_yticks(np.arange(shown), labels=[_short(names[leaf]) for leaf in order])
    quiet(axes, title)
    axes.tick_params(axis="y", labelsize=9, colors=INK, length=0)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.invert_yaxis()
    more = "" if shown == len(names) else f" · {shown} most prominent of {len(names):,} minima"
    axes.set_xlabel(f"{energy_name}, low is left{more}", fontsize=9, color=FAINT, loc="left")
    return figure


def prominence_figure(
    depth: np.ndarray,
    prominence: np.ndarray,
    *,
    kept: np.ndarray,
    threshold: float | None = None,
    names: Sequence[str] | None = None,
    title: str = "",
) -> Figure:
    """Which minima stand out: the persistence diagram of all, and bars of the 25 most prominent.

    In the diagram a minimum lies as far above the diagonal as it is prominent; the crowd near the diagonal is noise.
    Those without end (the deepest of each connected part) stand on the upper edge, and their bars have arrows.

    Args:
        depth: (m,) energy of each minimum, the most prominent first.
        prominence: (m,), descending, infinite where there is no deeper minimum to go to.
        kept: (m,) whether a minimum stands out.
        threshold: prominence from which they do, drawn as a line.
        names: of all minima, empty for those without; their numbers if not given.
        title: heading.

    Raises:
        ShapeError: if depth and prominence differ in length or are empty, or a name is missing.

    >>> import numpy as np
    >>> figure = prominence_figure(
    ...     np.array([0.0, 1.0]), np.array([np.inf, 0.5]), kept=np.array([True, False]), names=["sea", "puddle"]
    ... )
    >>> [tick.get_text() for tick in figure.axes[1].get_yticklabels()]
    ['sea', 'puddle']
    """
    from matplotlib.figure import Figure

    depth, prominence = np.asarray(depth, dtype=float), np.asarray(prominence, dtype=float)
    kept = np.asarray(kept, dtype=bool)
    names = [str(number) for number in range(len(depth))] if names is None else list(names)
    if not len(depth) or not len(depth) == len(prominence) == len(kept) == len(names):
        raise ShapeError(
            f"prominence_figure wants prominence, kept and name of each of one or more minima; got {len(depth)} "
            f"depths, {len(prominence)} prominences, {len(kept)} kept, {len(names)} names. Pass matching arrays."
        )
    bars = min(len(depth), _MOST_BARS)
    figure = Figure(figsize=(10, max(3.4, 1.2 + 0.24 * bars)), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.25))
    finite = prominence[np.isfinite(prominence)]
    ceiling = float(finite.max(initial=0.0)) or 1.0
    _draw_diagram(left, depth, prominence, kept, threshold)
    _draw_bars(right, prominence[:bars], kept[:bars], threshold, ceiling)
    quiet(left, "Persistence of all minima")
    quiet(right, "Prominence" + ("" if bars == len(depth) else f", {bars} of {len(depth):,}"))
    right.set_yticks(np.arange(bars), labels=[_short(name) for name in names[:bars]])
    right.tick_params(axis="y", labelsize=8.5, colors=INK, length=0)
    right.grid(visible=False, axis="y")
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, color=INK, fontweight="bold")
    return figure


def _draw_tree(axes: Axes, depth: np.ndarray, found: list[Join], place: np.ndarray) -> None:
    end = np.full(len(depth), np.nan)
    for join in found:
        end[join.ended] = join.height
    top = float(np.nanmax(np.append(end, depth.max())))
    span = (top - depth.min()) or 1.0
    for leaf, start in enumerate(depth):
        colour = _colour(leaf)
        endless = np.isnan(end[leaf])
        axes.hlines(place[leaf], start, top + 0.08 * span if endless else end[leaf], color=colour, linewidth=2.4)
        axes.plot(start, place[leaf], "o", color=colour, markersize=6, markeredgecolor="white")
        if endless:
            axes.plot(top + 0.08 * span, place[leaf], ">", color=colour, markersize=6)
    for join in found:
        axes.vlines(join.height, *sorted((place[join.survivor], place[join.ended])), color=FAINT, linewidth=1.2)
    axes.set_xlim(depth.min() - 0.04 * span, top + 0.13 * span)
    axes.set_ylim(-0.6, len(depth) - 0.4)


def _draw_diagram(
    axes: Axes, depth: np.ndarray, prominence: np.ndarray, kept: np.ndarray, threshold: float | None
) -> None:
    death = depth + prominence
    finite = np.isfinite(death)
    top = float(max(depth.max(), death[finite].max(initial=-np.inf)))
    span = (top - depth.min()) or 1.0
    ends = np.array([depth.min() - 0.05 * span, top + 0.05 * span])
    axes.plot(ends, ends, color=MISSING, linewidth=1)
    if threshold is not None and np.isfinite(threshold):
        axes.plot(ends, ends + threshold, color=INK, linewidth=1, linestyle="--", label="threshold")
    shown = np.where(finite, death, top + 0.1 * span)
    styles: tuple[tuple[np.ndarray, dict[str, Any]], ...] = (
        (~kept, {"color": FAINT, "s": 12, "alpha": 0.5, "label": "do not stand out"}),
        (
            kept,
            {"color": CATEGORY_COLOURS[0], "s": 34, "edgecolors": "white", "linewidths": 0.7, "label": "stand out"},
        ),
    )
    for chosen, style in styles:
        if chosen.any():
            axes.scatter(depth[chosen & finite], shown[chosen & finite], rasterized=True, **style)
            endless = chosen & ~finite
            axes.scatter(depth[endless], shown[endless], marker="^", **{**style, "label": None})
    axes.set_ylim(ends[0], top + 0.16 * span)
    axes.set_xlim(*ends)
    axes.set_xlabel("energy of the minimum", fontsize=9, color=FAINT)
    axes.set_ylabel("energy of its saddle  (▲: never ends)", fontsize=9, color=FAINT)
    axes.legend(fontsize=8, frameon=True, framealpha=0.85, edgecolor="none", loc="lower right")


def _draw_bars(axes: Axes, prominence: np.ndarray, kept: np.ndarray, threshold: float | None, ceiling: float) -> None:
    endless = ~np.isfinite(prominence)
    lengths = np.where(endless, 1.12 * ceiling, prominence)
    colours = [CATEGORY_COLOURS[0] if stands else MISSING for stands in kept]
    axes.barh(np.arange(len(prominence)), lengths, color=colours, height=0.72)
    for number in np.flatnonzero(endless):
        axes.plot(1.12 * ceiling, number, ">", color=colours[number], markersize=9, clip_on=False)
    if threshold is not None and np.isfinite(threshold):
        axes.axvline(threshold, color=INK, linewidth=1, linestyle="--")
    axes.set_xlim(0, 1.2 * ceiling)
    axes.set_ylim(len(prominence) - 0.4, -0.6)
    axes.set_xlabel("climb to a deeper minimum  (▶: there is none)", fontsize=9, color=FAINT)


def _leaf_order(count: int, found: list[Join]) -> list[int]:
    """Leaves in an order in which no line crosses another: parts that join lie side by side."""
    parts = {leaf: [leaf] for leaf in range(count)}
    for join in found:
        parts[join.survivor] += parts.pop(join.ended)
    return [leaf for part in parts.values() for leaf in part]


def _checked(depth: np.ndarray, heights: np.ndarray, names: Sequence[str] | None) -> list[str]:
    m = len(depth)
    if not m or heights.shape != (m, m) or (names is not None and len(names) != m):
        raise ShapeError(
            f"merge_tree_figure wants one row of heights and one name for each of one or more minima; got {m} depths "
            f"and heights of shape {heights.shape}. Pass matching arrays."
        )
    return [str(number) for number in range(m)] if names is None else [str(name) for name in names]


def _colour(leaf: int) -> str:
    return CATEGORY_COLOURS[leaf] if leaf < len(CATEGORY_COLOURS) else FAINT


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 2].rstrip() + " …"
