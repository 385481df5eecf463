"""What a landscape says of its rows and of its minima, as columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from latentatlas.data import Table
from latentatlas.landscape import Landscape
from latentatlas.store import free_column

__all__ = ["lowest_pass", "minimum_columns", "mixing", "point_columns"]

_OWN_COLUMNS = {"id", "x", "y", "energy", "basin", "ambiguity", "minimum", "prominence", "label", "environment"}


def mixing(landscape: Landscape) -> tuple[np.ndarray, np.ndarray]:
    """For each row the share of its neighbours that lie in another basin, and the basin that most of these lie in.

    Neighbours count in both directions. The other basin is the row's own where all neighbours are in it. Cost O(n k).
    """
    import scipy.sparse as sp

    n, basins = len(landscape.basins), landscape.basins
    tails, heads = _edges(landscape)
    ways = sp.csr_matrix((np.ones(len(tails)), (tails, basins[heads])), shape=(n, len(landscape.minima)))
    total = np.asarray(ways.sum(axis=1)).ravel()
    own = np.asarray(ways[np.arange(n), basins]).ravel()
    share = np.where(total > 0, 1 - own / np.maximum(total, 1), 0.0)
    ways[np.arange(n), basins] = 0
    best = np.asarray(ways.argmax(axis=1)).ravel()
    return share, np.where(share > 0, best, basins)


def point_columns(table: Table, xy: np.ndarray, landscape: Landscape, share: np.ndarray) -> dict[str, np.ndarray]:
    """The columns of `points.parquet`, in order."""
    minimum = np.zeros(len(table), dtype=bool)
    minimum[landscape.minima] = True
    prominence = np.full(len(table), np.nan)
    prominence[landscape.minima] = landscape.prominence
    known = {**table.metadata, **table.nuisance}
    roles = {"label": table.label, "environment": table.environment}
    return {
        "id": table.ids,
        "x": xy[:, 0].astype(np.float32),
        "y": xy[:, 1].astype(np.float32),
        "energy": landscape.energy,
        "basin": landscape.basins,
        "ambiguity": share.astype(np.float32),
        "minimum": minimum,
        "prominence": prominence,
        **{free_column(name, _OWN_COLUMNS): values for name, values in known.items()},
        **{name: values for name, values in roles.items() if values is not None},
    }


def minimum_columns(table: Table, landscape: Landscape, names: Sequence[str]) -> dict[str, np.ndarray]:
    """The columns of `landscape/minima.parquet`: the minima and, by `parent` and `saddle`, their merge tree."""
    joined = landscape.saddles >= 0
    saddle = np.where(joined, landscape.saddles, 0)
    return {
        "number": np.arange(len(landscape.minima)),
        "name": np.array(list(names), dtype=object),
        "row": landscape.minima,
        "id": table.ids[landscape.minima],
        "energy": landscape.energy[landscape.minima],
        "prominence": landscape.prominence,
        "size": landscape.sizes,
        "parent": landscape.parent,
        "saddle_row": landscape.saddles,
        "saddle_energy": np.where(joined, landscape.energy[saddle], np.inf),
    }


def lowest_pass(landscape: Landscape) -> tuple[np.ndarray, np.ndarray]:
    """For each minimum the least climb out of its basin and the basin behind that pass; infinite and −1 without one.

    Of basins behind one pass the most prominent is named.
    """
    heights = landscape.barriers.copy()
    np.fill_diagonal(heights, np.inf)
    best = heights.argmin(axis=1)
    lowest = heights[np.arange(len(heights)), best]
    climb = lowest - landscape.energy[landscape.minima]
    return climb, np.where(np.isfinite(lowest), best, -1)


def _edges(landscape: Landscape) -> tuple[np.ndarray, np.ndarray]:
    """Both directions of every edge, each once."""
    import scipy.sparse as sp

    graph, n = landscape.graph, len(landscape.basins)
    if isinstance(graph, np.ndarray):
        reached = graph.ravel() >= 0
        tails, heads = np.repeat(np.arange(n), graph.shape[1])[reached], graph.ravel()[reached]
    else:
        tails, heads = graph.nonzero()
    both = sp.csr_matrix((np.ones(2 * len(tails)), (np.r_[tails, heads], np.r_[heads, tails])), shape=(n, n))
    return both.nonzero()
