"""The landscape of an energy on a graph: minima, their prominence, basins, saddles, barriers and paths."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Float, Int, Real
from scipy.sparse.csgraph import dijkstra

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.landscape.merge_tree import Graph, crossings, edges_of, elder_rule, steepest_descent

__all__ = ["Landscape", "find_minima"]

_MATRIX_MINIMA = 10_000  # 10,000² saddles and barriers take 1.2 GB


@final
@dataclass(frozen=True, eq=False)
class Landscape:
    """Minima of an energy over the rows of a graph, most prominent first, and what lies between them.

    Attributes:
        energy: of every row.
        graph: neighbours of every row, or a sparse adjacency matrix; edges count in both directions.
        minima: row number of each minimum.
        prominence: how far one must climb from it to reach a deeper minimum, in units of the energy; infinite for the
            deepest of each connected component.
        basins: number of the minimum each row belongs to.
        parent: number of the deeper minimum each one joins; itself where there is none.
        saddles: row at which it joins; −1 where it joins none.
    """

    energy: Float[np.ndarray, " n"]
    graph: Graph
    minima: Int[np.ndarray, " minima"]
    prominence: Float[np.ndarray, " minima"]
    basins: Int[np.ndarray, " n"]
    parent: Int[np.ndarray, " minima"]
    saddles: Int[np.ndarray, " minima"]

    @property
    def span(self) -> float:
        """Highest minus lowest energy."""
        return float(np.ptp(self.energy))

    @property
    def sizes(self) -> Int[np.ndarray, " minima"]:
        """Number of rows in each basin."""
        return np.bincount(self.basins, minlength=len(self.minima))

    @property
    def levels(self) -> Float[np.ndarray, " n"]:
        """Where each row stands in its basin: share of the basin's rows that are lower, from 0 (the minimum) to < 1.

        Levels compare rows of deep and of shallow basins; the lowest tenth of every basin is `levels < 0.1`.
        """
        order = np.lexsort((self.energy, self.basins))
        start = np.cumsum(self.sizes) - self.sizes
        place = np.empty(len(order))
        place[order] = np.arange(len(order))
        return (place - start[self.basins]) / self.sizes[self.basins]

    @cached_property
    def passes(self) -> Int[np.ndarray, "minima minima"]:
        """Row of the lowest saddle between any two minima; the minimum itself on the diagonal, −1 across components.

        Cost: O(minima²).

        Raises:
            SpecError: for more than 10,000 minima.
        """
        count = len(self.minima)
        if count > _MATRIX_MINIMA:
            raise SpecError(
                f"Landscape wants at most {_MATRIX_MINIMA:,} minima for a matrix of barriers; there are {count:,}. "
                "Call merged(count=...) or merged(prominence=...) first."
            )
        between = np.full((count, count), -1)
        np.fill_diagonal(between, self.minima)
        members = [np.array([number]) for number in range(count)]
        leader = np.arange(count)
        joined = np.flatnonzero(self.saddles >= 0)
        for number in joined[np.lexsort((self.saddles[joined], self.energy[self.saddles[joined]]))]:
            one, other = leader[number], leader[self.parent[number]]
            between[np.ix_(members[one], members[other])] = self.saddles[number]
            between[np.ix_(members[other], members[one])] = self.saddles[number]
            members[other] = np.concatenate([members[other], members[one]])
            leader[members[one]] = other
        return between

    @cached_property
    def barriers(self) -> Float[np.ndarray, "minima minima"]:
        """Energy of the lowest saddle between any two minima: the least one must climb to on any path of edges.

        Its own energy on the diagonal, infinite across components. From i to j one climbs
        `barriers[i, j] − energy[minima[i]]`.
        """
        return np.where(self.passes >= 0, self.energy[self.passes], np.inf)

    def path(self, first: int, second: int) -> Int[np.ndarray, " steps"]:
        """Rows on the way between two minima that never climbs above their barrier.

        Of all such ways it is the one with the least Σ (1 + (E − E_lowest)/span), so it also stays low elsewhere.

        Cost: O(edges log n) below the barrier.

        Raises:
            SpecError: if there is no such minimum, or the two are not connected.
        """
        count = len(self.minima)
        if not (0 <= first < count and 0 <= second < count):
            raise SpecError(f"path wants minima 0 to {count - 1}; got {first} and {second}. Pick two of them.")
        barrier = self._barrier(first, second)
        if np.isinf(barrier):
            raise SpecError(
                f"path wants connected minima; no edges lead from {first} to {second}. Use more neighbours."
            )
        below = np.flatnonzero(self.energy <= barrier)
        tails, heads = edges_of(self.graph, len(self.energy))
        place = np.full(len(self.energy), -1)
        place[below] = np.arange(len(below))
        kept = (place[tails] >= 0) & (place[heads] >= 0) & (tails != heads)
        lift = (self.energy - self.energy.min()) / (self.span or 1.0)
        cost = 1 + (lift[tails[kept]] + lift[heads[kept]]) / 2
        shape = (len(below), len(below))
        ways = sp.coo_matrix((cost, (place[tails[kept]], place[heads[kept]])), shape=shape).tocsr()
        ways = ways.maximum(ways.T)  # edges that are stored twice have been summed; both ways cost the same again
        start, here = int(place[self.minima[first]]), int(place[self.minima[second]])
        before = dijkstra(ways, indices=start, return_predecessors=True)[1]
        steps = [here]
        while steps[-1] != start:
            steps.append(int(before[steps[-1]]))
        return below[steps[::-1]]

    def merged(self, *, count: int | None = None, prominence: float | None = None) -> Landscape:
        """The landscape with fewer minima; give either how many are left or how prominent they are.

        By prominence: a minimum with less than this joins the deeper minimum behind its saddle. By count: one at a time
        the minimum with the least prominence × rows joins the minimum behind its saddle; weighting by rows keeps deep
        crumbs from outliving shallow clusters. Connected components are never joined, so more than `count` are left
        where there are more components.

        Barriers between minima that are left stay what they were. Prominence is then counted from these minima alone.

        Cost: O(n + minima), by count O(minima²).

        Raises:
            SpecError: unless one of the two is given, `count` ≥ 1, `prominence` not NaN.
        """
        if count is not None and prominence is None:
            if count < 1:
                raise SpecError(f"merged wants count ≥ 1; got {count}. One minimum is the least.")
            return self._reduced(self._joined_by_size(count))
        if prominence is None or count is not None:
            raise SpecError("merged wants either count or prominence; got both or neither. Pass one of them.")
        if np.isnan(prominence):
            raise SpecError("merged wants a prominence that compares; got NaN. Pass a number in units of the energy.")
        target = np.where(self.prominence >= prominence, np.arange(len(self.parent)), self.parent)
        while not np.array_equal(further := target[target], target):
            target = further
        return self._reduced(target)

    def _barrier(self, first: int, second: int) -> float:
        """Energy of the lowest saddle between two minima, from their ways up the merge tree."""
        highest = self.energy[self.minima[[first, second]]].max()
        while first != second:
            heights = [self._join(first), self._join(second)]
            low = int(np.argmin(heights))
            if np.isinf(heights[low]):
                return np.inf
            highest = max(highest, heights[low])
            if low == 0:
                first = int(self.parent[first])
            else:
                second = int(self.parent[second])
        return float(highest)

    def _join(self, number: int) -> float:
        return float(self.energy[self.saddles[number]]) if self.saddles[number] >= 0 else np.inf

    def _joined_by_size(self, count: int) -> Int[np.ndarray, " minima"]:
        """Number of the minimum that each one becomes part of."""
        lifetime, size = np.minimum(self.prominence, self.span), self.sizes
        parent, target = self.parent.copy(), np.arange(len(self.minima))
        mortal = parent != target
        for _ in range(len(target) - count):
            if not mortal.any():
                break
            left = np.flatnonzero(mortal)
            ended = left[(lifetime[left] * size[left]).argmin()]
            heir = parent[ended]
            size[heir] += size[ended]
            mortal[ended] = False
            parent[parent == ended] = heir
            target[target == ended] = heir
        return target

    def _reduced(self, target: Int[np.ndarray, " minima"]) -> Landscape:
        kept = target == np.arange(len(target))
        if kept.all():
            return self
        return _assembled(self.energy, self.graph, self.minima, target[self.basins], self._links(), kept=kept)

    def _links(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Edges of the merge tree: two minima and the row where they join."""
        joined = np.flatnonzero(self.saddles >= 0)
        return joined, self.parent[joined], self.saddles[joined]


def find_minima(energy: Real[np.ndarray, " n"], graph: Graph) -> Landscape:
    """All true minima of an energy over the rows of a graph.

    A minimum is a row, or a plateau of rows of one energy, that no neighbour is lower than; of a plateau it is the
    first row. A flat field has one minimum per connected component. Rows fall to the minimum that steepest descent
    reaches. A component of {E ≤ level} is born at its minimum and ends, as the level rises, where it meets one that
    holds a deeper minimum (of two equal ones that with the smaller row number counts as deeper); the level of that
    saddle minus the level of its birth is the prominence (0-dimensional persistence). Nothing depends on the order of
    neighbours.

    Args:
        energy: low is deep.
        graph: (n, k) row numbers of neighbours, −1 for none, or an (n, n) sparse matrix; taken as undirected.

    Cost: O(edges log edges); `latentatlas bench landscape` measures it.

    >>> chain = np.array([[1, 2], [0, 2], [1, 3], [2, 4], [3, 2]])
    >>> found = find_minima(np.array([0.0, 2.0, 5.0, 3.0, 1.0]), chain)
    >>> found.minima.tolist(), found.prominence.tolist(), found.basins.tolist(), found.saddles.tolist()
    ([0, 4], [inf, 4.0], [0, 0, 0, 1, 1], [-1, 2])
    >>> found.barriers.tolist(), found.path(0, 1).tolist()
    ([[0.0, 5.0], [5.0, 1.0]], [0, 2, 4])

    Raises:
        ShapeError: if there is not one energy per row, or no row.
        DataError: if an energy is not finite, or a neighbour is no row.

    References:
        Chazal et al., *Persistence-based clustering in Riemannian manifolds*, 2013 (ToMATo).
    """
    n = len(energy)
    if n == 0 or graph.shape[0] != n:
        raise ShapeError(
            f"find_minima wants one energy for each of one row or more; got {n} for {graph.shape[0]} rows. "
            "Pass matching arrays."
        )
    if not np.isfinite(energy).all():
        bad = int((~np.isfinite(energy)).argmax())
        raise DataError(
            f"find_minima wants finite energies; row {bad} has {energy[bad]}. Drop it, or correct the field."
        )
    tails, heads = edges_of(graph, n)
    order = np.argsort(energy, kind="stable")
    rank = np.empty(n, dtype=np.int32 if n < 2**31 else np.int64)
    rank[order] = np.arange(n)
    bottom = steepest_descent(rank, tails, heads)
    lowest, basin = np.unique(bottom, return_inverse=True)
    basin = basin.reshape(-1)
    first, second, saddle = crossings(rank, basin, tails, heads)
    every = np.ones(len(lowest), bool)
    whole = _assembled(
        energy.astype(np.float64), graph, order[lowest], basin, (first, second, order[saddle]), kept=every
    )
    flat = (whole.prominence == 0).any()  # further rows of a plateau
    return whole.merged(prominence=np.nextafter(0, 1)) if flat else whole


def _assembled(
    energy: np.ndarray,
    graph: Graph,
    rows: np.ndarray,
    basins: np.ndarray,
    links: tuple[np.ndarray, np.ndarray, np.ndarray],
    *,
    kept: Bool[np.ndarray, " minima"],
) -> Landscape:
    """The landscape of the minima that are kept; `basins` name only those, `links` may lead over the others."""
    seniority = np.lexsort((rows, energy[rows], ~kept))
    number = np.empty(len(rows), dtype=np.int64)
    number[seniority] = np.arange(len(rows))
    first, second, saddle = links
    by_height = np.lexsort((saddle, energy[saddle]))
    ascending = saddle[by_height]
    level = np.cumsum(np.diff(ascending, prepend=ascending[:1]) != 0)
    tree = elder_rule(len(rows), number[first[by_height]], number[second[by_height]], level)
    row_of_level = np.full(len(links[2]) + 1, -1, dtype=np.int64)  # the last is for "joins none"
    row_of_level[level] = ascending
    left = int(kept.sum())
    parent, at = tree.parent[:left], row_of_level[tree.saddle[:left]]
    minima = rows[seniority[:left]]
    climb = np.where(at >= 0, energy[at] - energy[minima], np.inf)
    order = np.argsort(-climb, kind="stable")
    place = np.empty(len(rows), dtype=np.int64)
    place[order] = np.arange(left)
    return Landscape(energy, graph, minima[order], climb[order], place[number[basins]], place[parent[order]], at[order])
