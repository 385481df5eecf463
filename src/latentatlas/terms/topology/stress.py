"""All distances of the batch, near and far."""

from __future__ import annotations

import math
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from latentatlas.core import MissingInput, SpecError
from latentatlas.geometry import Euclidean, Geometry
from latentatlas.terms.base import Term
from latentatlas.terms.topology.geodesics import LandmarkGeodesics
from latentatlas.terms.topology.rows import flat, require_rows
from latentatlas.terms.topology.scale import FreeScale, Scale, mismatch

__all__ = ["Stress"]


@final
class Stress(Term):
    r"""All distances of the batch as they are in the data: mean d_X^(−power) (s d_Z − d_X)² over pairs of rows.

    In units of x to the power 2 − power; range [0, ∞), 0 for a scaled copy. Cost O(n² (dim + features)).

    Args:
        power: 0 weighs all pairs alike, so long distances decide (metric scaling, the matching of MMAE); 1 is the
            mapping of Sammon; 2 is the relative error. Pairs of equal rows are left out where it is above 0.
        scale: s; `FreeScale` by default, the best of every batch.
        geodesics: fitted distances along the data, which take the place of ‖x_i − x_j‖ (Isomap); the term then reads
            `row` too.
        geometry: where latent distances are measured; None is flat space. In a curved one `FreeScale` chooses how
            strongly the patterns curve; with `FixedScale` a tree's lengths are kept as they are.

    >>> from latentatlas.terms import FixedScale
    >>> x = torch.tensor([[0.0], [1.0], [3.0]])
    >>> z = torch.tensor([[0.0], [1.0], [2.0]])
    >>> round(float(Stress(scale=FixedScale())(z, x)), 4)  # distances 1, 2, 1 for 1, 3, 2: (0 + 1 + 1)/3
    0.6667
    >>> round(float(Stress(1.0, scale=FixedScale())(z, x)), 4)  # (0 + 1/3 + 1/2)/3
    0.2778

    Raises:
        ShapeError: for fewer than 2 rows.
        MissingInput: for geodesics without row numbers.

    References:
        Kruskal, *Multidimensional scaling*, 1964; Sammon, *A nonlinear mapping for data structure analysis*, 1969;
        Tenenbaum, de Silva, Langford, *A global geometric framework for nonlinear dimensionality reduction*, 2000.
    """

    def __init__(
        self,
        power: float = 0.0,
        *,
        scale: Scale | None = None,
        geodesics: LandmarkGeodesics | None = None,
        geometry: Geometry | None = None,
    ):
        super().__init__()
        if not (math.isfinite(power) and power >= 0):
            raise SpecError(f"Stress wants a finite power ≥ 0; got {power}. 0 is plain, 1 is Sammon's.")
        self.power = power
        self.scale = scale or FreeScale()
        self.geodesics = geodesics
        self.geometry = geometry or Euclidean()

    def forward(
        self, z: Float[Tensor, "n dim"], x: Float[Tensor, "n *features"], row: Int[Tensor, " n"] | None = None
    ) -> Tensor:
        """The mean over all pairs of the batch."""
        require_rows(len(z), "Stress")
        pattern = self._distances(x, row)
        weight = None
        if self.power > 0:
            apart = pattern > 0
            weight = torch.where(apart, pattern, 1.0).pow(-self.power) * apart
        return mismatch(self.geometry.pair_distances(z), pattern.to(z.dtype), self.scale, weight=weight)

    def _distances(self, x: Tensor, row: Tensor | None) -> Tensor:
        if self.geodesics is None:
            return torch.pdist(flat(x))
        if row is None:
            raise MissingInput(
                "Stress with geodesics reads `row`, but the batch has none. Pass row=..., or leave the geodesics out."
            )
        return self.geodesics(row)
