"""How the sublevel sets of an energy on a graph join: the merge tree of its minima (0-dimensional persistence)."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
import scipy.sparse as sp
from jaxtyping import Int
from scipy.sparse.csgraph import minimum_spanning_tree

from latentatlas.core import DataError, ShapeError

__all__ = ["Graph", "MergeTree", "crossings", "edges_of", "elder_rule", "steepest_descent"]

Graph: TypeAlias = Int[np.ndarray, "n k"] | sp.csr_matrix | sp.csr_array
"""Neighbours of every row (−1 is none), or a sparse adjacency matrix. Edges count in both directions."""


class MergeTree(NamedTuple):
    """Minima, each joined to an elder one.

    Attributes:
        parent: the eldest minimum of the component that a minimum joins; itself where it joins none.
        saddle: height at which it joins; −1 where it joins none.
    """

    parent: Int[np.ndarray, " minima"]
    saddle: Int[np.ndarray, " minima"]


def edges_of(graph: Graph, n: int) -> tuple[Int[np.ndarray, " edges"], Int[np.ndarray, " edges"]]:
    """Both ends of every edge as it is stored.

    Raises:
        ShapeError: if the graph has not one row for each of `n` rows.
        DataError: if a neighbour is not one of these rows.
    """
    if graph.shape[0] != n or (sp.issparse(graph) and graph.shape[1] != n):
        raise ShapeError(
            f"A landscape wants a graph over its {n} rows, (n, k) neighbours or an (n, n) sparse matrix; got "
            f"{graph.shape}. Pass matching arrays."
        )
    if sp.issparse(graph):
        tails, heads = graph.nonzero()
        return tails, heads
    heads = graph.ravel()
    tails = np.repeat(np.arange(n, dtype=heads.dtype), graph.shape[1])
    if len(heads) and heads.min() < 0:
        tails, heads = tails[heads >= 0], heads[heads >= 0]
    if len(heads) and heads.max() >= n:
        raise DataError(f"A landscape wants neighbours among rows 0 to {n - 1}; got row {heads.max()}. Drop it.")
    return tails, heads


def steepest_descent(
    rank: Int[np.ndarray, " n"], tails: Int[np.ndarray, " edges"], heads: Int[np.ndarray, " edges"]
) -> Int[np.ndarray, " n"]:
    """Rank of the minimum that each row reaches when every step goes to the lowest neighbour.

    Chains of steps are halved at every pass (pointer jumping).

    Cost: O(edges + n log longest descent).
    """
    lowest = rank.copy()
    np.minimum.at(lowest, tails, rank[heads])
    np.minimum.at(lowest, heads, rank[tails])
    step = np.empty_like(rank)
    step[rank] = lowest  # from rank to rank
    while not np.array_equal(further := step[step], step):
        step = further
    return step[rank]


def crossings(
    rank: Int[np.ndarray, " n"],
    basin: Int[np.ndarray, " n"],
    tails: Int[np.ndarray, " edges"],
    heads: Int[np.ndarray, " edges"],
) -> tuple[Int[np.ndarray, " links"], Int[np.ndarray, " links"], Int[np.ndarray, " links"]]:
    """The lowest crossings that connect all basins which touch: two basins, and the rank of the saddle row.

    A path from basin to basin needs to climb no higher than its highest crossing, since both sides of a crossing
    descend to their minima. So a minimum spanning tree of the small graph of basins holds all minimax heights.

    Args:
        rank: of every row by (energy, row number).
        basin: number of the minimum below every row.
        tails: one end of each edge.
        heads: the other end.

    Cost: O(edges log edges).
    """
    count = int(basin.max()) + 1
    first, second = basin[tails], basin[heads]
    cross = np.flatnonzero(first != second)
    first, second = first[cross], second[cross]
    pair = np.minimum(first, second).astype(np.int64) * count + np.maximum(first, second)
    height = np.maximum(rank[tails[cross]], rank[heads[cross]])
    order = np.lexsort((height, pair))
    pair, height = pair[order], height[order]
    lowest = np.ones(len(pair), bool)
    lowest[1:] = pair[1:] != pair[:-1]
    ends = np.divmod(pair[lowest], count)
    touching = sp.csr_matrix((height[lowest] + 1.0, ends), shape=(count, count))  # 0 would be no edge
    tree = minimum_spanning_tree(touching).tocoo()
    return tree.row, tree.col, tree.data.astype(np.int64) - 1


def elder_rule(
    count: int, first: Int[np.ndarray, " links"], second: Int[np.ndarray, " links"], height: Int[np.ndarray, " links"]
) -> MergeTree:
    """Joins components from low to high; of two, the one whose smallest number is smaller lives on.

    Where several components meet at one height all of them join the eldest, whatever the order of the links.

    Cost: O(links log links).
    """
    parent, saddle = np.arange(count), np.full(count, -1, dtype=np.int64)
    root = list(range(count))
    order = np.argsort(height, kind="stable")
    links = zip(first[order].tolist(), second[order].tolist(), height[order].tolist(), strict=True)
    for one, other, level in links:
        elder, younger = sorted((_root(root, one), _root(root, other)))
        if elder != younger:
            root[younger] = parent[younger] = elder
            saddle[younger] = level
    while (same := (saddle[parent] == saddle) & (saddle >= 0)).any():
        parent = np.where(same, parent[parent], parent)
    return MergeTree(parent, saddle)


def _root(root: list[int], number: int) -> int:
    while root[number] != number:
        root[number] = root[root[number]]
        number = root[number]
    return number
