"""Fields over latent spaces and their structure."""

from latentatlas.landscape.minima import Minima, density_energy, find_minima
from latentatlas.landscape.prototypes import DistanceScore, DotScore, PrototypeBank, Score

__all__ = ["DistanceScore", "DotScore", "Minima", "PrototypeBank", "Score", "density_energy", "find_minima"]
