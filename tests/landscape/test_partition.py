from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_digits, make_blobs, make_moons
from sklearn.metrics import adjusted_rand_score

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.graph import fuzzy_weights, knn_graph
from latentatlas.landscape import normalised_cut, spectral_partition


def cliques(sizes: list[int], *, bridge: float = 0.01) -> tuple[sp.csr_matrix, np.ndarray]:
    """Complete graphs in a ring, joined by weak edges, and the number of each row's clique."""
    label = np.repeat(np.arange(len(sizes)), sizes)
    weights = (label[:, None] == label).astype(float)
    np.fill_diagonal(weights, 0)
    first = np.cumsum([0, *sizes[:-1]])
    for one, other in zip(first, np.roll(first, 1), strict=True):
        weights[one, other] = weights[other, one] = bridge
    return sp.csr_matrix(weights), label


def graph_of(rows: np.ndarray) -> sp.csr_matrix:
    return fuzzy_weights(knn_graph(rows, 12))


def test_the_normalised_cut_by_hand():
    weights, label = cliques([3, 3, 3], bridge=0.5)
    # each triangle has 2 × 3 = 6 of weight inside (both ways) and two bridges of ½ that leave
    assert normalised_cut(weights, label) == pytest.approx(1 / 7)
    assert normalised_cut(weights, np.zeros(9, int)) == 0.0
    assert normalised_cut(sp.csr_matrix((4, 4)), np.array([0, 0, 1, 1])) == 0.0


def test_cliques_are_found_and_stable():
    weights, label = cliques([12, 15, 20])
    found = spectral_partition(weights, 3, eigenvectors=[2, 3, 4], perturbations=4)
    assert adjusted_rand_score(label, found.labels) == 1.0
    assert [candidate.eigenvectors for candidate in found.candidates] == [2, 3, 4]
    assert found.candidates[found.chosen].stability == 1.0
    assert max(found.candidates, key=lambda candidate: candidate.gap).eigenvectors == 3
    assert found.candidates[1].cut == pytest.approx(normalised_cut(weights, label))


def test_gaps_of_a_complete_graph():
    """Its normalised Laplacian has the eigenvalues 0 and n/(n − 1), the latter n − 1 times."""
    weights = sp.csr_matrix(np.ones((6, 6)) - np.eye(6))
    found = spectral_partition(weights, 2, eigenvectors=[2, 3], perturbations=1)
    np.testing.assert_allclose([candidate.gap for candidate in found.candidates], 0, atol=1e-12)


def test_moons_are_cut_along_the_gap():
    rows, label = make_moons(500, noise=0.06, random_state=0)
    found = spectral_partition(graph_of(rows), 2, eigenvectors=[2, 4, 6], perturbations=5)
    assert adjusted_rand_score(label, found.labels) > 0.97


def test_sparse_and_dense_solvers_agree(monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(240, 2)) + 8 * np.repeat(np.eye(3, 2), 80, axis=0)
    dense = spectral_partition(graph_of(rows), 3, eigenvectors=[3], perturbations=2)
    monkeypatch.setattr("latentatlas.landscape.partition._MATRIX_ROWS", 10)
    sparse = spectral_partition(graph_of(rows), 3, eigenvectors=[3], perturbations=2)
    assert adjusted_rand_score(dense.labels, sparse.labels) == 1.0
    assert sparse.candidates[0].gap == pytest.approx(dense.candidates[0].gap, abs=1e-8)


def test_the_seed_decides():
    rows = np.random.default_rng(0).normal(size=(150, 2))
    first, second = (spectral_partition(graph_of(rows), 3, perturbations=2, seed=5) for _ in range(2))
    assert np.array_equal(first.labels, second.labels)
    assert [c.stability for c in first.candidates] == [c.stability for c in second.candidates]


def test_components_and_isolated_rows():
    weights = sp.block_diag([cliques([10, 10])[0], np.ones((8, 8)) - np.eye(8), np.zeros((1, 1))]).tocsr()
    found = spectral_partition(weights, 3, eigenvectors=[3, 4], perturbations=2)
    assert len(found.labels) == 29
    assert len(np.unique(found.labels[20:28])) == 1


def test_bad_graphs():
    with pytest.raises(ShapeError, match="n > 2"):
        spectral_partition(sp.csr_matrix((2, 2)), 2)
    with pytest.raises(ShapeError, match=r"got \(4, 5\)"):
        spectral_partition(sp.csr_matrix((4, 5)), 2)
    one_way = sp.csr_matrix(np.triu(np.ones((5, 5)), 1))
    with pytest.raises(DataError, match="symmetric"):
        spectral_partition(one_way, 2)
    for bad in (-1.0, np.nan):
        with pytest.raises(DataError, match="finite weights ≥ 0"):
            spectral_partition(bad * (one_way + one_way.T), 2)


def test_bad_numbers():
    weights, _ = cliques([5, 5])
    with pytest.raises(SpecError, match="count ≥ 2"):
        spectral_partition(weights, 1)
    with pytest.raises(SpecError, match="perturbations ≥ 1"):
        spectral_partition(weights, 2, perturbations=0)
    for sizes in ([1], [10], []):
        with pytest.raises(SpecError, match="2 to 9 eigenvectors"):
            spectral_partition(weights, 2, eigenvectors=sizes)


def against_labels(rows: np.ndarray, label: np.ndarray, count: int, eigenvectors: list[int] | None = None):
    """Adjusted Rand indices of the best candidate, of the chosen one and of that with the smallest cut."""
    weights = fuzzy_weights(knn_graph(rows.astype(np.float32), 15))
    found = spectral_partition(weights, count, eigenvectors=eigenvectors)
    scores = [adjusted_rand_score(label, candidate.labels) for candidate in found.candidates]
    smallest = int(np.argmin([candidate.cut for candidate in found.candidates]))
    print(f"best {max(scores):.3f} chosen {scores[found.chosen]:.3f} smallest cut {scores[smallest]:.3f}")
    return max(scores), scores[found.chosen], scores[smallest]


@pytest.mark.slow
def test_the_choice_on_moons_and_blobs_is_near_the_best():
    for seed in range(2):
        moons = make_moons(1000, noise=0.08, random_state=seed)
        best, chosen, _ = against_labels(*moons, 2, [2, 3, 4, 6])
        assert chosen > best - 0.01
    for seed in range(3):
        blobs = make_blobs(1000, centers=7, n_features=5, cluster_std=2.0, random_state=seed)
        best, chosen, _ = against_labels(*blobs, 7)
        assert chosen > best - 0.01


@pytest.mark.slow
def test_the_choice_on_digits_is_no_better_than_the_cut():
    rows, label = load_digits(return_X_y=True)
    parts = [np.arange(len(rows))]
    parts += [np.random.default_rng(seed).choice(len(rows), 1200, replace=False) for seed in range(3)]
    figures = np.array([against_labels(rows[part], label[part], 10) for part in parts])
    best, chosen, smallest = figures.T
    assert (best - chosen).max() < 0.2
    assert abs((chosen - smallest).mean()) < 0.1
