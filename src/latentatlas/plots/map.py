"""The picture of a two-dimensional map."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from latentatlas.core.errors import DataError, ShapeError
from latentatlas.plots.style import CATEGORY_COLOURS, FAINT, INK, MISSING, bare

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

__all__ = ["draw_rim", "map_figure"]

_MOST_POINTS = 200_000
_NAMED = len(CATEGORY_COLOURS)
_LONGEST_NAME = 18
_FAINTEST_TRUST = 0.5
_BESIDE = ((0, 0), (0, 1.05), (0, -1.05), (1.05, 0), (-1.05, 0))  # in widths and heights of the name


def map_figure(
    xy: np.ndarray,
    *,
    colour: np.ndarray | None = None,
    title: str = "",
    labels: Sequence[str] | None = None,
    trust: np.ndarray | None = None,
    colour_name: str = "",
) -> Figure:
    """Scatter plot of a map, legible at 800 pixels from two hundred to a million points.

    Text, truth values and integers are categories: each has a colour and its name stands on its median, or in a
    legend where names are long or would overlap. Of more than 20 categories the largest are named and coloured, the
    rest is grey. Real numbers, and integers with more distinct values than a tenth of the rows, run through a
    perceptually uniform colour scale from the 1st to the 99th percentile. NaN, None and the category -1 are grey.
    Above 200,000 points a fixed random subset is drawn and the figure says so. Cost O(n log n).

    Args:
        xy: coordinates (n, 2), finite.
        colour: one value per row, or None.
        title: heading.
        labels: names of the integer categories 0, 1, ….
        trust: per-point trust in [0, 1]; points fade from full ink at 1 to faint at 0.5 and below.
        colour_name: what `colour` is, for the colour bar or legend.

    Raises:
        ShapeError: if the arrays do not have one row per point.
        DataError: if a coordinate is NaN or infinite, or an integer category has no name in `labels`.

    >>> import numpy as np
    >>> figure = map_figure(np.array([[0.0, 0.0], [9.0, 9.0]]), colour=np.array(["cat", "dog"]))
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['cat', 'dog']
    """
    xy, colour, trust = _checked(xy, colour, trust)
    axes = _empty_axes(xy, title)
    shown = np.random.default_rng(0).permutation(len(xy))[:_MOST_POINTS]
    dots = _Dots(xy[shown], alpha=_alpha(len(shown), None if trust is None else trust[shown]))
    notes = [f"{len(shown):,} of {len(xy):,} points, at random" if len(shown) < len(xy) else f"{len(xy):,} points"]
    if colour is None:
        dots.draw(axes, c=CATEGORY_COLOURS[0])
    elif _is_categorical(colour):
        codes, names = _categories(colour, labels)
        places = [np.median(xy[codes == code], axis=0) for code in range(min(len(names), _NAMED))]
        _draw_categories(axes, dots, codes[shown], names, places, colour_name)
        if len(names) > _NAMED:
            notes.append(f"{len(names) - _NAMED} smaller categories in grey")
    else:
        _draw_numbers(axes, dots, colour[shown].astype(float), colour_name)
    if trust is not None:
        notes.append("faint where trust is low")
    axes.set_xlabel(" · ".join(notes), fontsize=10, color=FAINT, loc="left")
    return axes.figure  # type: ignore[return-value]


def draw_rim(figure: Figure, radius: float) -> None:
    """Draw the rim of the disc that a map lies in, about 0, and show all of it.

    >>> import numpy as np
    >>> figure = map_figure(np.zeros((1, 2)))
    >>> draw_rim(figure, 1.0)
    >>> len(figure.axes[0].patches)
    1
    """
    from matplotlib.patches import Circle

    axes = figure.axes[0]
    axes.add_patch(Circle((0, 0), radius, fill=False, edgecolor=FAINT, linewidth=0.8))
    beyond = 1.02 * radius
    axes.set_aspect("equal", adjustable="box")
    axes.set(xlim=(-beyond, beyond), ylim=(-beyond, beyond))


def _empty_axes(xy: np.ndarray, title: str) -> Axes:
    """Axes of one unit in both directions, in a figure about as wide or high as the map."""
    from matplotlib.figure import Figure

    spans = np.ptp(xy, axis=0) if len(xy) else np.ones(2)
    figure = Figure(figsize=(8, 0.6 + 7.6 * float(np.clip(spans[1] / (spans[0] or 1.0), 0.5, 1.0))))
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.12)
    axes = figure.add_subplot()
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_title(title, loc="left", fontsize=13, color=INK, fontweight="bold")
    bare(axes)
    return axes


@final
@dataclass(frozen=True)
class _Dots:
    """The points that are drawn, with the size and opacity that suit their number."""

    xy: np.ndarray
    alpha: float | np.ndarray

    def draw(self, axes: Axes, *, c: Any, chosen: np.ndarray | slice = slice(None)) -> None:
        alpha = self.alpha[chosen] if isinstance(self.alpha, np.ndarray) else self.alpha
        x, y = self.xy[chosen].T
        size = float(np.clip(45_000 / max(len(self.xy), 1), 0.35, 26))
        axes.scatter(x, y, s=size, c=c, alpha=alpha, linewidths=0, rasterized=True)  # type: ignore[arg-type]


def _draw_categories(
    axes: Axes, dots: _Dots, codes: np.ndarray, names: list[str], places: list[np.ndarray], colour_name: str
) -> None:
    """The first categories have colour and name; the others, and code -1, are grey."""
    from matplotlib.colors import to_rgb

    named = names[:_NAMED]
    palette = np.array([to_rgb(MISSING), *map(to_rgb, CATEGORY_COLOURS)])
    slot = np.where(codes < len(named), codes, -1) + 1
    grey = slot == 0
    for chosen in (grey, ~grey):  # grey below
        if chosen.any():
            dots.draw(axes, c=palette[slot[chosen]], chosen=chosen)
    axes.autoscale_view()
    too_long = max(map(len, named), default=0) > _LONGEST_NAME
    if too_long or (not _place_names(axes, named, places) and len(names) <= _NAMED):
        _legend(axes, named, colour_name)


def _place_names(axes: Axes, names: list[str], places: list[np.ndarray]) -> bool:
    """Write each name at its place or, if that is taken, just beside it; false if one found no room."""
    from matplotlib import patheffects
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import to_rgb

    renderer = FigureCanvasAgg(axes.figure).get_renderer()  # type: ignore[arg-type]
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    halo = patheffects.withStroke(linewidth=4.5, foreground="white", alpha=0.9)
    to_data = axes.transData.inverted()
    taken: list[Bbox] = []
    for name, (x, y), colour in zip(names, places, CATEGORY_COLOURS, strict=False):
        ink = tuple(0.55 * np.array(to_rgb(colour)))  # dark enough to read, and still its category's
        text = axes.text(x, y, name, ha="center", va="center", fontsize=13, color=ink, fontweight="bold", zorder=5)
        text.set(path_effects=[halo], in_layout=False)
        box = text.get_window_extent(renderer)
        tries = (box.translated(across * box.width, up * box.height) for across, up in _BESIDE)
        free = next((moved for moved in tries if not any(moved.overlaps(other) for other in taken)), None)
        if free is None:
            text.remove()
        else:
            taken.append(free)
            text.set_position(tuple(to_data.transform((free.x0 + free.width / 2, free.y0 + free.height / 2))))
    return len(taken) == len(names)


def _legend(axes: Axes, names: list[str], colour_name: str) -> None:
    from matplotlib.lines import Line2D

    for text in list(axes.texts):
        text.remove()
    handles = [
        Line2D([], [], linestyle="", marker="o", markersize=7, color=colour, label=_wrapped(name))
        for name, colour in zip(names, CATEGORY_COLOURS, strict=False)
    ]
    legend = axes.figure.legend(  # type: ignore[union-attr]
        handles=handles,
        loc="outside right upper",
        title=colour_name or None,
        frameon=False,
        fontsize=10,
        labelcolor=INK,
    )
    legend.set_alignment("left")


def _draw_numbers(axes: Axes, dots: _Dots, values: np.ndarray, colour_name: str) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    known = np.isfinite(values)
    if not known.all():
        dots.draw(axes, c=MISSING, chosen=~known)
    if not known.any():
        return
    low, high = np.percentile(values[known], [1, 99])
    scale = ScalarMappable(Normalize(low, high), "viridis")
    dots.draw(axes, c=scale.to_rgba(values[known]), chosen=known)
    ends = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}
    beyond = (bool(values[known].min() < low), bool(values[known].max() > high))
    bar = axes.figure.colorbar(scale, ax=axes, extend=ends[beyond], shrink=0.6, aspect=28, pad=0.02)  # type: ignore[union-attr]
    bar.outline.set_visible(False)  # type: ignore[operator]
    bar.ax.tick_params(labelsize=10, colors=FAINT, length=2)
    bar.set_label(colour_name, fontsize=11, color=INK)


def _alpha(count: int, trust: np.ndarray | None) -> float | np.ndarray:
    alpha = float(np.interp(np.log10(max(count, 1)), [3, 4, 5], [0.9, 0.7, 0.45]))
    if trust is None:
        return alpha
    strength = np.clip((np.nan_to_num(trust) - _FAINTEST_TRUST) / (1 - _FAINTEST_TRUST), 0, 1)
    return alpha * (0.12 + 0.88 * strength)


def _is_categorical(colour: np.ndarray) -> bool:
    if colour.dtype.kind in "iu":
        return len(np.unique(colour)) <= max(_NAMED, len(colour) // 10)
    return colour.dtype.kind not in "fc"


def _categories(colour: np.ndarray, labels: Sequence[str] | None) -> tuple[np.ndarray, list[str]]:
    """Codes 0, 1, … and their names (by size, largest first, if there are more than 20); -1 is missing."""
    if colour.dtype.kind in "iu":
        missing = colour == -1
        values, codes, counts = np.unique(colour, return_inverse=True, return_counts=True)
        names = [_name_of(int(value), labels) for value in values]
    else:
        missing = np.array([value is None or value != value for value in colour])
        values, codes, counts = np.unique(colour.astype(str), return_inverse=True, return_counts=True)
        names = [str(value) for value in values]
    present = np.unique(codes[~missing])
    order = present if len(present) <= _NAMED else present[np.argsort(-counts[present], kind="stable")]
    rank = np.full(len(names), -1)
    rank[order] = np.arange(len(order))
    return np.where(missing, -1, rank[codes]), [names[code] for code in order]


def _name_of(value: int, labels: Sequence[str] | None) -> str:
    if labels is None or value == -1:
        return str(value)
    if not 0 <= value < len(labels):
        raise DataError(
            f"map_figure wants a name for every category; there are {len(labels)} labels but a category {value}. "
            "Pass one label for each of 0, 1, …."
        )
    return str(labels[value])


def _wrapped(name: str) -> str:
    return "\n".join(textwrap.wrap(name, 24, max_lines=2, placeholder=" …"))


def _checked(
    xy: np.ndarray, colour: np.ndarray | None, trust: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    xy = np.asarray(xy, dtype=float)
    if xy.ndim != 2 or xy.shape[1] != 2:
        raise ShapeError(f"map_figure wants coordinates (n, 2); got shape {xy.shape}. Pass atlas.map(X).")
    if not np.isfinite(xy).all():
        row = int(np.flatnonzero(~np.isfinite(xy).all(axis=1))[0])
        raise DataError(f"map_figure wants finite coordinates; row {row} is {xy[row].tolist()}. Drop such rows.")
    extra = {"colour": colour, "trust": trust}
    for name, values in extra.items():
        if values is not None and np.shape(values) != (len(xy),):
            raise ShapeError(
                f"map_figure wants one {name} value per point ({len(xy)}); got shape {np.shape(values)}. "
                "Pass matching rows."
            )
    return xy, *(None if values is None else np.asarray(values) for values in extra.values())  # type: ignore[return-value]
