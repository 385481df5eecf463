"""The distances at which connected components merge."""

from __future__ import annotations

from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from latentatlas.geometry import Euclidean, Geometry
from latentatlas.graph import spanning_tree, spanning_tree_of_points
from latentatlas.terms.base import Term
from latentatlas.terms.topology.rows import flat, pair_lengths, require_rows
from latentatlas.terms.topology.scale import FreeScale, Scale, mismatch

__all__ = ["Signature"]

_FEW_COLUMNS = 8  # up to here differences cost no more than a matrix product


@final
class Signature(Term):
    r"""Connected components merge at the same distances in data and latent: topological autoencoders.

    With A^X, A^Z the distances within the batch and π^X, π^Z the edges of their minimum spanning trees (the pairs at
    which 0-dimensional persistence merges components),
    L = ½ mean_{π^X} (s A^Z − A^X)² + ½ mean_{π^Z} (s A^Z − A^X)².
    Which pairs are compared carries no gradient. In squared units of x; range [0, ∞), 0 for a scaled copy. Cost O(n²
    features).

    Args:
        scale: s; `FreeScale` by default, the best of every batch.
        geometry: where latent distances are measured; None is flat space.

    >>> from latentatlas.terms import FixedScale
    >>> x = torch.tensor([[0.0], [1.0], [3.0]])
    >>> z = torch.tensor([[0.0], [3.0], [1.0]])
    >>> float(Signature(scale=FixedScale())(z, x))  # π^X: 3, 2 for 1, 2; π^Z: 1, 2 for 3, 2; ½·4/2 + ½·4/2
    2.0

    Raises:
        ShapeError: for fewer than 2 rows.
        DataError: for NaN.

    References:
        Moor, Horn, Rieck, Borgwardt, *Topological Autoencoders*, 2020.
    """

    def __init__(self, *, scale: Scale | None = None, geometry: Geometry | None = None):
        super().__init__()
        self.scale = scale or FreeScale()
        self.geometry = geometry or Euclidean()

    def forward(self, z: Float[Tensor, "n dim"], x: Float[Tensor, "n *features"]) -> Tensor:
        """The mean over the edges of both trees."""
        require_rows(len(z), "Signature")
        x = flat(x)
        pairs = torch.cat([_tree(x, Euclidean()), _tree(z, self.geometry)])
        with torch.no_grad():
            pattern = pair_lengths(x, pairs)
        return mismatch(pair_lengths(z, pairs, self.geometry), pattern, self.scale)


@torch.no_grad()
def _tree(rows: Float[Tensor, "n dim"], space: Geometry) -> Int[Tensor, "edges 2"]:
    """Edges of the minimum spanning tree of the rows."""
    if not isinstance(space, Euclidean):
        edges = spanning_tree(space.distances(rows).cpu().numpy()).edges
    elif rows.shape[1] <= _FEW_COLUMNS:
        edges = spanning_tree_of_points(rows.cpu().numpy()).edges
    else:  # the tree of squared distances is that of the distances
        rows = rows - rows.mean(dim=0)
        norms = rows.square().sum(dim=1)
        squared = (rows @ rows.T).mul_(-2).add_(norms[:, None]).add_(norms)
        edges = spanning_tree(squared.cpu().numpy()).edges
    return torch.from_numpy(edges).to(rows.device)
