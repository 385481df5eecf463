"""Graphs of samples: nearest neighbours and their edge weights."""

from latentatlas.graph.affinity import fuzzy_weights
from latentatlas.graph.knn import (
    CosineDistance,
    Dissimilarity,
    EuclideanDistance,
    Neighbours,
    knn_graph,
)

__all__ = [
    "CosineDistance",
    "Dissimilarity",
    "EuclideanDistance",
    "Neighbours",
    "fuzzy_weights",
    "knn_graph",
]
