"""Pictures of transformations: similarity against the size of a shift, and blocks in the colours of a parameter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from jaxtyping import Float

from latentatlas.core.errors import DataError, ShapeError
from latentatlas.plots.style import CATEGORY_COLOURS, FAINT, INK, bare, quiet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Curve", "blocks_figure", "similarity_figure"]

_ACROSS, _ONE_COLUMN = 4, 6
_CIRCLE = ("#2d3c5a", "#3f90da", "#ffd24d", "#d1432a", "#2d3c5a")  # dark at half a period, light at 0


class Curve(Protocol):
    """Similarity with its controls, as `metrics.similarity_curve` gives it."""

    @property
    def sizes(self) -> Float[np.ndarray, " sizes"]:
        """Of the transformation."""
        ...

    @property
    def similarity(self) -> Float[np.ndarray, " sizes"]:
        """Of an item to itself, transformed."""
        ...

    @property
    def other_records(self) -> float:
        """Of different records."""
        ...

    @property
    def same_record(self) -> float:
        """Of different windows of one record; NaN draws nothing."""
        ...


def similarity_figure(curves: Mapping[str, Curve], *, size: str = "shift (samples)", title: str = "") -> Figure:
    """Similarity against the size of a transformation for several methods, each with its controls on the right.

    Left: the curves. Right, for each method, what a window has in common with itself at the largest size (dot), with
    other windows of its record (bar) and with other records (ring). Invariance without collapse has its dot on top and
    its ring far below.

    Args:
        curves: name of a method → its curve.
        size: what the sizes are.
        title: heading.

    >>> from typing import NamedTuple
    >>> class Three(NamedTuple):
    ...     sizes: np.ndarray
    ...     similarity: np.ndarray
    ...     other_records: float
    ...     same_record: float
    >>> figure = similarity_figure({"raw": Three(np.arange(3.0), np.array([1.0, 0.5, 0.1]), 0.0, 0.05)})
    >>> [axes.get_title(loc="left") for axes in figure.axes]
    ['Similarity', 'Controls']

    Raises:
        DataError: if there is no curve, or one lacks its controls.
    """
    from matplotlib.figure import Figure

    if not curves:
        raise DataError("similarity_figure wants one curve or more; got none. Use metrics.similarity_curve.")
    for name, curve in curves.items():
        if not np.isfinite(curve.other_records):
            raise DataError(
                f"similarity_figure wants the similarity of different records beside every curve; {name!r} has none. "
                "Use metrics.similarity_curve."
            )
    figure = Figure(figsize=(9.2, 3.9), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, gridspec_kw={"width_ratios": (3, 2)})
    for number, (name, curve) in enumerate(curves.items()):
        colour = CATEGORY_COLOURS[number % len(CATEGORY_COLOURS)]
        left.plot(curve.sizes, curve.similarity, color=colour, linewidth=1.6, marker="o", markersize=3, label=name)
        _draw_controls(right, number, curve, colour)
    least = min(min(float(np.min(curve.similarity)), curve.other_records) for curve in curves.values())
    left.set_ylim(min(0.0, least) - 0.05, 1.05)
    quiet(left, "Similarity")
    left.set_xlabel(size, fontsize=9, color=FAINT)
    left.set_ylabel("mean cosine of z(x) and z(Tx)", fontsize=9, color=FAINT)
    left.legend(fontsize=8, frameon=False, labelcolor=INK, ncols=1 if len(curves) <= _ONE_COLUMN else 2)
    quiet(right, "Controls")
    right.set_xticks(range(len(curves)), list(curves), rotation=20, ha="right", fontsize=8)
    right.set_xlim(-0.6, len(curves) - 0.4)
    _name_controls(figure, records=any(np.isfinite(curve.same_record) for curve in curves.values()))
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, color=INK, fontweight="bold")
    return figure


def blocks_figure(
    blocks: Mapping[str, Float[np.ndarray, "n _"]],
    parameter: Float[np.ndarray, " n"],
    *,
    name: str = "parameter",
    period: float | None = None,
    sizes: Mapping[str, int] | None = None,
    title: str = "",
) -> Figure:
    """Each block of a latent on its first two principal axes, in the colours of a transformation's parameter.

    A block that tells the parameter has its colours in order; in one that ignores it they are mixed. Colours need not
    be in order on two axes for a probe to read them: see `metrics.probe_matrix`. Changes, z(Tx) − z(x), show the
    parameter without what the items are.

    Args:
        blocks: name → block of the latents of transformed items; blocks without axes are left out.
        parameter: one number per item.
        name: what it is, for the scale.
        period: after which the parameter is the same again, such as 360 for degrees: the colours then close a circle.
        sizes: name → axes of a block, where it came on fewer, such as its principal ones.
        title: heading.

    Cost: O(n · width²) per block.

    >>> rng = np.random.default_rng(0)
    >>> figure = blocks_figure({"invariant": rng.normal(size=(50, 3)), "free": np.empty((50, 0))}, np.arange(50.0))
    >>> [axes.get_title(loc="left") for axes in figure.axes[:-1]]
    ['invariant, 3 axes']

    Raises:
        DataError: if no block has an axis.
        ShapeError: if a block and the parameter differ in length.
    """
    from matplotlib.figure import Figure

    drawn = {each: np.asarray(block, np.float64) for each, block in blocks.items() if np.shape(block)[1]}
    if not drawn:
        raise DataError("blocks_figure wants a block with an axis or more; got none. Pass {name: latents}.")
    for each, block in drawn.items():
        if len(block) != len(parameter):
            raise ShapeError(
                f"blocks_figure wants a parameter for every row; block {each!r} has {len(block)} rows, "
                f"{len(parameter)} parameters came. Pass those of the same items."
            )
    across = min(_ACROSS, len(drawn))
    down = -(-len(drawn) // across)
    figure = Figure(figsize=(2.9 * across + 0.7, 2.9 * down + 0.2), layout="constrained")
    grid = figure.subplots(down, across, squeeze=False).ravel()
    colours = _colours(parameter, period)
    sizes = {each: block.shape[1] for each, block in drawn.items()} | dict(sizes or {})
    points: Any = None
    for axes, (each, block) in zip(grid, drawn.items(), strict=False):
        points = axes.scatter(*_principal(block).T, s=7, linewidths=0, rasterized=True, **colours)
        bare(axes)
        told = f"{each}, {sizes[each]} {'axis' if sizes[each] == 1 else 'axes'}"
        axes.set_title(told, loc="left", fontsize=9, color=INK, fontweight="bold")
    for axes in grid[len(drawn) :]:
        axes.set_visible(False)
    ticks = None if period is None else np.linspace(-period / 2, period / 2, 5)
    bar = figure.colorbar(points, ax=list(grid), shrink=0.8, pad=0.01, ticks=ticks)
    bar.set_label(name, fontsize=9, color=FAINT)
    bar.ax.tick_params(labelsize=8, colors=FAINT)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, color=INK, fontweight="bold")
    return figure


def _draw_controls(axes: Axes, place: int, curve: Curve, colour: str) -> None:
    last, other, same = float(curve.similarity[-1]), curve.other_records, curve.same_record
    axes.plot([place, place], [other, last], color=colour, linewidth=1, alpha=0.5)
    axes.plot(place, last, marker="o", markersize=7, color=colour)
    axes.plot(place, other, marker="o", markersize=7, markerfacecolor="white", color=colour)
    if np.isfinite(same):
        axes.plot([place - 0.18, place + 0.18], [same, same], color=colour, linewidth=2.5)


def _name_controls(figure: Figure, *, records: bool) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=FAINT, marker="o", linewidth=0, label="itself, at the largest size"),
        Line2D([], [], color=FAINT, linewidth=2.5, label="other windows of its record"),
        Line2D([], [], color=FAINT, marker="o", markerfacecolor="white", linewidth=0, label="other records"),
    ]
    shown = handles if records else handles[::2]
    figure.legend(handles=shown, fontsize=8, frameon=False, labelcolor=INK, loc="outside lower right", ncols=3)


def _colours(parameter: Float[np.ndarray, " n"], period: float | None) -> dict[str, Any]:
    """From one end to the other; or around a circle, where hue tells the side and lightness how far from 0."""
    from matplotlib.colors import LinearSegmentedColormap

    if period is None:
        return {"c": parameter, "cmap": "viridis"}
    around = np.mod(np.asarray(parameter) + period / 2, period) - period / 2
    circle = LinearSegmentedColormap.from_list("circle", _CIRCLE)
    return {"c": around, "cmap": circle, "vmin": -period / 2, "vmax": period / 2}


def _principal(block: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, "n 2"]:
    """The two axes of largest variance; 0 on the second where there is one alone."""
    centred = block - block.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    places = centred @ axes[:, ::-1][:, :2]
    return np.pad(places, ((0, 0), (0, 2 - places.shape[1])))
