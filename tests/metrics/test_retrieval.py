from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.metrics import ndcg_score

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.metrics import NDCG, MeanReciprocalRank, MRRTop0, topology_factors

RANKING = np.array([[2, 0, 1, 3], [0, 1, 2, 3], [3, 2, 1, 0]])
JUDGED = np.array([[2, 0, 0, 1], [0, 0, 1, 0], [0, 0, 0, 0]])  # nothing is relevant to the third query


@pytest.fixture
def search(rng) -> tuple[np.ndarray, np.ndarray]:
    scores = rng.normal(size=(30, 50))
    return np.argsort(-scores, axis=1), rng.integers(0, 4, size=(30, 50)) * (rng.random((30, 50)) < 0.2)


def test_reciprocal_ranks_by_hand():
    per_query = MeanReciprocalRank().per_query(RANKING, JUDGED)
    np.testing.assert_array_equal(per_query, [1 / 2, 1 / 3, np.nan])
    assert MeanReciprocalRank()(RANKING, JUDGED) == pytest.approx((1 / 2 + 1 / 3) / 2)
    assert MeanReciprocalRank(k=2)(RANKING, JUDGED) == pytest.approx(1 / 4)


def test_ndcg_by_hand():
    found = NDCG(k=2).per_query(RANKING, JUDGED)
    ideal = 2 / np.log2(2) + 1 / np.log2(3)
    np.testing.assert_allclose(found, [2 / np.log2(3) / ideal, 0, np.nan])


@pytest.mark.parametrize("k", [1, 10, 50])
def test_ndcg_like_sklearn(search, k):
    ranking, judged = search
    scores = np.empty(ranking.shape)
    np.put_along_axis(scores, ranking, -np.arange(50.0)[None, :].repeat(30, axis=0), axis=1)
    assert NDCG(k)(ranking, judged) == pytest.approx(ndcg_score(judged, scores, k=k))


@pytest.mark.parametrize("metric", [MeanReciprocalRank(5), NDCG(5), MRRTop0(5)])
@pytest.mark.parametrize("kind", [sp.csr_array, sp.csr_matrix, sp.coo_array])
def test_sparse_judgements(search, metric, kind):
    ranking, judged = search
    assert metric(ranking, kind(judged)) == metric(ranking, judged)


def test_top0_is_the_reciprocal_rank_where_one_document_is_relevant(rng):
    judged = np.eye(20)[rng.integers(20, size=9)]
    ranking = np.argsort(rng.random((9, 20)), axis=1)
    assert MRRTop0(20)(ranking, judged) == pytest.approx(MeanReciprocalRank()(ranking, judged))


def test_top0_counts_every_relevant_hit():
    judged = np.ones((1, 4))
    assert MRRTop0(4)(RANKING[:1], judged) == pytest.approx(1 + 1 / 2 + 1 / 3 + 1 / 4)
    assert MRRTop0(2)(RANKING[:1], judged, np.full((1, 4), 0.5)) == pytest.approx(0.75)


def test_hits_that_are_missing_gain_nothing():
    short = np.array([[3, -1, -1]])
    judged = np.array([[1, 0, 0, 1]])
    assert MeanReciprocalRank()(short, judged) == 1
    assert NDCG(3)(short, judged) == pytest.approx(1 / (1 + 1 / np.log2(3)))


@pytest.mark.parametrize("metric", [MeanReciprocalRank(), NDCG(), MRRTop0()])
@pytest.mark.parametrize(
    ("ranking", "judged", "error", "message"),
    [
        (RANKING[0], JUDGED, ShapeError, "rows of hits"),
        (RANKING[:2], JUDGED, ShapeError, r"\(2, 4\) and \(3, 4\)"),
        (RANKING, JUDGED[:, :3], DataError, "document numbers from 0 to 2"),
        (RANKING.astype(float), JUDGED, DataError, "document numbers"),
        (RANKING - 2, JUDGED, DataError, "document numbers"),
        (np.array([[1, 1, 0]] * 3), JUDGED, DataError, "every document once; query 0 has one twice"),
        (RANKING, 0 * JUDGED, DataError, "no query has one"),
    ],
)
def test_wrong_input(unchecked, metric, ranking, judged, error, message):
    with pytest.raises(error, match=message):
        metric(ranking, judged)


def test_wrong_settings_and_factors(unchecked):
    for metric in (MeanReciprocalRank, NDCG, MRRTop0):
        with pytest.raises(SpecError, match="k ≥ 1 hits; got 0"):
            metric(k=0)
    with pytest.raises(ShapeError, match="a topology factor for every hit"):
        MRRTop0()(RANKING, JUDGED, np.ones((3, 2)))
    for bad in (1.5, -0.1, np.nan):
        with pytest.raises(DataError, match=r"in \[0, 1\]"):
            MRRTop0()(RANKING, JUDGED, np.full((3, 4), bad))


# ---------------------------------------------------------------- topology factors


@pytest.fixture
def graph(rng) -> sp.csr_matrix:
    weights = np.triu(rng.random((12, 12)) * (rng.random((12, 12)) < 0.4), 1)
    weights[:6, 6:] = 0
    return sp.csr_matrix(weights + weights.T)


def factors(graph, ranking, *, only: int, communities=None) -> np.ndarray:
    return topology_factors(
        ranking,
        graph,
        anchors=ranking[:, 0],
        communities=np.zeros(graph.shape[0], int) if communities is None else communities,
        weights=tuple(float(part == only) for part in range(3)),
    )


def test_pagerank_is_the_solution_of_its_equation(graph):
    dense = graph.toarray()
    steps = dense / np.maximum(dense.sum(axis=1, keepdims=True), 1e-12)
    home = np.eye(12)[3]
    wanted = np.linalg.solve(np.eye(12) - 0.85 * steps.T, 0.15 * home)
    ranking = np.array([[3, 0, 5, 8]])
    found = factors(graph, ranking, only=0)[0]
    np.testing.assert_allclose(found, wanted[[3, 0, 5, 8]] / wanted.max(), atol=1e-8)
    assert found[3] == 0  # in the other part of the graph


def test_conductance_by_hand_and_by_definition(graph):
    ranking = np.array([[0, 4, 9, 2, 7]])
    found = 1 - factors(graph, ranking, only=1)[0]
    dense = graph.toarray()
    for i in range(1, 6):
        inside = np.isin(np.arange(12), ranking[0, :i])
        volume = dense.sum(axis=1)
        leaving = dense[inside][:, ~inside].sum()
        assert found[i - 1] == pytest.approx(leaving / min(volume[inside].sum(), volume[~inside].sum()))


def test_the_commonest_community():
    graph = sp.csr_matrix(np.ones((5, 5)) - np.eye(5))
    found = factors(graph, np.array([[0, 1, 2, 3, 4]]), only=2, communities=np.array([7, 7, 9, 9, 9]))
    np.testing.assert_allclose(found, [[1, 1, 2 / 3, 1 / 2, 3 / 5]])


def test_factors_lie_in_the_unit_interval_and_missing_hits_have_none(graph):
    ranking = np.array([[0, 4, 9, -1], [5, 6, 7, 8]])
    found = topology_factors(ranking, graph, anchors=ranking[:, 0], communities=np.arange(12) % 3)
    assert found.shape == (2, 4)
    assert found.min() >= 0
    assert found.max() <= 1
    assert found[0, 3] == 0


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"anchors": np.zeros(2, int)}, ShapeError, "2 anchors for 1 queries"),
        ({"communities": np.zeros(3, int)}, ShapeError, "3 communities"),
        ({"graph": sp.csr_matrix(np.triu(np.ones((12, 12))))}, DataError, "symmetric"),
        ({"graph": sp.csr_matrix(-np.ones((12, 12)))}, DataError, "symmetric weights ≥ 0"),
        ({"weights": (0.5, 0.5, 0.5)}, SpecError, "sum to 1"),
    ],
)
def test_wrong_graphs(unchecked, graph, change, error, message):
    given = {"graph": graph, "anchors": np.zeros(1, int), "communities": np.zeros(12, int)} | change
    with pytest.raises(error, match=message):
        topology_factors(np.array([[0, 1]]), given.pop("graph"), **given)
