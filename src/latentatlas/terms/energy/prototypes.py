"""Rows to prototypes, and prototypes apart."""

from __future__ import annotations

import math
from typing import final

from jaxtyping import Float
from torch import Tensor

from latentatlas.core import ScalarField, SpecError
from latentatlas.geometry import Euclidean, Geometry
from latentatlas.terms.base import Term

__all__ = ["PrototypeEnergy", "PrototypeSeparation"]


@final
class PrototypeEnergy(Term):
    r"""Mean energy of the batch, mean_i E(z_i): pulls rows into basins and prototypes to their rows.

    In the units of the energy; unbounded below for none of the bank's scores. Alone it is least where all rows and
    prototypes coincide, so it needs a term that spreads rows, such as `NeighborContrast` or `Reconstruction`, and
    where prototypes are trained one that keeps these apart, such as `PrototypeSeparation`.
    Cost: that of the energy.

    References:
        Hui, *Atlasing Pattern Space*, section 3.3.
    """

    def forward(self, z: Float[Tensor, "n dim"], energy: ScalarField) -> Tensor:
        """The mean over rows."""
        return energy(z).mean()


@final
class PrototypeSeparation(Term):
    r"""Prototypes keep a distance: mean over pairs i ≠ j of [m − d(q_i, q_j)]₊.

    In the units of the latent; range [0, m], 0 where all are at least m apart and for a single prototype, m where all
    coincide. Equal prototypes feel no push, since none of the directions is better. Cost O(K² dim).

    Args:
        margin: the distance m wanted between any two.
        geometry: where distances are measured; None is flat space.

    >>> import torch
    >>> float(PrototypeSeparation(3.0)(torch.tensor([[0.0], [2.0], [4.0]])))  # (1 + 1 + 0)/3
    0.6666666865348816

    Raises:
        SpecError: for a margin that is not positive and finite.
    """

    def __init__(self, margin: float = 1.0, *, geometry: Geometry | None = None):
        super().__init__()
        if not (math.isfinite(margin) and margin > 0):
            raise SpecError(
                f"PrototypeSeparation wants a finite margin > 0; got {margin}. Twice the width of a basin is good."
            )
        self.margin = margin
        self.geometry = geometry or Euclidean()

    def forward(self, prototypes: Float[Tensor, "charts dim"]) -> Tensor:
        """The mean over pairs."""
        count = len(prototypes)
        apart = self.geometry.dist(prototypes[:, None], prototypes[None])
        near = (self.margin - apart).clamp(min=0).triu(diagonal=1)
        return near.sum() / max(1, count * (count - 1) // 2)
