"""Data whose truth is declared: does the atlas find it?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from latentatlas.checks import Evidence, Leakage, Status
from latentatlas.estimator import Atlas
from latentatlas.metrics import ClusteringAccuracy, DebiasedCKA, NeighbourAccuracy, NeighbourProbe, ProbeScore


def blobs(n: int, *, features: int = 20, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three well separated round clusters, and the number of each row's cluster."""
    rng = np.random.default_rng(seed)
    centres = 3 * rng.normal(size=(3, features))
    label = rng.integers(3, size=n)
    return (centres[label] + rng.normal(size=(n, features))).astype(np.float32), label


@pytest.mark.parametrize("dim", [2, 8])
def test_three_clusters_are_three_basins(dim: int):
    x, label = blobs(450)
    atlas = Atlas(dim=dim, steps=60, batch_edges=64, threads=1).fit(x)
    assert atlas.n_basins_ == 3
    assert ClusteringAccuracy()(label, atlas.labels_) > 0.98


def test_new_rows_fall_into_the_basins_of_their_clusters():
    x, label = blobs(900)
    atlas = Atlas(dim=2, steps=60, batch_edges=64, threads=1).fit(x[:450])
    assert ClusteringAccuracy()(label[450:], atlas.basins(x[450:])) > 0.98
    middle = (x[:450][label[:450] == 0].mean(axis=0) + x[:450][label[:450] == 1].mean(axis=0)) / 2
    assert atlas.energy(middle[None])[0] > np.quantile(atlas.energy(x[450:]), 0.95)  # between the clusters is high


def test_one_cluster_is_one_basin():
    x = np.random.default_rng(0).normal(size=(400, 20)).astype(np.float32)
    assert Atlas(dim=2, steps=60, batch_edges=64, threads=1).fit(x).n_basins_ == 1


# ---------------------------------------------------------------- a nuisance: rows = signal + offset of the instrument


@pytest.fixture(scope="module")
def instruments() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of three clusters, measured by two instruments, each with an offset of length 4: rows, label, nuisance."""
    x, label = blobs(450)
    rng = np.random.default_rng(1)
    offsets = rng.normal(size=(2, 20))
    nuisance = rng.integers(2, size=450)
    return x + (4 * offsets / np.linalg.norm(offsets, axis=1)[:, None]).astype(np.float32)[nuisance], label, nuisance


@pytest.fixture(scope="module")
def latent_of(instruments: tuple[np.ndarray, ...]) -> Callable[[Any], np.ndarray]:
    """Latents of a fit that was told of the instrument, by its `nuisance_term`."""
    x, _, nuisance = instruments
    known: dict[Any, np.ndarray] = {}

    def latent(term: Any) -> np.ndarray:
        if term not in known:
            atlas = Atlas(dim=8, n_basins=3, steps=150, batch_edges=64, threads=1, nuisance_term=term)
            known[term] = atlas.fit(x, nuisance={"instrument": nuisance}).latent_
        return known[term]

    return latent


def test_an_instrument_shows_where_it_is_not_removed(instruments, latent_of):
    evidence = Evidence(z=latent_of(None), nuisance={"instrument": instruments[2]})
    (verdict,) = Leakage()(evidence)
    assert verdict.status is Status.FAIL
    assert verdict.value > 0.9


def test_the_default_weight_lowers_the_dependence(instruments, latent_of):
    """It does not hide so strong an instrument from a probe; that takes more weight, or a cure of the input."""
    nuisance = instruments[2]
    before, after = (DebiasedCKA()(latent_of(term), nuisance) for term in (None, "auto"))
    assert before > 0.03
    assert after < 0.5 * before


def test_more_weight_hides_the_instrument_and_keeps_the_clusters(instruments, latent_of):
    _, label, nuisance = instruments
    for probe in (ProbeScore(), ProbeScore(NeighbourProbe())):
        before, after = (probe.excess(latent_of(term), nuisance) for term in (None, 100.0))
        assert before > 0.9
        assert after < 0.6
    assert NeighbourAccuracy(k=5)(latent_of(100.0), label) > 0.95
