"""Ranks of neighbours in two spaces: exact, in O(n · block) memory, shared by several metrics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Int

from latentatlas.core import ShapeError, SpecError
from latentatlas.geometry import Euclidean, Geometry
from latentatlas.metrics.base import finite_rows, same_rows
from latentatlas.metrics.distances import CurvedPoints, precision, row_blocks

__all__ = ["NeighbourRanks", "neighbour_ranks"]

_NUMBERS_PER_BLOCK = 2**25
_ROUNDING = {torch.float64: 1e-12, torch.float32: 3e-7}
_CHUNK = 2**13


@final
@dataclass(frozen=True, eq=False)
class NeighbourRanks:
    """For each row its k nearest others in both spaces, and how far down each of them stands in the other space.

    The rank of a neighbour is 1 + the number of other rows strictly nearer, so rows at equal distance share the
    best rank, and copies of a row are neighbours at distance 0. Where several rows tie for the last of the k
    places one of them is taken. Neighbours stand in order of distance.

    Attributes:
        size: number of rows n among which ranks are counted.
        rows: the rows that were examined, all or a sample.
        input_neighbours: row numbers of the k nearest in the input.
        latent_neighbours: row numbers of the k nearest in the latent space.
        latent_ranks: rank in the latent space of each input neighbour.
        input_ranks: rank in the input of each latent neighbour.
    """

    size: int
    rows: Int[np.ndarray, " rows"]
    input_neighbours: Int[np.ndarray, "rows k"]
    latent_neighbours: Int[np.ndarray, "rows k"]
    latent_ranks: Int[np.ndarray, "rows k"]
    input_ranks: Int[np.ndarray, "rows k"]

    @property
    def k(self) -> int:
        """Number of neighbours."""
        return self.input_neighbours.shape[1]

    def first(self, k: int) -> NeighbourRanks:
        """The same for a smaller k, without computing anything."""
        if not 1 <= k <= self.k:
            raise ShapeError(f"NeighbourRanks holds {self.k} neighbours; got k={k}. Compute it again with a larger k.")
        kept = (self.input_neighbours, self.latent_neighbours, self.latent_ranks, self.input_ranks)
        return NeighbourRanks(self.size, self.rows, *(columns[:, :k] for columns in kept))

    def trustworthiness(self) -> Float[np.ndarray, " rows"]:
        """Trustworthiness of each examined row, in [0, 1]; 1 means that no latent neighbour is an intruder."""
        return _rank_score(self.input_ranks, self.size)

    def continuity(self) -> Float[np.ndarray, " rows"]:
        """Continuity of each examined row, in [0, 1]; 1 means that no input neighbour was torn away."""
        return _rank_score(self.latent_ranks, self.size)

    def overlap(self) -> Float[np.ndarray, " rows"]:
        """Share of each row's k input neighbours that are among its k latent neighbours, in [0, 1]."""
        same = self.input_neighbours[:, :, None] == self.latent_neighbours[:, None, :]
        return same.any(axis=2).mean(axis=1)


def neighbour_ranks(
    x: np.ndarray,
    z: np.ndarray,
    *,
    k: int = 15,
    rows: Int[np.ndarray, " rows"] | None = None,
    block: int | None = None,
    max_memory: int | None = None,
    geometry: Geometry | None = None,
) -> NeighbourRanks:
    """Neighbours and their ranks in both spaces, in one pass: from it come trustworthiness, continuity and overlap.

    Exact: every rank is counted among all n rows. Distances are computed in float64; only float32 input of more than
    64 columns is multiplied in float32, in about half the time. Squared distances that differ by less than rounding
    (1e-12, or 3e-7, of the squared norms about the centre of the data) count as equal.

    Time O(rows · n · (features + dim + k)), memory O(n · (features + dim + block)).

    Args:
        x: patterns, one row each; further axes are flattened.
        z: latents of the same rows.
        k: number of neighbours, less than n / 2.
        rows: row numbers to examine; None takes all.
        block: rows per block; None fits the blocks into about 400 MB, or into `max_memory`.
        max_memory: most bytes to take besides x, z and the result; None is as above.
        geometry: where the latents lie; None is flat space. In a curved one distances are taken pair by pair.

    Raises:
        ShapeError: if x and z differ in length, or k ≥ n / 2.
        DataError: if a value is not finite.
        SpecError: if `max_memory` does not hold the centred rows and one block of one row.
    """
    total = same_rows("neighbour_ranks", x=x, z=z)
    if not 1 <= k < total / 2:
        raise ShapeError(
            f"Neighbour ranks want 1 ≤ k < n / 2; got k={k} for n={total} rows. Use a smaller k or more rows."
        )
    index = np.arange(total) if rows is None else np.asarray(rows)
    block = block or _block_rows(x, z, max_memory)
    space = geometry or Euclidean()
    patterns = _Space("x", x)
    latents = _Space("z", z) if isinstance(space, Euclidean) else _CurvedSpace("z", z, space)
    pieces = [_ranks_of_block(patterns, latents, k, piece) for piece in row_blocks(index, total=total, block=block)]
    return NeighbourRanks(total, index, *(np.concatenate(columns) for columns in zip(*pieces, strict=True)))


@final
class _Space:
    """Rows about their most central one, where rounding is least; whole numbers stay whole.

    `_rows` holds each row with its squared norm behind it: a product of (−2 a, 1) with all of them is ‖b‖² − 2⟨a, b⟩,
    which orders the rows b as their distance from a does.
    """

    def __init__(self, name: str, array: np.ndarray):
        dtype = precision(array)
        rows = _finite(name, array, dtype)
        centre = _most_central(rows)
        self._rows = torch.empty((len(rows), rows.shape[1] + 1), dtype=dtype)
        for part in _slices(len(rows)):
            moved = torch.from_numpy(rows[part] - centre).to(dtype)
            self._rows[part, :-1] = moved
            self._rows[part, -1] = moved.square().sum(dim=1)

    def keys(self, index: Int[np.ndarray, " block"]) -> Float[np.ndarray, "block n"]:
        """Squared distances less the squared norm of row `index`; infinite to the row itself."""
        queries = -2 * self._rows[index]
        queries[:, -1] = 1
        keys = queries @ self._rows.T
        keys[torch.arange(len(index)), index] = torch.inf
        return keys.numpy()

    def resolution(self, index: Int[np.ndarray, " block"], others: Int[np.ndarray, "block k"]) -> np.ndarray:
        """Per pair: keys that are closer than this are equal, since rounding cannot tell them apart."""
        norms = self._rows[:, -1]
        return _ROUNDING[norms.dtype] * (norms[index, None] + norms[others]).numpy()


@final
class _CurvedSpace:
    """Rows in a geometry; squared distances are the keys themselves."""

    def __init__(self, name: str, array: np.ndarray, geometry: Geometry):
        self._points = CurvedPoints(_finite(name, array, torch.float64), geometry)

    def keys(self, index: Int[np.ndarray, " block"]) -> Float[np.ndarray, "block n"]:
        """Squared distances; infinite to the row itself."""
        keys = self._points.squared(index)
        keys[np.arange(len(index)), index] = np.inf
        return keys

    def resolution(self, index: Int[np.ndarray, " block"], others: Int[np.ndarray, "block k"]) -> np.ndarray:
        """A distance has no other rows in it, so nothing cancels."""
        return np.full(others.shape, _ROUNDING[torch.float64])


def _block_rows(x: np.ndarray, z: np.ndarray, max_memory: int | None) -> int:
    total = len(x)
    if max_memory is None:
        return max(1, _NUMBERS_PER_BLOCK // total)
    sizes = [torch.finfo(precision(array)).bits // 8 for array in (x, z)]
    kept = sum(size * (array.size + total) for size, array in zip(sizes, (x, z), strict=True))
    kept += sum(8 * array.size for array in (x, z) if array.dtype not in (np.float64, np.float32))
    row = 2 * total * sum(sizes)
    if max_memory < kept + row:
        raise SpecError(
            f"neighbour_ranks wants max_memory ≥ {kept + row:,} bytes for {total} rows of this width; got "
            f"{max_memory:,}. Raise it, or pass fewer rows."
        )
    return min(total, (max_memory - kept) // row)


def _slices(total: int) -> Iterator[slice]:
    for start in range(0, total, _CHUNK):
        yield slice(start, start + _CHUNK)


def _finite(name: str, array: np.ndarray, dtype: torch.dtype) -> Float[np.ndarray, "n _"]:
    """The array as a matrix; wide float32 without a copy in float64."""
    if dtype == torch.float32 and np.isfinite(array).all():
        return array.reshape(len(array), -1)
    return finite_rows("neighbour_ranks", **{name: array})[0]


def _most_central(rows: Float[np.ndarray, "n features"]) -> Float[np.ndarray, " features"]:
    """The row nearest to the mean, in float64."""
    mean = rows.mean(axis=0, dtype=np.float64)
    away = np.concatenate([np.square(rows[part] - mean).sum(axis=1) for part in _slices(len(rows))])
    return rows[np.argmin(away)].astype(np.float64)


def _ranks_of_block(
    patterns: _Space, latents: _Space | _CurvedSpace, k: int, index: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Input neighbours, latent neighbours, latent ranks of the former, input ranks of the latter."""
    in_x, in_z = patterns.keys(index), latents.keys(index)
    near_x, near_z = _smallest(in_x, k), _smallest(in_z, k)
    latent_ranks = _ranks(in_z, near_x, latents.resolution(index, near_x))
    input_ranks = _ranks(in_x, near_z, patterns.resolution(index, near_z))
    return near_x, near_z, latent_ranks, input_ranks


def _smallest(keys: Float[np.ndarray, "block n"], k: int) -> Int[np.ndarray, "block k"]:
    return torch.from_numpy(keys).topk(k, dim=1, largest=False).indices.numpy()


def _ranks(
    keys: Float[np.ndarray, "block n"],
    chosen: Int[np.ndarray, "block k"],
    resolution: Float[np.ndarray, "block k"],
) -> Int[np.ndarray, "block k"]:
    limits = np.take_along_axis(keys, chosen, axis=1) - resolution
    counts = np.empty(chosen.shape, np.int64)
    # One row at a time stays in the processor's cache; on a good map few rows are below the largest limit.
    for row, wanted, count in zip(keys, limits, counts, strict=True):
        below = row[row < wanted.max()]
        count[:] = [np.count_nonzero(below < limit) for limit in wanted]
    return 1 + counts


def _rank_score(ranks: Int[np.ndarray, "rows k"], total: int) -> Float[np.ndarray, " rows"]:
    k = ranks.shape[1]
    return 1 - np.maximum(ranks - k, 0).sum(axis=1) * (2 / (k * (2 * total - 3 * k - 1)))
