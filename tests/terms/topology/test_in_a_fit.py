"""Each term in the place of the neighbour term of a small fit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latentatlas import Atlas
from latentatlas.core import Constant
from latentatlas.data import Table, read_table
from latentatlas.graph import knn_graph
from latentatlas.terms import (
    CrossEntropy,
    HardNegatives,
    LandmarkGeodesics,
    LocalDistance,
    NeighborContrast,
    NeighborReconstruction,
    RTDLite,
    Signature,
    Stress,
    Term,
    Triplet,
)

_TERMS = [
    NeighborContrast(5.0, loss=CrossEntropy(), against=HardNegatives()),
    Triplet(),
    LocalDistance(),
    Stress(),
    Stress(1.0),
    Signature(),
    NeighborReconstruction(),
]


@pytest.fixture(scope="module")
def digits() -> Table:
    return Table(read_table("digits").x[:300])


def fitted(term: Term | tuple[Term, Constant] | None, digits: Table) -> Atlas:
    return Atlas(dim=2, neighbour_term=term, steps=150, n_basins=3, batch_edges=64, threads=1).fit(digits)


def falls(atlas: Atlas) -> bool:
    """Whether the last three records are lower than the first three, on average: single batches differ much."""
    values = atlas.history_["value/neighbours"]
    values = values[np.isfinite(values)]
    return bool(values[-3:].mean() < values[:3].mean())


@pytest.mark.parametrize("term", _TERMS, ids=lambda term: type(term).__name__)
def test_it_falls(term: Term, digits: Table):
    atlas = fitted(term, digits)
    assert np.isfinite(atlas.latent_).all()
    assert falls(atlas)


def test_geodesics_are_looked_up_by_row(digits: Table):
    along = LandmarkGeodesics(300, 16).fit(digits.x, knn_graph(digits.x, 10))
    atlas = fitted(Stress(geodesics=along), digits)
    assert falls(atlas)
    held_out = atlas.history_["held_out/neighbours"]  # rows the fit has not seen have geodesics too
    assert np.isfinite(held_out[-1])


def test_rtd_lite_is_lower_than_without_it(digits: Table):
    x, term = torch.from_numpy(digits.x).float(), RTDLite()
    latents = [fitted(choice, digits).latent_ for choice in ((term, Constant(50.0)), None)]
    with_it, without = (float(term(torch.from_numpy(z).float(), x)) for z in latents)
    assert with_it < 0.98 * without
