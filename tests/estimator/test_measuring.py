from __future__ import annotations

import numpy as np
import pytest

from latentatlas.checks import Evidence
from latentatlas.estimator.measuring import measure
from latentatlas.metrics import ClusteringAccuracy, Trustworthiness


def evidence(n: int = 60, **fields) -> Evidence:
    x = np.random.default_rng(0).normal(size=(n, 5)).astype(np.float32)
    return Evidence(x=x, z=x[:, :3].copy(), recon=x / 2, **fields)


def test_names_and_values():
    given = evidence(label=np.arange(60) % 3, basins=np.arange(60) % 3)
    metrics = measure(given, given.x[:, 3:], rows=2000, seed=0)
    assert metrics["latent.trustworthiness@15"] == pytest.approx(Trustworthiness(k=15)(given.x, given.z))
    assert metrics["map.trustworthiness@15"] == pytest.approx(Trustworthiness(k=15)(given.x, given.x[:, 3:]))
    assert metrics["reconstruction.mse"] == pytest.approx(np.square(given.x / 2).mean(), rel=1e-5)
    assert metrics["label.clustering_accuracy"] == ClusteringAccuracy()(given.label, given.basins) == 1.0
    assert 1 <= metrics["latent.effective_rank"] <= 3


def test_a_map_that_is_the_latent_is_measured_once():
    given = evidence()
    assert not any(name.startswith("map.") for name in measure(given, given.z, rows=2000, seed=0))


@pytest.mark.parametrize("label", [None, np.linspace(0, 1, 60)], ids=["none", "numbers"])
def test_without_classes_nothing_is_said_of_them(label: np.ndarray | None):
    given = evidence(label=label, basins=np.zeros(60, int))
    assert not any(name.startswith("label.") for name in measure(given, given.z, rows=2000, seed=0))


@pytest.mark.parametrize(("n", "k"), [(3, 1), (4, 1), (5, 2), (20, 9), (31, 15), (60, 15)])
def test_few_rows_take_fewer_neighbours(n: int, k: int):
    given = evidence(n)
    assert f"latent.trustworthiness@{k}" in measure(given, given.z, rows=2000, seed=0)


def test_two_rows_have_no_ranks():
    given = evidence(2)
    assert set(measure(given, given.z, rows=2000, seed=0)) == {
        "reconstruction.mse",
        "reconstruction.explained_variance",
        "latent.effective_rank",
    }


def test_the_seed_chooses_the_rows():
    given = evidence()
    values = [measure(given, given.z, rows=20, seed=seed)["latent.continuity@15"] for seed in (0, 0, 1)]
    assert values[0] == values[1] != values[2]
