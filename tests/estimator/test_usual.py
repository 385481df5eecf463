"""What is usual at a place: Gaussians of known moments, rows that are odd only where they lie, and noise taken away."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latentatlas.estimator.usual import Usual
from latentatlas.models import PCAStem, ScaleStem, Stem


def known(rng: np.random.Generator, stem: Stem, *, n: int = 1_000) -> tuple[Usual, np.ndarray, np.ndarray]:
    """Two clouds that are long across one another, each at a place of its own; every tenth row is kept aside."""
    cloud = np.arange(n) % 2
    x = rng.normal(size=(n, 3)).astype(np.float32) * np.where(cloud[:, None], [1, 0.05, 0.05], [0.05, 1, 0.05])
    z = (10 * cloud[:, None] + 0.1 * rng.normal(size=(n, 2))).astype(np.float32)
    x = x.astype(np.float32)
    stem.fit(torch.from_numpy(x))
    return Usual.of(stem, x, z, held_out=np.arange(n) % 10 == 0, seed=0), x, z


def test_a_row_is_odd_where_it_lies(rng: np.random.Generator):
    usual, x, z = known(rng, PCAStem(3, 3))
    elsewhere = z[np.r_[1:3]]  # the places of the two clouds, exchanged
    assert (usual(x[[2, 1]], elsewhere) > usual.surprise.max()).mean() >= 0.5
    swapped = usual(x[1:101], z[np.arange(1, 101) - 1])
    assert np.median(swapped) > np.quantile(usual.surprise, 0.99)
    assert (usual(x[1:101], z[1:101]) <= usual.surprise.max()).mean() > 0.95


def test_surprise_by_hand(rng: np.random.Generator):
    usual, x, z = known(rng, ScaleStem(3), n=100)  # one cell
    h = usual.stem(torch.from_numpy(x)).numpy().astype(np.float64)
    seen = np.arange(100) % 10 != 0
    mean, covariance = h[seen].mean(axis=0), np.cov(h[seen].T, bias=True) + usual.noise * np.eye(3)
    apart = h - mean
    squared = np.einsum("nd,de,ne->n", apart, np.linalg.inv(covariance), apart)
    expected = (squared + np.linalg.slogdet(2 * np.pi * covariance)[1]) / 2
    np.testing.assert_allclose(usual(x, z), expected, rtol=1e-5)
    np.testing.assert_allclose(usual.surprise, np.sort(expected[~seen]), rtol=1e-5)


def test_what_the_stem_leaves_out_counts_beyond_the_largest_known(rng: np.random.Generator):
    usual, x, z = known(rng, PCAStem(3, 2))
    across = np.linalg.svd(usual.stem.basis.numpy(), full_matrices=True)[0][:, 2].astype(np.float32)
    mean, most = usual.left_out
    near, far = (usual(x[:1] + step * across, z[:1])[0] for step in (0.0, 10.0))
    left = float(np.square((x[0] + 10 * across - usual.stem.mean.numpy()) @ across))
    assert far - near == pytest.approx((left - most) / (2 * mean), rel=0.01)


def test_noise_is_the_likeliest(rng: np.random.Generator):
    flat = rng.normal(size=(2_000, 4)).astype(np.float32) * np.float32([1, 1, 1, 0.001])
    z = np.zeros((2_000, 2), np.float32) + rng.normal(size=(2_000, 2)).astype(np.float32)
    usual = Usual.of(ScaleStem(4).fit(torch.from_numpy(flat)), flat, z, held_out=np.zeros(2_000, bool), seed=0)
    assert usual.noise == 0.005  # the covariance is known well
    few = Usual.of(ScaleStem(4).fit(torch.from_numpy(flat)), flat[:5], z[:5], held_out=np.zeros(5, bool), seed=0)
    assert few.noise == 0.16  # nothing to judge by
    assert len(usual.surprise) == 0


def test_a_stem_of_many_coordinates_is_replaced(rng: np.random.Generator):
    x = rng.normal(size=(300, 200)).astype(np.float32)
    stem = ScaleStem(200).fit(torch.from_numpy(x))
    z = x[:, :2].copy()
    usual = Usual.of(stem, x, z, held_out=np.arange(300) < 30, seed=0)
    assert usual.stem.components == 128
    again = Usual.restored(stem, usual.arrays(stem))
    np.testing.assert_array_equal(again(x, z), usual(x, z))


def test_arrays_and_back(rng: np.random.Generator):
    usual, x, z = known(rng, PCAStem(3, 2))
    arrays = usual.arrays(usual.stem)
    assert not any(name.startswith("stem.") for name in arrays)
    again = Usual.restored(usual.stem, arrays)
    np.testing.assert_array_equal(again(x, z), usual(x, z))
    np.testing.assert_array_equal(again.without_noise(x, np.ones(3)), usual.without_noise(x, np.ones(3)))


def test_noise_is_taken_away(rng: np.random.Generator):
    usual, x, _ = known(rng, ScaleStem(3))
    noisy = x + 0.5 * rng.normal(size=x.shape).astype(np.float32)
    found = usual.without_noise(noisy, np.full(3, 0.5))
    assert np.square(found - x).mean() < 0.5 * np.square(noisy - x).mean()
    np.testing.assert_allclose(usual.without_noise(x, np.full(3, 1e-4)), x, atol=1e-2)
