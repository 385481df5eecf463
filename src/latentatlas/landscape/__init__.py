"""Fields over latent spaces and their structure."""

from latentatlas.landscape.prototypes import DistanceScore, DotScore, PrototypeBank, Score

__all__ = ["DistanceScore", "DotScore", "PrototypeBank", "Score"]
