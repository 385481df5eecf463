"""What the terms on neighbours and distances cost in a training step, and spanning trees beside SciPy's."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentatlas.core import Edges, available_threads
from latentatlas.graph import knn_graph, spanning_tree
from latentatlas.models import MLPDecoder
from latentatlas.terms import (
    CrossEntropy,
    HardNegatives,
    LandmarkGeodesics,
    LocalDistance,
    NeighborContrast,
    NeighborReconstruction,
    RTDLite,
    Signature,
    Stress,
    Term,
    Triplet,
)

__all__ = ["spanning_tree_speed", "topology_term_speed"]

_ROWS = 256
_COMPONENTS = 128
_BLOCKS = 30


def topology_term_speed(rows: int = _ROWS) -> dict[str, float]:
    """Milliseconds of forward and backward pass to a latent of two axes: 256 rows of 128 stem coordinates.

    As many edges as half the rows, as a batch of edges has; the decoder is that of `Atlas`.
    """
    fields = _batch(rows)
    terms = {
        "NeighborContrast": NeighborContrast(),
        "NeighborContrast, 16 hard negatives": NeighborContrast(against=HardNegatives()),
        "NeighborContrast, cross-entropy": NeighborContrast(5.0, loss=CrossEntropy()),
        "Triplet": Triplet(),
        "LocalDistance": LocalDistance(),
        "Stress": Stress(),
        "Stress, Sammon": Stress(1.0),
        "Stress, 64 landmarks": Stress(geodesics=_geodesics(fields["x"])),
        "Signature": Signature(),
        "RTDLite": RTDLite(),
        "NeighborReconstruction": NeighborReconstruction(),
    }
    figures = {f"{name}, ms": _step_milliseconds(term, fields) for name, term in terms.items()}
    return figures | {"rows": float(rows), "threads": float(torch.get_num_threads())}


def spanning_tree_speed() -> dict[str, float]:
    """Milliseconds of the spanning tree of a full matrix, compiled where numba is installed, and of SciPy's."""
    from scipy.sparse.csgraph import minimum_spanning_tree

    figures = {}
    for n, scipy_repeats in ((256, 3), (1024, 1), (4096, 1)):
        points = torch.from_numpy(np.random.default_rng(0).standard_normal((n, 64)).astype(np.float32))
        distances = torch.cdist(points, points).numpy()
        ours = _least_milliseconds(lambda matrix=distances: spanning_tree(matrix), calls=max(1, 1024 // n))
        started = time.perf_counter()
        for _ in range(scipy_repeats):
            minimum_spanning_tree(distances)
        theirs = 1e3 * (time.perf_counter() - started) / scipy_repeats
        figures |= {f"n = {n}, ms": ours, f"n = {n}, SciPy, ms": theirs, f"n = {n}, ratio": theirs / ours}
    return figures | {"threads": float(available_threads())}


def _batch(rows: int) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(rows, _COMPONENTS, generator=generator)
    ends = torch.randperm(rows, generator=generator)[: 2 * (rows // 2)].reshape(2, -1)
    known = torch.eye(rows, dtype=torch.bool)
    known[ends[0], ends[1]] = known[ends[1], ends[0]] = True
    decoder = MLPDecoder(2, _COMPONENTS)
    z = torch.randn(rows, 2, generator=generator).requires_grad_()
    return {"x": x, "z": z, "row": torch.arange(rows), "edges": Edges(ends[0], ends[1], known), "decode": decoder}


def _geodesics(x: Tensor) -> LandmarkGeodesics:
    return LandmarkGeodesics(len(x), min(64, len(x))).fit(x.numpy(), knn_graph(x.numpy(), 15))


def _step_milliseconds(term: Term, fields: dict[str, Any]) -> float:
    arguments = term.bind(fields)

    def step() -> None:
        fields["z"].grad = None
        term(**arguments).backward()

    return _least_milliseconds(step, calls=5)


def _least_milliseconds(action: Callable[[], object], *, calls: int) -> float:
    """Mean of some calls, the least of several such blocks."""
    action()
    times = []
    for _ in range(_BLOCKS):
        started = time.perf_counter()
        for _ in range(calls):
            action()
        times.append((time.perf_counter() - started) / calls)
    return 1e3 * min(times)
