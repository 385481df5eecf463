"""Numbers for judging: arrays in, one float out. Each equals the reference library where one exists."""

from latentatlas.metrics.base import Metric, is_categorical
from latentatlas.metrics.clustering import (
    AdjustedRand,
    ClusteringAccuracy,
    NormalizedMutualInfo,
    Purity,
    VMeasure,
    contingency,
)
from latentatlas.metrics.cohesion import topology_factors
from latentatlas.metrics.invariance import DebiasedCKA, LinearProbe, NeighbourProbe, Probe, ProbeReport, ProbeScore
from latentatlas.metrics.kernels import DeltaKernel, GaussianKernel, Kernel, LinearKernel
from latentatlas.metrics.neighbourhood import (
    Continuity,
    NeighbourAccuracy,
    NeighbourOverlap,
    Trustworthiness,
)
from latentatlas.metrics.persistence import (
    BettiDifference,
    DiagramDistance,
    betti_numbers,
    bottleneck_distance,
    persistence_diagrams,
)
from latentatlas.metrics.ranks import NeighbourRanks, neighbour_ranks
from latentatlas.metrics.reconstruction import ExplainedVariance, MeanSquaredError
from latentatlas.metrics.retrieval import NDCG, MeanReciprocalRank, MRRTop0
from latentatlas.metrics.sampling import Estimate, mean_of_sample
from latentatlas.metrics.spectrum import EffectiveRank
from latentatlas.metrics.structure import DensityKL, DistanceRMSE, TripletAccuracy

__all__ = [
    "NDCG",
    "AdjustedRand",
    "BettiDifference",
    "ClusteringAccuracy",
    "Continuity",
    "DebiasedCKA",
    "DeltaKernel",
    "DensityKL",
    "DiagramDistance",
    "DistanceRMSE",
    "EffectiveRank",
    "Estimate",
    "ExplainedVariance",
    "GaussianKernel",
    "Kernel",
    "LinearKernel",
    "LinearProbe",
    "MRRTop0",
    "MeanReciprocalRank",
    "MeanSquaredError",
    "Metric",
    "NeighbourAccuracy",
    "NeighbourOverlap",
    "NeighbourProbe",
    "NeighbourRanks",
    "NormalizedMutualInfo",
    "Probe",
    "ProbeReport",
    "ProbeScore",
    "Purity",
    "TripletAccuracy",
    "Trustworthiness",
    "VMeasure",
    "betti_numbers",
    "bottleneck_distance",
    "contingency",
    "is_categorical",
    "mean_of_sample",
    "neighbour_ranks",
    "persistence_diagrams",
    "topology_factors",
]
