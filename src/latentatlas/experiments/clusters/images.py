"""The methods for images, one configuration for every set of them."""

from __future__ import annotations

from collections.abc import Sequence

from latentatlas.experiments.clusters.base import ClusterMethod
from latentatlas.experiments.clusters.ours import BasinGroups
from latentatlas.experiments.clusters.priors import OrientedEdges
from latentatlas.experiments.clusters.references import KMeansGroups, MapThenKMeans, RandomGroups, ToldGroups
from latentatlas.experiments.clusters.study import Problem
from latentatlas.experiments.clusters.teaching import ViewTeaching
from latentatlas.experiments.clusters.variational import BetaVAEMap
from latentatlas.experiments.maps import UMAPMap, plain_ae

__all__ = ["BOTH", "NO_PRIOR", "PRIOR", "PRIOR_FOUND", "VIEWS", "VIEWS_FOUND", "image_methods"]

NO_PRIOR, NO_PRIOR_FOUND = "**ours**, no prior", "**ours**, no prior, number found"
PRIOR, PRIOR_FOUND = "**ours**, image prior", "**ours**, image prior, number found"
VIEWS, VIEWS_FOUND = "**ours**, views", "**ours**, views, number found"
BOTH = "**ours**, image prior and views"
_CODES = 10


def image_methods(problem: Problem, *, straighten: bool) -> Sequence[ClusterMethod]:
    """Ours with both, each and none of prior and views, their number given and found, then the others.

    Args:
        problem: rows and number of labels.
        straighten: whether the prior says that slant and place mean nothing, as of handwriting.
    """
    shape, count = problem.train.item_shape, problem.classes
    assert shape is not None
    assert problem.train.label is not None
    look = OrientedEdges(shape, straighten=straighten)
    teacher = ViewTeaching(shape, rounds=1, steps=10) if problem.quick else ViewTeaching(shape)
    ours = (
        BasinGroups(BOTH, count=count, look=look, teacher=teacher),
        BasinGroups(PRIOR, count=count, look=look),
        BasinGroups(PRIOR_FOUND, count=None, look=look),
        BasinGroups(VIEWS, count=count, teacher=teacher),
        BasinGroups(VIEWS_FOUND, count=None, teacher=teacher),
        BasinGroups(NO_PRIOR, count=count),
        BasinGroups(NO_PRIOR_FOUND, count=None),
    )
    if problem.quick:
        return (*ours[:1], *ours[-1:], KMeansGroups(count), RandomGroups(count), ToldGroups(problem.train.label))
    codes = (
        MapThenKMeans(f"AE, {_CODES} axes, then k-means", count=count, method=plain_ae(_CODES)),
        *(
            MapThenKMeans(f"{vae.title}, {_CODES} axes, then k-means", count=count, method=vae)
            for vae in (BetaVAEMap(_CODES, beta=beta) for beta in (1.0, 4.0))
        ),
    )
    umap = MapThenKMeans("umap-learn, then k-means", count=count, method=UMAPMap())
    plain = (KMeansGroups(count), RandomGroups(count), ToldGroups(problem.train.label))
    return (*ours, umap, *codes, *plain)
