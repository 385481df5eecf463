"""The digits of the energy studies, and atlases of them that all studies of one process share."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from latentatlas.data import Table, read_table
from latentatlas.estimator import Atlas
from latentatlas.experiments.clusters.priors import OrientedEdges
from latentatlas.graph.exact import brute_force
from latentatlas.graph.kd_tree import MOST_AXES

__all__ = ["SEEDS", "Digits", "atlas_of_digits", "atlas_of_edges", "digits", "edges", "labels_of", "majority"]

SEEDS = (0, 1, 2)
_TRAINING = 60_000
_QUICK_TRAINING, _QUICK_TEST, _QUICK_STEPS = 600, 200, 60
_BRIGHTEST = 255


class Digits(NamedTuple):
    """MNIST with pixels from 0 to 1; labels are for judging."""

    train: Table
    test: Table


@lru_cache(maxsize=2)
def digits(*, quick: bool) -> Digits:
    """60,000 training and 10,000 test rows; 600 and 200 of them, always the same, in a quick run."""
    rows = read_table("mnist")
    train, test = np.arange(_TRAINING), np.arange(_TRAINING, len(rows))
    if quick:
        rng = np.random.default_rng(0)
        train, test = rng.choice(train, _QUICK_TRAINING, replace=False), test[:_QUICK_TEST]
    return Digits(_scaled(rows.take(train)), _scaled(rows.take(test)))


@lru_cache(maxsize=1)
def edges(*, quick: bool) -> Digits:
    """The same rows seen through the image prior: upright, central, as directions of edges."""
    train, test = digits(quick=quick)
    assert train.item_shape is not None
    look = OrientedEdges(train.item_shape, straighten=True)
    return Digits(Table(look(train.x), label=train.label), Table(look(test.x), label=test.label))


@lru_cache(maxsize=len(SEEDS))
def atlas_of_digits(seed: int, *, quick: bool) -> Atlas:
    """An atlas of the training rows, without their labels: two axes, ten basins, else defaults."""
    return _atlas(seed, quick=quick).fit(digits(quick=quick).train.x)


@lru_cache(maxsize=len(SEEDS))
def atlas_of_edges(seed: int, *, quick: bool) -> Atlas:
    """The same of the rows seen through the image prior."""
    return _atlas(seed, quick=quick).fit(edges(quick=quick).train.x)


def labels_of(rows: Table) -> Int[np.ndarray, " n"]:
    """The digits that rows show."""
    assert rows.label is not None
    return rows.label.astype(np.int64)


def majority(
    known: Float[np.ndarray, "rows dim"], label: Int[np.ndarray, " rows"], new: Float[np.ndarray, "n dim"], *, k: int
) -> Int[np.ndarray, " n"]:
    """The most frequent label among the k nearest known rows, the smallest of equals. O(n rows dim).

    >>> known, label = np.array([[0.0], [1.0], [1.1]], np.float32), np.array([3, 5, 5])
    >>> majority(known, label, np.array([[0.2]], np.float32), k=1), majority(known, label, known[:1], k=3)
    (array([3]), array([5]))
    """
    votes = label[_nearest(known, new, k)]
    classes = np.unique(label)
    return classes[(votes[:, :, None] == classes).sum(axis=1).argmax(axis=1)]


def _nearest(known: np.ndarray, new: np.ndarray, k: int) -> np.ndarray:
    """Numbers of the k nearest known rows, (n, k)."""
    if known.shape[1] > MOST_AXES:
        return brute_force(new, known, k)[1]
    from scipy.spatial import cKDTree

    return cKDTree(known).query(new, np.arange(1, k + 1))[1]


def _atlas(seed: int, *, quick: bool) -> Atlas:
    return Atlas(dim=2, n_basins=10, steps=_QUICK_STEPS if quick else None, random_state=seed)


def _scaled(rows: Table) -> Table:
    return Table(rows.x / _BRIGHTEST, label=rows.label, item_shape=rows.item_shape)
