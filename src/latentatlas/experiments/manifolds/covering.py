"""A cover from the graph of neighbours: cells with soft borders, and a router that learns to tell them."""

from __future__ import annotations

from typing import final

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentatlas.core import Batch, Charts, Constant, Latents
from latentatlas.graph import Neighbours, knn_graph
from latentatlas.layout import cells_of
from latentatlas.models import AtlasEncoder
from latentatlas.terms import ChartAssignment, Objective
from latentatlas.train import Recipe, RowBatches, fit

__all__ = ["LEAST", "learn_cover", "soft_cells"]

LEAST = 0.1
"""Membership from which a row counts as inside a chart."""

_NEIGHBOURS, _LANDMARKS, _MOST_ROUNDS = 10, 100, 200
_OVERLAP = 0.4
_DRAWS, _BATCH, _RATE = 8, 512, 1e-2


def soft_cells(x: Float[np.ndarray, "n features"], count: int, *, seed: int) -> Float[np.ndarray, "n charts"]:
    """Memberships of rows in so many cells with soft borders, without any coordinates of the set.

    k-means of the lengths of shortest paths to 100 landmarks, on the graph of the ten nearest neighbours; then a row
    takes the mean of its neighbours' memberships, round by round, until four rows in ten are inside two cells. Paths
    and means follow the set, so that a cell does not jump to a part that is near in space only. Cost O(landmarks n log
    n + n² features).
    """
    near = knn_graph(x, _NEIGHBOURS, exact=True)
    cell = cells_of(_path_lengths(near, seed=seed), count, seed=seed)
    step = _averaging(near)
    memberships = np.eye(count)[cell]
    for _ in range(_MOST_ROUNDS):
        memberships = step @ memberships
        if (np.sort(memberships, axis=1)[:, -2] >= LEAST).mean() >= _OVERLAP:
            break
    return memberships


def learn_cover(
    encoder: AtlasEncoder,
    x: Float[Tensor, "n features"],
    memberships: Float[np.ndarray, "n charts"],
    *,
    steps: int,
    seed: int,
) -> None:
    """Train the router to give the memberships; the trunk stays as it is.

    Each row is there eight times, each time with a chart drawn by its memberships, so that the cross-entropy of the
    drawn charts is that of the memberships themselves.
    """
    encoder.trunk.requires_grad_(False)
    drawn = torch.multinomial(torch.from_numpy(memberships), _DRAWS, replacement=True).flatten()
    rows = Batch(x.repeat_interleave(_DRAWS, dim=0), row=torch.arange(len(drawn)))
    term = ChartAssignment(len(drawn), memberships.shape[1])
    term.assign(torch.arange(len(drawn)), drawn)
    fit(
        _RouterAlone(encoder),
        Objective({"assignment": (term, Constant(1.0))}),
        RowBatches(rows, size=_BATCH, seed=seed),
        Recipe(steps, rate=_RATE, decay=0.0, log_every=steps),
    )


@final
class _RouterAlone(nn.Module):
    """Memberships of an encoder as a model of their own; nothing is decoded."""

    def __init__(self, encoder: AtlasEncoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, batch: Batch) -> Latents:
        features = self.encoder.trunk(batch.x)
        return Latents(features, charts=Charts(self.encoder.gate(self.encoder.router.logits(features))))


def _path_lengths(near: Neighbours, *, seed: int) -> Float[np.ndarray, "n landmarks"]:
    """Shortest paths to landmarks, each the row farthest from those before; twice the longest where there is none."""
    from scipy.sparse.csgraph import dijkstra

    graph = _graph(near, near.distances.ravel())
    landmark = int(np.random.default_rng(seed).integers(len(near.indices)))
    lengths, least = [], np.full(len(near.indices), np.inf)
    for _ in range(min(_LANDMARKS, len(least))):
        lengths.append(dijkstra(graph, directed=False, indices=landmark))
        least = np.minimum(least, lengths[-1])
        landmark = int(least.argmax())
    table = np.stack(lengths, axis=1)
    reached = np.isfinite(table)
    return np.where(reached, table, 2 * table[reached].max())


def _averaging(near: Neighbours) -> sp.csr_matrix:
    """The mean over a row, which counts twice, and its neighbours in either direction."""
    graph = _graph(near, np.ones(near.indices.size))
    graph = (graph + graph.T + 2 * sp.eye(graph.shape[0])).tocsr()
    return sp.diags(1 / np.asarray(graph.sum(axis=1)).ravel()) @ graph


def _graph(near: Neighbours, weights: np.ndarray) -> sp.csr_matrix:
    n, k = near.indices.shape
    return sp.csr_matrix((weights, near.indices.ravel(), np.arange(0, n * k + 1, k)), shape=(n, n))
