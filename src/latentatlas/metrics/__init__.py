"""Numbers for judging: arrays in, one float out. Each equals the reference library where one exists."""

from latentatlas.metrics.association import CramersV, OverCorrection, over_correction
from latentatlas.metrics.base import Metric, is_categorical
from latentatlas.metrics.charts import ChartLiveness, CodeLiveness, OverlapShare, RoutingEntropy, RoutingGap
from latentatlas.metrics.clustering import (
    AdjustedMutualInfo,
    AdjustedRand,
    ClusteringAccuracy,
    NormalizedMutualInfo,
    Purity,
    VMeasure,
    contingency,
)
from latentatlas.metrics.cohesion import topology_factors
from latentatlas.metrics.disentanglement import (
    Completeness,
    Disentanglement,
    Informativeness,
    MutualInformationGap,
    SeparatedAttributePredictability,
    importance,
)
from latentatlas.metrics.gallery import GalleryReport, cosine_ranking, draw_gallery, find_again
from latentatlas.metrics.held_out import HeldOut, ProbeReport
from latentatlas.metrics.hierarchy import (
    FlatDistortion,
    Hyperbolicity,
    LinkMAP,
    LinkRank,
    StarDistortion,
    TreeDistortion,
    gromov_tree,
)
from latentatlas.metrics.invariance import ColumnTest, DebiasedCKA
from latentatlas.metrics.kernels import DeltaKernel, GaussianKernel, Kernel, LinearKernel
from latentatlas.metrics.mixing import (
    ConservedLabels,
    GraphConnectivity,
    LabelLISI,
    MixingAcceptance,
    MixingLISI,
)
from latentatlas.metrics.neighbourhood import (
    Continuity,
    NeighbourAccuracy,
    NeighbourOverlap,
    Trustworthiness,
)
from latentatlas.metrics.orientation import Orientation, balanced_signs, orientation
from latentatlas.metrics.persistence import (
    BettiDifference,
    DiagramDistance,
    betti_numbers,
    bottleneck_distance,
    persistence_diagrams,
)
from latentatlas.metrics.probes import LinearProbe, MLPProbe, NeighbourProbe, Probe, ProbeScore, TreeProbe
from latentatlas.metrics.ranks import NeighbourRanks, neighbour_ranks
from latentatlas.metrics.reconstruction import ExplainedVariance, MeanSquaredError
from latentatlas.metrics.retrieval import NDCG, MeanAveragePrecision, MeanReciprocalRank, MRRTop0, RecallAtK
from latentatlas.metrics.sampling import Estimate, mean_of_sample
from latentatlas.metrics.spectrum import EffectiveRank
from latentatlas.metrics.strata import strata
from latentatlas.metrics.structure import DensityKL, DistanceRMSE, TripletAccuracy
from latentatlas.metrics.transformation import (
    PredictionConsistency,
    ProbeMatrix,
    SimilarityCurve,
    probe_matrix,
    similarity_curve,
)
from latentatlas.metrics.transitions import (
    ChartChanges,
    CocycleError,
    InverseError,
    PairTransitions,
    TransitionError,
    TransitionR2,
    Transitions,
    chart_changes,
    transitions,
    transitions_by_pair,
)

__all__ = [
    "NDCG",
    "AdjustedMutualInfo",
    "AdjustedRand",
    "BettiDifference",
    "ChartChanges",
    "ChartLiveness",
    "ClusteringAccuracy",
    "CocycleError",
    "CodeLiveness",
    "ColumnTest",
    "Completeness",
    "ConservedLabels",
    "Continuity",
    "CramersV",
    "DebiasedCKA",
    "DeltaKernel",
    "DensityKL",
    "DiagramDistance",
    "Disentanglement",
    "DistanceRMSE",
    "EffectiveRank",
    "Estimate",
    "ExplainedVariance",
    "FlatDistortion",
    "GalleryReport",
    "GaussianKernel",
    "GraphConnectivity",
    "HeldOut",
    "Hyperbolicity",
    "Informativeness",
    "InverseError",
    "Kernel",
    "LabelLISI",
    "LinearKernel",
    "LinearProbe",
    "LinkMAP",
    "LinkRank",
    "MLPProbe",
    "MRRTop0",
    "MeanAveragePrecision",
    "MeanReciprocalRank",
    "MeanSquaredError",
    "Metric",
    "MixingAcceptance",
    "MixingLISI",
    "MutualInformationGap",
    "NeighbourAccuracy",
    "NeighbourOverlap",
    "NeighbourProbe",
    "NeighbourRanks",
    "NormalizedMutualInfo",
    "Orientation",
    "OverCorrection",
    "OverlapShare",
    "PairTransitions",
    "PredictionConsistency",
    "Probe",
    "ProbeMatrix",
    "ProbeReport",
    "ProbeScore",
    "Purity",
    "RecallAtK",
    "RoutingEntropy",
    "RoutingGap",
    "SeparatedAttributePredictability",
    "SimilarityCurve",
    "StarDistortion",
    "TransitionError",
    "TransitionR2",
    "Transitions",
    "TreeDistortion",
    "TreeProbe",
    "TripletAccuracy",
    "Trustworthiness",
    "VMeasure",
    "balanced_signs",
    "betti_numbers",
    "bottleneck_distance",
    "chart_changes",
    "contingency",
    "cosine_ranking",
    "draw_gallery",
    "find_again",
    "gromov_tree",
    "importance",
    "is_categorical",
    "mean_of_sample",
    "neighbour_ranks",
    "orientation",
    "over_correction",
    "persistence_diagrams",
    "probe_matrix",
    "similarity_curve",
    "strata",
    "topology_factors",
    "transitions",
    "transitions_by_pair",
]
