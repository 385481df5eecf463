"""Probes and neighbours by which erased rows are judged."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

__all__ = ["PROBES", "cross_validated", "held_out_accuracy", "linear_probe", "same_group_share", "within_group_overlap"]

_NEIGHBOURS = 15
_HIDDEN = 128
_PASSES = 40


def linear_probe() -> Any:
    """Logistic regression of standardised columns."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))


def _neighbour_probe() -> Any:
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier(_NEIGHBOURS)


def _network_probe() -> Any:
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    network = MLPClassifier((_HIDDEN,), alpha=1e-2, early_stopping=True, max_iter=_PASSES, random_state=0)
    return make_pipeline(StandardScaler(), network)


PROBES: Mapping[str, Callable[[], Any]] = {"linear": linear_probe, "kNN": _neighbour_probe, "MLP": _network_probe}


def held_out_accuracy(
    make: Callable[[], Any],
    train: Float[np.ndarray, "n dim"],
    target: Shaped[np.ndarray, " n"],
    *,
    test: Float[np.ndarray, "m dim"],
    truth: Shaped[np.ndarray, " m"],
) -> float:
    """Accuracy on test rows of a probe fitted on training rows."""
    with _unfinished_networks():
        return float(make().fit(train, target).score(test, truth))


def cross_validated(
    make: Callable[[], Any], z: Float[np.ndarray, "n dim"], target: Shaped[np.ndarray, " n"], *, folds: int, seed: int
) -> float:
    """Accuracy when every row is judged by a probe fitted on the other folds."""
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    split = StratifiedKFold(folds, shuffle=True, random_state=seed)
    with _unfinished_networks():
        return float((cross_val_predict(make(), z, target, cv=split) == target).mean())


def within_group_overlap(
    x: Float[np.ndarray, "n dim"], z: Float[np.ndarray, "n other"], group: Shaped[np.ndarray, " n"], *, k: int = 15
) -> float:
    """Mean share of the k nearest rows of the own group before that are among the k nearest after.

    >>> x = np.array([[0.0], [1.0], [3.0], [7.0]])
    >>> within_group_overlap(x, 2 * x, np.array([0, 0, 0, 0]), k=1)
    1.0
    """
    shares = []
    for name in np.unique(group):
        here = group == name
        near = min(k, int(here.sum()) - 1)
        if near < 1:
            continue
        before, after = (_nearest(rows[here], near) for rows in (x, z))
        shares.append((before[:, :, None] == after[:, None, :]).any(axis=2).mean(axis=1))
    return float(np.concatenate(shares).mean())


def same_group_share(
    z: Float[np.ndarray, "n dim"],
    group: Shaped[np.ndarray, " n"],
    *,
    k: int = 30,
    rows: Int[np.ndarray, " rows"] | None = None,
) -> float:
    """Mean share of the k nearest of all rows that are of the row's own group; of some rows, or of all.

    >>> same_group_share(np.array([[0.0], [1.0], [9.0], [10.0]]), np.array(["a", "a", "b", "a"]), k=1)
    0.5
    """
    near = _nearest(z, k)
    chosen = np.arange(len(z)) if rows is None else rows
    return float((group[near[chosen]] == group[chosen, None]).mean())


@contextmanager
def _unfinished_networks() -> Iterator[None]:
    """Networks stop after some passes, converged or not, without a warning."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def _nearest(z: np.ndarray, k: int) -> Int[np.ndarray, "n k"]:
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(n_neighbors=k).fit(z).kneighbors(return_distance=False)
