"""Roughness of rows on a graph of features: the Rayleigh energy as a field, and how it is spread over the edges."""

from __future__ import annotations

from typing import final

import numpy as np
import torch
from jaxtyping import Float, Num
from torch import Tensor

from latentatlas.spectral.feature_laplacian import FeatureLaplacian
from latentatlas.spectral.rows import double_blocks, finite_matrix

__all__ = ["RayleighField", "dispersion"]


def dispersion(laplacian: FeatureLaplacian, x: Num[np.ndarray, "n features"]) -> Float[np.ndarray, " n"]:
    """G(x) = Σ_edges s², s = w_ab (x_a − x_b)² / Σ w (x_a − x_b)²: how few edges carry the energy of a row.

    Between 1/edges (spread evenly) and 1 (one edge carries all); NaN where no edge carries anything (equal features,
    zero rows). Each edge counts once and negative weights do not count. G(c·x) = G(x). Cost: O(n · edges), in blocks.

    By hand: the edges of the triangle carry 4, 1 and 1 of 6, and (16 + 1 + 1)/36 = 0.5.

    >>> from latentatlas.spectral import feature_laplacian
    >>> dispersion(feature_laplacian(np.ones((1, 3))), np.array([[1.0, -1.0, 0.0], [2.0, 2.0, 2.0]])).tolist()
    [0.5, nan]

    Raises:
        ShapeError: if the columns are not those of the Laplacian, or there is no row.
        DataError: if an entry is NaN, infinite or no number.
    """
    x = finite_matrix("dispersion", x, features=laplacian.features)
    first, second, weight = laplacian.edges()
    first, second, weight = first[weight > 0], second[weight > 0], weight[weight > 0]
    result = np.empty(len(x))
    for place, block in double_blocks(x):
        columns = np.ascontiguousarray(block.T)
        carried = weight[:, None] * np.square(columns[first] - columns[second])
        total = carried.sum(axis=0)
        result[place] = np.square(carried).sum(axis=0) / np.where(total > 0, np.square(total), np.nan)
    return result


@final
class RayleighField:
    """R as a field over tensors: `(n, features) -> (n,)`, differentiable; NaN at the zero row, which has no energy.

    ∂R/∂x = 2(Lx − R x)/xᵀx is orthogonal to x: R depends on the direction of a row alone, so descent turns rows.
    Cost: O(n · features · k).

    Args:
        laplacian: of the features.

    >>> from latentatlas.spectral import feature_laplacian
    >>> RayleighField(feature_laplacian(np.ones((1, 3))))(torch.tensor([[1.0, -1.0, 0.0]]))
    tensor([3.])
    """

    def __init__(self, laplacian: FeatureLaplacian):
        self.laplacian = laplacian
        entries = laplacian.matrix.tocoo()
        places = torch.from_numpy(np.stack([entries.row, entries.col]).astype(np.int64))
        values = torch.from_numpy(entries.data)
        self._matrix = torch.sparse_coo_tensor(places, values, entries.shape, check_invariants=True).coalesce()

    def __call__(self, z: Float[Tensor, "n features"]) -> Float[Tensor, " n"]:
        """The energy of each row."""
        smoothed = torch.sparse.mm(self._matrix.to(z), z.T).T
        return (z * smoothed).sum(dim=1) / z.square().sum(dim=1)
