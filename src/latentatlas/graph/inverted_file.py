"""Nearest neighbours in large sets: rows are parted into cells, and compared with the rows of the nearest cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch

from latentatlas.graph.exact import brute_force, nearest_of, without_self

__all__ = ["LEAST_ROOM", "bytes_kept", "search_inverted_file"]

LEAST_ROOM = 2**26
"""Fewest bytes to compute in, besides what is kept for every row."""

_ROWS_PER_CELL = 128
_TRAINING_ROWS_PER_CELL = 32
_FIRST_CELLS = 4
_GROWTH = 1.25
_AXES = 64
_AXES_ROWS = 5_000
_POWERS = 3
_PROBE_ROWS = 512
_SPARE = 16
_ROOM = 2**28
_CHUNK = 2**14


@final
@dataclass(frozen=True, eq=False)
class _InvertedFile:
    """Rows by cell, in their leading principal axes (`basis`), or as they are where that is None."""

    rows: np.ndarray
    basis: torch.Tensor | None
    index: Any

    @property
    def cells(self) -> int:
        return self.index.nlist

    def nearest(self, which: np.ndarray, k: int, *, cells: int, room: int) -> Iterator[tuple[slice, Any, Any]]:
        """Parts of `which`, and squared distances and numbers of their k nearest rows in the nearest cells."""
        wide = min(k if self.basis is None else k + max(_SPARE, k), len(self.rows))
        for part in _slices(len(which), max(1, room // (8 * self.rows.shape[1] + 64 * wide))):
            queries = _reduced(self.rows[which[part]], self.basis)
            found = self._search(queries, wide, cells)
            lacking = np.flatnonzero(found[:, -1] < 0)  # too few rows in these cells
            if len(lacking):
                found[lacking] = self._search(queries[lacking], wide, self.cells)
            yield part, *nearest_of(self.rows, which[part], found, k)

    def _search(self, queries: np.ndarray, wide: int, cells: int) -> np.ndarray:
        import faiss

        return self.index.search(queries, wide, params=faiss.SearchParametersIVF(nprobe=cells))[1]  # pyright: ignore[reportCallIssue]


def bytes_kept(n: int, features: int) -> int:
    """What a search keeps for all rows besides the rows: their principal axes twice, and the rows that train cells."""
    if features <= 2 * _AXES:
        return n * (5 * features + 16)
    axes = _AXES
    while 8 * axes < features:
        axes *= 4
    return n * (9 * axes + 16)


def search_inverted_file(
    rows: np.ndarray,
    *,
    out: tuple[np.ndarray, np.ndarray],
    min_recall: float,
    rng: np.random.Generator,
    room: int | None,
) -> tuple[float, bool]:
    """Put squared distances and numbers into `out`; the recall measured on 512 rows, and whether all were compared.

    Cells are formed by k-means in the leading principal axes, and the nearest candidates there are measured in all
    axes. More axes are taken until these candidates hold the true neighbours, then more cells until the recall is
    reached. Where that takes half of the axes or of the cells, as in noise, every pair is compared after all.
    """
    k = out[0].shape[1]
    probe = np.sort(rng.choice(len(rows), min(_PROBE_ROWS, len(rows)), replace=False))
    truth = without_self(*brute_force(rows[probe], rows, k + 1, room=room), probe)[0]
    narrow = rows.shape[1] <= 2 * _AXES
    basis = None if narrow else _basis(rows, probe, truth, min_recall, rng)
    file = _inverted_file(rows, basis, seed=int(rng.integers(2**31))) if narrow or basis is not None else None
    cells = _FIRST_CELLS
    while file is not None and 2 * cells < file.cells:
        tried = np.empty_like(truth), np.empty(truth.shape, np.int32)
        _collect(file, probe, tried, cells=cells, room=room or _ROOM)
        if (recall := _recall(tried[0], truth)) >= min_recall:
            _collect(file, np.arange(len(rows)), out, cells=cells, room=room or _ROOM)
            return recall, False
        cells = int(np.ceil(_GROWTH * cells))
    out[0][:], out[1][:] = without_self(*brute_force(rows, rows, k + 1, room=room), np.arange(len(rows)))
    return 1.0, True


def _collect(
    file: _InvertedFile, which: np.ndarray, out: tuple[np.ndarray, np.ndarray], *, cells: int, room: int
) -> None:
    """Put squared distances and numbers of the nearest other rows of each of `which` into `out`."""
    for part, squared, found in file.nearest(which, out[0].shape[1] + 1, cells=cells, room=room):
        out[0][part], out[1][part] = without_self(squared, found, which[part])


def _basis(
    rows: np.ndarray, probe: np.ndarray, truth: np.ndarray, min_recall: float, rng: np.random.Generator
) -> torch.Tensor | None:
    """So many principal axes that the nearest rows in them hold the true neighbours of the probe, if half will do."""
    import faiss

    features, k = rows.shape[1], truth.shape[1]
    sample = torch.tensor(rows[np.sort(rng.choice(len(rows), min(_AXES_ROWS, len(rows)), replace=False))])
    wide = min(k + 1 + max(_SPARE, k + 1), len(rows))
    axes = _AXES
    while 2 * axes < features:
        basis = torch.tensor(rng.standard_normal((features, axes), np.float32))
        for _ in range(_POWERS):
            basis = torch.linalg.qr(sample.T @ (sample @ basis)).Q
        reduced = torch.empty(len(rows), axes).numpy()
        for part in _slices(len(rows), _CHUNK):
            reduced[part] = _reduced(rows[part], basis)
        found = faiss.knn(reduced[probe], reduced, wide)[1]
        if _recall(without_self(*nearest_of(rows, probe, found, k + 1), probe)[0], truth) >= (1 + min_recall) / 2:
            return basis
        axes *= 4
    return None


def _inverted_file(rows: np.ndarray, basis: torch.Tensor | None, *, seed: int) -> _InvertedFile:
    import faiss

    n, axes = len(rows), rows.shape[1] if basis is None else basis.shape[1]
    root = np.sqrt(n)
    count = max(1, int(n / max(min(_ROWS_PER_CELL, root), root / 4)))
    index: Any = faiss.IndexIVFFlat(faiss.IndexFlatL2(axes), axes, count)
    index.cp.seed = seed
    index.cp.min_points_per_centroid = 1
    training = np.random.default_rng(seed).choice(n, min(n, _TRAINING_ROWS_PER_CELL * count), replace=False)
    index.train(_reduced(rows[np.sort(training)], basis))
    for part in _slices(n, _CHUNK):
        index.add(_reduced(rows[part], basis))
    return _InvertedFile(rows, basis, index)


def _reduced(rows: np.ndarray, basis: torch.Tensor | None) -> np.ndarray:
    """Rows in the axes of the basis, always in memory of torch: products depend on how their factors are aligned."""
    copy = torch.tensor(rows)
    return copy.numpy() if basis is None else (copy @ basis).numpy()


def _recall(found: np.ndarray, truth: np.ndarray) -> float:
    """Share of found squared distances that are as small as the largest true one, up to rounding."""
    return float(np.mean(found <= truth[:, -1:] * (1 + 1e-5)))


def _slices(total: int, size: int) -> Iterator[slice]:
    for start in range(0, total, size):
        yield slice(start, start + size)
