"""Ways to tell test digits by few labelled training rows: row numbers in, one digit for each test row out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np
from jaxtyping import Float, Int

from latentatlas.estimator import Atlas
from latentatlas.experiments.energies.digits import (
    SEEDS,
    Digits,
    atlas_of_digits,
    atlas_of_edges,
    digits,
    edges,
    labels_of,
    majority,
)

__all__ = ["LEARNERS", "NO_PRIOR", "PRIOR", "Learner", "told"]

NO_PRIOR, PRIOR = "**ours**, no prior", "**ours**, image prior"
_COMPONENTS = 50
_VOTERS = 15


class Learner(Protocol):
    """A way to tell digits; `seed` is that of the atlas, where there is one."""

    def __call__(self, rows: Int[np.ndarray, " examples"], *, seed: int, quick: bool) -> Int[np.ndarray, " n"]:
        """The digit of each test row."""
        ...


class _Places(NamedTuple):
    train: Float[np.ndarray, "rows dim"]
    test: Float[np.ndarray, "n dim"]


def told(*, quick: bool) -> dict[str, float]:
    """Accuracy where the label of every training row is known."""
    train, test = digits(quick=quick)
    label, truth = labels_of(train), labels_of(test)

    def accuracy(places: _Places, k: int) -> float:
        return float((majority(places.train, label, places.test, k=k) == truth).mean())

    return {
        "all labels told: 15 nearest in our latent, no prior": accuracy(_latents(SEEDS[0], quick=quick), _VOTERS),
        "all labels told: nearest in PCA": accuracy(_components(quick=quick), 1),
    }


def _ours(rows: np.ndarray, *, seed: int, quick: bool) -> np.ndarray:
    return _few_shot(atlas_of_digits(seed, quick=quick), digits(quick=quick), rows)


def _ours_by_edges(rows: np.ndarray, *, seed: int, quick: bool) -> np.ndarray:
    return _few_shot(atlas_of_edges(seed, quick=quick), edges(quick=quick), rows)


def _basins_by_edges(rows: np.ndarray, *, seed: int, quick: bool) -> np.ndarray:
    """What most examples of a basin are is what its rows are; a basin without examples goes with the nearest one."""
    atlas, (train, test) = atlas_of_edges(seed, quick=quick), edges(quick=quick)
    label = labels_of(train)[rows]
    votes = np.zeros((atlas.n_basins_, label.max() + 1))
    np.add.at(votes, (atlas.labels_[rows], label), 1)
    places = atlas.model_.bank.prototypes.detach().numpy()
    nearest = majority(atlas.latent_[rows], label, places, k=1)
    names = np.where(votes.any(axis=1), votes.argmax(axis=1), nearest)
    return names[atlas.basins(test.x)]


def _by_pixels(rows: np.ndarray, *, seed: int, quick: bool) -> np.ndarray:
    train, test = digits(quick=quick)
    return majority(train.x[rows], labels_of(train)[rows], test.x, k=1)


def _by_components(rows: np.ndarray, *, seed: int, quick: bool) -> np.ndarray:
    return _nearest(_components(quick=quick), rows, quick=quick)


def _by_latent(rows: np.ndarray, *, seed: int, quick: bool) -> np.ndarray:
    return _nearest(_latents(seed, quick=quick), rows, quick=quick)


def _by_regression(rows: np.ndarray, *, seed: int, quick: bool) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression

    train, test = digits(quick=quick)
    return LogisticRegression(max_iter=500).fit(train.x[rows], labels_of(train)[rows]).predict(test.x)


LEARNERS: Mapping[str, Learner] = {
    NO_PRIOR: _ours,
    PRIOR: _ours_by_edges,
    "**ours**, image prior, basins named by the examples": _basins_by_edges,
    "nearest example in our latent, no prior": _by_latent,
    "nearest example in pixels": _by_pixels,
    "nearest example in PCA": _by_components,
    "logistic regression on pixels": _by_regression,
}


def _few_shot(atlas: Atlas, rows: Digits, examples: np.ndarray) -> np.ndarray:
    known = atlas.few_shot(rows.train.x[examples], labels_of(rows.train)[examples])
    return known.predict(rows.test.x)


def _nearest(places: _Places, rows: np.ndarray, *, quick: bool) -> np.ndarray:
    label = labels_of(digits(quick=quick).train)[rows]
    return majority(places.train[rows], label, places.test, k=1)


@lru_cache(maxsize=len(SEEDS))
def _latents(seed: int, *, quick: bool) -> _Places:
    atlas = atlas_of_digits(seed, quick=quick)
    return _Places(atlas.latent_, atlas.transform(digits(quick=quick).test.x))


@lru_cache(maxsize=1)
def _components(*, quick: bool) -> _Places:
    from sklearn.decomposition import PCA

    train, test = digits(quick=quick)
    pca = PCA(min(_COMPONENTS, len(train)), random_state=0).fit(train.x)
    return _Places(*(np.ascontiguousarray(pca.transform(x), np.float32) for x in (train.x, test.x)))
