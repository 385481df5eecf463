from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import eigh
from scipy.spatial.distance import cdist

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.spectral import DiffusionMap, MixingField, StationaryField, diffusion_map, median_distance
from latentatlas.spectral import diffusion as module


def circle(n: int) -> tuple[np.ndarray, np.ndarray]:
    angle = 2 * np.pi * np.arange(n) / n
    return angle, np.stack([np.cos(angle), np.sin(angle)], axis=1)


def clusters(count: int, rows: int = 60, distance: float = 8.0) -> np.ndarray:
    rng = np.random.default_rng(count)
    return np.repeat(distance * np.eye(4)[:count], rows, axis=0) + rng.normal(size=(count * rows, 4))


def walk(found: DiffusionMap) -> np.ndarray:
    kernel = np.exp(-(cdist(found.rows, found.rows) ** 2) / (2 * found.bandwidth**2))
    return kernel / kernel.sum(axis=1, keepdims=True)


def test_a_circle_has_cosines_and_sines():
    angle, x = circle(40)
    found = diffusion_map(x, coordinates=6)
    kernel = np.exp(-np.square(x - x[0]).sum(axis=1) / (2 * found.bandwidth**2))
    for pair in range(3):
        frequency = pair + 1
        wave = np.sqrt(2) * np.stack([np.cos(frequency * angle), np.sin(frequency * angle)], axis=1)
        vectors = found.vectors[:, 2 * pair : 2 * pair + 2]
        turn = wave.T @ vectors / 40
        np.testing.assert_allclose(turn @ turn.T, np.eye(2), atol=1e-8)  # the same plane, turned
        eigenvalue = (kernel * np.cos(frequency * angle)).sum() / kernel.sum()  # the transform of a circulant matrix
        np.testing.assert_allclose(found.eigenvalues[2 * pair : 2 * pair + 2], eigenvalue, atol=1e-12)


def test_a_ring_of_neighbours_has_one_minus_cosine_eigenvalues():
    _, x = circle(24)
    found = diffusion_map(x, coordinates=4, neighbours=2)
    weight = np.exp(-np.square(x[0] - x[1]).sum() / (2 * found.bandwidth**2))
    share = 2 * weight / (1 + 2 * weight)
    wanted = [1 - share * (1 - np.cos(2 * np.pi * k / 24)) for k in (1, 1, 2, 2)]
    np.testing.assert_allclose(found.eigenvalues, wanted, atol=1e-6)


def test_the_walk_is_stochastic_and_the_pairs_are_its_eigenpairs(rng):
    x = rng.normal(size=(80, 3))
    found = diffusion_map(x, coordinates=5)
    steps = walk(found)
    np.testing.assert_allclose(steps.sum(axis=1), 1)
    assert np.linalg.eigvals(steps).real.max() == pytest.approx(1)
    np.testing.assert_allclose(steps @ found.vectors, found.vectors * found.eigenvalues, atol=1e-10)
    np.testing.assert_allclose(found.stationary @ steps, found.stationary, atol=1e-12)
    assert found.stationary.sum() == pytest.approx(1)
    gram = found.vectors.T @ (found.stationary[:, None] * found.vectors)
    np.testing.assert_allclose(gram, np.eye(5), atol=1e-10)
    np.testing.assert_allclose(found.stationary @ found.vectors, 0, atol=1e-10)
    assert (np.diff(found.eigenvalues) <= 1e-12).all()
    assert found.eigenvalues[0] < 1


def test_a_symmetric_solver_on_the_walk_itself_is_wrong():
    steps = walk(diffusion_map(clusters(3, 30, 3.0)))
    assert not np.allclose(steps, steps.T)
    assert eigh(steps, eigvals_only=True)[-1] > 1.0001  # no random walk has such an eigenvalue


def test_coordinates_are_diffusion_distances(rng):
    x = rng.normal(size=(30, 2))
    found = diffusion_map(x, coordinates=28, bandwidth=0.5)
    twice = np.linalg.matrix_power(walk(found), 2)
    wanted = ((twice[3] - twice[7]) ** 2 / found.stationary).sum()
    place = found.coordinates(time=2)
    assert np.square(place[3] - place[7]).sum() == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("neighbours", [None, 20])
def test_iterative_and_full_solver_agree(rng, monkeypatch, neighbours):
    x = rng.normal(size=(300, 3))
    full = diffusion_map(x, coordinates=4, neighbours=neighbours)
    monkeypatch.setattr(module, "_FULL_SOLVER_ROWS", 10)
    iterative = diffusion_map(x, coordinates=4, neighbours=neighbours)
    np.testing.assert_allclose(iterative.eigenvalues, full.eigenvalues, atol=1e-10)
    np.testing.assert_allclose(iterative.vectors, full.vectors, atol=1e-6)
    again = diffusion_map(x, coordinates=4, neighbours=neighbours)
    np.testing.assert_array_equal(iterative.vectors, again.vectors)


def test_many_rows_get_a_sparse_kernel(monkeypatch):
    monkeypatch.setattr(module, "DENSE_ROWS", 100)
    x = clusters(3)
    found = diffusion_map(x, coordinates=6)
    assert found.neighbours == 32
    assert found.clusters == 3
    assert np.unique(np.sign(found.vectors[:, :2]).round(), axis=0).shape[0] >= 3


def test_nystrom_is_the_map_on_the_fitted_rows(rng):
    x = rng.normal(size=(150, 3)).astype(np.float32)
    found = diffusion_map(x, coordinates=4)
    np.testing.assert_allclose(found(x), found.coordinates(), atol=1e-8)
    np.testing.assert_allclose(found(x, time=3), found.coordinates(time=3), atol=1e-8)


def test_nystrom_places_new_rows_between_their_neighbours():
    angle, x = circle(60)
    found = diffusion_map(x, coordinates=2)
    middle = angle[:-1] + np.pi / 60
    placed = found(np.stack([np.cos(middle), np.sin(middle)], axis=1))
    np.testing.assert_allclose(
        np.linalg.norm(placed, axis=1), np.linalg.norm(found.coordinates(), axis=1)[0], rtol=1e-6
    )
    halfway = (found.coordinates()[:-1] + found.coordinates()[1:]) / 2
    np.testing.assert_allclose(placed, halfway / np.cos(np.pi / 60), atol=1e-6)


def test_nystrom_with_a_sparse_kernel_is_close():
    x = clusters(2)
    found = diffusion_map(x, coordinates=1, neighbours=20)
    assert np.corrcoef(found(x)[:, 0], found.coordinates()[:, 0])[0, 1] > 0.99


@pytest.mark.parametrize("neighbours", [None, 12])
@pytest.mark.parametrize("count", [2, 3, 4])
def test_the_gap_counts_clusters(count, neighbours):
    found = diffusion_map(clusters(count), neighbours=neighbours, bandwidth=2.0)
    assert found.clusters == count


def test_the_spectral_gap_is_zero_where_the_rows_fall_apart():
    apart = diffusion_map(clusters(3, distance=1e3), neighbours=10)
    assert apart.spectral_gap == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(apart.eigenvalues[:2], 1, atol=1e-9)
    assert apart.eigenvalues[2] < 1 - 1e-3
    assert diffusion_map(clusters(1)).spectral_gap > 0.3


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_units_do_not_matter(rng, factor):
    x = rng.normal(size=(60, 3))
    plain, scaled = diffusion_map(x, coordinates=3), diffusion_map(factor * x, coordinates=3)
    assert scaled.bandwidth == pytest.approx(factor * plain.bandwidth)
    np.testing.assert_allclose(scaled.coordinates(), plain.coordinates(), atol=1e-9)
    np.testing.assert_allclose(scaled(factor * x), plain(x), atol=1e-7)


def test_the_median_is_of_all_pairs_or_of_a_sample(rng):
    x = rng.normal(size=(400, 3))
    every = np.median(cdist(x, x)[np.triu_indices(400, 1)])
    assert median_distance(x) == pytest.approx(every)
    sampled = median_distance(x, rows=200, seed=1)
    assert sampled == median_distance(x, rows=200, seed=1) != median_distance(x, rows=200, seed=2)
    assert sampled == pytest.approx(every, rel=0.1)
    assert diffusion_map(x, coordinates=1).bandwidth == pytest.approx(every)


def test_integers_and_three_rows():
    found = diffusion_map(np.array([[0], [1], [3]]))
    assert found.vectors.shape == (3, 1)
    assert found(np.array([[2]])).shape == (1, 1)


@pytest.mark.parametrize(
    ("x", "options", "error", "message"),
    [
        (np.ones((2, 2)), {}, ShapeError, "at least three rows; got 2"),
        (np.ones((9, 2)), {}, DataError, "the median distance is 0"),
        (np.full((9, 2), np.nan), {}, DataError, "diffusion_map wants finite rows"),
        (np.arange(9.0)[:, None], {"bandwidth": 0.0}, SpecError, "bandwidth > 0"),
        (np.arange(9.0)[:, None], {"coordinates": 0}, SpecError, "coordinates ≥ 1"),
        (np.arange(9.0)[:, None], {"neighbours": 9}, ShapeError, "k < n"),
        (np.arange(9.0)[:, None], {"bandwidth": 1e9}, DataError, "Pass a smaller bandwidth"),
    ],
)
def test_wrong_input(x, options, error, message):
    with pytest.raises(error, match=message):
        diffusion_map(x, **options)


def test_new_rows_of_other_columns(rng):
    found = diffusion_map(rng.normal(size=(20, 3)))
    with pytest.raises(ShapeError, match="the 3 columns it was fitted on; got 2"):
        found(np.ones((1, 2)))


# ---------------------------------------------------------------- fields


def test_the_stationary_field_is_the_stationary_density():
    found = diffusion_map(clusters(2))
    energy = StationaryField(found)(torch.from_numpy(found.rows)).numpy()
    np.testing.assert_allclose(energy + np.log(found.stationary), energy[0] + np.log(found.stationary[0]), atol=1e-9)
    assert energy.min() >= 0


def test_the_mixing_field_is_the_distance_to_the_centroid(rng):
    found = diffusion_map(rng.normal(size=(50, 3)), coordinates=4)
    place = found.coordinates(time=2)[:, :3]
    centroid = found.stationary @ place
    energy = MixingField(found, coordinates=3, time=2)(torch.from_numpy(found.rows)).numpy()
    np.testing.assert_allclose(energy, np.square(place - centroid).sum(axis=1), atol=1e-9)


def test_dense_is_not_central():
    x = np.concatenate([clusters(2), [[4.0, 4.0, 0.0, 0.0]]])  # halfway between the two clusters
    found = diffusion_map(x, bandwidth=3.0)
    z = torch.from_numpy(x)
    mixing, stationary = MixingField(found, coordinates=1)(z), StationaryField(found)(z)
    assert mixing[-1] < mixing[:-1].min()
    assert stationary[-1] > stationary[:-1].median()


@pytest.mark.parametrize("neighbours", [None, 8])
@pytest.mark.parametrize("kind", [StationaryField, MixingField])
def test_fields_are_differentiable(rng, kind, neighbours):
    found = diffusion_map(rng.normal(size=(40, 2)), neighbours=neighbours, bandwidth=0.8)
    field = kind(found)
    z = torch.from_numpy(rng.normal(size=(3, 2))).requires_grad_()
    (slope,) = torch.autograd.grad(field(z).sum(), z)
    for axis, step in enumerate(1e-6 * torch.eye(2, dtype=torch.float64)):
        difference = (field(z.detach() + step) - field(z.detach() - step)) / 2e-6
        np.testing.assert_allclose(slope[:, axis], difference, rtol=1e-5, atol=1e-7)
    assert field(z.detach().float()).dtype == torch.float32
