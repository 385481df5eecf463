from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.metrics import (
    Continuity,
    NeighbourAccuracy,
    NeighbourOverlap,
    Trustworthiness,
    neighbour_ranks,
    ranks,
)


@pytest.fixture
def pair(rng):
    x = rng.normal(size=(240, 20))
    return x, x[:, :2] + 0.3 * rng.normal(size=(240, 2))


def naive_ranks(array):
    """The n × n table of ranks (1 is the nearest other row), for continuous data."""
    distances = cdist(array, array)
    np.fill_diagonal(distances, -1)
    return distances.argsort(axis=1).argsort(axis=1)


def naive_score(ranks_near, ranks_far, k):
    n = len(ranks_near)
    penalty = sum(
        max(0, ranks_far[i, j] - k)
        for i in range(n)
        for j in np.flatnonzero((ranks_near[i] <= k) & (ranks_near[i] > 0))
    )
    return 1 - 2 / (n * k * (2 * n - 3 * k - 1)) * penalty


@pytest.mark.parametrize("k", [1, 5, 15, 119])
def test_equal_to_sklearn_and_to_the_naive_table(pair, k):
    from sklearn.manifold import trustworthiness

    x, z = pair
    assert Trustworthiness(k)(x, z) == pytest.approx(trustworthiness(x, z, n_neighbors=k), abs=1e-12)
    assert Continuity(k)(x, z) == pytest.approx(trustworthiness(z, x, n_neighbors=k), abs=1e-12)
    assert Continuity(k)(x, z) == pytest.approx(naive_score(naive_ranks(x), naive_ranks(z), k), abs=1e-12)


def test_every_rank_equals_the_naive_table(pair):
    x, z = pair
    found = neighbour_ranks(x, z, k=7)
    table_x, table_z = naive_ranks(x), naive_ranks(z)
    own = np.arange(len(x))[:, None]
    np.testing.assert_array_equal(table_x[own, found.input_neighbours], np.tile(np.arange(1, 8), (len(x), 1)))
    np.testing.assert_array_equal(found.input_ranks, table_x[own, found.latent_neighbours])
    np.testing.assert_array_equal(found.latent_ranks, table_z[own, found.input_neighbours])
    shared = [len(set(a) & set(b)) / 7 for a, b in zip(found.input_neighbours, found.latent_neighbours, strict=True)]
    np.testing.assert_allclose(found.overlap(), shared)
    assert NeighbourOverlap(7)(x, z) == pytest.approx(np.mean(shared))


@pytest.mark.parametrize("block", [1, 7, 240, 1000])
def test_blocks_do_not_matter(pair, block):
    x, z = pair
    whole, pieces = neighbour_ranks(x, z, k=5), neighbour_ranks(x, z, k=5, block=block)
    np.testing.assert_array_equal(whole.input_ranks, pieces.input_ranks)
    np.testing.assert_array_equal(whole.latent_ranks, pieces.latent_ranks)


def test_sampled_rows_keep_their_exact_values(pair):
    x, z = pair
    rows = np.array([3, 50, 200])
    part = neighbour_ranks(x, z, k=5, rows=rows)
    np.testing.assert_allclose(part.trustworthiness(), Trustworthiness(5).per_point(x, z)[rows])
    np.testing.assert_allclose(part.continuity(), Continuity(5).per_point(x, z)[rows])
    sampled = Trustworthiness(5, rows=60, seed=1)
    assert sampled.per_point(x, z).shape == (60,)
    assert sampled(x, z) == pytest.approx(Trustworthiness(5)(x, z), abs=0.05)
    assert Trustworthiness(5, rows=60, seed=2)(x, z) != sampled(x, z)


def test_a_smaller_k_from_the_same_pass(pair):
    x, z = pair
    found = neighbour_ranks(x, z, k=15)
    assert found.first(5).trustworthiness().mean() == pytest.approx(Trustworthiness(5)(x, z), abs=1e-12)
    assert found.first(5).k == 5
    with pytest.raises(ShapeError, match="holds 15 neighbours; got k=16"):
        found.first(16)


def test_far_from_the_origin_and_in_tight_clusters(rng):
    from sklearn.manifold import trustworthiness

    x = rng.normal(size=(100, 5))
    z = np.repeat(rng.normal(size=(10, 2)), 10, axis=0) * 50 + 1e-3 * x[:, :2]
    assert Trustworthiness(5)(x + 1e6, z) == pytest.approx(trustworthiness(x, z, n_neighbors=5), abs=1e-12)
    assert Trustworthiness(5)(x, z.astype(np.float32)) == pytest.approx(
        trustworthiness(x, z.astype(np.float32).astype(float), n_neighbors=5), abs=1e-12
    )


def test_wide_float32_input_agrees_to_five_decimals(rng):
    from sklearn.manifold import trustworthiness

    x = rng.normal(size=(400, 200)).astype(np.float32)
    z = x[:, :3] + rng.normal(size=(400, 3)).astype(np.float32)
    assert Trustworthiness(10)(x, z) == pytest.approx(trustworthiness(x, z, n_neighbors=10), abs=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_copies_of_a_row_are_true_neighbours_of_each_other(rng, dtype):
    x = np.repeat(rng.normal(size=(6, 80)), 20, axis=0).astype(dtype)
    z = np.repeat(rng.normal(size=(6, 2)), 20, axis=0)
    found = neighbour_ranks(x, z, k=5)
    assert (found.input_ranks == 1).all()
    assert (found.latent_ranks == 1).all()
    assert Trustworthiness(5)(x, z) == Continuity(5)(x, z) == 1.0


def test_ties_share_the_best_rank():
    x = np.array([[0.0], [1.0], [-1.0], [5.0], [-5.0], [9.0], [10.0]])
    z = np.array([[0.0], [9.0], [0.1], [5.0], [6.0], [7.0], [3.0]])
    found = neighbour_ranks(x, z, k=1, rows=np.array([0]))
    assert found.latent_neighbours.tolist() == [[2]]
    assert found.input_ranks.tolist() == [[1]]  # row 1 is as near, but not strictly nearer


def test_a_collapsed_map_is_all_ties_and_torn_nowhere(rng):
    assert Continuity(3)(rng.normal(size=(40, 4)), np.zeros((40, 2))) == 1.0
    assert Trustworthiness(3)(rng.normal(size=(40, 4)), np.zeros((40, 2))) < 0.7


def test_worst_possible_neighbours_score_zero():
    found = neighbour_ranks(np.arange(7.0)[:, None], np.arange(7.0)[:, None], k=2)
    worst = np.tile([6, 5], (7, 1))
    assert type(found)(7, found.rows, *[worst] * 4).trustworthiness() == pytest.approx(np.zeros(7))


def test_images_and_whole_numbers_are_taken(rng):
    x = rng.integers(0, 256, size=(30, 4, 4), dtype=np.uint8)
    assert Trustworthiness(3)(x, x.reshape(30, 16).astype(float) * 2) == 1.0


@pytest.mark.parametrize(("n", "k"), [(10, 5), (2, 1), (1, 1), (10, 0), (10, 20)])
def test_too_many_neighbours(n, k, rng):
    x = rng.normal(size=(n, 3))
    with pytest.raises(ShapeError, match=f"got k={k} for n={n} rows"):
        Trustworthiness(k)(x, x)


def test_three_rows_are_enough_for_one_neighbour():
    assert Trustworthiness(1)(np.array([[0.0], [1.0], [3.0]]), np.array([[0.0], [1.0], [3.0]])) == 1.0


def test_not_a_number(rng):
    x = rng.normal(size=(10, 2))
    z = x.copy()
    z[4, 1] = np.nan
    with pytest.raises(DataError, match="z has nan in row 4, column 1"):
        Continuity(2)(x, z)


def test_accuracy_equals_sklearn(rng):
    from sklearn.model_selection import LeaveOneOut, cross_val_score
    from sklearn.neighbors import KNeighborsClassifier

    z, label = rng.normal(size=(90, 2)), rng.integers(0, 4, size=90)
    names = np.array(["north", "east", "south", "west"])[label]
    model = KNeighborsClassifier(5).fit(z[:60], names[:60])
    ours = NeighbourAccuracy(5).held_out(z[:60], names[:60], z_test=z[60:], label_test=names[60:])
    assert ours == pytest.approx(model.score(z[60:], names[60:]))
    assert NeighbourAccuracy(5)(z, names) == pytest.approx(
        cross_val_score(KNeighborsClassifier(5), z, names, cv=LeaveOneOut()).mean()
    )


def test_accuracy_counts_unseen_labels_as_wrong():
    z = np.arange(4.0)[:, None]
    known, unseen = np.array(["a", "a", "b", "b"]), np.array(["z", "z", "b", "b"])
    assert NeighbourAccuracy(1).held_out(z, known, z_test=z, label_test=unseen) == 0.5


def test_accuracy_wants_enough_voters():
    with pytest.raises(ShapeError, match="1 ≤ k ≤ 3"):
        NeighbourAccuracy(4)(np.arange(4.0)[:, None], np.zeros(4, dtype=int))
    with pytest.raises(ShapeError, match="z_test has 2, label_test has 1"):
        NeighbourAccuracy(1).held_out(np.zeros((3, 1)), np.zeros(3), z_test=np.zeros((2, 1)), label_test=np.zeros(1))


def test_never_an_n_by_n_matrix(pair, monkeypatch):
    seen = []
    keys = ranks._Space.keys
    monkeypatch.setattr(ranks._Space, "keys", lambda self, index: seen.append(len(index)) or keys(self, index))
    monkeypatch.setattr(ranks, "_NUMBERS_PER_BLOCK", 240 * 10)
    neighbour_ranks(*pair, k=5)
    assert max(seen) == 10
    assert sum(seen) == 2 * 240  # one product for each space, shared by all three metrics


def test_a_limit_of_memory_does_not_change_the_result(pair, monkeypatch):
    seen = []
    keys = ranks._Space.keys
    monkeypatch.setattr(ranks._Space, "keys", lambda self, index: seen.append(len(index)) or keys(self, index))
    whole = neighbour_ranks(*pair, k=5)
    bound = neighbour_ranks(*pair, k=5, max_memory=46_080 + 7 * 7680)  # 8 · 240 · (21 + 3) bytes, then 7 rows
    np.testing.assert_array_equal(bound.input_ranks, whole.input_ranks)
    np.testing.assert_array_equal(bound.latent_ranks, whole.latent_ranks)
    assert seen[:2] == [240, 240]
    assert max(seen[2:]) == 7


def test_too_little_memory(pair):
    with pytest.raises(SpecError, match=r"max_memory ≥ 53,760 bytes for 240 rows of this width; got 53,759"):
        neighbour_ranks(*pair, k=5, max_memory=53_759)
    assert neighbour_ranks(*pair, k=5, max_memory=53_760).k == 5
