"""Graphs of features and of rows, read through their Laplacians: roughness, diffusion, search, groups of features."""

from latentatlas.spectral.diffusion import DiffusionMap, diffusion_map, median_distance
from latentatlas.spectral.diffusion_fields import MixingField, StationaryField
from latentatlas.spectral.feature_clusters import FeatureClusters, feature_clusters
from latentatlas.spectral.feature_laplacian import (
    FeatureLaplacian,
    FeatureLaplacianFitter,
    RayleighEnergy,
    feature_laplacian,
)
from latentatlas.spectral.lambdas import DispersionLambda, Lambda, RayleighLambda, SyntheticLambda
from latentatlas.spectral.rayleigh import RayleighField, dispersion
from latentatlas.spectral.search import (
    Candidates,
    Hits,
    HNSWCandidates,
    InvertedFileCandidates,
    SpectralIndex,
    spectral_index,
)

__all__ = [
    "Candidates",
    "DiffusionMap",
    "DispersionLambda",
    "FeatureClusters",
    "FeatureLaplacian",
    "FeatureLaplacianFitter",
    "HNSWCandidates",
    "Hits",
    "InvertedFileCandidates",
    "Lambda",
    "MixingField",
    "RayleighEnergy",
    "RayleighField",
    "RayleighLambda",
    "SpectralIndex",
    "StationaryField",
    "SyntheticLambda",
    "diffusion_map",
    "dispersion",
    "feature_clusters",
    "feature_laplacian",
    "median_distance",
    "spectral_index",
]
