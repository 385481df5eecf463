"""Graphs of samples: nearest neighbours, their edge weights, spanning trees."""

from latentatlas.graph.affinity import continuous_graph, edge_lengths, fuzzy_weights, mutual_graph
from latentatlas.graph.blocks import knn_graph_of_blocks
from latentatlas.graph.components import Connected, components, connect
from latentatlas.graph.geodesic import nearest_points
from latentatlas.graph.knn import (
    CosineDistance,
    Dissimilarity,
    EuclideanDistance,
    Neighbours,
    knn_graph,
)
from latentatlas.graph.refinement import refine
from latentatlas.graph.restriction import neighbours_among
from latentatlas.graph.spanning_tree import SpanningTree, spanning_tree, spanning_tree_of_points

__all__ = [
    "Connected",
    "CosineDistance",
    "Dissimilarity",
    "EuclideanDistance",
    "Neighbours",
    "SpanningTree",
    "components",
    "connect",
    "continuous_graph",
    "edge_lengths",
    "fuzzy_weights",
    "knn_graph",
    "knn_graph_of_blocks",
    "mutual_graph",
    "nearest_points",
    "neighbours_among",
    "refine",
    "spanning_tree",
    "spanning_tree_of_points",
]
