from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from latentatlas.core import Batch, DataError, ShapeError
from latentatlas.graph import fuzzy_weights, knn_graph
from latentatlas.train import BatchSource, EdgeBatches, RowBatches


def rows_of(n: int) -> Batch:
    """Rows whose every field is the row number."""
    number = torch.arange(n)
    return Batch(number[:, None].float(), row=number, nuisance=number % 3)


@pytest.fixture
def graph(rng) -> sp.csr_matrix:
    return fuzzy_weights(knn_graph(rng.normal(size=(80, 3)).astype(np.float32), 5))


def test_each_row_once_per_pass_and_all_fields_alike():
    source = RowBatches(rows_of(12), size=4, seed=1)
    assert isinstance(source, BatchSource)
    for _ in range(3):
        batches = [source.draw() for _ in range(3)]
        assert sorted(torch.cat([batch.row for batch in batches]).tolist()) == list(range(12))
        for batch in batches:
            assert torch.equal(batch.x[:, 0], batch.row.float())
            assert torch.equal(batch.nuisance, batch.row % 3)
            assert batch.label is None


def test_a_short_rest_is_left_for_a_new_pass():
    source = RowBatches(rows_of(10), size=4)
    for _ in range(5):
        passed = torch.cat([source.draw().row, source.draw().row])
        assert len(passed.unique()) == 8


def test_fewer_rows_than_a_batch():
    assert sorted(RowBatches(rows_of(3), size=512).draw().row.tolist()) == [0, 1, 2]


def test_the_order_is_that_of_the_seed():
    first, again, other = (RowBatches(rows_of(50), size=20, seed=seed).draw().row for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_global_generator_is_not_used(graph):
    state = torch.get_rng_state()
    RowBatches(rows_of(50)).draw()
    EdgeBatches(rows_of(80), graph).draw()
    assert torch.equal(torch.get_rng_state(), state)


def test_both_ends_of_every_edge_are_in_the_batch_once(graph):
    source = EdgeBatches(rows_of(80), graph, size=16)
    for _ in range(20):
        batch = source.draw()
        assert len(batch.row.unique()) == len(batch.row)
        assert len(batch.edges.source) == len(batch.edges.target) == 16
        ends = zip(batch.row[batch.edges.source].tolist(), batch.row[batch.edges.target].tolist(), strict=True)
        assert all(graph[i, j] > 0 for i, j in ends)
        used = torch.cat([batch.edges.source, batch.edges.target]).unique()
        assert torch.equal(used, torch.arange(len(batch.row)))
        assert torch.equal(batch.x[:, 0], batch.row.float())


def test_the_mask_is_that_of_the_whole_graph(graph):
    source = EdgeBatches(rows_of(80), graph, size=12)
    dense = graph.toarray() > 0
    np.fill_diagonal(dense, True)
    for _ in range(20):
        batch = source.draw()
        chosen = batch.row.numpy()
        np.testing.assert_array_equal(batch.edges.known.numpy(), dense[np.ix_(chosen, chosen)])


def test_edges_are_drawn_in_proportion_to_their_weight():
    weights = {(0, 1): 1.0, (0, 2): 2.0, (1, 3): 0.5, (2, 3): 4.0}
    dense = np.zeros((4, 4))
    for (i, j), weight in weights.items():
        dense[i, j] = dense[j, i] = weight
    source = EdgeBatches(rows_of(4), sp.csr_matrix(dense), size=20_000)
    batch = source.draw()
    drawn = torch.stack([batch.row[batch.edges.source], batch.row[batch.edges.target]], dim=1).numpy()
    for pair, weight in weights.items():
        share = (np.sort(drawn, axis=1) == pair).all(axis=1).mean()
        assert share == pytest.approx(weight / 7.5, abs=4 * 0.5 / np.sqrt(20_000))


def test_edge_draws_are_those_of_the_seed(graph):
    first, again, other = (EdgeBatches(rows_of(80), graph, size=30, seed=seed) for seed in (0, 0, 1))
    for _ in range(3):
        a, b, c = first.draw(), again.draw(), other.draw()
        assert torch.equal(a.row, b.row)
        assert torch.equal(a.edges.source, b.edges.source)
        assert not torch.equal(a.row, c.row)


def test_rows_without_edges_are_never_drawn():
    graph = sp.csr_matrix(([1.0, 1.0], ([0, 3], [3, 0])), shape=(5, 5))
    for _ in range(3):
        assert EdgeBatches(rows_of(5), graph, size=8).draw().row.tolist() == [0, 3]


def test_moving_moves_every_tensor(graph):
    for source in (RowBatches(rows_of(80)), EdgeBatches(rows_of(80), graph)):
        moved = source.to(torch.device("cpu"))
        assert moved.draw().x.device.type == "cpu"


def test_bad_edges(graph):
    rows = rows_of(80)
    with pytest.raises(ShapeError, match=r"shape \(80, 80\) for 79 rows"):
        EdgeBatches(rows_of(79), graph)
    with pytest.raises(ShapeError, match="size ≥ 1"):
        EdgeBatches(rows, graph, size=0)
    for empty in (sp.csr_matrix((80, 80)), sp.identity(80, format="csr")):
        with pytest.raises(DataError, match="a graph with edges; got none"):
            EdgeBatches(rows, empty)
    with pytest.raises(DataError, match="symmetric graph; this is directed"):
        EdgeBatches(rows, sp.triu(graph, format="csr"))
    for bad in (-1.0, 0.0, np.nan, np.inf):
        broken = graph.copy()
        broken.data[0] = bad
        with pytest.raises(DataError, match="finite edge weights > 0"):
            EdgeBatches(rows, broken)


@pytest.mark.parametrize(("n", "size"), [(0, 4), (4, 0)])
def test_bad_rows(n, size):
    with pytest.raises(ShapeError, match=f"got size={size}, {n} rows"):
        RowBatches(rows_of(n), size=size)
