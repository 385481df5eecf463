"""Pictures of the tables: time against rows, quality side by side, decoded places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["clouds_figure", "decoded_figure", "growth_figure", "maps_figure", "quality_figure"]

_INK, _FAINT, _OURS = "#22262e", "#6b7280", "#bd1f01"
_LINES = ("-", "--", "-.", ":")


def growth_figure(curves: Mapping[str, Mapping[str, Mapping[int, float]]], *, ours: str) -> Figure:
    """Seconds of a fit against rows, both logarithmic; one panel per data set, names at the ends of the lines.

    Args:
        curves: seconds by rows, by method, by data set.
        ours: the method drawn in red, all others in grey.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.4 * len(curves), 4.6), layout="constrained")
    panels = figure.subplots(1, len(curves), squeeze=False, sharey=True)[0]
    for axes, (data, methods) in zip(panels, curves.items(), strict=True):
        _plain(axes, f"{data}: seconds of a fit")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.minorticks_off()
        axes.set_xlabel("rows", fontsize=9, color=_INK)
        ends = []
        for number, (name, curve) in enumerate(methods.items()):
            colour = _OURS if name == ours else _FAINT
            width = 2.4 if name == ours else 1.2
            rows, seconds = list(curve), [max(value, 1e-3) for value in curve.values()]
            axes.plot(rows, seconds, _LINES[number % 4], color=colour, linewidth=width, marker="o", markersize=3.5)
            ends.append((seconds[-1], rows[-1], name, colour))
        _name_ends(axes, ends)
    return figure


def quality_figure(bars: Mapping[str, Mapping[str, float]], *, ours: str, title: str) -> Figure:
    """One panel of bars per figure, one bar per method; the value stands at its end.

    Args:
        bars: value by figure, by method; `KL.1` is the one that is better lower.
        ours: the method drawn in red.
        title: heading.
    """
    from matplotlib.figure import Figure

    names = list(bars)
    columns = list(next(iter(bars.values())))
    figure = Figure(figsize=(12, 0.9 + 0.28 * len(names)), layout="constrained")
    panels = figure.subplots(1, len(columns), squeeze=False, sharey=True)[0]
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, color=_INK, fontweight="bold")
    for axes, column in zip(panels, columns, strict=True):
        _plain(axes, f"{column} {'(low)' if column.startswith('KL') else ''}")
        values = np.array([bars[name][column] for name in names])
        colours = [_OURS if name == ours else "#c9cdd3" for name in names]
        places = np.arange(len(names))[::-1]
        axes.barh(places, values, color=colours, height=0.7)
        for place, value in zip(places, values, strict=True):
            axes.text(value, place, f" {value:.3f}", va="center", fontsize=7.5, color=_INK)
        axes.set_yticks(places, names, fontsize=9, color=_INK)
        axes.set_xlim(0, 1.28 * max(values.max(), 1e-9))
        axes.set_xticks([])
        axes.grid(visible=False)
    return figure


def decoded_figure(images: np.ndarray, *, title: str) -> Figure:
    """Decoded places of a square grid, as one mosaic; the first image is at the lower left.

    Args:
        images: (side, side, height, width), by place from below and from the left.
        title: heading.
    """
    from matplotlib.figure import Figure

    side, _, height, width = images.shape
    mosaic = images[::-1].transpose(0, 2, 1, 3).reshape(side * height, side * width)
    figure = Figure(figsize=(8, 8.3), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(mosaic, cmap="gray_r", vmin=float(images.min()), vmax=float(np.quantile(images, 0.999)))
    axes.set_title(title, loc="left", fontsize=13, color=_INK, fontweight="bold")
    axes.set_axis_off()
    return figure


def _plain(axes: object, title: str) -> None:
    from latentatlas.plots.style import quiet

    quiet(axes, title)  # pyright: ignore[reportArgumentType]


def _name_ends(axes: object, ends: list[tuple[float, int, str, str]]) -> None:
    """Names right of the last points; those that end at the same rows are moved apart where they would overlap."""
    from matplotlib.axes import Axes

    assert isinstance(axes, Axes)
    low, high = axes.get_ylim()
    step = (np.log(high) - np.log(low)) / 24
    last: dict[int, float] = {}
    for seconds, rows, name, colour in sorted(ends):
        last[rows] = max(np.log(seconds), last.get(rows, -np.inf) + step)
        axes.annotate(
            f"  {name}", (rows, seconds), (rows, np.exp(last[rows])), va="center", fontsize=8.5, color=colour,
            annotation_clip=False,
        )  # fmt: skip
    axes.margins(x=0.05)


def maps_figure(places: Mapping[str, np.ndarray], label: np.ndarray) -> Figure:
    """Small maps side by side, coloured alike.

    Args:
        places: (n, 2) by title.
        label: of each row, whole numbers; the same on all maps.
    """
    from matplotlib.figure import Figure

    from latentatlas.plots.style import CATEGORY_COLOURS, bare

    figure = Figure(figsize=(3.2 * len(places), 3.5), layout="constrained")
    colours = np.array(CATEGORY_COLOURS)[label % len(CATEGORY_COLOURS)]
    order = np.random.default_rng(0).permutation(len(label))
    for axes, (title, xy) in zip(figure.subplots(1, len(places), squeeze=False)[0], places.items(), strict=True):
        axes.scatter(*xy[order].T, s=min(8.0, 12_000 / len(xy)), c=colours[order], linewidths=0, rasterized=True)
        axes.set_aspect("equal", adjustable="datalim")
        axes.set_title(title, loc="left", fontsize=10, color=_INK, fontweight="bold")
        bare(axes)
    return figure


def clouds_figure(clouds: Mapping[str, Mapping[str, np.ndarray]], colours: Mapping[str, np.ndarray]) -> Figure:
    """Points in two or three dimensions: one line of panels per set, one panel per latent.

    Args:
        clouds: (n, 2) or (n, 3) by title, by set.
        colours: one number per row, by set.
    """
    from matplotlib.figure import Figure

    from latentatlas.plots.style import bare

    width = max(map(len, clouds.values()))
    figure = Figure(figsize=(3.1 * width, 2.9 * len(clouds)), layout="constrained")
    for line, (name, panels) in enumerate(clouds.items()):
        for column, (title, points) in enumerate(panels.items()):
            solid = points.shape[1] == 3
            place = (len(clouds), width, 1 + line * width + column)
            axes = figure.add_subplot(*place, projection="3d" if solid else None)
            axes.scatter(*points.T, c=colours[name], s=3, cmap="viridis", linewidths=0)
            axes.set_title(f"{name}: {title}" if column == 0 else title, loc="left", fontsize=9, color=_INK)
            axes.set_aspect("equal") if solid else axes.set_aspect("equal", adjustable="datalim")
            bare(axes) if not solid else axes.set_axis_off()
    return figure
