"""Small fits that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris

from latentatlas.data import Table, read_table
from latentatlas.estimator import Atlas

_QUICK = {"dim": 2, "steps": 30, "n_basins": 3, "batch_edges": 32, "threads": 1}


@pytest.fixture(scope="session")
def quick() -> Callable[..., Atlas]:
    """Makes atlases that fit in a fraction of a second."""

    def make(**settings: Any) -> Atlas:
        return Atlas(**(_QUICK | settings))

    return make


@pytest.fixture(scope="session")
def flowers() -> Table:
    """Iris: 150 × 4, three classes, of which one lies apart."""
    x, y = load_iris(return_X_y=True)
    return Table(x.astype(np.float32), label=np.array(["setosa", "versicolor", "virginica"])[y], name="iris")


@pytest.fixture(scope="session")
def digits() -> Table:
    """Every second digit, in random order: in the file they are ordered by writer."""
    return read_table("digits").take(np.random.default_rng(0).permutation(1797)[:900])


@pytest.fixture(scope="session")
def flat(quick: Callable[..., Atlas], flowers: Table) -> Atlas:
    """An atlas of iris whose latent is its map."""
    return quick(steps=100).fit(flowers)


@pytest.fixture(scope="session")
def deep(quick: Callable[..., Atlas], flowers: Table) -> Atlas:
    """An atlas of iris with four latent axes and a map head."""
    return quick(dim=4, steps=100).fit(flowers)


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Saving draws nothing, since pictures take seconds."""
    monkeypatch.setattr("latentatlas.estimator.saving.figures_of", lambda _: {"map": b"\x89PNG"})
