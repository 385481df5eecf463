"""Distances and straight lines of a latent space."""

from latentatlas.geometry.base import Geometry
from latentatlas.geometry.euclidean import Euclidean

__all__ = ["Euclidean", "Geometry"]
