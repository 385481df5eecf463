from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import gaussian_kde

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.graph import Neighbours, knn_graph
from latentatlas.landscape import (
    AdaptiveBandwidth,
    Bandwidth,
    DensityField,
    FixedBandwidth,
    NeighbourBandwidth,
    ScottBandwidth,
    density_energy,
    descend,
    energies,
    fit_density,
    gradient,
    local_dimension,
    neighbour_energy,
)

RULES = [FixedBandwidth(0.5), ScottBandwidth(), NeighbourBandwidth(5), AdaptiveBandwidth(5)]


def two_clusters(rng: np.random.Generator, n: int = 60, dim: int = 2) -> np.ndarray:
    points = rng.normal(size=(n, dim))
    points[: n // 2, 0] += 8
    return points


# ---------------------------------------------------------------- on a graph


def test_density_energy_of_known_distances():
    near = Neighbours(np.array([[1, 2], [0, 2]]), np.array([[1.0, 1.0], [1.0, 7.0]], np.float32), 1.0, True)
    assert density_energy(near, dim=2).tolist() == pytest.approx([0.0, np.log(25.0)])  # (1 + 49)/2
    assert density_energy(near, dim=6).tolist() == pytest.approx([0.0, 3 * np.log(25.0)])


def test_density_energy_is_lower_in_the_middle_of_a_cluster():
    points = np.random.default_rng(0).normal(size=(400, 2)).astype(np.float32)
    energy = density_energy(knn_graph(points, 20), dim=2)
    radius = np.linalg.norm(points, axis=1)
    assert energy[radius < 0.5].max() < energy[radius > 2.5].min()


def test_doubling_all_distances_adds_a_constant():
    points = two_clusters(np.random.default_rng(3)).astype(np.float32)
    first = density_energy(knn_graph(points, 10), dim=3)
    second = density_energy(knn_graph(2 * points, 10), dim=3)
    np.testing.assert_allclose(second - first, 3 * np.log(2), rtol=1e-4)


def test_density_energy_of_duplicates_is_finite_and_lowest():
    points = np.array([[0, 0], [0, 0], [0, 0], [5, 0], [0, 7]], np.float32)
    energy = density_energy(knn_graph(points, 2), dim=2)
    assert np.isfinite(energy).all()
    assert energy[:3].max() < energy[3:].min()


def test_neighbour_energy_is_relative_to_the_median_row():
    near = Neighbours(np.array([[1], [0], [0]]), np.array([[1.0], [2.0], [4.0]]), 1.0, True)
    assert neighbour_energy(near, dim=3.0).tolist() == pytest.approx([-3 * np.log(2), 0.0, 3 * np.log(2)])


def test_neighbour_energy_does_not_change_with_the_units(rng: np.random.Generator):
    points = two_clusters(rng)
    plain = neighbour_energy(knn_graph(points, 8), dim=2)
    for unit in (1e-6, 1e6):
        np.testing.assert_allclose(neighbour_energy(knn_graph(unit * points, 8), dim=2), plain, atol=1e-4)


def test_neighbour_energy_varies_by_one_over_the_root_of_k(rng: np.random.Generator):
    for dim, k in ((1, 15), (2, 15)):
        square = rng.uniform(size=(1200, dim))
        tiles = np.stack(np.meshgrid(*[[-1, 0, 1]] * dim), axis=-1).reshape(-1, 1, dim)  # no edges
        near = knn_graph((square + tiles).reshape(-1, dim), k)
        middle = slice(len(tiles) // 2 * 1200, (len(tiles) // 2 + 1) * 1200)
        spread = neighbour_energy(near, dim=dim)[middle].std()
        assert spread == pytest.approx(1 / np.sqrt(k), rel=0.15)


def test_neighbour_energy_of_duplicates_is_finite_and_lowest():
    points = np.array([[0.0], [0.0], [0.0], [5.0], [7.0]])
    energy = neighbour_energy(knn_graph(points, 2), dim=1)
    assert np.isfinite(energy).all()
    assert energy[:3].max() <= energy[3:].min()
    assert neighbour_energy(knn_graph(np.zeros((4, 2)), 2), dim=1).tolist() == [0.0] * 4


@pytest.mark.parametrize("dim", [1, 2, 4])
def test_the_local_dimension_is_that_of_the_set_not_of_the_space(rng: np.random.Generator, dim: int):
    turn = np.linalg.qr(rng.normal(size=(9, 9)))[0]
    flat = np.concatenate([rng.uniform(size=(2000, dim)), np.zeros((2000, 9 - dim))], axis=1) @ turn
    found = local_dimension(knn_graph(flat, 20))
    assert found == pytest.approx(dim, rel=0.15)  # edges lower it
    assert local_dimension(knn_graph(1e6 * flat, 20)) == pytest.approx(found, rel=1e-3)


def test_the_local_dimension_where_there_is_none():
    assert local_dimension(knn_graph(np.zeros((5, 2)), 3)) == 1.0
    assert local_dimension(knn_graph(np.arange(4.0)[:, None], 2)) == 1.0


# ---------------------------------------------------------------- kernels


def test_against_scipy(rng: np.random.Generator):
    points = two_clusters(rng)
    theirs = gaussian_kde(points.T, bw_method=1.0)
    turn = np.linalg.cholesky(np.linalg.inv(theirs.covariance))  # their kernel is round in these coordinates
    field = fit_density(points @ turn, bandwidth=FixedBandwidth(1.0))
    places = rng.normal(size=(20, 2))
    shift = np.log(abs(np.linalg.det(turn)))
    np.testing.assert_allclose(energies(field, places @ turn) - shift, -theirs.logpdf(places.T), rtol=1e-9)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_the_density_has_mass_one(rng: np.random.Generator, rule: Bandwidth):
    points = np.concatenate([rng.normal(size=20), rng.normal(6, 0.3, size=20)])[:, None]
    grid = np.linspace(-30, 40, 20_001)
    mass = np.exp(-energies(fit_density(points, bandwidth=rule), grid[:, None])).sum() * (grid[1] - grid[0])
    assert mass == pytest.approx(1.0, abs=1e-6)


def test_widths_by_hand():
    points = np.array([[0.0], [1.0], [3.0], [7.0]])
    assert NeighbourBandwidth(1).widths(points).tolist() == [1.5] * 4  # 1, 1, 2, 4
    assert AdaptiveBandwidth(1).widths(points).tolist() == [1.0, 1.0, 2.0, 4.0]
    assert AdaptiveBandwidth(99).widths(points).tolist() == [7.0, 6.0, 4.0, 7.0]
    assert ScottBandwidth().widths(points)[0] == pytest.approx(points.std() * 4 ** (-1 / 5))


@pytest.mark.parametrize("rule", RULES[1:], ids=lambda rule: type(rule).__name__)
def test_scaling_everything_adds_a_constant(rng: np.random.Generator, rule: Bandwidth):
    points, places = two_clusters(rng), rng.normal(size=(9, 2))
    plain = energies(fit_density(points, bandwidth=rule), places)
    for unit in (1e-6, 1e6):
        scaled = energies(fit_density(unit * points, bandwidth=rule), unit * places)
        np.testing.assert_allclose(scaled - plain, 2 * np.log(unit), rtol=1e-6)


def test_far_away_it_stays_finite():
    field = fit_density(np.array([[0.0], [1.0]]), bandwidth=FixedBandwidth(0.01))
    energy, slope = gradient(field, torch.tensor([[1e4]]))
    assert torch.isfinite(energy).all()
    assert slope.item() == pytest.approx((1e4 - 1) / 1e-4, rel=1e-4)


def test_the_gradient_is_the_mean_shift(rng: np.random.Generator):
    field = fit_density(two_clusters(rng), bandwidth=FixedBandwidth(0.7))
    z = torch.from_numpy(rng.normal(size=(5, 2)))
    _, slope = gradient(field, z)
    torch.testing.assert_close(z - 0.7**2 * slope, field.shift(z))


def test_the_mean_shift_of_adaptive_kernels_rests_where_the_gradient_is_zero(rng: np.random.Generator):
    field = fit_density(two_clusters(rng), bandwidth=AdaptiveBandwidth(20))
    mode = descend(field, torch.from_numpy(two_clusters(rng)[:3]), rate=1.0, steps=300).ends
    torch.testing.assert_close(field.shift(mode), mode, atol=1e-5, rtol=0)


def test_blocks_change_nothing(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch):
    field, z = fit_density(two_clusters(rng)), torch.from_numpy(rng.normal(size=(7, 2)))
    whole, moved = gradient(field, z), field.shift(z)
    monkeypatch.setattr("latentatlas.landscape.density._BLOCK_NUMBERS", 120)  # two rows at a time
    torch.testing.assert_close(gradient(field, z), whole)
    torch.testing.assert_close(field.shift(z), moved)


def test_two_kernels_have_two_modes_only_if_they_are_apart():
    """Equal kernels of width h at ±a: the middle is a mode for a ≤ h, and log-density there is known."""
    for a, modes in ((0.9, 1), (1.5, 2)):
        field = fit_density(np.array([[-a], [a]]), bandwidth=FixedBandwidth(1.0))
        ends = descend(field, torch.tensor([[-a], [0.01], [a]], dtype=torch.float64), rate=1.0).ends
        assert len(np.unique(ends.numpy().round(3))) == modes
        middle = field(torch.zeros(1, 1, dtype=torch.float64)).item()
        assert middle == pytest.approx(a**2 / 2 + np.log(2 * np.pi) / 2)


# ---------------------------------------------------------------- bad input


def test_bad_points():
    with pytest.raises(ShapeError, match="one point or more"):
        fit_density(np.empty((0, 2)))
    with pytest.raises(DataError, match="finite points"):
        fit_density(np.array([[0.0], [np.nan]]))
    with pytest.raises(DataError, match="points are equal"):
        fit_density(np.ones((5, 2)))
    with pytest.raises(DataError, match="two points or more"):
        fit_density(np.ones((1, 2)), bandwidth=NeighbourBandwidth())


@pytest.mark.parametrize("width", [0.0, -1.0, np.nan, np.inf])
def test_bad_widths(width: float):
    with pytest.raises(SpecError, match="finite width > 0"):
        FixedBandwidth(width)


def test_points_of_another_space():
    field = DensityField(torch.zeros(2, 3), torch.ones(2))
    for call in (field, field.shift):
        with pytest.raises(ShapeError, match="3 axes; got 2"):
            call(torch.zeros(1, 2))
