"""How well the hits of a search sit together in the graph of documents: the factor T of MRR-Top0."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int

from latentatlas.core import DataError, ShapeError, SpecError

__all__ = ["topology_factors"]

_STAY = 0.85
_TOLERANCE = 1e-10
_MOST_STEPS = 200


def topology_factors(
    ranking: Int[np.ndarray, "queries hits"],
    graph: Any,
    *,
    anchors: Int[np.ndarray, " queries"],
    communities: Int[np.ndarray, " documents"],
    weights: tuple[float, float, float] = (0.5, 0.3, 0.2),
) -> Float[np.ndarray, "queries hits"]:
    """T_i = a·PPR(q, i) + b·(1 − φ(first i hits)) + c·M(first i hits) for every hit, in [0, 1].

    - PPR: the share of time that a random walk spends in hit i which follows edges with probability .85 and else goes
      back to the query's anchor; divided by the largest share of any document.
    - φ, conductance: weight of the edges that leave the set / the smaller degree sum, of the set or of the rest; 0
      where none leaves, 1 for a set without edges.
    - M: share of the commonest community among the first i hits. The source writes "modularity gain" and computes this.

    The source leaves the scale of PPR and the anchor open; both are readings. Hits of −1 have T = 0.

    Args:
        ranking: document numbers, best first.
        graph: symmetric non-negative weights (documents, documents), SciPy sparse.
        anchors: the document that stands for each query, such as its nearest by cosine.
        communities: code of each document.
        weights: a, b, c; they sum to 1.

    Cost: O(steps · edges · queries + queries · hits · edges per document).

    >>> pair_and_single = sp.csr_matrix(np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]]))
    >>> codes = np.array([0, 0, 1])
    >>> found = topology_factors(np.array([[0, 1, 2]]), pair_and_single, anchors=np.array([0]), communities=codes)
    >>> found.round(3).tolist()
    [[0.7, 0.925, 0.433]]

    Raises:
        ShapeError: if anchors, communities and graph do not match.
        DataError: if the graph has a negative weight or is not symmetric.
        SpecError: unless the weights are ≥ 0 and sum to 1.

    References:
        L. Moriondo, *MRR-Top0: a topology-aware extension of mean reciprocal rank*, 2026.
    """
    graph = sp.csr_matrix(graph, dtype=np.float64)
    _check(ranking, graph, anchors, communities, weights)
    walk = _personal_pagerank(graph, anchors)
    degrees = np.asarray(graph.sum(axis=1)).ravel()
    result = np.zeros(ranking.shape)
    for place, hits in enumerate(ranking):
        hits = hits[hits >= 0]
        parts = (
            walk[hits, place] / walk[:, place].max(),
            1 - _conductance(graph, degrees, hits),
            _share(communities[hits]),
        )
        result[place, : len(hits)] = sum(weight * part for weight, part in zip(weights, parts, strict=True))
    return np.clip(result, 0, 1)


def _check(
    ranking: np.ndarray, graph: sp.csr_matrix, anchors: np.ndarray, communities: np.ndarray, weights: Any
) -> None:
    n = graph.shape[0]
    if graph.shape != (n, n) or len(communities) != n or len(anchors) != len(ranking):
        raise ShapeError(
            f"topology_factors wants a square graph, a community per document and an anchor per query; got "
            f"{graph.shape}, {len(communities)} communities, {len(anchors)} anchors for {len(ranking)} queries. "
            "Pass matching arrays."
        )
    if graph.nnz and (graph.data.min() < 0 or abs(graph - graph.T).max() > 1e-9 * graph.data.max()):
        raise DataError("topology_factors wants symmetric weights ≥ 0; got others. Pass graph.maximum(graph.T).")
    if min(weights) < 0 or abs(sum(weights) - 1) > 1e-9:
        raise SpecError(f"topology_factors wants weights ≥ 0 that sum to 1; got {weights}. The default is .5, .3, .2.")


def _personal_pagerank(graph: sp.csr_matrix, anchors: np.ndarray) -> Float[np.ndarray, "documents queries"]:
    """Shares of time, one column per query; from documents without an edge the walk goes back to the anchor."""
    n, queries = graph.shape[0], len(anchors)
    degrees = np.asarray(graph.sum(axis=1)).ravel()
    step = (sp.diags(np.divide(1.0, degrees, out=np.zeros(n), where=degrees > 0)) @ graph).T.tocsr()
    home = np.zeros((n, queries))
    home[anchors, np.arange(queries)] = 1.0
    share = home
    for _ in range(_MOST_STEPS):
        moved = _STAY * (step @ share)
        moved += home * (1 - moved.sum(axis=0))
        if np.abs(moved - share).sum(axis=0).max() < _TOLERANCE:
            return moved
        share = moved
    return share


def _conductance(graph: sp.csr_matrix, degrees: np.ndarray, hits: np.ndarray) -> Float[np.ndarray, " hits"]:
    """φ of the first hit, the first two, and so on."""
    inside = np.cumsum(np.tril(graph[hits][:, hits].toarray(), k=-1).sum(axis=1))  # an edge joins with its later end
    volume = np.cumsum(degrees[hits])
    leaving = np.maximum(volume - 2 * inside, 0)
    smaller = np.minimum(volume, degrees.sum() - volume)
    none_leaves = leaving <= 1e-12 * volume
    ratio = np.divide(leaving, smaller, out=np.ones(len(hits)), where=~none_leaves & (smaller > 0))
    return np.where(none_leaves & (volume > 0), 0.0, ratio)


def _share(codes: np.ndarray) -> Float[np.ndarray, " hits"]:
    """Share of the commonest code among the first, the first two, and so on."""
    same = codes[:, None] == np.unique(codes)[None, :]
    return np.cumsum(same, axis=0).max(axis=1, initial=0) / np.arange(1, len(codes) + 1)
