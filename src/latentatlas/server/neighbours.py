"""The nearest rows of a row in the latent and in the data, and which of them are both."""

from __future__ import annotations

from typing import Any, NamedTuple, final

import numpy as np

from latentatlas.core.errors import DataError
from latentatlas.store import Run

__all__ = ["NearRow", "NeighbourLists", "graph_rows"]


class NearRow(NamedTuple):
    """A neighbour.

    Attributes:
        row: its number.
        distance: to the row asked for.
        shared: whether it is among the nearest in the other space too; None where that is not known.
    """

    row: int
    distance: float
    shared: bool | None


@final
class NeighbourLists:
    """Both graphs of a run, side by side.

    A neighbour in the latent is true if it is among the k nearest in the data, k being what the graph of the run holds.

    Args:
        run: the run; where it has no graph, the latent is searched, and whether neighbours are true is unknown.
    """

    def __init__(self, run: Run):
        self.run = run
        sampled = run.sampled()
        self._sampled = None if sampled is None else np.asarray(sampled)

    def of(self, row: int, k: int) -> dict[str, list[NearRow]]:
        """Neighbours of a row: "latent" and "input", nearest first; a list is empty where the run cannot tell.

        Raises:
            DataError: if the row does not exist.
        """
        place = self._place(row)
        graphs = {name: self._nearest(name, place) for name in ("latent", "input")}
        if graphs["latent"] is None:
            return {"latent": self._searched(row, k), "input": []}
        lists = {}
        for name, other in (("latent", "input"), ("input", "latent")):
            rows, distances = graphs[name] or ([], [])
            there = None if graphs[other] is None else set(graphs[other][0])  # type: ignore[index]
            lists[name] = [
                NearRow(self._number(near), distance, None if there is None else near in there)
                for near, distance in zip(rows[:k], distances[:k], strict=True)
            ]
        return lists

    def _place(self, row: int) -> int | None:
        if self._sampled is None:
            return row
        place = int(np.searchsorted(self._sampled, row))
        return place if place < len(self._sampled) and self._sampled[place] == row else None

    def _number(self, place: int) -> int:
        return place if self._sampled is None else int(self._sampled[place])

    def _nearest(self, name: str, place: int | None) -> tuple[list[int], list[float]] | None:
        if place is None:
            return None
        if f"graph/{name}_indices.npy" not in self.run.files:
            return None
        graph = self.run.graph(name)
        if not 0 <= place < len(graph["indices"]):
            raise DataError(f"The run has rows 0 to {len(graph['indices']) - 1}; got {place}. Choose another row.")
        kept: Any = graph["indices"][place] >= 0
        return graph["indices"][place][kept].tolist(), graph["distances"][place][kept].tolist()

    def _searched(self, row: int, k: int) -> list[NearRow]:
        if "index/vectors.npy" not in self.run.files:
            return []
        vectors = self.run.vectors()
        if not 0 <= row < len(vectors):
            raise DataError(f"The run has rows 0 to {len(vectors) - 1}; got {row}. Choose another row.")
        rows, distances = self.run.search(vectors[[row]], k, exclude=np.array([row]))
        found = zip(rows[0].tolist(), distances[0].tolist(), strict=True)
        return [NearRow(near, distance, None) for near, distance in found if near >= 0]


def graph_rows(run: Run, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows of a graph and their neighbours, −1 is none, both as numbers of the points.

    Raises:
        StoreError: if the run has no such graph.
    """
    near, sampled = np.asarray(run.graph(name)["indices"]), run.sampled()
    if sampled is None:
        return np.arange(len(near)), near
    sampled = np.asarray(sampled)
    return sampled, np.where(near < 0, -1, sampled[near])
