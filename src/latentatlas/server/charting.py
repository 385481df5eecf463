"""The charts of a run: what it keeps of them, and where rows lie in each."""

from __future__ import annotations

from functools import cached_property
from typing import Any, final

import numpy as np

from latentatlas.core.errors import DataError
from latentatlas.store import Run

__all__ = ["Charts"]

_MOST_ROWS = 5_000


@final
class Charts:
    """The charts of a run, if it has any.

    Args:
        run: the run.
        names: columns of its points.
    """

    def __init__(self, run: Run, names: list[str]):
        self.run = run
        self._there = {"chart", "local"} <= set(names)

    @property
    def count(self) -> int:
        """How many; 0 where the run has none."""
        return len(self.summary()["charts"])

    def summary(self) -> dict[str, Any]:
        """Charts with sizes, entropy and codes, "transitions", "orientation", and "axes" of a chart.

        A run that keeps no more of its charts than columns of the points has no codes and no transitions.
        """
        if not self._there:
            return {"charts": [], "transitions": [], "orientation": None, "axes": 0}
        kept = self.run.charts or {"charts": self._counted(), "transitions": [], "orientation": None}
        return {**kept, "axes": self._local.shape[1]}

    def places(self, number: int) -> dict[str, Any]:
        """Rows whose likeliest chart this is and their coordinates in it, axis by axis; evenly spaced 5,000 at most.

        Raises:
            DataError: if the run has no such chart.
        """
        if not 0 <= number < self.count:
            raise DataError(f"The run has {self.count} charts, numbered from 0; got {number}. Choose one of them.")
        rows = np.flatnonzero(self._columns["chart"] == number)
        if len(rows) > _MOST_ROWS:
            rows = rows[np.linspace(0, len(rows) - 1, _MOST_ROWS).astype(np.int64)]
        axes = [[float(f"{value:.5g}") for value in axis] for axis in self._local[rows].T.tolist()]
        return {"rows": rows.tolist(), "axes": axes}

    @cached_property
    def _columns(self) -> dict[str, np.ndarray]:
        return self.run.points(["chart", "local"])

    @property
    def _local(self) -> np.ndarray:
        return self._columns["local"]

    def _counted(self) -> list[dict[str, Any]]:
        sizes = np.bincount(self._columns["chart"]).tolist()
        return [{"number": number, "size": size, "entropy": None, "codes": []} for number, size in enumerate(sizes)]
