"""Fields over latent spaces and their structure: minima, basins, barriers, paths and samples."""

from latentatlas.landscape.density import (
    AdaptiveBandwidth,
    Bandwidth,
    DensityField,
    FixedBandwidth,
    NeighbourBandwidth,
    ScottBandwidth,
    density_energy,
    fit_density,
    local_dimension,
    neighbour_energy,
)
from latentatlas.landscape.descent import Descent, Wells, descend, find_basins
from latentatlas.landscape.exemplars import ExemplarMemory, Keep, NearestRows, UniformRows
from latentatlas.landscape.fields import (
    Blend,
    Field,
    HopfieldField,
    MinMaxScale,
    PrototypeField,
    RankScale,
    ReconstructionDynamics,
    Scale,
    SlopedField,
    blend,
    energies,
    gradient,
)
from latentatlas.landscape.gaussian_cells import GaussianCells
from latentatlas.landscape.langevin import Samples, adjusted_langevin, langevin
from latentatlas.landscape.minima import Landscape, find_minima
from latentatlas.landscape.mixture import MixtureDensity
from latentatlas.landscape.normalising import LogPartition, log_partition
from latentatlas.landscape.partition import Candidate, Partition, normalised_cut, spectral_partition
from latentatlas.landscape.pathways import Pathway, minimum_energy_path
from latentatlas.landscape.prototypes import DistanceScore, DotScore, PrototypeBank, Score
from latentatlas.landscape.roughness import rough_prominence
from latentatlas.landscape.short_run import ShortRun
from latentatlas.landscape.survey import density_neighbours, noise_prominence, survey
from latentatlas.landscape.wells import GaussianWells, fit_wells

__all__ = [
    "AdaptiveBandwidth",
    "Bandwidth",
    "Blend",
    "Candidate",
    "DensityField",
    "Descent",
    "DistanceScore",
    "DotScore",
    "ExemplarMemory",
    "Field",
    "FixedBandwidth",
    "GaussianCells",
    "GaussianWells",
    "HopfieldField",
    "Keep",
    "Landscape",
    "LogPartition",
    "MinMaxScale",
    "MixtureDensity",
    "NearestRows",
    "NeighbourBandwidth",
    "Partition",
    "Pathway",
    "PrototypeBank",
    "PrototypeField",
    "RankScale",
    "ReconstructionDynamics",
    "Samples",
    "Scale",
    "Score",
    "ScottBandwidth",
    "ShortRun",
    "SlopedField",
    "UniformRows",
    "Wells",
    "adjusted_langevin",
    "blend",
    "density_energy",
    "density_neighbours",
    "descend",
    "energies",
    "find_basins",
    "find_minima",
    "fit_density",
    "fit_wells",
    "gradient",
    "langevin",
    "local_dimension",
    "log_partition",
    "minimum_energy_path",
    "neighbour_energy",
    "noise_prominence",
    "normalised_cut",
    "rough_prominence",
    "spectral_partition",
    "survey",
]
