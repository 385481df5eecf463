"""Distances along the data, from a few landmarks."""

from __future__ import annotations

from typing import final

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float, Int
from scipy.sparse.csgraph import connected_components, dijkstra
from torch import Tensor, nn

from latentatlas.core import ShapeError, SpecError
from latentatlas.graph import Neighbours, spanning_tree_of_points

__all__ = ["LandmarkGeodesics"]


@final
class LandmarkGeodesics(nn.Module):
    r"""Lengths of shortest paths along a neighbour graph: d(i, j) ≈ max_l |d(l, i) − d(l, j)| over landmarks l.

    By the triangle inequality this is never too long. It is exact where a landmark is one of the two rows or lies on
    the prolongation of a shortest path between them, and never too short by more than twice the way to the nearest
    landmark. Landmarks are spread by taking the row farthest from those before.

    Components of the graph are joined by short links between their middles along the minimum spanning tree of these,
    so that all rows keep their place.

    The table of distances (landmarks × rows) is a buffer, NaN at first; `fit` fills it. Cost of `fit`: one search per
    landmark, O(landmarks · n (k + log n)); of a batch of b rows O(b² landmarks); memory O(landmarks n).

    Args:
        rows: number of rows that `row` counts.
        landmarks: rows whose distances to all others are kept; no more than there are rows.

    >>> from latentatlas.graph import knn_graph
    >>> corner = np.array([[0, 0], [1, 0], [2, 0], [2, 1], [2, 2]], dtype=np.float32)
    >>> along = LandmarkGeodesics(5, 2).fit(corner, knn_graph(corner, 2))
    >>> along(torch.tensor([0, 2, 4])).tolist()  # pairs (0, 2), (0, 4), (2, 4)
    [2.0, 4.0, 2.0]

    Raises:
        ShapeError: from `fit`, if rows and graph do not match `rows`; before `fit`, when called.

    References:
        de Silva, Tenenbaum, *Global versus local methods in nonlinear dimensionality reduction*, 2003.
    """

    table: Tensor

    def __init__(self, rows: int, landmarks: int = 64):
        super().__init__()
        if not 1 <= landmarks <= rows:
            raise SpecError(
                f"LandmarkGeodesics wants 1 ≤ landmarks ≤ rows; got {landmarks} for {rows} rows. 64 is usual."
            )
        self.rows = rows
        self.landmarks = landmarks
        self.register_buffer("table", torch.full((landmarks, rows), float("nan")))

    def fit(self, x: Float[np.ndarray, "n features"], neighbours: Neighbours) -> LandmarkGeodesics:
        """Fill the table from rows and their neighbour graph, and return the object itself.

        Give the rows in the unit in which they are to be compared; a latent of free scale fits any unit.
        """
        if not len(x) == len(neighbours.indices) == self.rows:
            raise ShapeError(
                f"LandmarkGeodesics wants {self.rows} rows and their graph; got {len(x)} rows and a graph of "
                f"{len(neighbours.indices)}. Build it for all rows of the fit."
            )
        graph = _joined(x, _symmetric(x, neighbours))
        landmark = int(dijkstra(graph, indices=0).argmax())
        nearest = np.full(self.rows, np.inf)
        for place in range(self.landmarks):
            distances = dijkstra(graph, indices=landmark)
            self.table[place] = torch.from_numpy(distances)
            nearest = np.minimum(nearest, distances)
            landmark = int(nearest.argmax())
        return self

    def forward(self, row: Int[Tensor, " n"]) -> Float[Tensor, " pairs"]:
        """Distances of all pairs i < j of these rows, in the order of `torch.pdist`."""
        if torch.isnan(self.table[0, 0]):
            raise ShapeError(
                "LandmarkGeodesics wants a table of distances; it is empty. Call fit(x, neighbours) first."
            )
        return torch.pdist(self.table[:, row].T.contiguous(), p=float("inf"))


def _symmetric(x: np.ndarray, neighbours: Neighbours) -> sp.csr_matrix:
    """The graph in both directions, with Euclidean lengths."""
    tail, head = np.repeat(np.arange(len(x)), neighbours.indices.shape[1]), neighbours.indices.ravel()
    tail, head = tail[head >= 0], head[head >= 0]
    return _both_directions(x, tail, head)


def _both_directions(x: np.ndarray, tail: np.ndarray, head: np.ndarray) -> sp.csr_matrix:
    length = np.linalg.norm(x[tail].astype(np.float64) - x[head], axis=1)
    length = np.maximum(length, np.finfo(np.float32).tiny)  # a length of 0 would be no edge
    graph = sp.csr_matrix((length, (tail, head)), shape=(len(x), len(x)))
    return graph.maximum(graph.T).tocsr()


def _joined(x: np.ndarray, graph: sp.csr_matrix) -> sp.csr_matrix:
    """The graph with its components linked, each to the next along the tree of their middles."""
    count, component = connected_components(graph, directed=False)
    if count == 1:
        return graph
    members = [np.flatnonzero(component == number) for number in range(count)]
    middles = np.stack([x[rows].mean(axis=0) for rows in members])
    links = []
    for first, second in spanning_tree_of_points(middles).edges:
        a = _nearest(x, members[first], middles[second])
        b = _nearest(x, members[second], x[a])
        links.append((_nearest(x, members[first], x[b]), b))
    tail, head = np.array(links).T
    return graph.maximum(_both_directions(x, tail, head)).tocsr()


def _nearest(x: np.ndarray, members: np.ndarray, point: np.ndarray) -> int:
    return int(members[np.square(x[members] - point).sum(axis=1).argmin()])
