"""The universal loss: the terms and weights of a plain mixture of orthogonal charts."""

from __future__ import annotations

from latentatlas.core import Constant
from latentatlas.terms.atlas.decoding import ChartReconstruction
from latentatlas.terms.atlas.isometry import Orthogonality
from latentatlas.terms.atlas.moments import ChartCovariance, ChartInvariance, ChartVariance
from latentatlas.terms.atlas.routing import RoutingEntropy
from latentatlas.terms.base import Term
from latentatlas.terms.energy import ChartBalance, PrototypeSeparation

__all__ = ["universal_terms"]


def universal_terms(*, reconstruction: float = 1.0, margin: float = 4.0) -> dict[str, tuple[Term, Constant]]:
    """What `Objective` wants for the universal loss, with the coefficients of its authors.

    Invariance 25, variance 25 and covariance 1 within charts; routing entropy 2; balance 100; separation 10 of the
    centres of charts; orthogonality 0.01. The authors have no decoder: any cut into even parts is as good to them. Here
    charts must decode their rows too. Invariance reads `view`; take it out where there is none.

    Args:
        reconstruction: weight of `ChartReconstruction`, which the authors lack.
        margin: distance between centres of charts in the common frame below which they are pushed apart.

    >>> {name: schedule.weight for name, (_, schedule) in universal_terms().items()}["balance"]
    100.0

    References:
        *Fragile Agent*, computational considerations, tier 5 (HypoUniversal).
    """
    terms: dict[str, tuple[Term, float]] = {
        "reconstruction": (ChartReconstruction(), reconstruction),
        "invariance": (ChartInvariance(), 25.0),
        "variance": (ChartVariance(), 25.0),
        "covariance": (ChartCovariance(), 1.0),
        "entropy": (RoutingEntropy(), 2.0),
        "balance": (ChartBalance(), 100.0),
        "separation": (PrototypeSeparation(margin), 10.0),
        "orthogonality": (Orthogonality(), 0.01),
    }
    return {name: (term, Constant(weight)) for name, (term, weight) in terms.items()}
