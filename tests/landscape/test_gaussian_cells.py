"""Posterior means under one Gaussian per cell."""

from __future__ import annotations

import numpy as np
import pytest

from latentatlas.core import ShapeError
from latentatlas.landscape import GaussianCells


def two_wells() -> GaussianCells:
    return GaussianCells(np.array([0.5, 0.5]), np.array([[-3.0], [3.0]]), np.array([[[1.0]], [[1.0]]]))


def test_moments_by_hand():
    cells = GaussianCells.of(np.array([[0.0, 0.0], [2.0, 0.0], [5.0, 5.0]], np.float32), np.array([7, 7, 3]))
    np.testing.assert_allclose(cells.shares, [1 / 3, 2 / 3])
    np.testing.assert_allclose(cells.means, [[5, 5], [1, 0]])
    np.testing.assert_allclose(cells.covariances, [np.zeros((2, 2)), [[1, 0], [0, 0]]])


def test_half_way_between_equal_cells():
    noise = np.array([[1.0]])
    np.testing.assert_allclose(two_wells().posterior_mean(np.zeros((1, 1)), noise), 0, atol=1e-12)
    far = two_wells().posterior_mean(np.array([[9.0]]), noise)  # only the right cell: 3 + 6/2
    np.testing.assert_allclose(far, 6, atol=1e-6)


def test_by_quadrature(rng: np.random.Generator):
    cells, y, deviation = two_wells(), rng.normal(scale=4, size=(5, 1)), 2.0
    x = np.linspace(-20, 20, 40_001)
    prior = sum(np.exp(-((x - mean) ** 2) / 2) for mean in (-3.0, 3.0))
    weights = prior * np.exp(-((y - x) ** 2) / (2 * deviation**2))
    expected = (weights * x).sum(axis=1) / weights.sum(axis=1)
    np.testing.assert_allclose(cells.posterior_mean(y, np.array([[deviation**2]]))[:, 0], expected, rtol=1e-6)


def test_noise_along_one_axis_leaves_the_other(rng: np.random.Generator):
    x = rng.normal(size=(200, 2))
    cells = GaussianCells.of(x, np.zeros(200, int))
    found = cells.posterior_mean(x, np.diag([1.0, 1e-9]))
    np.testing.assert_allclose(found[:, 1], x[:, 1], atol=1e-6)
    assert np.abs(found[:, 0]).mean() < 0.7 * np.abs(x[:, 0]).mean()


def test_less_error_than_the_noise_and_than_one_gaussian(rng: np.random.Generator):
    cell = rng.integers(4, size=2_000)
    x = 10 * np.eye(4)[cell] + 0.1 * rng.normal(size=(2_000, 4))
    noisy, noise = x + 2 * rng.normal(size=x.shape), 4 * np.eye(4)
    errors = [np.square(GaussianCells.of(x, each).posterior_mean(noisy, noise) - x).mean() for each in (cell, 0 * cell)]
    assert errors[0] < 0.2 * errors[1] < 0.2 * 4


def test_cells_of_one_point_are_that_point():
    cells = GaussianCells.of(np.array([[2.0, 3.0]]), np.array([0]))
    np.testing.assert_allclose(cells.posterior_mean(np.array([[9.0, -4.0]]), np.eye(2)), [[2, 3]])


@pytest.mark.parametrize(("n", "cells"), [(0, 0), (3, 2)])
def test_points_and_cells_must_agree(n: int, cells: int, unchecked):
    with pytest.raises(ShapeError, match=rf"GaussianCells wants points and the cell of each; got {n} and {cells}"):
        GaussianCells.of(np.zeros((n, 2)), np.zeros(cells, int))
