"""Rows of many kinds to a table, and functions over blocks of them."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentatlas.core import ShapeError, SpecError
from latentatlas.data import Table, as_matrix, as_nuisances, as_rows_of
from latentatlas.graph import Neighbours, knn_graph, neighbours_among

__all__ = ["as_latents", "as_rows", "as_table", "blockwise", "both_graphs", "held_out_rows", "shared_neighbours"]

_BLOCK_ROWS = 2048
_BLOCK_NUMBERS = 2**19
"""Blocks of so many rows, or numbers where rows are long, stay near the processor; larger ones are slower."""

_MOST_HELD_OUT = 10_000
_SPARE_NEIGHBOURS = 6


def as_table(X: Any, y: Any, nuisance: Any, environment: Any, *, min_rows: int = 2) -> Table:
    """What was passed to `fit` as one table.

    Raises:
        SpecError: if a table and separate columns are given.
        DataError, ShapeError: if the rows or columns cannot be used.
    """
    if isinstance(X, Table):
        if any(value is not None for value in (y, nuisance, environment)):
            raise SpecError("Atlas.fit wants label, nuisance and environment inside the Table; got them beside it.")
        return X
    x, names = as_matrix(X, who="Atlas", min_rows=min_rows)
    return Table(
        x,
        columns=names or (),
        label=None if y is None else as_rows_of("y", y, len(x)),
        nuisance=as_nuisances(nuisance, len(x)),
        environment=None if environment is None else as_rows_of("environment", environment, len(x)),
    )


def as_rows(row: Any) -> Any:
    """One row (features,) as (1, features); anything else as it is."""
    return np.asarray(row)[None] if np.ndim(row) == 1 else row


def as_latents(Z: Any, *, dim: int) -> np.ndarray:
    """Latents to decode, (n, dim) float32.

    Raises:
        ShapeError: for another number of axes.
    """
    z, _ = as_matrix(Z, who="Atlas.inverse_transform")
    if z.shape[1] != dim:
        raise ShapeError(f"Atlas wants latents with {dim} axes; got {z.shape[1]}. Pass the result of transform.")
    return z


def held_out_rows(n: int, share: float, *, seed: int) -> np.ndarray:
    """Truth value per row: a random share of the rows, at most 10,000, is kept out of training."""
    mask = np.zeros(n, dtype=bool)
    mask[np.random.default_rng(seed).permutation(n)[: held_out_count(n, share)]] = True
    return mask


def held_out_count(n: int, share: float) -> int:
    """How many of n rows are kept out of training."""
    return min(int(share * n), _MOST_HELD_OUT)


def both_graphs(x: np.ndarray, train: np.ndarray, k: int, *, seed: int) -> tuple[Neighbours, Neighbours]:
    """The k nearest rows of every row, and those of the training rows among themselves, from one search."""
    n, m = len(x), len(train)
    if m == n:
        near = knn_graph(x, min(k, n - 1), seed=seed)
        return near, near
    wide = min(n - 1, ceil(k * n / m) + _SPARE_NEIGHBOURS)
    near = knn_graph(x, wide, seed=seed)
    indices, distances = (np.ascontiguousarray(part[:, :k]) for part in (near.indices, near.distances))
    every = Neighbours(indices, distances, near.recall, near.exact)
    return every, neighbours_among(near, x, train, min(k, m - 1))


def blockwise(function: Callable[[Tensor], Tensor], rows: np.ndarray) -> np.ndarray:
    """A batched function over blocks of rows, without gradient."""
    size = max(1, min(_BLOCK_ROWS, _BLOCK_NUMBERS // max(1, rows.shape[1])))
    starts = range(0, max(len(rows), 1), size)
    with torch.inference_mode():  # torch takes writable arrays only; memory-mapped rows are copied block by block
        blocks = (torch.from_numpy(np.require(rows[start : start + size], requirements="W")) for start in starts)
        return torch.cat([function(block) for block in blocks]).numpy()


def shared_neighbours(data: Neighbours, latent: Neighbours) -> np.ndarray:
    """Share of each row's latent neighbours that are neighbours in the data, (n,) in [0, 1]."""
    shared = np.zeros(len(data.indices), dtype=np.float32)
    for column in latent.indices.T:
        shared += (data.indices == column[:, None]).any(axis=1)
    return shared / latent.indices.shape[1]
