"""Terms that shape the energy landscape (E)."""

from __future__ import annotations

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import Charts, ScalarField
from latentatlas.terms.base import Term

__all__ = ["ChartBalance", "PrototypeEnergy"]


@final
class PrototypeEnergy(Term):
    r"""Mean energy of the batch, mean_i E(z_i): pulls rows into basins and prototypes to their rows.

    In the units of the energy; unbounded below for none of the bank's scores. Alone it is least where all rows and
    prototypes coincide, so it needs a term that spreads rows, such as `NeighborContrast` or `Reconstruction`.
    Cost: that of the energy.

    References:
        Hui, *Atlasing Pattern Space*, section 3.3.
    """

    def forward(self, z: Float[Tensor, "n dim"], energy: ScalarField) -> Tensor:
        """The mean over rows."""
        return energy(z).mean()


@final
class ChartBalance(Term):
    r"""How far chart usage is from uniform, KL(w̄ ‖ 1/K), in nats; 0 is balanced, log K is one chart.

    Cost O(n K).

    >>> float(ChartBalance()(Charts(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))))
    0.0
    """

    def forward(self, charts: Charts) -> Tensor:
        """The divergence of the mean membership."""
        usage = charts.weights.mean(dim=0)
        usage = usage.clamp(min=torch.finfo(usage.dtype).tiny)  # the slope of the entropy is infinite at 0
        return math.log(len(usage)) - torch.special.entr(usage).sum()
