"""The default first stage: rows are laid out without a network, and the network learns their places."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from latentatlas.core import Batch, Constant, Schedule
from latentatlas.estimator.basins import density_basins
from latentatlas.estimator.curriculum import records_every
from latentatlas.graph import Neighbours, fuzzy_weights, mutual_graph
from latentatlas.layout import PHASES, cells_of, gathered, lay_out, start_of
from latentatlas.models import Autoencoder, ChartDecoder, ChartEncoder, PCAStem
from latentatlas.terms import Anchor, ChartAssignment, Rebind, Reconstruction, Term
from latentatlas.train import Callback, Recipe

__all__ = [
    "Layout",
    "chart_encoder",
    "distillation_recipe",
    "distillation_rows",
    "distillation_terms",
    "layout_of",
    "principal",
    "seat_charts",
]

_PASSES = 10
_FEWEST_STEPS = 600
_RATE = 1e-2
_RATE_ROWS = 1_024
_WARMUP = 0.3
_GATHERED = 0.5
_CELLS = 60
_ROWS_PER_CELL = 50
_ROWS_PER_CHART = 50
_MOST_CHARTS = 80
_MANY_ROWS = 20_000
_LARGE = 50_000
_NOISE = 0.5  # of the whitened input
_ASSIGNMENT = 0.15


@final
@dataclass(frozen=True, eq=False)
class Layout:
    """Where the training rows are to lie.

    Attributes:
        places: of the latent.
        map_places: of the map; the same array where the latent is the map.
        basins: number of the basin of each row, from 0.
    """

    places: Float[np.ndarray, "n dim"]
    map_places: Float[np.ndarray, "n 2"]
    basins: Int[np.ndarray, " n"]


def distillation_rows(n: int) -> int:
    """Rows per step for n training rows: 512 below 5,000 rows, 1,024 below 50,000, 2,048 above.

    >>> [distillation_rows(n) for n in (4_999, 5_000, 50_000)]
    [512, 1024, 2048]
    """
    return 512 if n < 5_000 else 1_024 if n < _LARGE else 2_048


def distillation_recipe(n: int, rows: int, *, steps: int | None = None) -> Recipe:
    """How n training rows are learnt, so many at a time: ten passes, at least 600 steps below 50,000 rows.

    The highest rate grows as the square root of the rows of a step, from .01 for 1,024.

    >>> [distillation_recipe(*each).steps for each in ((1_500, 512), (63_000, 2_048))]
    [600, 307]
    """
    steps = steps or max(1 if n >= _LARGE else _FEWEST_STEPS, _PASSES * n // rows)
    rate = _RATE * math.sqrt(rows / _RATE_ROWS)
    return Recipe(steps, rate=rate, warmup=_WARMUP, mixed=True, log_every=records_every(steps))


def chart_encoder(components: int, dim: int, *, n: int) -> ChartEncoder:
    """An encoder for n training rows: a chart for 50 rows, at most 80, or 160 from 50,000 rows on.

    Below 20,000 rows it is half as wide and has noise. Few rows would be learnt by heart: noise brings new rows nearer
    to their neighbours. Many rows gain nothing by it.
    """
    charts = 2 * _MOST_CHARTS if n >= _LARGE else min(_MOST_CHARTS, max(1, n // _ROWS_PER_CHART))
    if n >= _MANY_ROWS:
        return ChartEncoder(components, dim, charts=charts, hidden=(512, 512))
    return ChartEncoder(components, dim, charts=charts, hidden=(256, 256), noise=_NOISE)


def layout_of(
    near: Neighbours,
    h: Float[np.ndarray, "n components"],
    dim: int,
    *,
    n_basins: int | None,
    seed: int,
    device: torch.device,
    shown: Callback,
) -> Layout:
    """Lay the rows out on the plane and, where the latent is no plane, in `dim` dimensions too.

    The basins are the density modes of the plane while groups are still apart; the places of each are drawn together,
    so that the atlas falls into basins, and the basins are moved as they are until far ones lie as in the data.

    Rows that are among the nearest of none of their neighbours are held by no group, however many hold them: where the
    large shape is arranged they move alone. On a thin shell around dense groups that is nearly every row.

    Args:
        near: nearest rows of each.
        h: principal components of the rows.
        dim: axes of the latent.
        n_basins: number of basins; None finds it.
        seed: of the layouts.
        device: where to compute them.
        shown: told of every step.
    """
    graph, alone = fuzzy_weights(near), np.diff(mutual_graph(near).indptr) == 0
    apart, last = PHASES[:-1], PHASES[-1:]
    whole = [phase._replace(steps=phase.steps // 2) for phase in last]  # basins as they are settle sooner than rows
    taken = itertools.count()
    descend = partial(lay_out, graph, seed=seed, device=device, on_step=lambda: shown.on_step(next(taken)))

    def finished(places: np.ndarray) -> np.ndarray:
        places = descend(places, x=h, phases=last, cells=_cells(places, alone, seed))
        return descend(gathered(places, basins, share=_GATHERED), x=h, phases=whole, cells=basins, rigid=True)

    shown.on_start(sum(phase.steps for phase in (*PHASES, *whole)) * (1 if dim == 2 else 2))
    try:
        plane = descend(start_of(h, 2), phases=apart)
        basins = density_basins(plane, n_basins, seed=seed)
        on_map = finished(plane)
        places = on_map if dim == 2 else finished(descend(start_of(h, dim), phases=apart))
    finally:
        shown.on_end()
    return Layout(places, on_map, basins)


def _cells(places: np.ndarray, alone: np.ndarray, seed: int) -> np.ndarray:
    """Cells of near rows, and one for each row that is alone."""
    cells = cells_of(places, min(_CELLS, max(1, len(places) // _ROWS_PER_CELL)), seed=seed)
    cells[alone] = cells.max() + 1 + np.arange(alone.sum())
    return cells


def principal(h: Tensor, most: int) -> Float[np.ndarray, "n components"]:
    """The first principal components of rows in stem coordinates, at most so many."""
    if h.shape[1] <= most:
        return h.numpy()
    return PCAStem(h.shape[1], most).fit(h)(h).numpy()


def distillation_terms(
    layout: Layout, model: Autoencoder, batch: Batch, cells: np.ndarray
) -> dict[str, tuple[Term, Schedule]]:
    """Reconstruction, a pull of every row to its place, and its chart to each row where the encoder has charts."""
    rows = batch.row
    assert rows is not None
    total = int(rows.max()) + 1
    terms: dict[str, tuple[Term, Schedule]] = {"recon": (Reconstruction(), Constant(1.0))}
    latent = Anchor(total, layout.places.shape[1])
    latent.hold(rows, torch.from_numpy(layout.places))
    terms["layout"] = (latent, Constant(1.0))
    if model.head is not None:
        on_map = Anchor(total, 2)
        on_map.hold(rows, torch.from_numpy(layout.map_places))
        terms["map_layout"] = (Rebind(on_map, {"z": "map"}), Constant(1.0))
    if isinstance(model.encoder, ChartEncoder):
        assignment = ChartAssignment(total, model.encoder.charts)
        assignment.assign(rows, torch.from_numpy(cells))
        terms["assignment"] = (assignment, Constant(_ASSIGNMENT))
    return terms


def seat_charts(model: Autoencoder, layout: Layout, *, seed: int) -> np.ndarray:
    """Seat the charts of a model in the cells of a k-means of the places; the cell of each row."""
    if not isinstance(model.encoder, ChartEncoder):
        return np.zeros(len(layout.places), np.int64)
    cells = cells_of(layout.places, model.encoder.charts, seed=seed)
    places = torch.from_numpy(layout.places), torch.from_numpy(cells)
    model.encoder.seat(*places)
    if isinstance(model.decoder, ChartDecoder):
        model.decoder.seat(*places)
    return cells
