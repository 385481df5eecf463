"""How far the components of two clouds of the same rows merge differently."""

from __future__ import annotations

import math
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from latentatlas.core import SpecError
from latentatlas.geometry import Euclidean, Geometry
from latentatlas.graph import spanning_tree
from latentatlas.terms.base import Term
from latentatlas.terms.topology.rows import flat, pair_lengths, require_rows

__all__ = ["RTDLite"]


@final
class RTDLite(Term):
    r"""What the trees of data and latent cost beyond the tree of both: ½ (|A| + |B|) − |min(A, B)|.

    A, B are the distances of data and latent within the batch, each divided by its own quantile, so that only shapes
    are compared; |·| is the mean edge length of a minimum spanning tree and min is taken pair by pair. No unit; range
    [0, ∞), 0 for a scaled copy: components that are joined early in one cloud and late in the other are counted, by
    row and not by number. Which pairs are compared carries no gradient. Cost O(n² features).

    Args:
        quantile: of the distances, in (0, 1]; the unit of each cloud.
        geometry: where latent distances are measured; None is flat space.

    >>> x = torch.tensor([[0.0], [1.0], [2.0]])
    >>> z = torch.tensor([[0.0], [2.0], [1.0]])
    >>> float(RTDLite(1.0)(z, x))  # unit 2: trees 1/2, 1/2 in both; min has 1/2 for all three pairs
    0.0
    >>> float(RTDLite(1.0)(torch.tensor([[0.0], [0.0], [1.0]]), x))  # A: 1/2, 1/2; B: 0, 1; min: 0, 1/2
    0.25

    Raises:
        ShapeError: for fewer than 2 rows.
        DataError: for NaN.

    References:
        Tulchinskii et al., *RTD-Lite: Scalable Topological Analysis for Comparing Weighted Graphs in Learning Tasks*,
        2025.
    """

    def __init__(self, quantile: float = 0.9, *, geometry: Geometry | None = None):
        super().__init__()
        if not 0 < quantile <= 1:
            raise SpecError(f"RTDLite wants a quantile in (0, 1]; got {quantile}. 0.9 is usual.")
        self.quantile = quantile
        self.geometry = geometry or Euclidean()

    def forward(self, z: Float[Tensor, "n dim"], x: Float[Tensor, "n *features"]) -> Tensor:
        """The difference of mean edge lengths."""
        require_rows(len(z), "RTDLite")
        x, here, there = flat(x), Euclidean(), self.geometry
        with torch.no_grad():
            far_x = torch.cdist(x, x)
            far_z = there.distances(z)
        unit_x, unit_z = self._unit(x, far_x, here), self._unit(z, far_z, there)
        tree_x, tree_z, tree_both = _trees(far_x / unit_x, far_z / unit_z.detach())
        alone = (pair_lengths(x, tree_x) / unit_x).mean() + (pair_lengths(z, tree_z, there) / unit_z).mean()
        both = torch.minimum(pair_lengths(x, tree_both) / unit_x, pair_lengths(z, tree_both, there) / unit_z)
        return alone / 2 - both.mean()

    def _unit(self, rows: Tensor, distances: Tensor, space: Geometry) -> Tensor:
        """The quantile of the distances, as the length of the pair that has it; 1 where it is 0."""
        n = len(rows)
        rank = max(1, math.ceil(self.quantile * n * (n - 1) / 2))
        below = n + 2 * rank  # the matrix holds n zeros of the diagonal, then every pair twice
        place = distances.fill_diagonal_(0).flatten().kthvalue(below).indices
        pair = torch.stack([place // n, place % n])[None]
        length = pair_lengths(rows, pair, space)[0]
        return torch.where(length > 0, length, 1.0)


def _trees(first: Tensor, second: Tensor) -> Int[Tensor, "3 edges 2"]:
    """Edges of the minimum spanning trees of two matrices and of their minimum."""
    together = torch.stack([first, second, torch.minimum(first, second)])
    return torch.from_numpy(spanning_tree(together.cpu().numpy()).edges).to(first.device)
