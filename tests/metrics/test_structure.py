from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from latentatlas.core import ShapeError, SpecError
from latentatlas.metrics import DensityKL, DistanceRMSE, TripletAccuracy, distances


@pytest.fixture
def pair(rng):
    x = np.concatenate([rng.normal(size=(60, 8)), 4 + 0.2 * rng.normal(size=(60, 8))])
    return x, x[:, :2] + 0.5 * rng.normal(size=(120, 2))


def naive_kl(x, z, sigma):
    """KL of kernel densities over distances divided by their maximum, with whole n × n tables."""
    densities = []
    for array in (x, z):
        table = cdist(array, array)
        density = np.exp(-((table / table.max()) ** 2) / sigma).sum(axis=1)
        densities.append(density / density.sum())
    return float((densities[0] * (np.log(densities[0]) - np.log(densities[1]))).sum())


@pytest.mark.parametrize("sigma", [0.01, 0.1, 1.0])
def test_density_equals_the_naive_formula(pair, sigma):
    assert DensityKL(sigma)(*pair) == pytest.approx(naive_kl(*pair, sigma), abs=1e-10)
    assert DensityKL(sigma)(*pair) > 0


def test_density_by_hand():
    x, z = np.array([[0.0], [1.0], [1.0]]), np.array([[0.0], [0.0], [1.0]])
    far = np.exp(-10)
    p = np.array([1 + 2 * far, 2 + far, 2 + far]) / (5 + 4 * far)
    q = p[::-1]
    assert DensityKL(0.1)(x, z) == pytest.approx((p * np.log(p / q)).sum())


def test_density_of_a_collapsed_map_is_uniform(pair):
    x, _ = pair
    assert 0 < DensityKL(0.1)(x, np.ones((len(x), 2))) < np.log(len(x))


def test_distances_equal_the_naive_formula(pair):
    x, z = pair
    assert DistanceRMSE()(x, z) == pytest.approx(np.sqrt(((cdist(x, x) - cdist(z, z)) ** 2).mean()), abs=1e-8)


def test_blocks_do_not_matter(pair, monkeypatch):
    whole = DensityKL()(*pair), DistanceRMSE()(*pair)
    monkeypatch.setattr(distances, "_NUMBERS_PER_BLOCK", 1000)
    assert (DensityKL()(*pair), DistanceRMSE()(*pair)) == pytest.approx(whole, rel=1e-9)


def test_triplets_approach_the_exhaustive_share(rng):
    x = rng.normal(size=(25, 3))
    z = x[:, :2]
    dx, dz = cdist(x, x), cdist(z, z)
    agreement = [
        (dx[i, j] < dx[i, m]) == (dz[i, j] < dz[i, m])
        for i in range(25)
        for j in range(25)
        for m in range(25)
        if len({i, j, m}) == 3
    ]
    assert TripletAccuracy(400)(x, z) == pytest.approx(np.mean(agreement), abs=0.02)


def test_triplets_are_three_different_rows(rng):
    from latentatlas.metrics.structure import _two_others

    first, second = (np.stack(side) for side in zip(*(_two_others(5, rng) for _ in range(2000)), strict=True))
    rows = np.arange(5)
    assert not (first == rows).any()
    assert not (second == rows).any()
    assert not (first == second).any()
    share = np.bincount((second - rows).ravel() % 5, minlength=5) / second.size
    np.testing.assert_allclose(share, [0, 0.25, 0.25, 0.25, 0.25], atol=0.02)


def test_triplets_of_a_random_map_are_a_coin(rng):
    x, z = rng.normal(size=(2, 1000, 5))
    assert TripletAccuracy(5)(x, z) == pytest.approx(0.5, abs=0.03)
    assert TripletAccuracy(5)(x, np.zeros((1000, 2))) == 0.0  # ties are not an order
    assert TripletAccuracy(5, seed=1)(x, z) != TripletAccuracy(5, seed=2)(x, z)


def test_bad_input():
    with pytest.raises(SpecError, match="sigma > 0"):
        DensityKL(0)
    with pytest.raises(SpecError, match="at least one triplet"):
        TripletAccuracy(0)
    with pytest.raises(ShapeError, match="at least 3 rows; got 2"):
        TripletAccuracy()(np.zeros((2, 1)), np.zeros((2, 1)))
