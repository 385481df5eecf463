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
    NeighbourRanks,
    Trustworthiness,
    neighbour_ranks,
)
from latentatlas.metrics.reconstruction import ExplainedVariance, MeanSquaredError
from latentatlas.metrics.retrieval import NDCG, MeanReciprocalRank, MRRTop0
from latentatlas.metrics.spectrum import EffectiveRank
from latentatlas.metrics.structure import DensityKL, DistanceRMSE, TripletAccuracy

__all__ = [
    "NDCG",
    "AdjustedRand",
    "ClusteringAccuracy",
    "Continuity",
    "DebiasedCKA",
    "DeltaKernel",
    "DensityKL",
    "DistanceRMSE",
    "EffectiveRank",
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
    "contingency",
    "is_categorical",
    "neighbour_ranks",
    "topology_factors",
]
