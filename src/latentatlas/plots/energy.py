"""An energy of a latent space as a surface, along a distance, and under descent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from latentatlas.core.errors import ShapeError
from latentatlas.plots.style import CATEGORY_COLOURS, FAINT, INK, quiet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["descent_figure", "distance_figure", "surface_figure"]

_LEVELS = 24
_MOST_PATHS = 200


def surface_figure(
    x: np.ndarray,
    y: np.ndarray,
    energy: np.ndarray,
    *,
    prototypes: np.ndarray | None = None,
    title: str = "",
    energy_name: str = "energy",
) -> Figure:
    """An energy over a plane as a surface, its contour lines on the floor, and prototypes at the bottoms.

    Args:
        x: (across,) ascending.
        y: (up,) ascending.
        energy: (up, across), at y[i], x[j].
        prototypes: (k, 2), drawn on the floor and joined with the surface by a line.
        title: heading.
        energy_name: of the vertical axis.

    Raises:
        ShapeError: if `energy` is not (up, across), or prototypes are not points of the plane.

    >>> import numpy as np
    >>> grid = np.linspace(-1, 1, 5)
    >>> surface_figure(grid, grid, np.add.outer(grid**2, grid**2), prototypes=np.zeros((1, 2))).axes[0].name
    '3d'
    """
    from matplotlib.figure import Figure

    x, y, energy = _checked("surface_figure", x, y, energy)
    figure = Figure(figsize=(8, 6.2), layout="constrained")
    axes = figure.add_subplot(projection="3d", computed_zorder=False)
    low, high = float(np.nanmin(energy)), float(np.nanmax(energy))
    floor = low - 0.45 * ((high - low) or 1.0)
    across, up = np.meshgrid(x, y)
    axes.contour(across, up, energy, levels=12, offset=floor, cmap="viridis", linewidths=0.9, zorder=1)
    surface = axes.plot_surface(  # type: ignore[attr-defined]
        across, up, energy, cmap="viridis", rcount=90, ccount=90, linewidth=0, antialiased=True, alpha=0.88, zorder=2
    )
    if prototypes is not None:
        places = _points("surface_figure", prototypes)
        ground = height_at(x, y, energy, places)
        for (a, b), bottom in zip(places, ground, strict=True):
            axes.plot([a, a], [b, b], [floor, bottom], color=CATEGORY_COLOURS[2], linewidth=1.2, zorder=3)
        axes.plot(*places.T, ground, "o", color=CATEGORY_COLOURS[2], markersize=6, markeredgecolor="white", zorder=4)
        axes.plot(*places.T, np.full(len(places), floor), "x", color=CATEGORY_COLOURS[2], markersize=6, zorder=3)
    axes.set_zlim(floor, high)  # type: ignore[attr-defined]
    axes.view_init(elev=32, azim=-60)  # type: ignore[attr-defined]
    axes.tick_params(labelsize=8, colors=FAINT)
    axes.set_xlabel("z₁", color=INK)
    axes.set_ylabel("z₂", color=INK)
    axes.set_title(title, loc="left", fontsize=12, color=INK, fontweight="bold")
    bar = figure.colorbar(surface, ax=axes, shrink=0.55, aspect=26, pad=0.06)
    bar.outline.set_visible(False)  # type: ignore[operator]
    bar.ax.tick_params(labelsize=9, colors=FAINT, length=2)
    bar.set_label(energy_name, fontsize=10, color=INK)
    return figure


def distance_figure(
    distance: np.ndarray,
    curves: Mapping[str, np.ndarray],
    *,
    title: str = "",
    distance_name: str = "distance to the nearest prototype",
    energy_name: str = "energy",
) -> Figure:
    """Energy against distance, one curve per sharpness β (or whatever the names say), each named at its end.

    Args:
        distance: (a,) ascending.
        curves: name, such as "β = 4" → (a,) energies.
        title: heading.
        distance_name: of the horizontal axis.
        energy_name: of the vertical axis.

    Raises:
        ShapeError: if there is no curve, or one does not have one energy per distance.

    >>> import numpy as np
    >>> figure = distance_figure(np.arange(3.0), {"β = 1": np.arange(3.0), "β = 9": 2 * np.arange(3.0)})
    >>> [text.get_text() for text in figure.legends[0].get_texts()]
    ['β = 9', 'β = 1']
    """
    from matplotlib.figure import Figure

    distance = np.asarray(distance, dtype=float)
    if not curves or any(np.shape(values) != distance.shape for values in curves.values()):
        shapes = {name: np.shape(values) for name, values in curves.items()}
        raise ShapeError(
            f"distance_figure wants one or more curves with {len(distance)} energies; got {shapes}. Match them."
        )
    figure = Figure(figsize=(7, 4.4), layout="constrained")
    axes = figure.add_subplot()
    shades = dict(zip(curves, _shades(len(curves)), strict=True))
    for name, values in sorted(curves.items(), key=lambda curve: -float(curve[1][-1])):  # legend in order of the ends
        axes.plot(distance, values, color=shades[name], linewidth=2, label=name)
    quiet(axes, "")
    axes.set_xlabel(distance_name, fontsize=10, color=INK)
    axes.set_ylabel(energy_name, fontsize=10, color=INK)
    axes.margins(x=0)
    figure.legend(loc="outside right upper", frameon=False, fontsize=10, labelcolor=INK)
    axes.set_title(title, loc="left", fontsize=12, color=INK, fontweight="bold")
    return figure


def descent_figure(
    x: np.ndarray,
    y: np.ndarray,
    energy: np.ndarray,
    paths: np.ndarray,
    *,
    minima: np.ndarray | None = None,
    title: str = "",
    energy_name: str = "energy",
) -> Figure:
    """Trajectories of descent on a contour map: a ring where each starts, a dot where it ends.

    Trajectories that end within a hundredth of the picture of each other have one colour. The first 200 are drawn.

    Args:
        x: (across,) ascending.
        y: (up,) ascending.
        energy: (up, across), at y[i], x[j].
        paths: (steps, n, 2) positions of n points after each step.
        minima: (m, 2) where the true minima are, drawn as crosses.
        title: heading.
        energy_name: for the colour bar.

    Raises:
        ShapeError: if shapes are not these.

    >>> import numpy as np
    >>> grid = np.linspace(-1, 1, 5)
    >>> down = np.linspace(1, 0, 4)[:, None, None] * np.array([[1.0, 1.0], [-1.0, 0.5]])
    >>> len(descent_figure(grid, grid, np.add.outer(grid**2, grid**2), down).axes[0].lines)
    6
    """
    from matplotlib.figure import Figure

    x, y, energy = _checked("descent_figure", x, y, energy)
    paths = np.asarray(paths, dtype=float)
    if paths.ndim != 3 or paths.shape[2] != 2 or not len(paths):
        raise ShapeError(f"descent_figure wants paths (steps, n, 2); got shape {paths.shape}. Record every step.")
    figure = Figure(figsize=(8, 6.4), layout="constrained")
    axes = figure.add_subplot()
    shade = axes.contourf(x, y, energy, levels=_LEVELS, cmap="Greys_r", alpha=0.75)
    axes.contour(x, y, energy, levels=_LEVELS, colors=FAINT, linewidths=0.4)
    ends = same_end(paths[-1], within=0.01 * float(max(np.ptp(x), np.ptp(y))))
    for number in range(min(paths.shape[1], _MOST_PATHS)):
        colour = CATEGORY_COLOURS[ends[number] % len(CATEGORY_COLOURS)]
        track = paths[:, number]
        axes.plot(*track.T, color=colour, linewidth=1.6)
        axes.plot(*track[0], "o", color="white", markeredgecolor=colour, markersize=5.5, markeredgewidth=1.4)
        axes.plot(*track[-1], "o", color=colour, markeredgecolor="white", markersize=6)
    if minima is not None:
        axes.plot(
            *_points("descent_figure", minima).T, "X", color=INK, markeredgecolor="white", markersize=10, zorder=6
        )
    axes.set_xlim(x[0], x[-1])
    axes.set_ylim(y[0], y[-1])
    axes.set_aspect("equal", adjustable="box")
    axes.tick_params(labelsize=8, colors=FAINT, length=2)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_title(title, loc="left", fontsize=12, color=INK, fontweight="bold")
    marks = "ring: start · dot: end" + (" · cross: minimum" if minima is not None else "")
    more = f" · first {_MOST_PATHS} of {paths.shape[1]:,}" if paths.shape[1] > _MOST_PATHS else ""
    axes.set_xlabel(marks + more, fontsize=9, color=FAINT, loc="left")
    bar = figure.colorbar(shade, ax=axes, shrink=0.7, aspect=28, pad=0.02)
    bar.outline.set_visible(False)  # type: ignore[operator]
    bar.ax.tick_params(labelsize=9, colors=FAINT, length=2)
    bar.set_label(energy_name, fontsize=10, color=INK)
    return figure


def height_at(x: np.ndarray, y: np.ndarray, energy: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Energy at points of the plane, linear between grid points; that of the edge outside."""
    from scipy.interpolate import RegularGridInterpolator

    inside = np.clip(places, [x[0], y[0]], [x[-1], y[-1]])
    return RegularGridInterpolator((y, x), energy)(inside[:, ::-1])


def same_end(ends: np.ndarray, *, within: float) -> np.ndarray:
    """Number of the first end that each end is near to.

    >>> import numpy as np
    >>> same_end(np.array([[0.0, 0], [1, 1], [0.1, 0]]), within=0.2).tolist()
    [0, 1, 0]
    """
    found: list[np.ndarray] = []
    numbers = np.zeros(len(ends), dtype=int)
    for row, end in enumerate(ends):
        near = [number for number, other in enumerate(found) if np.linalg.norm(end - other) <= within]
        if not near:
            found.append(end)
        numbers[row] = near[0] if near else len(found) - 1
    return numbers


def _shades(count: int) -> list[tuple[float, ...]]:
    """Colours from dark to bright, all readable on white."""
    from matplotlib import colormaps

    return [colormaps["viridis"](place) for place in np.linspace(0, 0.85, count)]


def _checked(who: str, x: np.ndarray, y: np.ndarray, energy: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, y, energy = (np.asarray(values, dtype=float) for values in (x, y, energy))
    if x.ndim != 1 or y.ndim != 1 or energy.shape != (len(y), len(x)) or min(energy.shape, default=0) < 2:
        raise ShapeError(
            f"{who} wants energy (up, across) over x (across,) and y (up,), at least 2 × 2; got {energy.shape}, "
            f"{x.shape} and {y.shape}. Evaluate the field on a grid."
        )
    return x, y, energy


def _points(who: str, points: np.ndarray) -> np.ndarray:
    points = np.asarray(points, dtype=float)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ShapeError(f"{who} wants points of the plane (k, 2); got shape {points.shape}. Pass two coordinates.")
    return points
