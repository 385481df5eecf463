"""Nearest neighbours in few dimensions: a tree that halves space, searched exactly."""

from __future__ import annotations

import numpy as np
import torch

from latentatlas.graph.exact import measured, without_self

__all__ = ["MOST_AXES", "search_tree"]

MOST_AXES = 3
"""With more axes an inverted file is faster."""

_BLOCK_ROWS = 2**16


def search_tree(rows: np.ndarray, *, out: tuple[np.ndarray, np.ndarray]) -> None:
    """Put squared distances and numbers of the nearest other rows into `out`."""
    from scipy.spatial import cKDTree

    squared, indices = out
    tree = cKDTree(rows)
    for start in range(0, len(rows), _BLOCK_ROWS):
        part = np.arange(start, min(start + _BLOCK_ROWS, len(rows)))
        found = tree.query(rows[part], squared.shape[1] + 1, workers=torch.get_num_threads())[1]
        squared[part], indices[part] = without_self(*measured(rows[part], rows, found), part)
