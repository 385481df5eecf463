from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans

from latentatlas.core import SpecError
from latentatlas.estimator.basins import seed_bank


def blobs(sizes: list[int], *, apart: float = 20.0, dim: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Round clusters on a line, and the number of each row's cluster."""
    rng = np.random.default_rng(0)
    label = np.repeat(np.arange(len(sizes)), sizes)
    points = rng.normal(size=(len(label), dim))
    points[:, 0] += apart * label
    return points.astype(np.float32), label


def test_the_number_of_basins_is_found():
    for sizes in ([200], [100, 100], [150, 60, 90, 100]):
        z, _ = blobs(sizes)
        assert seed_bank(z, z, None, seed=0).count == len(sizes)


def test_prototypes_are_the_centres_of_clusters():
    z, label = blobs([100, 150, 120])
    bank = seed_bank(z, z, 3, seed=0)
    found = bank.prototypes.detach().numpy()
    centres = np.stack([z[label == k].mean(axis=0) for k in range(3)])
    np.testing.assert_allclose(found[found[:, 0].argsort()], centres, atol=1e-3)
    spread = np.square(z - centres[label]).sum(axis=1).mean() / 2
    assert bank.score.tau == pytest.approx(np.sqrt(spread), rel=1e-4)  # root-mean-square distance per axis


def test_prototypes_live_in_the_latent_while_modes_are_those_of_the_map():
    z, _ = blobs([100, 100, 100], dim=5)
    bank = seed_bank(z, z[:, :2].copy(), None, seed=0)
    assert bank.count == 3
    assert bank.dim == 5
    assert (
        len(np.unique(np.square(z[:, None] - bank.prototypes.detach().numpy()).sum(axis=2).argmin(axis=1)[::100])) == 3
    )


def test_an_elongated_cluster_stays_whole():
    rng = np.random.default_rng(0)
    long = np.column_stack([rng.uniform(-30, 30, 400), rng.normal(size=400)])
    small = rng.normal((0, 30), 1, size=(60, 2))
    z = np.concatenate([long, small]).astype(np.float32)
    prototypes = seed_bank(z, z, 2, seed=0).prototypes.detach().numpy()
    np.testing.assert_allclose(np.sort(prototypes[:, 1]), [0, 30], atol=1)  # one on each cluster
    halves = KMeans(2, n_init=20, random_state=0).fit(z).cluster_centers_
    assert np.ptp(halves[:, 0]) > 20  # where k-means alone halves the long one


def test_more_basins_than_modes_are_halved_by_k_means():
    z, _ = blobs([150, 150])
    bank = seed_bank(z, z, 40, seed=0)
    assert bank.count == 40
    assert len(np.unique(bank.prototypes.detach().numpy().round(3), axis=0)) == 40


def test_crumbs_are_no_basins():
    z, _ = blobs([1000, 1000, 4])
    assert seed_bank(z, z, None, seed=0).count == 2


def test_many_rows_are_sampled_and_the_seed_decides(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("latentatlas.estimator.basins._ROWS", 300)
    z, _ = blobs([1000, 1000])
    first, second, other = (seed_bank(z, z, 2, seed=seed).prototypes.detach().numpy() for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)
    np.testing.assert_allclose(np.sort(first[:, 0]), np.sort(other[:, 0]), atol=0.5)


def test_rows_that_are_all_equal_have_one_basin_of_some_width():
    z = np.ones((50, 2), np.float32)
    bank = seed_bank(z, z, None, seed=0)
    assert bank.count == 1
    assert bank.score.tau == 1.0


@pytest.mark.parametrize("count", [0, 51])
def test_a_number_of_basins_that_cannot_be(count: int):
    z, _ = blobs([50])
    with pytest.raises(SpecError, match=rf"^Atlas wants 1 ≤ n_basins ≤ n; got {count} for 50 training rows"):
        seed_bank(z, z, count, seed=0)
