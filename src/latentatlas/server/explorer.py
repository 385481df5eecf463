"""Everything a page asks of one run, held open."""

from __future__ import annotations

import threading
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any, final

import numpy as np

from latentatlas.core.errors import DataError, StoreError
from latentatlas.server.annotations import Annotations
from latentatlas.server.charting import Charts
from latentatlas.server.columns import PointColumns, as_json
from latentatlas.server.comparison import Comparison
from latentatlas.server.neighbours import NeighbourLists
from latentatlas.server.patterns import Patterns
from latentatlas.server.querying import PointQueries
from latentatlas.server.terrain import Terrain
from latentatlas.server.thinking import LazyAtlas
from latentatlas.server.watching import fit_beside
from latentatlas.store import Run, free_column, nearest_rows, open_run

__all__ = ["Explorer", "LateExplorer"]

_MAP = ("x", "y")
_MAPPED = ("points.parquet", "graph/", "index/", "patterns/")
"""Files that stay mapped or are read again and again: to read one that was cut short could end the process."""


@final
class Explorer:
    """A run folder, open for looking.

    Args:
        path: the run folder.
        compare: folder of another run of the same rows; None is none.

    Raises:
        StoreError: if a folder is no run, or damaged.
        DataError: if its points have no map, or the runs share no rows.
    """

    def __init__(self, path: str | Path, compare: str | Path | None = None):
        self.run: Run = open_run(path)
        self.columns = PointColumns(self.run.file("points.parquet"))
        missing = [name for name in _MAP if name not in self.columns.names]
        if missing:
            raise DataError(f"The explorer shows runs with a map; {path} has no column {missing[0]!r}. Fit one.")
        self.comparison = None if compare is None else Comparison(self.run, open_run(compare))
        if self.comparison is not None:
            taken = self.columns.names
            self._compared = {name: free_column(name, taken) for name in self.comparison.columns}
            added = {self._compared[name]: values for name, values in self.comparison.columns.items()}
            self.columns = PointColumns(self.columns.path, added)
        self.queries = PointQueries(self.columns)
        self.neighbours = NeighbourLists(self.run)
        self.patterns = Patterns(self.run)
        self.charts = Charts(self.run, self.columns.names)
        self.terrain = Terrain(self.run, self.columns.names)
        self.annotations = Annotations(self.run)
        self.atlas = LazyAtlas(self.run, self.patterns)
        self._stamps = {name: _stamp(self.run.path / name) for name in self.run.files if name.startswith(_MAPPED)}

    def check(self) -> None:
        """Nothing, if the folder still holds the run that was opened.

        Raises:
            StoreError: if it is gone, a large file of it was changed, or another run took its place.
        """
        self.run.file("points.parquet")
        for name, stamp in self._stamps.items():
            if _stamp(self.run.path / name) != stamp:
                raise StoreError(
                    f"The explorer wants {self.run.path / name} as it was opened; it was changed. Start it again."
                )
        if self.comparison is not None:
            self.comparison.there.file("points.parquet")

    def overview(self) -> dict[str, Any]:
        """What the page shows first: facts, columns, basins and what this run can do."""
        run, data = self.run, self.run.spec.get("data") or {}
        graph = self._graph_size()
        return {
            "name": str(data.get("name") or run.path.resolve().name),
            "folder": run.path.resolve().name,
            "rows": self.columns.rows,
            "columns": [as_json(column) for column in self.columns.describe()],
            "basins": self._basins(),
            "facts": self._facts(data),
            "verdicts": Counter(str(verdict["status"]) for verdict in run.verdicts),
            "patterns": self.patterns.kind,
            "pattern_columns": self.patterns.columns if self.patterns.kind == "table" else [],
            "text_column": self.patterns.text_column,
            "neighbours": graph,
            "vectors": self._has("index/vectors.npy"),
            "model": self.atlas.there,
            "history": self._has("history.parquet") or fit_beside(run.path) is not None,
            "charts": self.charts.count,
            "terrain": self.terrain.there,
            "comparison": self._compared_with(),
        }

    def certificate(self) -> dict[str, Any]:
        """Every verdict and every metric."""
        return {"verdicts": self.run.verdicts, "metrics": self.run.metrics}

    def nearest(self, vector: np.ndarray, k: int, *, without: int | None, mask: np.ndarray | None) -> dict[str, Any]:
        """Rows whose latents are nearest to one, and their distances."""
        exclude = None if without is None else np.array([without])
        rows, distances = nearest_rows(
            self._vectors, vector, k, exclude=exclude, where=mask, curvature=self.run.curvature
        )
        found = rows[0] >= 0
        return {"rows": rows[0][found].tolist(), "distances": distances[0][found].tolist()}

    def vector_of_row(self, row: int) -> np.ndarray:
        """The latent of a row, (1, dim).

        Raises:
            DataError: if the row does not exist.
        """
        vectors = self._vectors
        if not 0 <= row < len(vectors):
            raise DataError(f"The run has rows 0 to {len(vectors) - 1}; got {row}. Choose another row.")
        return np.asarray(vectors[[row]])

    @cached_property
    def _vectors(self) -> np.ndarray:
        return self.run.vectors()

    def _compared_with(self) -> dict[str, Any] | None:
        """The other run, and what its columns are called here."""
        return None if self.comparison is None else {**self.comparison.overview(), "columns": self._compared}

    def _has(self, name: str) -> bool:
        return name in self.run.files

    def _graph_size(self) -> int:
        """How many neighbours in the data the run knows of each row; 0 if none."""
        return int(self.run.graph("input")["indices"].shape[1]) if self._has("graph/input_indices.npy") else 0

    def _basins(self) -> list[dict[str, Any]]:
        """Number, name and size; from the landscape where the run is one."""
        if self.run.basins:
            return [{key: basin[key] for key in ("number", "name", "size")} for basin in self.run.basins]
        if not self._has("landscape/minima.parquet"):
            return []
        minima = self.run.landscape()["minima"]
        fields = zip(minima["number"], minima["name"], minima["size"], strict=True)
        return [{"number": int(number), "name": str(name), "size": int(size)} for number, name, size in fields]

    def _facts(self, data: dict[str, Any]) -> dict[str, Any]:
        spec = self.run.spec
        facts = {
            "data": data.get("name"),
            "rows": self.columns.rows,
            "features": len(data.get("columns") or ()) or None,
            "latent axes": (spec.get("atlas") or {}).get("dim"),
            "field": (spec.get("landscape") or {}).get("field"),
            "seed": spec.get("seed"),
            "seconds of the fit": spec.get("seconds"),
            "created": spec.get("created"),
            "latentatlas": self.run.version,
            "fingerprint": data.get("fingerprint"),
        }
        return {name: value for name, value in facts.items() if isinstance(value, str | int | float)}


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file does; None where there is none."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_ino, state.st_size, state.st_mtime_ns


@final
class LateExplorer:
    """The explorer of a run that a fit is still at: opened when it is first asked for and there.

    Args:
        path: the run folder.
        compare: folder of another run of the same rows; None is none.
    """

    def __init__(self, path: Path, compare: str | Path | None):
        self.path = path
        self.compare = compare
        self._lock = threading.Lock()
        self._explorer: Explorer | None = None

    def __call__(self) -> Explorer:
        """The explorer.

        Raises:
            StoreError: while the run is not there.
        """
        with self._lock:
            if self._explorer is None:
                self._explorer = Explorer(self.path, self.compare)
            return self._explorer
