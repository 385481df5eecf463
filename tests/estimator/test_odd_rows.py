"""Rows that are few, equal, in pieces, or wider or narrower than the latent: a right atlas or a clear error."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components

from latentatlas.core import DataError, ShapeError
from latentatlas.estimator import Atlas
from latentatlas.graph import fuzzy_weights, knn_graph

Maker = Callable[..., Atlas]


def finite(atlas: Atlas) -> bool:
    return all(np.isfinite(part).all() for part in (atlas.latent_, atlas.map_, atlas.inverse_transform(atlas.latent_)))


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_pieces_without_a_path_between_them(quick: Maker, rng: np.random.Generator, dim: int):
    x = np.concatenate([rng.normal(0, 1, (60, 4)), rng.normal(300, 1, (60, 4))]).astype(np.float32)
    assert connected_components(fuzzy_weights(knn_graph(x, 15)))[0] == 2
    atlas = quick(dim=dim, n_basins=2, steps=100).fit(x)
    assert finite(atlas)
    assert len(set(atlas.labels_[:60])) == len(set(atlas.labels_[60:])) == 1
    assert atlas.labels_[0] != atlas.labels_[-1]


def test_more_neighbours_than_a_piece_has_rows(quick: Maker, rng: np.random.Generator):
    x = np.concatenate([rng.normal(0, 1, (100, 3)), rng.normal(50, 0.1, (4, 3))]).astype(np.float32)
    assert finite(quick(n_neighbors=15, n_basins=2).fit(x))


def test_many_copies_of_few_rows(quick: Maker, rng: np.random.Generator):
    x = np.repeat(rng.normal(size=(6, 3)).astype(np.float32), 30, axis=0)
    assert finite(quick(n_neighbors=15).fit(x))


def test_all_rows_equal(quick: Maker):
    with pytest.raises(DataError, match="equal"):
        quick().fit(np.ones((50, 3), np.float32))


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_five_rows(quick: Maker, rng: np.random.Generator, dim: int):
    atlas = quick(dim=dim, n_neighbors=3, n_basins=1).fit(rng.normal(size=(5, 4)).astype(np.float32))
    assert finite(atlas)
    assert atlas.latent_.shape == (5, dim)


@pytest.mark.parametrize("dim", [1, 2, 4])
def test_one_column(quick: Maker, rng: np.random.Generator, dim: int):
    x = np.sort(rng.normal(size=(80, 1)), axis=0).astype(np.float32)
    atlas = quick(dim=dim, steps=60).fit(x)
    assert finite(atlas)
    assert atlas.latent_.shape == (80, dim)


def test_more_axes_than_columns(quick: Maker, rng: np.random.Generator):
    assert finite(quick(dim=7).fit(rng.normal(size=(60, 3)).astype(np.float32)))


def test_too_few_rows_for_the_neighbours(quick: Maker, rng: np.random.Generator):
    with pytest.raises(ShapeError, match=r"Pass n_neighbors ≤ 4 or more rows\."):
        quick(n_neighbors=15).fit(rng.normal(size=(5, 3)))
