"""Minima of an energy on a neighbour graph, their prominence, and the basins around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int

from latentatlas.core import DataError, ShapeError
from latentatlas.graph import Neighbours

__all__ = ["Minima", "density_energy", "find_minima"]


def density_energy(neighbours: Neighbours, *, dim: int) -> Float[np.ndarray, " n"]:
    r"""−log density of each row up to a constant, (dim/2) log mean_j d_ij², in nats: dense places are LOW.

    Args:
        neighbours: Euclidean; more neighbours give a smoother field.
        dim: of the space.

    Cost: O(n k).
    """
    squared = np.square(neighbours.distances.astype(np.float64)).mean(axis=1)
    return dim / 2 * np.log(np.maximum(squared, np.finfo(np.float64).tiny))


@final
@dataclass(frozen=True, eq=False)
class Minima:
    """Local minima, most prominent first.

    Attributes:
        rows: row number of each minimum.
        prominence: how far one must climb from it to reach a deeper minimum, in units of the energy; infinite for the
            deepest of each connected component.
        basins: number of the minimum that steepest descent reaches from each row.
        parent: number of the deeper minimum each one joins at its saddle; itself where there is none.
        span: highest minus lowest energy.
    """

    rows: Int[np.ndarray, " minima"]
    prominence: Float[np.ndarray, " minima"]
    basins: Int[np.ndarray, " n"]
    parent: Int[np.ndarray, " minima"]
    span: float

    def merged(self, count: int) -> Int[np.ndarray, " n"]:
        """Basins, numbered from 0, once only `count` minima are left.

        One at a time the minimum with the least prominence × rows joins the minimum behind its saddle. Weighting by
        rows keeps deep crumbs from outliving shallow clusters. Connected components are never joined, so more than
        `count` basins are left where there are more components.
        """
        lifetime = np.minimum(self.prominence, self.span)
        size = np.bincount(self.basins, minlength=len(self.rows))
        parent, target = self.parent.copy(), np.arange(len(self.rows))
        alive = np.ones(len(self.rows), dtype=bool)
        while alive.sum() > count:
            mortal = np.flatnonzero(alive & (parent != np.arange(len(parent))))
            if not len(mortal):
                break
            ended = mortal[(lifetime[mortal] * size[mortal]).argmin()]
            heir = parent[ended]
            size[heir] += size[ended]
            alive[ended] = False
            parent[parent == ended] = heir
            target[target == ended] = heir
        return np.unique(target[self.basins], return_inverse=True)[1].reshape(-1)


def find_minima(energy: Float[np.ndarray, " n"], indices: Int[np.ndarray, "n k"]) -> Minima:
    """All local minima of an energy over the rows of a k-nearest-neighbour graph, taken as undirected.

    A row is a minimum if no neighbour is lower. Rows enter from low to high; where a row joins two basins, the
    shallower one ends, and its prominence is the energy of that saddle minus that of its minimum (0-dimensional
    persistence).
    Ties are broken by row number, so a plateau is one minimum and results are deterministic.

    Cost: O(n k log n).

    >>> chain = np.array([[1, 2], [0, 2], [1, 3], [2, 4], [3, 2]])
    >>> found = find_minima(np.array([0.0, 2.0, 5.0, 3.0, 1.0]), chain)
    >>> found.rows.tolist(), found.prominence.tolist(), found.basins.tolist()
    ([0, 4], [inf, 4.0], [0, 0, 0, 1, 1])

    Raises:
        ShapeError: if there is not one energy per row, or no row.
        DataError: if an energy is NaN.

    References:
        Chazal et al., *Persistence-based clustering in Riemannian manifolds*, 2013 (ToMATo).
    """
    n = len(energy)
    if len(indices) != n or n == 0:
        raise ShapeError(
            f"find_minima wants one energy for each of one row or more; got {n} for {len(indices)} rows. "
            "Pass matching arrays."
        )
    if np.isnan(energy).any():
        raise DataError(f"find_minima wants energies that compare; row {np.isnan(energy).argmax()} has NaN. Drop it.")
    start, neighbours = _undirected(indices)
    order = np.argsort(energy, kind="stable")
    rank = np.empty(n, dtype=np.int64)
    rank[order] = np.arange(n)
    leader = np.arange(n)
    descent = np.arange(n)
    ends: dict[int, tuple[float, int]] = {}
    for row in order.tolist():
        around = neighbours[start[row] : start[row + 1]]
        lower = around[rank[around] < rank[row]]
        if not len(lower):
            continue
        descent[row] = lower[rank[lower].argmin()]
        leader[row] = _leader(leader, int(descent[row]))
        for other in lower.tolist():
            first, second = _leader(leader, row), _leader(leader, other)
            if first != second:
                deep, shallow = (first, second) if rank[first] < rank[second] else (second, first)
                ends[shallow] = (float(energy[row] - energy[shallow]), deep)
                leader[shallow] = deep
    return _collected(energy, order, descent, ends)


def _collected(
    energy: np.ndarray, order: np.ndarray, descent: np.ndarray, ends: dict[int, tuple[float, int]]
) -> Minima:
    """Minima by prominence, then by depth."""
    minima = [row for row in order.tolist() if descent[row] == row]
    minima.sort(key=lambda row: -ends[row][0] if row in ends else -np.inf)
    number = {row: position for position, row in enumerate(minima)}
    bottom = np.arange(len(order))
    for row in order.tolist():
        bottom[row] = row if descent[row] == row else bottom[descent[row]]
    prominence = np.array([ends[row][0] if row in ends else np.inf for row in minima])
    parent = np.array([number[ends[row][1]] if row in ends else number[row] for row in minima])
    lookup = np.zeros(len(order), dtype=np.int64)
    lookup[minima] = np.arange(len(minima))
    return Minima(np.array(minima), prominence, lookup[bottom], parent, float(energy.max() - energy.min()))


def _leader(leader: np.ndarray, row: int) -> int:
    while leader[row] != row:
        leader[row] = leader[leader[row]]
        row = int(leader[row])
    return row


def _undirected(indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Neighbour lists in both directions, as offsets and row numbers; an index of −1 is no neighbour."""
    n, k = indices.shape
    reached = indices.ravel() >= 0
    rows = np.repeat(np.arange(n), k)[reached]
    graph = sp.csr_matrix((np.ones(len(rows), np.int32), (rows, indices.ravel()[reached])), shape=(n, n))
    both = sp.csr_matrix(graph + graph.T)
    return both.indptr, both.indices
