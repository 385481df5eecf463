"""Groups side by side: our basins and other ways behind one contract, judged by labels that none of them saw."""

from __future__ import annotations

from latentatlas.experiments.clusters.base import ClusterMethod, Grouped
from latentatlas.experiments.clusters.ours import AgreeingGroups, BasinGroups
from latentatlas.experiments.clusters.references import KMeansGroups, MapThenKMeans, RandomGroups, ToldGroups
from latentatlas.experiments.clusters.study import ClusterStudy, Problem

__all__ = [
    "AgreeingGroups",
    "BasinGroups",
    "ClusterMethod",
    "ClusterStudy",
    "Grouped",
    "KMeansGroups",
    "MapThenKMeans",
    "Problem",
    "RandomGroups",
    "ToldGroups",
]
