from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

import latentatlas as la
from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.data.synthetic import blobs, three_gaussians
from latentatlas.graph import CosineDistance, knn_graph
from latentatlas.landscape import Landscape, energies, fit_wells, noise_prominence, rough_prominence, survey


def clusters(rng: np.random.Generator, sizes: list[int], *, apart: float = 10.0, dim: int = 3) -> np.ndarray:
    label = np.repeat(np.arange(len(sizes)), sizes)
    rows = rng.normal(size=(len(label), dim))
    rows[:, 0] += apart * label
    return rows


def same(first: Landscape, second: Landscape) -> bool:
    return np.array_equal(first.minima, second.minima) and np.array_equal(first.basins, second.basins)


def test_clusters_are_basins(rng: np.random.Generator):
    found = survey(clusters(rng, [200, 300, 100]))
    assert len(found.minima) == 3
    for start, end in ((0, 200), (200, 500), (500, 600)):
        assert len(np.unique(found.basins[start:end])) == 1
    assert sorted(found.sizes.tolist()) == [100, 200, 300]


@pytest.mark.parametrize("unit", [1e-6, 1e6])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_units_do_not_matter(rng: np.random.Generator, unit: float, dtype: type):
    rows = clusters(rng, [150, 150], apart=4.0)
    plain, scaled = survey(rows.astype(dtype)), survey((unit * rows).astype(dtype))
    np.testing.assert_allclose(scaled.energy, plain.energy, atol=1e-4)
    assert same(plain, scaled)


def test_powers_of_two_and_turns_change_nothing_at_all(rng: np.random.Generator):
    rows = clusters(rng, [150, 150], apart=4.0).astype(np.float32)
    plain, scaled = survey(rows), survey(rows * np.float32(2.0**20))
    assert np.array_equal(plain.energy, scaled.energy)
    assert same(plain, survey(rows[:, ::-1].copy()))


def test_integers_are_rows():
    rows = np.random.default_rng(0).poisson(5, size=(300, 6)) * 7
    rows[150:] += 100
    assert len(survey(rows.astype(float)).merged(count=2).minima) == 2
    assert same(la.minima(rows), la.minima(rows.astype(np.float32)))


def test_chance_modes_do_not_count():
    """One cluster and no cluster, in 1 to 5 dimensions: at most one of 24 samples shows a second minimum."""
    wrong = 0
    for dim in (1, 2, 5):
        for seed in range(4):
            rng = np.random.default_rng(seed)
            wrong += len(survey(rng.normal(size=(600, dim))).minima) > 1
            wrong += len(survey(rng.uniform(size=(600, dim))).minima) > 1
    assert wrong <= 1


def test_noise_prominence_grows_with_rows_and_falls_with_neighbours():
    assert noise_prominence(10_000, 15) > noise_prominence(1000, 15) > noise_prominence(1000, 60) > 0
    assert noise_prominence(1, 1) > 0


def test_rough_prominence_knows_the_noise_of_a_field(rng: np.random.Generator):
    rows = rng.uniform(size=(3000, 2))
    near = knn_graph(rows, 15).indices
    plain = rough_prominence(rng.normal(0, 0.1, size=3000), near)
    assert plain == pytest.approx(0.1 * np.sqrt(2) * 3.48, rel=0.05)  # z = Φ⁻¹(1 − .05 · 15/3000)
    assert rough_prominence(7 * rows[:, 0], near) < 1.0


def test_a_field_of_ones_own(rng: np.random.Generator):
    """E = (x² − 1)² over a strip: minima at ±1 with a barrier of 1, noise or none."""
    rows = np.column_stack([rng.uniform(-1.6, 1.6, 3000), rng.uniform(-0.3, 0.3, 3000)])
    found = survey(rows, field=lambda z: (z[:, 0].square() - 1).square())
    assert len(found.minima) == 2
    np.testing.assert_allclose(np.sort(rows[found.minima, 0]), [-1, 1], atol=0.02)
    assert found.barriers[0, 1] == pytest.approx(1.0, abs=0.01)
    assert abs(rows[found.saddles[1], 0]) < 0.1
    path = found.path(0, 1)
    assert np.ptp(rows[path, 0]) == pytest.approx(2.0, abs=0.1)
    assert len(survey(rows, field=lambda z: (z[:, 0].square() - 1).square(), min_prominence=0.0).minima) > 2


def test_cosine_sees_directions_only(rng: np.random.Generator):
    rows = np.concatenate([rng.normal((8, 0, 0), 1, size=(200, 3)), rng.normal((0, 8, 0), 1, size=(200, 3))])
    rows *= rng.uniform(0.1, 10, size=(400, 1))
    assert len(survey(rows, metric=CosineDistance()).minima) == 2


def test_the_same_rows_give_the_same_landscape(rng: np.random.Generator):
    rows = clusters(rng, [100, 100])
    assert same(survey(rows), survey(rows))
    assert np.array_equal(survey(rows).energy, survey(rows).energy)


# ---------------------------------------------------------------- known minima


@pytest.mark.parametrize("seed", range(100, 105))  # the published table uses 42 to 51
def test_three_gaussians_without_labels(seed: int):
    made = three_gaussians(seed=seed)
    found = la.minima(made.table.x)
    truth = np.asarray(made.table.label)
    assert sorted(truth[found.minima].tolist()) == [0, 1, 2]
    assert np.mean([np.bincount(truth[found.basins == b]).max() for b in range(3)]) * 3 / 1200 > 0.98
    wells = energies(fit_wells(made.table.x, found.basins), made.table.x)
    assert roc_auc_score(made.truth.core, -wells) > 0.993
    core = dataclasses.replace(found, energy=wells).levels < 0.1
    assert made.truth.core[core].mean() > 0.86


def test_blobs_of_unequal_size_and_width():
    made = blobs()
    found = la.minima(made.table.x)
    assert len(found.minima) == 4
    truth = np.asarray(made.truth.labels)
    assert len(np.unique(truth[found.minima])) == 4
    assert sum(np.bincount(truth[found.basins == b]).max() for b in range(4)) / 2000 > 0.97


# ---------------------------------------------------------------- bad input


def test_one_and_two_rows():
    one = la.minima([[1.0, 2.0]])
    assert (one.minima.tolist(), one.basins.tolist(), one.barriers.tolist()) == ([0], [0], [[0.0]])
    two = la.minima([[1.0, 2.0], [3.0, 4.0]])
    assert (two.minima.tolist(), two.basins.tolist()) == ([0], [0, 0])
    assert survey(np.ones((1, 2)), field=lambda z: z[:, 0]).energy.tolist() == [1.0]


def test_more_neighbours_than_rows_are_all_rows(rng: np.random.Generator):
    rows = rng.normal(size=(8, 2))
    found = survey(rows, n_neighbors=50)
    assert found.graph.shape == (8, 7)
    assert len(found.minima) == 1


def test_duplicates(rng: np.random.Generator):
    rows = np.repeat(clusters(rng, [100, 100]), 3, axis=0)
    found = survey(rows)
    assert len(found.minima) == 2
    assert np.array_equal(found.basins[::3], found.basins[2::3])
    crowd = np.concatenate([np.zeros((50, 3)), clusters(rng, [100])])
    assert np.isfinite(survey(crowd).energy).all()


def test_a_disconnected_graph_has_infinite_barriers(rng: np.random.Generator):
    found = survey(clusters(rng, [100, 100], apart=1000.0))
    assert len(found.minima) == 2
    assert np.isinf(found.prominence).all()
    assert np.isinf(found.barriers[0, 1])
    assert len(found.merged(count=1).minima) == 2


def test_a_flat_field_over_rows(rng: np.random.Generator):
    found = survey(rng.normal(size=(100, 2)), field=lambda z: 0 * z[:, 0])
    assert len(found.minima) == 1
    assert (found.basins == 0).all()


def test_equal_rows_are_refused_above_and_flat_below():
    with pytest.raises(DataError, match="minima wants rows that differ"):
        la.minima(np.ones((20, 3)))
    assert (survey(np.ones((20, 3))).energy == 0).all()


def test_constant_columns_change_nothing(rng: np.random.Generator):
    rows = clusters(rng, [100, 100]).astype(np.float32)
    assert same(la.minima(rows), la.minima(np.column_stack([rows, np.full(200, 7.0, np.float32)])))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_rows_that_are_not_finite(rng: np.random.Generator, bad: float):
    rows = rng.normal(size=(10, 2))
    rows[3, 1] = bad
    with pytest.raises(DataError, match="row 3 holds NaN or infinity"):
        survey(rows)
    with pytest.raises(DataError, match="minima wants finite numbers"):
        la.minima(rows)


def test_energies_that_are_not_finite(rng: np.random.Generator):
    with pytest.raises(DataError, match="the field gives nan for row"):
        survey(rng.normal(size=(10, 2)), field=lambda z: z[:, 0].log())


def test_zero_rows_have_no_direction(rng: np.random.Generator):
    rows = rng.normal(size=(10, 2))
    rows[4] = 0
    with pytest.raises(DataError, match="the first is row 4"):
        survey(rows, metric=CosineDistance())


def test_bad_arguments(unchecked: None):
    with pytest.raises(ShapeError, match="n ≥ 1"):
        survey(np.empty((0, 2)))
    with pytest.raises(SpecError, match="n_neighbors ≥ 1; got 0"):
        survey(np.eye(3), n_neighbors=0)
    with pytest.raises(ShapeError, match="rough_prominence wants one energy"):
        rough_prominence(np.zeros(2), np.zeros((3, 1), int))


def test_anything_like_a_matrix(rng: np.random.Generator):
    pandas = pytest.importorskip("pandas")
    rows = clusters(rng, [60, 60]).astype(np.float32)
    plain = la.minima(rows)
    for other in (rows.tolist(), torch.from_numpy(rows), pandas.DataFrame(rows, columns=list("abc"))):
        assert same(plain, la.minima(other))
