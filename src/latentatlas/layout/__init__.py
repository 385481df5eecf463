"""Layouts: places of rows in few dimensions, from the graph of their neighbours, without a network."""

from latentatlas.layout.arrangement import arrangement
from latentatlas.layout.basins import gathered
from latentatlas.layout.cells import cells_of
from latentatlas.layout.cover import INSIDE, graph_cells, soft_cells, softened
from latentatlas.layout.descent import PHASES, Phase, lay_out, start_of
from latentatlas.layout.forces import Attraction, GridRepulsion, Repulsion, SampledRepulsion

__all__ = [
    "INSIDE",
    "PHASES",
    "Attraction",
    "GridRepulsion",
    "Phase",
    "Repulsion",
    "SampledRepulsion",
    "arrangement",
    "cells_of",
    "gathered",
    "graph_cells",
    "lay_out",
    "soft_cells",
    "softened",
    "start_of",
]
