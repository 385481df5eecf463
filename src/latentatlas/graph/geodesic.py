"""Nearest points by the distance of a geometry, from all pairs."""

from __future__ import annotations

import numpy as np
import torch

from latentatlas.geometry import Euclidean, Geometry
from latentatlas.graph.exact import brute_force

__all__ = ["nearest_points"]

_BLOCK_NUMBERS = 2**22


def nearest_points(
    queries: np.ndarray, points: np.ndarray, k: int, geometry: Geometry
) -> tuple[np.ndarray, np.ndarray]:
    """Distances (queries, k) and numbers of the k nearest points, nearest first.

    In float64, block by block; where space is flat by `graph.exact.brute_force`. O(queries · points · dim).

    Raises:
        DataError: for what is no point of the geometry.
    """
    if isinstance(geometry, Euclidean):
        squared, indices = brute_force(queries, points, k)
        return np.sqrt(squared), indices
    there = torch.from_numpy(np.asarray(points, np.float64))
    blocks = torch.from_numpy(np.asarray(queries, np.float64)).split(max(1, _BLOCK_NUMBERS // there.numel()))
    found = [geometry.dist(block[:, None], there[None]).topk(k, dim=1, largest=False) for block in blocks]
    distances, indices = (torch.cat(parts).numpy() for parts in zip(*found, strict=True))
    return distances.astype(np.float32), indices.astype(np.int32)
