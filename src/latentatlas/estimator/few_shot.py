"""Classes from a few labelled examples and the many rows without a label."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final

import numpy as np
import scipy.sparse as sp

from latentatlas.core import ShapeError
from latentatlas.data import as_rows_of
from latentatlas.geometry import Euclidean, Geometry
from latentatlas.graph import fuzzy_weights, nearest_points, refine
from latentatlas.graph.exact import brute_force

if TYPE_CHECKING:
    from latentatlas.estimator.atlas import Atlas

__all__ = ["FewShot", "learn_classes"]

_STAY = 0.99  # of a walk at each step; it is 100 steps long on average
_STEPS = 200
_NEIGHBOURS = 15


@final
@dataclass(frozen=True, eq=False)
class FewShot:
    """A classifier from a few examples; made by `Atlas.few_shot`.

    A class knows the rows of the fit that random walks from its examples reach, on the graph whose edges join rows that
    share neighbours in the data. A new row is what the 15 rows nearest to it in the latent are.

    Attributes:
        classes: sorted.
        latent: (rows, dim) of the rows of the fit.
        shares: (rows, classes) of the walks that reach a row, by the class they started from; rows sum to 1.
        encode: rows in the units of the data to latents.
        space: where the latents lie.
    """

    classes: np.ndarray
    latent: np.ndarray
    shares: np.ndarray
    encode: Callable[[Any], np.ndarray]
    space: Geometry = field(default_factory=Euclidean)

    def probabilities(self, X: Any) -> np.ndarray:
        """Mean shares of the nearest rows, (n, classes); rows sum to 1. O(n · rows · dim)."""
        found = nearest_points(self.encode(X), self.latent, min(_NEIGHBOURS, len(self.latent)), self.space)[1]
        return self.shares[found].mean(axis=1)

    def energies(self, X: Any) -> np.ndarray:
        """−log probability of each class, (n, classes) in nats, finite: 0 where the class is certain."""
        known = self.probabilities(X)
        return -np.log(np.maximum(known, np.finfo(known.dtype).tiny))

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each row; a row of a class without examples gets one of the others."""
        return self.classes[self.probabilities(X).argmax(axis=1)]


def learn_classes(atlas: Atlas, X: Any, y: Any) -> FewShot:
    """See `Atlas.few_shot`."""
    x = atlas._prepared(X)
    y = as_rows_of("y", y, len(x))
    if not len(x):
        raise ShapeError("Atlas.few_shot wants one labelled row or more; got none. Pass examples.")
    classes, codes = np.unique(y, return_inverse=True)
    codes = codes.reshape(-1)
    rows = brute_force(x, atlas.model_.preparation(atlas.table_.x), 1)[1][:, 0]
    shares = _walked(fuzzy_weights(refine(atlas.graph_, k=atlas.graph_.indices.shape[1])), rows, codes, len(classes))
    unknown = np.flatnonzero(shares.sum(axis=1) <= 0)  # no walk leads there
    if len(unknown):
        known = np.ascontiguousarray(atlas.latent_[rows])
        nearest = nearest_points(atlas.latent_[unknown], known, 1, atlas.model_.geometry)[1][:, 0]
        shares[unknown, codes[nearest]] = 1
    shares = shares / shares.sum(axis=1, keepdims=True)
    return FewShot(classes, atlas.latent_, shares, atlas._encoded, atlas.model_.geometry)


def _walked(weights: sp.csr_matrix, rows: np.ndarray, codes: np.ndarray, classes: int) -> np.ndarray:
    """How often walks with restart from the examples of each class are at each row; every class has the same total.

    F ← α S F + (1 − α) Y with S = D^(−½) W D^(−½): Zhou et al., *Learning with Local and Global Consistency*, 2004.
    """
    n = weights.shape[0]
    root = sp.diags(1 / np.sqrt(np.maximum(np.asarray(weights.sum(axis=1)).ravel(), 1e-12)))
    steps = (root @ weights @ root).tocsr().astype(np.float32)
    starts = np.zeros((n, classes), np.float32)
    np.add.at(starts, (rows, codes), 1)
    starts /= starts.sum(axis=0)
    reached = starts
    for _ in range(_STEPS):
        reached = _STAY * (steps @ reached) + (1 - _STAY) * starts
    return reached / reached.sum(axis=0)
