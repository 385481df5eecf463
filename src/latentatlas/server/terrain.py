"""The energy of a run over its neighbour graph: ways down, and the passes between basins."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple, final

import numpy as np

from latentatlas.core.errors import DataError
from latentatlas.server.neighbours import graph_rows
from latentatlas.store import Run

__all__ = ["Pass", "Terrain"]

_MOST_PASSES = 300


class Pass(NamedTuple):
    """The lowest crossing between two basins that touch.

    Attributes:
        basins: numbers of the two, the smaller first.
        saddle: the row at its top.
        energy: of the saddle.
        above: how far it lies above the lowest row of each basin.
        way: rows from a minimum of the one basin up to the saddle and down to a minimum of the other.
    """

    basins: tuple[int, int]
    saddle: int
    energy: float
    above: tuple[float, float]
    way: list[int]


@final
class Terrain:
    """Ways down and passes of a run.

    A step down goes to the row of the lowest energy among a row and its neighbours in the latent, in both directions of
    the graph; a way ends at a row that is lower than all of these. No model is needed.

    Args:
        run: the run.
        names: columns of its points.

    Cost: O(n k) when first used; a way then costs its length.
    """

    def __init__(self, run: Run, names: list[str]):
        self.run = run
        self.there = {"energy", "basin"} <= set(names) and "graph/latent_indices.npy" in run.files

    def way_down(self, row: int) -> list[int]:
        """The rows from this one down to a minimum.

        Raises:
            DataError: if the run has no energy on a graph, or the graph not this row.
        """
        below = self.below
        if not 0 <= row < len(below) or below[row] < 0:
            raise DataError(
                f"The graph of the run does not hold row {row}. Choose a row of the sample it was fitted on."
            )
        return _followed(below, row)

    @cached_property
    def below(self) -> np.ndarray:
        """The row that a step down from each row leads to, itself at a minimum; −1 for rows outside the graph.

        Raises:
            DataError: if the run has no energy on a graph.
        """
        return self._steps(*self._edges)

    @cached_property
    def _below_inside(self) -> np.ndarray:
        """The same for steps that stay in the basin of the row."""
        rows, tails, heads = self._edges
        basin = self._columns["basin"]
        inside = basin[tails] == basin[heads]
        return self._steps(rows, tails[inside], heads[inside])

    def _steps(self, rows: np.ndarray, tails: np.ndarray, heads: np.ndarray) -> np.ndarray:
        """The lowest of each row and those it shares an edge with."""
        order = np.lexsort((np.arange(len(self._energy)), self._energy))
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        lowest = np.full(len(order), -1)
        lowest[rows] = rank[rows]
        np.minimum.at(lowest, tails, rank[heads])
        np.minimum.at(lowest, heads, rank[tails])
        lowest[rows] = order[lowest[rows]]
        return lowest

    @cached_property
    def passes(self) -> list[Pass]:
        """Between basins that touch in the graph, the lowest 300, from low to high.

        Raises:
            DataError: if the run has no energy on a graph.
        """
        rows, tails, heads = self._edges
        energy, basin = self._energy, self._columns["basin"]
        lowest = np.full(int(basin.max()) + 1, np.inf)
        np.minimum.at(lowest, basin[rows], energy[rows])
        crossing = basin[tails] != basin[heads]
        tails, heads = tails[crossing], heads[crossing]
        height = np.maximum(energy[tails], energy[heads])
        first, second = np.minimum(basin[tails], basin[heads]), np.maximum(basin[tails], basin[heads])
        order = np.lexsort((tails, height))  # of equal heights the first row, whatever the order of the edges
        pair = first.astype(np.int64) * len(lowest) + second
        chosen = np.unique(pair[order], return_index=True)[1]
        edges = order[np.sort(chosen)][:_MOST_PASSES]
        return [self._pass(int(tails[edge]), int(heads[edge]), lowest) for edge in edges]

    def _pass(self, one: int, other: int, lowest: np.ndarray) -> Pass:
        energy, basin = self._energy, self._columns["basin"]
        if basin[one] > basin[other]:
            one, other = other, one
        saddle = one if energy[one] >= energy[other] else other
        top, pair = float(energy[saddle]), (int(basin[one]), int(basin[other]))
        above = (top - float(lowest[pair[0]]), top - float(lowest[pair[1]]))
        up, down = (_followed(self._below_inside, row) for row in (one, other))
        return Pass(pair, saddle, top, above, [*reversed(up), *down])

    @cached_property
    def _columns(self) -> dict[str, np.ndarray]:
        if not self.there:
            raise DataError(
                f"Ways down want rows with energies, basins and neighbours; {self.run.path} lacks some. Fit an atlas."
            )
        return self.run.points(["energy", "basin"])

    @property
    def _energy(self) -> np.ndarray:
        return self._columns["energy"]

    @cached_property
    def _edges(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows of the graph, and both ends of its edges."""
        assert self._columns
        rows, near = graph_rows(self.run, "latent")
        tails, heads = np.repeat(rows, near.shape[1]), near.ravel()
        return rows, tails[heads >= 0], heads[heads >= 0]


def _followed(below: np.ndarray, row: int) -> list[int]:
    """Rows from one to where steps end."""
    way = [row]
    while below[way[-1]] != way[-1]:
        way.append(int(below[way[-1]]))
    return way
