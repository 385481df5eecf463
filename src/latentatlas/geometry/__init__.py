"""Distances and shortest ways of a latent space, flat or curved."""

from latentatlas.geometry.base import Geometry
from latentatlas.geometry.depth import DepthSpace
from latentatlas.geometry.euclidean import Euclidean
from latentatlas.geometry.mean import frechet_mean
from latentatlas.geometry.parameters import OnManifolds, curved_parameters
from latentatlas.geometry.poincare import PoincareBall
from latentatlas.geometry.product import ProductGeometry

__all__ = [
    "DepthSpace",
    "Euclidean",
    "Geometry",
    "OnManifolds",
    "PoincareBall",
    "ProductGeometry",
    "curved_parameters",
    "frechet_mean",
]
