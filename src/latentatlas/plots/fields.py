"""Several fields over the same rows: maps beside each other, sweeps, overlaps, one against another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from latentatlas.core.errors import ShapeError
from latentatlas.plots.style import CATEGORY_COLOURS, FAINT, INK, MISSING, bare, quiet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["field_maps_figure", "field_scatter_figure", "overlap_figure", "sweep_figure"]

_MOST_POINTS = 20_000
_MOST_DOTS = 5_000
_ACROSS = 3


def field_maps_figure(
    xy: np.ndarray,
    fields: Mapping[str, np.ndarray],
    *,
    marked: Mapping[str, np.ndarray] | None = None,
    title: str = "",
    mark_name: str = "minima",
) -> Figure:
    """The same map once per field, coloured by rank within that field: dark is the lowest row, bright the highest.

    Ranks make fields of different units comparable. Above 20,000 points a fixed random subset is drawn, and the figure
    says so. Cost O(n log n) per field.

    Args:
        xy: coordinates (n, 2), finite.
        fields: name → (n,) values; NaN is grey.
        marked: name → row numbers to be drawn in one colour.
        title: heading.
        mark_name: what these rows are.

    Raises:
        ShapeError: if there is no field, or a field does not have one value per row.

    >>> import numpy as np
    >>> figure = field_maps_figure(np.eye(2), {"density": np.array([0.0, 1.0]), "roughness": np.array([1.0, 0.0])})
    >>> [axes.get_title(loc="left") for axes in figure.axes[:2]]
    ['density', 'roughness']
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

    xy = np.asarray(xy, dtype=float)
    _require_fields("field_maps_figure", len(xy), fields)
    shown = np.random.default_rng(0).permutation(len(xy))[:_MOST_POINTS]
    across = _across(len(fields))
    down = -(-len(fields) // across)
    figure = Figure(figsize=(3.4 * across + 0.5, 3.2 * down + 0.9), layout="constrained")
    panels = list(figure.subplots(down, across, squeeze=False).ravel())
    for panel in panels[len(fields) :]:
        panel.remove()
    panels = panels[: len(fields)]
    for panel, (name, values) in zip(panels, fields.items(), strict=True):
        _draw_field(panel, xy, _ranks(values), shown, np.asarray((marked or {}).get(name, []), dtype=int))
        panel.set_title(name, loc="left", fontsize=10, color=INK, fontweight="bold")
    bar = figure.colorbar(ScalarMappable(cmap="viridis"), ax=panels, shrink=0.7, aspect=30, pad=0.02, ticks=[0, 1])
    bar.ax.set_yticklabels(["low", "high"])
    bar.ax.tick_params(labelsize=9, colors=FAINT, length=0)
    bar.set_label("rank within the field", fontsize=9, color=FAINT)
    bar.outline.set_visible(False)  # type: ignore[operator]
    count = f"{len(xy):,} points" if len(shown) == len(xy) else f"{len(shown):,} of {len(xy):,} points, at random"
    figure.supxlabel(count + (f" · pink: {mark_name}" if marked else ""), x=0.01, ha="left", fontsize=9, color=FAINT)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, color=INK, fontweight="bold")
    return figure


def sweep_figure(
    parameter: np.ndarray,
    panels: Mapping[str, Mapping[str, np.ndarray]],
    *,
    parameter_name: str = "α",
    chosen: float | None = None,
    title: str = "",
) -> Figure:
    """Curves against a parameter, one panel per quantity, since quantities have their own units.

    Args:
        parameter: (a,) values of the parameter.
        panels: quantity → curve → (a,) values, or (runs, a) for mean ± standard deviation over runs.
        parameter_name: of the axis.
        chosen: a value to be marked by a line.
        title: heading.

    Raises:
        ShapeError: if there is no panel, or a curve does not have one value per parameter.

    >>> import numpy as np
    >>> figure = sweep_figure(np.array([0.0, 1.0]), {"purity": {"density": np.array([0.5, 1.0])}})
    >>> figure.axes[0].get_title(loc="left"), len(figure.axes[0].lines)
    ('purity', 1)
    """
    from matplotlib.figure import Figure

    parameter = np.asarray(parameter, dtype=float)
    for name, curves in panels.items():
        for curve, values in curves.items():
            if np.shape(values)[-1:] != parameter.shape or np.ndim(values) > 2:
                raise ShapeError(
                    f"sweep_figure wants {len(parameter)} values in curve {curve!r} of {name!r}; got shape "
                    f"{np.shape(values)}. Pass one per value of the parameter."
                )
    if not panels:
        raise ShapeError("sweep_figure wants at least one panel; got none. Pass quantity → curve → values.")
    across = _across(len(panels))
    down = -(-len(panels) // across)
    figure = Figure(figsize=(max(4.6, 3.5 * across), 2.9 * down + 0.8), layout="constrained")
    grid = list(figure.subplots(down, across, squeeze=False).ravel())
    names = list(dict.fromkeys(curve for curves in panels.values() for curve in curves))
    colours = {name: CATEGORY_COLOURS[place % len(CATEGORY_COLOURS)] for place, name in enumerate(names)}
    for axes in grid[len(panels) :]:
        axes.remove()
    for axes, (quantity, curves) in zip(grid, panels.items(), strict=False):
        for name, values in curves.items():
            _draw_curve(axes, parameter, np.atleast_2d(np.asarray(values, dtype=float)), colours[name], name)
        if chosen is not None:
            axes.axvline(chosen, color=INK, linewidth=0.9, linestyle="--")
        quiet(axes, quantity)
        axes.set_xlabel(parameter_name, fontsize=9, color=FAINT)
        axes.margins(y=0.12)
        low, high = axes.dataLim.intervaly
        if 0 <= low == high <= 1:
            axes.set_ylim(-0.05, 1.05)
    handles, labels = _legend_entries(grid[: len(panels)])
    if len(labels) > 1:
        figure.legend(handles, labels, loc="outside lower left", ncols=4, frameon=False, fontsize=9, labelcolor=INK)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, color=INK, fontweight="bold")
    return figure


def overlap_figure(
    overlap: np.ndarray, names: Sequence[str], *, title: str = "", overlap_name: str = "Jaccard"
) -> Figure:
    """A heat map of how much sets have in common, 0 to 1, each value written in its cell.

    Args:
        overlap: (sets, sets) in [0, 1]; NaN is empty.
        names: of the sets.
        title: heading.
        overlap_name: of the colour bar.

    Raises:
        ShapeError: unless there is one row and one column per name.

    >>> import numpy as np
    >>> [text.get_text() for text in overlap_figure(np.array([[1, 0.25], [0.25, 1]]), ["a", "b"]).axes[0].texts]
    ['1', '.25', '.25', '1']
    """
    from matplotlib.figure import Figure

    overlap = np.asarray(overlap, dtype=float)
    sets = len(names)
    if overlap.shape != (sets, sets) or not sets:
        raise ShapeError(
            f"overlap_figure wants one row and column for each of {sets} names; got shape {overlap.shape}. Match them."
        )
    side = float(np.clip(0.62 * sets, 2.2, 9))
    figure = Figure(figsize=(side + 2.6, side + 1.4), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(overlap, cmap="viridis", vmin=0, vmax=1)
    axes.set_xticks(np.arange(sets), labels=list(names), rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(np.arange(sets), labels=list(names))
    axes.tick_params(labelsize=9, colors=INK, length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    size = 9 if sets <= 12 else 6.5
    for (row, column), value in np.ndenumerate(overlap):
        if np.isfinite(value):
            ink = "white" if value < 0.6 else INK
            axes.text(column, row, _fraction(value), ha="center", va="center", fontsize=size, color=ink)
    bar = figure.colorbar(image, ax=axes, shrink=0.8, aspect=28, pad=0.02)
    bar.outline.set_visible(False)  # type: ignore[operator]
    bar.ax.tick_params(labelsize=9, colors=FAINT, length=2)
    bar.set_label(overlap_name, fontsize=10, color=INK)
    axes.set_title(title, loc="left", fontsize=12, color=INK, fontweight="bold")
    return figure


def field_scatter_figure(
    first: np.ndarray, second: np.ndarray, *, names: tuple[str, str], groups: np.ndarray | None = None, title: str = ""
) -> Figure:
    """One field against another, with Pearson's r and Spearman's ρ: do they say the same of the rows?

    Up to 5,000 rows are dots, coloured by group where there are at most 20 groups; more rows are counted in hexagons.
    Rows in which a value is NaN are left out. Cost O(n log n).

    Args:
        first: (n,) the horizontal field.
        second: (n,) the vertical field.
        names: of both.
        groups: (n,) whole numbers from 0, or None.
        title: heading.

    Raises:
        ShapeError: if the fields differ in length.

    >>> import numpy as np
    >>> up = np.arange(9.0)
    >>> field_scatter_figure(up, 2 * up, names=("a", "b")).axes[0].get_title(loc="left")
    'r = 1.000 · ρ = 1.000'
    """
    from matplotlib.figure import Figure

    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    _require_fields("field_scatter_figure", len(first), {names[0]: first, names[1]: second})
    known = np.isfinite(first) & np.isfinite(second)
    x, y = first[known], second[known]
    figure = Figure(figsize=(5.6, 4.8), layout="constrained")
    axes = figure.add_subplot()
    if len(x) > _MOST_DOTS:
        shade = axes.hexbin(x, y, gridsize=60, bins="log", mincnt=1, cmap="viridis", linewidths=0)
        bar = figure.colorbar(shade, ax=axes, aspect=30, pad=0.02)
        bar.outline.set_visible(False)  # type: ignore[operator]
        bar.ax.tick_params(labelsize=8, colors=FAINT, length=2)
        bar.set_label("rows in a hexagon", fontsize=9, color=FAINT)
    else:
        colours: object = CATEGORY_COLOURS[0]
        if groups is not None and np.min(groups) >= 0 and np.max(groups) < len(CATEGORY_COLOURS):
            colours = np.array(CATEGORY_COLOURS)[np.asarray(groups)[known]]
        axes.scatter(x, y, s=float(np.clip(9_000 / max(len(x), 1), 3, 18)), c=colours, alpha=0.75, linewidths=0)  # type: ignore[arg-type]
    r, rho = _correlation(x, y), _correlation(_ranks(x), _ranks(y))
    quiet(axes, f"r = {r:.3f} · ρ = {rho:.3f}")
    axes.set_xlabel(names[0], fontsize=10, color=INK)
    axes.set_ylabel(names[1], fontsize=10, color=INK)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, color=INK, fontweight="bold")
    return figure


def _draw_field(panel: Axes, xy: np.ndarray, ranks: np.ndarray, shown: np.ndarray, marked: np.ndarray) -> None:
    """One map: unknown rows grey, the others by rank, those that are marked in one colour above them."""
    size = float(np.clip(14_000 / max(len(shown), 1), 0.5, 16))
    known = np.isfinite(ranks[shown])
    style = {"s": size, "linewidths": 0, "rasterized": True}
    panel.scatter(*xy[shown[~known]].T, c=MISSING, **style)
    panel.scatter(*xy[shown[known]].T, c=ranks[shown[known]], cmap="viridis", vmin=0, vmax=1, **style)
    if len(marked):
        panel.scatter(*xy[marked].T, c=CATEGORY_COLOURS[5], **style)
    panel.set_aspect("equal", adjustable="datalim")
    bare(panel)


def _draw_curve(axes: Axes, parameter: np.ndarray, runs: np.ndarray, colour: str, name: str) -> None:
    mean = runs.mean(axis=0)
    axes.plot(parameter, mean, "o-", color=colour, markersize=4, linewidth=1.8, label=name)
    if len(runs) > 1:
        spread = runs.std(axis=0, ddof=1)
        axes.fill_between(parameter, mean - spread, mean + spread, color=colour, alpha=0.18, linewidth=0)


def _legend_entries(panels: Sequence[Axes]) -> tuple[list[Any], list[str]]:
    entries: dict[str, Any] = {}
    for axes in panels:
        handles, labels = axes.get_legend_handles_labels()
        entries |= {label: handle for handle, label in zip(handles, labels, strict=True) if label not in entries}
    return list(entries.values()), list(entries)


def _across(panels: int) -> int:
    """Panels in a row, so that the last row is not nearly empty."""
    return 2 if panels == 4 else min(panels, _ACROSS)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 0 (lowest) to 1 (highest), ties at their mean; NaN stays."""
    from scipy.stats import rankdata

    values = np.asarray(values, dtype=float)
    ranks = np.full(len(values), np.nan)
    known = np.isfinite(values)
    if known.any():
        ranks[known] = (rankdata(values[known]) - 1) / max(known.sum() - 1, 1)
    return ranks


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson's r; NaN where one of them is constant."""
    if len(x) < 2 or not (np.ptp(x) > 0 and np.ptp(y) > 0):
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def _fraction(value: float) -> str:
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return text.removeprefix("0") if text not in ("0", "-0") else "0"


def _require_fields(who: str, n: int, fields: Mapping[str, np.ndarray]) -> None:
    if not fields:
        raise ShapeError(f"{who} wants at least one field; got none. Pass name → values.")
    for name, values in fields.items():
        if np.shape(values) != (n,):
            raise ShapeError(
                f"{who} wants one value per row ({n}) in every field; {name!r} has shape {np.shape(values)}. "
                "Pass matching rows."
            )
