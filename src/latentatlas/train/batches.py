"""Batches drawn by index from tensors in memory: no per-sample loading, no collation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, final, runtime_checkable

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Int
from torch import Tensor

from latentatlas.core import Batch, DataError, Edges, ShapeError

__all__ = ["BatchSource", "EdgeBatches", "RowBatches"]


@runtime_checkable
class BatchSource(Protocol):
    """An endless source of batches that live on one device."""

    def draw(self) -> Batch:
        """The next batch."""
        ...

    def to(self, device: torch.device) -> BatchSource:
        """The same source with its tensors on a device."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """What decides the batches to come."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a state."""
        ...


@final
class RowBatches:
    """Rows drawn in random order, each at most once per pass.

    Args:
        rows: all training rows as one batch; every tensor field is indexed alike.
        size: rows per batch; all rows where there are fewer.
        seed: of the order.
    """

    def __init__(self, rows: Batch, *, size: int = 512, seed: int = 0):
        if size < 1 or len(rows.x) < 1:
            raise ShapeError(f"RowBatches wants size ≥ 1 and rows; got size={size}, {len(rows.x)} rows. Pass both.")
        self.rows = rows
        self.size = min(size, len(rows.x))
        self.seed = seed
        self._generator = torch.Generator().manual_seed(seed)
        self._order = torch.empty(0, dtype=torch.int64)

    def draw(self) -> Batch:
        """The next `size` rows; a pass that would end in a smaller batch starts anew."""
        if len(self._order) < self.size:
            self._order = torch.randperm(len(self.rows.x), generator=self._generator)
        chosen, self._order = self._order[: self.size], self._order[self.size :]
        return take_rows(self.rows, chosen.to(self.rows.x.device))

    def to(self, device: torch.device) -> RowBatches:
        """The same source on a device."""
        self.rows = move_rows(self.rows, device)
        return self

    def state_dict(self) -> dict[str, Any]:
        """The generator, and the rows left of this pass."""
        return {"generator": self._generator.get_state(), "order": self._order}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a state."""
        self._generator.set_state(state["generator"])
        self._order = state["order"]


@final
class EdgeBatches:
    """Edges of a graph over ALL training rows, drawn in proportion to their weight; a batch holds both ends once.

    The mask of known neighbours covers every edge of the graph between rows of the batch, not only the drawn ones.

    Args:
        rows: all training rows as one batch.
        graph: symmetric (n, n) sparse matrix of edge weights > 0.
        size: edges per batch, so up to 2·size rows.
        seed: of the draws.
    """

    def __init__(self, rows: Batch, graph: sp.csr_matrix, *, size: int = 256, seed: int = 0):
        _check_edges(graph, len(rows.x), size)
        self.rows = rows
        self.graph = graph
        self.size = size
        self.seed = seed
        upper = sp.triu(graph, k=1).tocoo()
        self._ends = torch.from_numpy(np.stack([upper.row, upper.col]).astype(np.int64))
        mass = np.cumsum(upper.data.astype(np.float64))
        self._cumulative = torch.from_numpy(mass / mass[-1])
        self._start = torch.from_numpy(graph.indptr.astype(np.int64))
        self._neighbours = torch.from_numpy(graph.indices.astype(np.int64))
        self._slot = torch.full((len(rows.x),), -1)
        self._generator = torch.Generator().manual_seed(seed)

    def draw(self) -> Batch:
        """The next edges with the rows at their ends, in ascending row order."""
        uniform = torch.rand(self.size, dtype=torch.float64, generator=self._generator)
        edge = torch.searchsorted(self._cumulative, uniform).clamp(max=self._ends.shape[1] - 1)
        chosen, position = torch.unique(self._ends[:, edge], return_inverse=True)
        device = self.rows.x.device
        edges = Edges(position[0].to(device), position[1].to(device), self._known(chosen).to(device))
        return take_rows(self.rows, chosen.to(device))._replace(edges=edges)

    def to(self, device: torch.device) -> EdgeBatches:
        """The same source on a device; edges are drawn on the processor."""
        self.rows = move_rows(self.rows, device)
        return self

    def state_dict(self) -> dict[str, Any]:
        """The generator."""
        return {"generator": self._generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a state."""
        self._generator.set_state(state["generator"])

    def _known(self, chosen: Int[Tensor, " n"]) -> Tensor:
        """True where two chosen rows share an edge of the graph, or are the same row."""
        count = self._start[chosen + 1] - self._start[chosen]
        owner = torch.repeat_interleave(torch.arange(len(chosen)), count)
        first = torch.repeat_interleave(self._start[chosen] - (count.cumsum(0) - count), count)
        neighbour = self._neighbours[first + torch.arange(len(owner))]
        self._slot[chosen] = torch.arange(len(chosen))
        slot = self._slot[neighbour]
        self._slot[chosen] = -1
        known = torch.eye(len(chosen), dtype=torch.bool)
        known[owner[slot >= 0], slot[slot >= 0]] = True
        return known


def _check_edges(graph: sp.csr_matrix, n: int, size: int) -> None:
    if size < 1:
        raise ShapeError(f"EdgeBatches wants size ≥ 1 edges per batch; got {size}. 256 is usual.")
    if graph.shape != (n, n):
        raise ShapeError(
            f"EdgeBatches wants one graph node per row; got a graph of shape {graph.shape} for {n} rows. "
            "Build the graph on the same rows."
        )
    if graph.nnz == 0 or sp.triu(graph, k=1).nnz == 0:
        raise DataError("EdgeBatches wants a graph with edges; got none. Raise k, or check for isolated rows.")
    if not (np.isfinite(graph.data).all() and graph.data.min() > 0):
        raise DataError("EdgeBatches wants finite edge weights > 0; got others. Call graph.eliminate_zeros() or mend.")
    if abs(graph - graph.T).max() > 1e-6 * graph.data.max():
        raise DataError("EdgeBatches wants a symmetric graph; this is directed. Take graph.fuzzy_weights(neighbours).")


def take_rows(rows: Batch, chosen: Int[Tensor, " n"]) -> Batch:
    """The chosen rows of every field."""
    return _each(rows, lambda field: field[chosen])


def move_rows(rows: Batch, device: torch.device) -> Batch:
    """Every field on a device."""
    return _each(rows, lambda field: field.to(device))


def _each(rows: Batch, change: Callable[[Tensor], Tensor]) -> Batch:
    """The fields that are tensors, and the columns of those that are several, changed alike."""

    def changed(field: Any) -> Any:
        if isinstance(field, Mapping):
            return {name: change(column) for name, column in field.items()}
        return change(field) if isinstance(field, Tensor) else field

    return Batch._make(map(changed, rows))
