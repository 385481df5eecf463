"""Marks on a map: numbered minima that never hide each other, and outlines of basins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from latentatlas.plots.style import CATEGORY_COLOURS, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

__all__ = ["number_places", "outline_groups"]

_CELLS = 144
_FEWEST_ROWS = 10
_RADII = (16, 24, 34, 46, 60)  # points
_ANGLES = np.deg2rad([60, 120, 240, 300, 0, 180, 90, 270])


def number_places(axes: Axes, places: np.ndarray, names: Sequence[str]) -> None:
    """A dot at each place with its name in a disc on it or, where that would cover another one, beside it on a line.

    Call it last: names are placed in the layout the figure has then. Cost O(m²) for m places.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    renderer = FigureCanvasAgg(axes.figure).get_renderer()  # type: ignore[arg-type]
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    axes.scatter(*places.T, s=16, c=INK, edgecolors="white", linewidths=1, zorder=6)
    pixels = axes.transData.transform(places)
    taken: list[Bbox] = []
    for own, (name, place) in enumerate(zip(names, places, strict=True)):
        others = np.delete(pixels, own, axis=0)
        for offset in _offsets():
            text = _disc(axes, name, place, offset)
            box = _extent(text, renderer)
            if not any(box.overlaps(other) for other in taken) and not _covers(box, others):
                break
            text.remove()
        else:  # no room at all: on the spot
            text = _disc(axes, name, place, (0.0, 0.0))
            box = _extent(text, renderer)
        taken.append(box)


def outline_groups(axes: Axes, xy: np.ndarray, groups: np.ndarray, count: int, *, share: float = 0.5) -> None:
    """A line around the densest part of groups 0 … count − 1, in their colours, which holds `share` of each one's rows.

    The density is that of Gaussian kernels of Scott's width, on a grid. Cost O(n + count · cells).
    """
    from scipy.ndimage import gaussian_filter

    low, high = xy.min(axis=0), xy.max(axis=0)
    margin = 0.12 * np.maximum(high - low, 1e-12)
    edges = [np.linspace(a, b, _CELLS + 1) for a, b in zip(low - margin, high + margin, strict=True)]
    centres = [(edge[1:] + edge[:-1]) / 2 for edge in edges]
    pitch = np.array([edge[1] - edge[0] for edge in edges])
    for group in range(count):
        rows = xy[groups == group]
        if len(rows) < _FEWEST_ROWS:
            continue
        widths = np.maximum(rows.std(axis=0) * len(rows) ** (-1 / 6) / pitch, 1.0)
        mass = gaussian_filter(np.histogram2d(*rows.T, bins=edges)[0], widths)
        ordered = np.sort(mass.ravel())[::-1]
        level = ordered[np.searchsorted(ordered.cumsum(), share * ordered.sum())]
        if not mass.min() < level < mass.max():
            continue
        for colour, width in (("white", 4.4), (CATEGORY_COLOURS[group % len(CATEGORY_COLOURS)], 2.2)):
            axes.contour(*centres, mass.T, levels=[level], colors=colour, linewidths=width, zorder=4)


def _offsets() -> Iterator[tuple[float, float]]:
    """On the spot first, then in rings around it."""
    yield 0.0, 0.0
    for radius in _RADII:
        for angle in _ANGLES:
            yield radius * float(np.cos(angle)), radius * float(np.sin(angle))


def _disc(axes: Axes, name: str, place: np.ndarray, offset: tuple[float, float]) -> Annotation:
    beside = offset != (0.0, 0.0)
    text = axes.annotate(
        name,
        tuple(place),
        xytext=offset,
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=8,
        fontweight="bold",
        color=INK,
        zorder=8,
        bbox={"boxstyle": "round,pad=0.28,rounding_size=0.7", "facecolor": "white", "edgecolor": INK, "linewidth": 0.9},
        arrowprops={"arrowstyle": "-", "color": INK, "linewidth": 0.9, "shrinkA": 0, "shrinkB": 0} if beside else None,
        annotation_clip=False,
    )
    text.set_in_layout(False)
    return text


def _extent(text: Annotation, renderer: Any) -> Bbox:
    """The disc of a name, with a pixel of air around it."""
    text.get_window_extent(renderer)  # moves an annotation to where it points
    text.update_bbox_position_size(renderer)
    disc = text.get_bbox_patch()
    assert disc is not None
    return disc.get_window_extent().padded(1)


def _covers(box: Bbox, pixels: np.ndarray) -> bool:
    x, y = pixels.T
    return bool(((x > box.x0) & (x < box.x1) & (y > box.y0) & (y < box.y1)).any())
