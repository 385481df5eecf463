"""Terms on charts: decoding, routing, coordinates within charts, codes, and jumps between charts."""

from latentatlas.terms.atlas.anchors import ChartAnchor, MembershipAnchor
from latentatlas.terms.atlas.budgets import Commitment, DetailBudget, TextureBudget
from latentatlas.terms.atlas.decoding import ChartReconstruction
from latentatlas.terms.atlas.isometry import LipschitzBound, Orthogonality
from latentatlas.terms.atlas.jumps import JumpConsistency
from latentatlas.terms.atlas.moments import ChartCovariance, ChartInvariance, ChartVariance
from latentatlas.terms.atlas.routing import OverlapBand, RoutingConsistency, RoutingEntropy
from latentatlas.terms.atlas.universal import universal_terms

__all__ = [
    "ChartAnchor",
    "ChartCovariance",
    "ChartInvariance",
    "ChartReconstruction",
    "ChartVariance",
    "Commitment",
    "DetailBudget",
    "JumpConsistency",
    "LipschitzBound",
    "MembershipAnchor",
    "Orthogonality",
    "OverlapBand",
    "RoutingConsistency",
    "RoutingEntropy",
    "TextureBudget",
    "universal_terms",
]
