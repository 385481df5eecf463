"""The pictures of a landscape, as PNG by part of the page and caption."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from latentatlas.plots import (
    barrier_figure,
    energy_map_figure,
    field_maps_figure,
    field_scatter_figure,
    map_figure,
    merge_tree_figure,
    overlap_figure,
    png_bytes,
    prominence_figure,
    sweep_figure,
)
from latentatlas.report.field_comparison import ALPHAS, lowest_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from latentatlas.report.landscape_run import LandscapeRun

__all__ = ["landscape_figures"]

_SHOWN_ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)
_DPI = 100


def landscape_figures(run: LandscapeRun) -> dict[str, dict[str, bytes]]:
    """Part of the page → caption → PNG."""
    parts = {"map": _maps(run), "minima": _minima(run), "joins": _joins(run), "fields": _fields(run)}
    return {
        part: {caption: png_bytes(figure, dpi=_DPI) for caption, figure in figures.items()}
        for part, figures in parts.items()
    }


def _maps(run: LandscapeRun) -> dict[str, Figure]:
    landscape = run.landscape
    where = f"Map: {run.map_name}."
    figures = {
        f"Energy of each row (dark is low) with the minima, numbered by prominence. {where}": energy_map_figure(
            run.xy,
            landscape.energy,
            minima=landscape.minima,
            basins=landscape.basins,
            energy_name=f"energy ({run.field_name})",
        ),
        "The basin each row falls to.": map_figure(
            run.xy, colour=landscape.basins, labels=run.titles, colour_name="basin"
        ),
    }
    if run.table.label is not None:
        figures["The label of each row, which the landscape has not seen."] = map_figure(
            run.xy, colour=run.table.label, colour_name="label"
        )
    return figures


def _minima(run: LandscapeRun) -> dict[str, Figure]:
    number = {int(row): place for place, row in enumerate(run.landscape.minima)}
    kept = np.array([int(row) in number for row in run.whole.minima])
    names = [run.titles[number[int(row)]] if int(row) in number else "" for row in run.whole.minima]
    caption = (
        "Left: every true minimum by its energy and that of the saddle where a deeper one takes over; the distance "
        "from the diagonal is its prominence. Right: the most prominent ones; blue ones count."
    )
    figure = prominence_figure(
        run.whole.energy[run.whole.minima], run.whole.prominence, kept=kept, threshold=run.threshold, names=names
    )
    return {caption: figure}


def _joins(run: LandscapeRun) -> dict[str, Figure]:
    landscape = run.landscape
    if len(landscape.minima) < 2:
        return {}
    depth = landscape.energy[landscape.minima]
    return {
        "Merge tree: a line starts at the energy of a minimum and ends at its saddle; its length is the prominence.": (
            merge_tree_figure(depth, landscape.barriers, names=run.titles)
        ),
        "Barriers: the lowest passes that join the basins. Thick and dark is easy to cross.": barrier_figure(
            run.xy, landscape.minima, depth=depth, heights=landscape.barriers
        ),
    }


def _fields(run: LandscapeRun) -> dict[str, Figure]:
    compared = run.comparison
    if len(compared.fields) < 2:
        return {}
    xy = run.xy[compared.rows]
    figures = {
        "Fields on the same rows; pink: the lowest 10 % of each.": field_maps_figure(
            xy, compared.fields, marked=_lowest(compared.fields), mark_name="lowest 10 %"
        )
    }
    if "roughness" in compared.fields and compared.blended:
        figures |= _blends(run, xy)
    overlap, names = compared.overlaps()
    figures["What the lowest 10 % of each field have in common (Jaccard: 1 is the same rows)."] = overlap_figure(
        overlap, names
    )
    return figures


def _blends(run: LandscapeRun, xy: np.ndarray) -> dict[str, Figure]:
    compared = run.comparison
    first = next(iter(compared.blended))
    blends = {f"α = {alpha:g}": compared.blend(first, alpha) for alpha in _SHOWN_ALPHAS}
    scatter = field_scatter_figure(
        compared.fields["roughness"],
        compared.fields[first],
        names=("roughness (Rayleigh energy)", first),
        groups=run.landscape.basins[compared.rows],
    )
    return {
        f"Blends α · {first} + (1 − α) · roughness, from roughness alone to {first} alone.": field_maps_figure(
            xy, blends, marked=_lowest(blends), mark_name="lowest 10 %"
        ),
        "The lowest 10 % of each blend against α.": sweep_figure(np.array(ALPHAS), compared.sweep()),
        f"Roughness against {first}, row by row; r near 0: neither tells the other.": scatter,
    }


def _lowest(fields: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: lowest_rows(values) for name, values in fields.items()}
