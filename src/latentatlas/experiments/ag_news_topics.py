"""Study `ag-news-topics`: four topics from frozen sentence embeddings, without a label."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from latentatlas.experiments.cells import Cells
from latentatlas.experiments.clusters import (
    AgreeingGroups,
    BasinGroups,
    ClusterMethod,
    ClusterStudy,
    KMeansGroups,
    MapThenKMeans,
    Problem,
    RandomGroups,
    ToldGroups,
)
from latentatlas.experiments.clusters.teaching import Agreement
from latentatlas.experiments.maps import UMAPMap, plain_ae
from latentatlas.experiments.maps.tables import Target

__all__ = ["STUDY", "pictures", "run", "to_markdown", "topic_methods"]

_OURS = "**ours**, neighbours agree"
_CODES = 10


def topic_methods(problem: Problem) -> Sequence[ClusterMethod]:
    """The head on which neighbours agree, basins of the layout, then the others."""
    count, label = problem.classes, problem.train.label
    assert label is not None
    agreement = Agreement(steps=60) if problem.quick else Agreement()
    ours = (
        AgreeingGroups(_OURS, count=count, agreement=agreement),
        BasinGroups("**ours**, basins of the layout", count=count),
        BasinGroups("**ours**, basins of the layout, number found", count=None),
    )
    plain = (KMeansGroups(count), RandomGroups(count), ToldGroups(label))
    if problem.quick:
        return (*ours, *plain)
    umap = MapThenKMeans("umap-learn, then k-means", count=count, method=UMAPMap())
    codes = MapThenKMeans(f"AE, {_CODES} axes, then k-means", count=count, method=plain_ae(_CODES))
    return (*ours, umap, codes, *plain)


STUDY = ClusterStudy(
    corpus="ag_news",
    stem="ag_news_topics",
    training=None,
    quick_rows=1_500,
    methods=topic_methods,
    about=(
        "12,600 news in the embeddings of a small sentence encoder (MiniLM, 384 axes), which stays as it is; topics "
        "are World, Sports, Business and Sci/Tech. *Neighbours agree*: k-means of the directions starts a linear "
        "softmax, which is trained so that it answers a row and each of its 20 nearest rows alike while groups stay "
        "even (SCAN's objective, with the weight 5 of that paper). Evenness is an assumption, and it holds here."
    ),
    targets=(Target(_OURS, "≥", 0.86), Target(_OURS, "≥", 0.882)),
    shown={"GSDMM": 0.833, "SDEC": 0.857, "SCCL": 0.882},
)


def run(*, quick: bool, log: Callable[[str], None], cells: Cells | None = None) -> dict[str, Any]:
    """Every method; what `cells` holds already is not run again."""
    return STUDY.run(quick=quick, log=log, cells=cells or Cells())


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/ag_news_topics.md."""
    return STUDY.to_markdown(result)


def pictures(result: Mapping[str, Any]) -> dict[str, bytes]:
    """One PNG image."""
    return STUDY.pictures(result)
