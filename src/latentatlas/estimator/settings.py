"""What the settings of an atlas may be."""

from __future__ import annotations

from typing import Any

import numpy as np

from latentatlas.core import LatentLayout, ShapeError, SpecError, Transformation, did_you_mean
from latentatlas.data import Table, require_variation, warn_of_scales
from latentatlas.estimator.charting import ChartSettings, chart_counts, settings_of
from latentatlas.estimator.curving import check_geometry
from latentatlas.estimator.rows import held_out_count
from latentatlas.models import Encoder

__all__ = ["check_rows", "check_settings"]

_METRICS = ("euclidean", "cosine")


def check_settings(atlas: Any) -> None:
    """Check the constructor arguments of an `Atlas`.

    Raises:
        SpecError: for a setting of the wrong kind or out of range.
        ShapeError: for blocks that do not sum to `dim`.
    """
    for name, least in (("dim", 1), ("n_neighbors", 1), ("random_state", 0)):
        value = getattr(atlas, name)
        if not _is_integer(value) or value < least:
            raise SpecError(f"Atlas wants {name} as an integer ≥ {least}; got {value!r}. Pass such a number.")
    for name in ("steps", "batch_edges", "n_basins", "patience", "threads"):
        value = getattr(atlas, name)
        if value is not None and (not _is_integer(value) or value < 1):
            raise SpecError(f"Atlas wants {name} as None or an integer ≥ 1; got {value!r}. Leave it out, or raise it.")
    if atlas.metric not in _METRICS:
        raise SpecError(f"Atlas has no metric {atlas.metric!r}. {did_you_mean(atlas.metric, _METRICS)}")
    if not isinstance(atlas.encoder, Encoder) and atlas.encoder != "auto":
        raise SpecError(
            f'Atlas wants encoder="auto" or an encoder object; got {atlas.encoder!r}. '
            "Pass for example latentatlas.models.ImageEncoder((1, 28, 28), dim=16)."
        )
    _check_blocks(atlas)
    _check_charts(atlas)
    check_geometry(atlas)
    if not isinstance(atlas.held_out, int | float) or not 0 <= atlas.held_out < 1:
        raise SpecError(f"Atlas wants 0 ≤ held_out < 1; got {atlas.held_out!r}. .1 keeps every tenth row aside.")


def check_rows(atlas: Any, table: Table) -> None:
    """Check that the settings of an `Atlas` suit the rows it is to be fitted on.

    Raises:
        ShapeError: for too few rows, also beside charts or their codes.
        DataError: for rows that are all equal.
        SpecError: for a patience without rows to watch, or an encoder of items of another shape.
    """
    n = len(table)
    if n <= atlas.n_neighbors:
        cure = f"Pass n_neighbors ≤ {n - 1} or more rows." if n > 1 else "Pass more rows."
        raise ShapeError(f"Atlas wants more rows than n_neighbors={atlas.n_neighbors}; got {n}. {cure}")
    require_variation(table.x)
    if not atlas.standardize:
        warn_of_scales(table.x, table.columns)
    _check_shape(atlas.encoder, table)
    _check_chart_rows(atlas, n)
    if atlas.patience is not None and int(atlas.held_out * n) < 1:
        raise SpecError(
            f"Atlas wants held-out rows to stop early by; held_out={atlas.held_out} leaves none of {n}. "
            "Raise held_out, or leave patience out."
        )


def _check_shape(encoder: Any, table: Table) -> None:
    """An encoder of images or signals folds rows into items; the wrong shape would scramble them silently."""
    wanted, items = getattr(encoder, "shape", None), table.item_shape
    if wanted is None or items is None or tuple(wanted) in (items, (1, *items)):
        return
    raise SpecError(
        f"Atlas wants an encoder for the items of {table.name!r}, which have the shape {items}; "
        f"{type(encoder).__name__} has {tuple(wanted)}. Give it the shape {items if len(items) > 2 else (1, *items)}."
    )


def _check_blocks(atlas: Any) -> None:
    """A layout is of the latent, and a transformation wants one to be learned by."""
    if atlas.layout is not None and not isinstance(atlas.layout, LatentLayout):
        raise SpecError(
            f"Atlas wants layout as a LatentLayout or None; got {atlas.layout!r}. Pass for example "
            "latentatlas.core.LatentLayout(invariant=8, variant=4, free=4)."
        )
    if atlas.layout is not None:
        atlas.layout.require(atlas.dim, who="Atlas")
    if atlas.transformation is None:
        return
    if not isinstance(atlas.transformation, Transformation):
        raise SpecError(
            "Atlas wants a transformation with `sample(n, generator)` and `apply(x, parameters)`; got "
            f"{type(atlas.transformation).__name__}. Pass one of latentatlas.data, or write the two."
        )
    if atlas.layout is None:
        raise SpecError(
            "Atlas wants a layout for the transformation: which axes are to ignore it, and which to tell it; got none. "
            "Pass layout=LatentLayout(invariant=..., variant=..., free=...)."
        )


def _check_charts(atlas: Any) -> None:
    """Charts suit the latent, and stand alone: their frame has no blocks, and they bring their encoder."""
    charts = settings_of(atlas.charts)
    if charts is None:
        return
    if atlas.layout is not None:
        raise SpecError(
            "Atlas wants charts or a layout; got both. The common frame of charts has no blocks: leave one of the two "
            "out."
        )
    if isinstance(atlas.encoder, Encoder):
        raise SpecError(
            f"Atlas wants charts or an encoder; got both, charts={atlas.charts!r} and a "
            f"{type(atlas.encoder).__name__}. To have charts of its features pass charts=models.AtlasAutoencoder(...) "
            "with it as the trunk."
        )
    if isinstance(charts, ChartSettings):
        charts.require(atlas.dim)


def _check_chart_rows(atlas: Any, n: int) -> None:
    charts = settings_of(atlas.charts)
    if charts is None:
        return
    trained = n - held_out_count(n, atlas.held_out)
    count, codes = chart_counts(charts)
    if count > trained:
        raise ShapeError(
            f"Atlas wants at least as many training rows as charts; got {trained} rows for {count} charts. Use fewer "
            "charts: some hundred rows for each are good."
        )
    if codes > trained:
        raise ShapeError(
            f"Atlas wants at least as many training rows as a chart has codes; got {trained} rows for {codes} codes. "
            "Use fewer codes, or none: ChartSettings(..., codes=None)."
        )


def _is_integer(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
