"""Parts of a graph that no edge connects, and the shortest bridges between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float, Int
from scipy.sparse.csgraph import connected_components

from latentatlas.core import ShapeError, SpecError
from latentatlas.graph.knn import Dissimilarity, EuclideanDistance, centred

__all__ = ["Connected", "components", "connect"]

_SPARE = 16
_BLOCK_NUMBERS = 2**24


@final
@dataclass(frozen=True, eq=False)
class Connected:
    """A graph in one piece.

    Attributes:
        graph: the graph with both directions of each bridge added.
        bridges: the ends of each added edge, smaller row first; one edge fewer than there were components.
        distances: dissimilarity between these ends.
    """

    graph: sp.csr_matrix
    bridges: Int[np.ndarray, "bridges 2"]
    distances: Float[np.ndarray, " bridges"]


def components(graph: sp.spmatrix) -> Int[np.ndarray, " n"]:
    """The component of each row, numbered from the largest on (ties: the one whose first row comes first).

    Cost: O(n + edges).

    >>> components(sp.csr_matrix(np.array([[0, 0, 0], [0, 0, 1], [0, 1, 0]]))).tolist()
    [1, 0, 0]
    """
    count, found = connected_components(graph, directed=False)
    first = np.full(count, len(found))
    np.minimum.at(first, found, np.arange(len(found)))
    order = np.lexsort((first, -np.bincount(found, minlength=count)))
    return np.argsort(order)[found]


def connect(
    graph: sp.spmatrix,
    x: Float[np.ndarray, "n features"],
    *,
    metric: Dissimilarity | None = None,
    weight: float | None = None,
) -> Connected:
    """Join the components by the shortest bridges there are: a minimum spanning tree between components.

    With it shortest paths are finite and layouts keep all parts in one frame. A graph in one piece comes back as it is.

    Borůvka's rounds: each component but the largest is joined to the row outside it that is nearest to any of its
    rows; the number of components at least halves. Nearest rows are found in float32, and the 16 nearest candidates
    measured by differences.

    Cost: O(m n features) a round for m rows outside the largest component, at most log₂(components) rounds; O(n)
    memory and one block.

    Args:
        graph: (n, n), symmetric, weights > 0.
        x: the rows.
        metric: None is Euclidean.
        weight: of the bridges; None gives the weight of the weakest edge (1 if there is none), so that bridges never
            count for more than a neighbour. For lengths instead: `edge_lengths(connected.graph, x)`.

    >>> x = np.array([[0.0], [1.0], [5.0], [6.0]])
    >>> pairs = sp.csr_matrix(np.array([[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]]))
    >>> joined = connect(pairs, x)
    >>> joined.bridges.tolist(), joined.distances.tolist()
    ([[1, 2]], [4.0])

    Raises:
        ShapeError: unless the graph has one row and one column for each row of x.
        SpecError: unless weight > 0.
    """
    edges, n = sp.csr_matrix(graph), len(x)
    if edges.shape != (n, n):
        raise ShapeError(f"connect wants a graph of {n} rows; got {edges.shape}. Pass the rows it is of.")
    weight = (float(edges.data.min()) if edges.nnz else 1.0) if weight is None else weight
    if not weight > 0:
        raise SpecError(f"connect wants weights > 0; got {weight}. Pass weight=..., or drop edges of weight 0.")
    metric = metric or EuclideanDistance()
    rows = np.empty(x.shape, np.float32)
    centred(metric.prepare(x), out=rows)
    labels, rounds = components(edges), []
    while labels.any():
        bridges, labels = _merge(_shortest(rows, labels), labels)
        rounds.append(bridges)
    table = np.concatenate(rounds) if rounds else np.empty((0, 3))
    ends, squared = np.sort(table[:, :2].astype(np.int64), axis=1), table[:, 2:]
    added = sp.csr_matrix((np.full(len(ends), weight), (ends[:, 0], ends[:, 1])), shape=(n, n))
    return Connected(sp.csr_matrix(edges + added + added.T), ends, metric.finish(squared)[:, 0])


def _shortest(rows: np.ndarray, labels: np.ndarray) -> Float[np.ndarray, "bridges 3"]:
    """For each component but the largest the shortest way out: row inside, row outside, squared distance."""
    points, parts = torch.from_numpy(rows), torch.from_numpy(labels)
    norms = torch.linalg.vecdot(points, points)
    inside = np.flatnonzero(labels)
    outside, squared = np.empty_like(inside), np.empty(len(inside))
    block = max(1, _BLOCK_NUMBERS // (len(rows) + _SPARE * rows.shape[1]))
    for start in range(0, len(inside), block):
        part = torch.from_numpy(inside[start : start + block])
        rough = torch.addmm(norms, points[part], points.T, alpha=-2)
        rough.masked_fill_(parts[part, None] == parts, torch.inf)
        found = rough.topk(min(_SPARE, len(rows)), dim=1, largest=False).indices
        gaps = (points[found] - points[part, None]).double().square().sum(dim=2)
        gaps.masked_fill_(parts[found] == parts[part, None], torch.inf)
        nearest = gaps.min(dim=1)
        squared[start : start + block] = nearest.values
        outside[start : start + block] = found.gather(1, nearest.indices[:, None])[:, 0]
    order = np.lexsort((outside, inside, squared, labels[inside]))
    first = order[np.unique(labels[inside][order], return_index=True)[1]]
    return np.column_stack([inside, outside, squared])[first]


def _merge(
    ways: Float[np.ndarray, "ways 3"], labels: Int[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, "bridges 3"], Int[np.ndarray, " n"]]:
    """The ways, shortest first, without those that would close a ring; and the labels of what they join."""
    parent = list(range(labels.max() + 1))

    def root(part: int) -> int:
        while parent[part] != part:
            parent[part] = part = parent[parent[part]]
        return part

    kept = []
    for way in ways[np.argsort(ways[:, 2], kind="stable")]:
        one, other = (root(int(labels[int(end)])) for end in way[:2])
        if one != other:
            parent[max(one, other)] = min(one, other)
            kept.append(way)
    return np.array(kept), np.array([root(part) for part in range(len(parent))])[labels]
