"""Terms that keep neighbours, distances and shape (T)."""

from latentatlas.terms.topology.contrast import ContrastLoss, CrossEntropy, InfoNCE, NegativeSampling
from latentatlas.terms.topology.geodesics import LandmarkGeodesics
from latentatlas.terms.topology.local_distance import LocalDistance
from latentatlas.terms.topology.negatives import AllNegatives, HardNegatives, Negatives, WeightedNegatives
from latentatlas.terms.topology.neighbor_contrast import NeighborContrast
from latentatlas.terms.topology.neighbor_reconstruction import (
    Expansion,
    LinearExpansion,
    NeighborReconstruction,
    QuadraticExpansion,
)
from latentatlas.terms.topology.rtd_lite import RTDLite
from latentatlas.terms.topology.scale import FixedScale, FreeScale, Scale
from latentatlas.terms.topology.signature import Signature
from latentatlas.terms.topology.similarity import (
    CauchySimilarity,
    ExponentialSimilarity,
    GaussianSimilarity,
    Similarity,
)
from latentatlas.terms.topology.stress import Stress
from latentatlas.terms.topology.triplet import Triplet

__all__ = [
    "AllNegatives",
    "CauchySimilarity",
    "ContrastLoss",
    "CrossEntropy",
    "Expansion",
    "ExponentialSimilarity",
    "FixedScale",
    "FreeScale",
    "GaussianSimilarity",
    "HardNegatives",
    "InfoNCE",
    "LandmarkGeodesics",
    "LinearExpansion",
    "LocalDistance",
    "NegativeSampling",
    "Negatives",
    "NeighborContrast",
    "NeighborReconstruction",
    "QuadraticExpansion",
    "RTDLite",
    "Scale",
    "Signature",
    "Similarity",
    "Stress",
    "Triplet",
    "WeightedNegatives",
]
