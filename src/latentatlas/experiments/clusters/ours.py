"""Ours: basins of a layout as groups, looked at through a prior or not, taught to a network or not."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np
import torch

from latentatlas.estimator.basins import density_basins
from latentatlas.experiments.clusters.base import ClusterMethod, Grouped, Rows
from latentatlas.experiments.clusters.priors import AsIs, Look
from latentatlas.experiments.clusters.teaching import Agreement, ViewTeaching
from latentatlas.graph import CosineDistance, Neighbours, fuzzy_weights, knn_graph
from latentatlas.layout import PHASES, lay_out, start_of
from latentatlas.metrics import AdjustedRand
from latentatlas.models import PCAStem

__all__ = ["AgreeingGroups", "BasinGroups", "most_agreed"]

_COMPONENTS, _VOTERS = 50, 5
_NEIGHBOURS = (10, 12, 15, 20, 25)
_RECALL = 0.99
_MOST_KEPT = 8
_KEPT: dict[tuple[str, tuple[int, ...], int], tuple[list[np.ndarray], float]] = {}


@final
class BasinGroups(ClusterMethod):
    """Basins of the density of layouts, as `Atlas` finds them before it unfolds their inside; one of five is kept.

    Rows are seen through `look`, brought to 50 principal components, and laid out on the plane with exaggeration 12, 6,
    3, five times: from their 10, 12, 15, 20 and 25 nearest neighbours. Groups are the modes of the density, merged to
    `count`. A single layout may halve one group and join two; those of the layout are kept that agree best with the
    others (mean adjusted Rand index), which needs no label. New rows take the majority of their five nearest training
    rows; with a teacher, the answer of its network.

    Args:
        title: in tables.
        count: of groups; None takes the modes that stand out.
        look: what is known of the rows.
        teacher: what betters the groups; None for nothing.
        neighbours: of each layout.
    """

    def __init__(
        self,
        title: str,
        *,
        count: int | None,
        look: Look | None = None,
        teacher: ViewTeaching | None = None,
        neighbours: Sequence[int] = _NEIGHBOURS,
    ):
        self.title = title
        self.count = count
        self.look = look
        self.teacher = teacher
        self.neighbours = neighbours

    def fit(self, x: Rows, *, seed: int) -> Grouped:
        """Five times the cost of a layout, O(n log n) each, and the search for neighbours."""
        look = self.look or AsIs()
        seen = torch.from_numpy(np.ascontiguousarray(look(x), dtype=np.float32))
        stem = PCAStem(seen.shape[1], min(_COMPONENTS, *seen.shape)).fit(seen)
        h = stem(seen).numpy()
        planes, spared = _layouts(h, self.neighbours, seed)
        found = [density_basins(plane, self.count, seed=seed) for plane in planes]
        kept = most_agreed(found)
        groups, plane = found[kept], planes[kept]
        if self.teacher is not None:
            groups, predict = self.teacher(x, groups, seed=seed)
            return Grouped(groups, predict, plane, spared)
        voters = _voters(h, groups)
        return Grouped(groups, lambda new: voters(stem(torch.from_numpy(look(new))).numpy()), plane, spared)


@final
class AgreeingGroups(ClusterMethod):
    """k-means of directions, then a linear head on which neighbours agree (`Agreement`): for embeddings of texts.

    Rows are centred and divided by their norm.

    Args:
        title: in tables.
        count: of groups.
        agreement: how the head is trained.
    """

    def __init__(self, title: str, *, count: int, agreement: Agreement | None = None):
        self.title = title
        self.count = count
        self.agreement = agreement

    def fit(self, x: Rows, *, seed: int) -> Grouped:
        """O(n² features) for exact neighbours."""
        from sklearn.cluster import KMeans

        centre = x.mean(axis=0)

        def prepared(rows: Rows) -> np.ndarray:
            return CosineDistance().prepare(rows - centre)

        directions = prepared(x)
        start = KMeans(self.count, n_init=10, random_state=seed).fit_predict(directions)
        agreement = self.agreement or Agreement()
        near = knn_graph(directions, min(agreement.neighbours, len(x) - 1), exact=True)
        groups, predict = agreement(directions, start, near, seed=seed)
        return Grouped(groups, lambda new: predict(prepared(new)))


def most_agreed(found: Sequence[np.ndarray]) -> int:
    """Which of several groupings of the same rows agrees best with the others; the first of equals.

    >>> most_agreed([np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0])])
    1
    """
    index = AdjustedRand()
    agreed = [sum(index(each, other) for k, other in enumerate(found) if k != i) for i, each in enumerate(found)]
    return int(np.argmax(agreed))


def _layouts(h: np.ndarray, neighbours: Sequence[int], seed: int) -> tuple[list[np.ndarray], float]:
    """One layout, before its inside unfolds, for each number of neighbours; and the seconds spared by earlier ones.

    Methods that differ in what comes after the layouts share them: the last few are kept.
    """
    key = (hashlib.sha256(np.ascontiguousarray(h).tobytes()).hexdigest(), tuple(neighbours), seed)
    if key in _KEPT:
        return _KEPT[key]
    started = time.perf_counter()
    most = len(h) - 1
    near = knn_graph(h, min(max(neighbours), most), min_recall=_RECALL, seed=seed)
    made = []
    for k in (min(each, most) for each in neighbours):
        first = Neighbours(near.indices[:, :k], near.distances[:, :k], near.recall, near.exact)
        made.append(lay_out(fuzzy_weights(first), start_of(h, 2), phases=PHASES[:-1], seed=seed))
    _KEPT[key] = made, time.perf_counter() - started
    while len(_KEPT) > _MOST_KEPT:
        _KEPT.pop(next(iter(_KEPT)))
    return made, 0.0


def _voters(h: np.ndarray, groups: np.ndarray) -> Callable[[np.ndarray], Any]:
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier(_VOTERS).fit(h, groups).predict
