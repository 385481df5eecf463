"""Metrics of latents that lie in a curved space: a line of a ball is a line, in its lengths 2 artanh z."""

from __future__ import annotations

import numpy as np
import pytest

from latentatlas.core import DataError
from latentatlas.geometry import Euclidean, PoincareBall
from latentatlas.metrics import (
    Continuity,
    DensityKL,
    NeighbourAccuracy,
    NeighbourOverlap,
    TripletAccuracy,
    Trustworthiness,
    neighbour_ranks,
)

BALL = PoincareBall()
RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 3))
Z = np.tanh(0.8 * X[:, :1] + 0.3 * RNG.normal(size=(120, 1)))
ALONG = 2 * np.arctanh(Z)


@pytest.mark.parametrize("metric", [Trustworthiness, Continuity, NeighbourOverlap, DensityKL, TripletAccuracy])
def test_a_line_of_a_ball_is_judged_as_its_lengths(metric):
    assert metric(geometry=BALL)(X, Z) == pytest.approx(metric()(X, ALONG), abs=1e-9)
    assert metric(geometry=Euclidean())(X, Z) == metric()(X, Z)
    assert metric()(X, Z) != pytest.approx(metric()(X, ALONG), abs=1e-4)


def test_classes_go_by_the_neighbours_of_the_ball():
    label = (ALONG[:, 0] > 0.3).astype(int) ^ (RNG.random(120) < 0.2)
    curved, flat = NeighbourAccuracy(k=3, geometry=BALL), NeighbourAccuracy(k=3)
    np.testing.assert_array_equal(curved.per_point(Z, label), flat.per_point(ALONG, label))
    parts = {"z_test": Z[80:], "label_test": label[80:]}
    along = {"z_test": ALONG[80:], "label_test": label[80:]}
    assert curved.held_out(Z[:80], label[:80], **parts) == flat.held_out(ALONG[:80], label[:80], **along)


def test_ranks_block_by_block_and_of_a_sample():
    whole, pieces = (neighbour_ranks(X, Z, k=5, block=block, geometry=BALL) for block in (None, 7))
    np.testing.assert_array_equal(whole.latent_ranks, pieces.latent_ranks)
    few = neighbour_ranks(X, Z, k=5, rows=np.array([3, 90]), geometry=BALL)
    np.testing.assert_array_equal(few.input_ranks, whole.input_ranks[[3, 90]])
    np.testing.assert_array_equal(whole.latent_ranks, neighbour_ranks(X, ALONG, k=5).latent_ranks)


def test_latents_outside_are_an_error():
    with pytest.raises(DataError, match=r"^PoincareBall wants points"):
        Trustworthiness(k=5, geometry=BALL)(X, 2 * ALONG)
