from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.graph import CosineDistance, knn_graph, knn_graph_of_blocks


def in_blocks(x: np.ndarray, size: int) -> Callable[[], Iterator[np.ndarray]]:
    return lambda: (x[start : start + size] for start in range(0, len(x), size))


@pytest.fixture
def cloud(rng) -> np.ndarray:
    """Two thousand rows on a curved sheet in two hundred dimensions."""
    sheet = rng.uniform(size=(2000, 2))
    return np.cos(sheet @ rng.normal(size=(2, 200)) * 3).astype(np.float32)


@pytest.mark.parametrize("size", [1, 7, 2000])
@pytest.mark.parametrize("metric", [None, CosineDistance()])
def test_bit_equal_to_the_whole_search(cloud, size, metric):
    x = cloud[:200] if size == 1 else cloud
    whole = knn_graph(x, 6, metric=metric)
    graph = knn_graph_of_blocks(in_blocks(x, size), 6, metric=metric)
    np.testing.assert_array_equal(graph.indices, whole.indices)
    np.testing.assert_array_equal(graph.distances, whole.distances)
    assert graph.exact


@pytest.mark.parametrize("max_memory", [None, 80_000_000])
def test_bit_equal_to_the_whole_search_of_an_inverted_file(cloud, monkeypatch, max_memory):
    for function in (knn_graph, knn_graph_of_blocks):  # whose module a doctest may have loaded twice
        monkeypatch.setitem(inspect.unwrap(function).__globals__, "EXACT_ROWS", 500)
    whole = knn_graph(cloud, 6, seed=3)
    graph = knn_graph_of_blocks(in_blocks(cloud, 333), 6, seed=3, max_memory=max_memory)
    assert not whole.exact
    assert not graph.exact
    np.testing.assert_array_equal(graph.indices, whole.indices)
    np.testing.assert_allclose(graph.distances, whole.distances, rtol=1e-6 if max_memory else 0)
    assert graph.recall == whole.recall >= 0.95


def test_a_result_on_disk(cloud, tmp_path: Path):
    graph = knn_graph_of_blocks(in_blocks(cloud, 500), 6, folder=tmp_path)
    assert isinstance(graph.indices, np.memmap)
    assert isinstance(graph.distances, np.memmap)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["distances.npy", "indices.npy"]  # no rows are left
    whole = knn_graph(cloud, 6)
    np.testing.assert_array_equal(np.load(tmp_path / "indices.npy"), whole.indices)
    np.testing.assert_array_equal(np.load(tmp_path / "distances.npy"), whole.distances)


@pytest.mark.parametrize(("size", "k"), [(3, 3), (3, 0), (0, 1)])
def test_too_few_rows(size, k):
    with pytest.raises(ShapeError, match=rf"1 ≤ k < n; got k={k} for n={size} rows"):
        knn_graph_of_blocks(in_blocks(np.zeros((size, 2), np.float32), 2), k)


def test_blocks_of_different_width():
    with pytest.raises(ShapeError, match="block 1 has 3 columns, those before it 2"):
        knn_graph_of_blocks(lambda: iter([np.zeros((2, 2), np.float32), np.zeros((2, 3), np.float32)]), 1)


def test_a_block_that_cannot_be_used(tmp_path):
    good, bad, zero = np.ones((4, 2), np.float32), np.full((4, 2), np.nan, np.float32), np.zeros((4, 2), np.float32)
    with pytest.raises(DataError, match="block 1 holds NaN or infinity"):
        knn_graph_of_blocks(lambda: iter([good, bad]), 1, folder=tmp_path)
    with pytest.raises(DataError, match=r"Block 1, from row 4 on: CosineDistance wants rows with a direction"):
        knn_graph_of_blocks(lambda: iter([good, zero]), 1, metric=CosineDistance(), folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_too_little_memory(cloud):
    with pytest.raises(SpecError, match=r"knn_graph_of_blocks wants max_memory ≥ 68,708,864 bytes .*; got 9\."):
        knn_graph_of_blocks(in_blocks(cloud, 500), 6, max_memory=9)
