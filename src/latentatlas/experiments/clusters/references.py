"""What ours stands beside: the simplest ways, those of others, and the one that is told the labels."""

from __future__ import annotations

from copy import deepcopy
from typing import ClassVar, final

import numpy as np
from jaxtyping import Shaped

from latentatlas.core import SpecError
from latentatlas.experiments.clusters.base import ClusterMethod, Grouped, Rows
from latentatlas.experiments.maps import MapMethod

__all__ = ["KMeansGroups", "MapThenKMeans", "RandomGroups", "ToldGroups"]

_INITIALISATIONS = 10
_PASSES = 20


@final
class KMeansGroups(ClusterMethod):
    """k-means of the rows as they are, ten initialisations."""

    title: str = "k-means"

    def __init__(self, count: int):
        self.count = count

    def fit(self, x: Rows, *, seed: int) -> Grouped:
        """O(n features count) a pass."""
        from sklearn.cluster import KMeans

        found = KMeans(self.count, n_init=_INITIALISATIONS, random_state=seed).fit(x)
        return Grouped(found.labels_.astype(np.int64), found.predict)


@final
class MapThenKMeans(ClusterMethod):
    """k-means of the places that a map of another method gives the rows.

    Args:
        title: in tables.
        count: of groups.
        method: makes the map.
    """

    def __init__(self, title: str, *, count: int, method: MapMethod):
        self.title = title
        self.count = count
        self.method = method

    def fit(self, x: Rows, *, seed: int) -> Grouped:
        """The cost of the map, mostly."""
        from sklearn.cluster import KMeans

        fitted = deepcopy(self.method).fit(x, seed=seed)
        latent = np.asarray(fitted.latent, dtype=np.float32)
        found = KMeans(self.count, n_init=_INITIALISATIONS, random_state=seed).fit(latent)
        transform = fitted.transform
        places = latent if latent.shape[1] == 2 else None
        if transform is None:
            return Grouped(found.labels_.astype(np.int64), None, places)
        return Grouped(
            found.labels_.astype(np.int64),
            lambda new: found.predict(np.asarray(transform(new), dtype=np.float32)),
            places,
        )


@final
class RandomGroups(ClusterMethod):
    """Groups at random, all as likely."""

    title: str = "random groups"

    def __init__(self, count: int):
        self.count = count

    def fit(self, x: Rows, *, seed: int) -> Grouped:
        """O(n)."""
        rng = np.random.default_rng(seed)
        return Grouped(rng.integers(self.count, size=len(x)), lambda new: rng.integers(self.count, size=len(new)))


@final
class ToldGroups(ClusterMethod):
    """Logistic regression that is told the labels: what a linear rule could reach at most on rows it did not see.

    Training rows get the answers of five parts, each of which is answered by a fit of the other four.

    Args:
        label: of the training rows, in their order.
    """

    title: str = "logistic regression (told the labels)"
    learns: ClassVar[bool] = False

    def __init__(self, label: Shaped[np.ndarray, " n"]):
        self.label = label

    def fit(self, x: Rows, *, seed: int) -> Grouped:
        """O(n features classes) a step of the solver, six fits.

        Raises:
            SpecError: if there are more or fewer rows than labels.
        """
        from sklearn.linear_model import SGDClassifier
        from sklearn.model_selection import cross_val_predict
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        if len(x) != len(self.label):
            raise SpecError(f"ToldGroups wants one label per row; got {len(self.label)} for {len(x)} rows.")
        codes = np.unique(self.label, return_inverse=True)[1]
        linear = make_pipeline(
            StandardScaler(), SGDClassifier("log_loss", alpha=1e-3, max_iter=_PASSES, tol=None, random_state=seed)
        )
        return Grouped(cross_val_predict(linear, x, codes, cv=5), linear.fit(x, codes).predict)
