"""Are neighbours on the map true neighbours? Exact ranks in O(n · block) memory, shared by several metrics.

All distances are Euclidean. For cosine neighbourhoods divide every row by its norm first: the order is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, final

import numpy as np
import torch
from jaxtyping import Float, Int

from latentatlas.core import ShapeError
from latentatlas.metrics.base import Metric, codes, finite_rows, same_rows, sample_rows
from latentatlas.metrics.distances import Points, row_blocks

__all__ = [
    "Continuity",
    "NeighbourAccuracy",
    "NeighbourOverlap",
    "NeighbourRanks",
    "Trustworthiness",
    "neighbour_ranks",
]

_WIDE = 64


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
        block: rows per block; None fits the blocks into about 256 MiB.

    Raises:
        ShapeError: if x and z differ in length, or k ≥ n / 2.
        DataError: if a value is not finite.
    """
    precisions = [_precision(array) for array in (x, z)]
    x, z = finite_rows("neighbour_ranks", x=x, z=z)
    total = len(x)
    if not 1 <= k < total / 2:
        raise ShapeError(
            f"Neighbour ranks want 1 ≤ k < n / 2; got k={k} for n={total} rows. Use a smaller k or more rows."
        )
    index = np.arange(total) if rows is None else np.asarray(rows)
    patterns, latents = (Points(array, dtype=dtype) for array, dtype in zip((x, z), precisions, strict=True))
    pieces = [_ranks_of_block(patterns, latents, k, piece) for piece in row_blocks(index, total=total, block=block)]
    return NeighbourRanks(total, index, *(np.concatenate(columns) for columns in zip(*pieces, strict=True)))


@final
class Trustworthiness(Metric):
    """Are the neighbours on the map neighbours in the data? 1 − penalty for intruders by how far they come.

    T = 1 − 2 / (n k (2n − 3k − 1)) · Σᵢ Σ_{j ∈ k nearest of i in z} max(0, rank_x(i, j) − k), in [0, 1]; about ½ for a
    random map. Equals `sklearn.manifold.trustworthiness` where distances do not tie. Cost as `neighbour_ranks`.

    Args:
        k: number of neighbours, less than n / 2.
        rows: examine a random sample of this many rows (their ranks stay exact); None examines all.
        seed: of the sample.

    Here row 0 lies next to row 3 on the map, but rows 1 and 2 are nearer in the data:

    >>> x, z = np.array([[0.0], [1.0], [2.1], [3.3]]), np.array([[0.0], [3.0], [5.0], [1.0]])
    >>> Trustworthiness(k=1).per_point(x, z).tolist()
    [0.0, 0.5, 1.0, 0.0]
    >>> Trustworthiness(k=1)(x, z)
    0.375

    References:
        Venna & Kaski, Neighborhood preservation in nonlinear projection methods, ICANN 2001.
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, k: int = 15, *, rows: int | None = None, seed: int = 0):
        self.k = k
        self.rows = rows
        self.seed = seed

    def __call__(self, x: np.ndarray, z: np.ndarray) -> float:
        """Mean over the examined rows."""
        return float(self.per_point(x, z).mean())

    def per_point(self, x: np.ndarray, z: np.ndarray) -> Float[np.ndarray, " rows"]:
        """One value per examined row."""
        return _sampled_ranks(x, z, self.k, self.rows, self.seed).trustworthiness()


@final
class Continuity(Metric):
    """Are the neighbours in the data neighbours on the map? Trustworthiness with the two spaces exchanged.

    C = 1 − 2 / (n k (2n − 3k − 1)) · Σᵢ Σ_{j ∈ k nearest of i in x} max(0, rank_z(i, j) − k), in [0, 1].
    Cost as `neighbour_ranks`.

    Args:
        k: number of neighbours, less than n / 2.
        rows: examine a random sample of this many rows (their ranks stay exact); None examines all.
        seed: of the sample.

    >>> x = np.array([[0.0], [1.0], [3.0], [7.0]])
    >>> Continuity(k=1)(x, 2 * x)
    1.0

    References:
        Venna & Kaski, Neighborhood preservation in nonlinear projection methods, ICANN 2001.
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, k: int = 15, *, rows: int | None = None, seed: int = 0):
        self.k = k
        self.rows = rows
        self.seed = seed

    def __call__(self, x: np.ndarray, z: np.ndarray) -> float:
        """Mean over the examined rows."""
        return float(self.per_point(x, z).mean())

    def per_point(self, x: np.ndarray, z: np.ndarray) -> Float[np.ndarray, " rows"]:
        """One value per examined row."""
        return _sampled_ranks(x, z, self.k, self.rows, self.seed).continuity()


@final
class NeighbourOverlap(Metric):
    """Mean share of the k nearest rows in the data that are among the k nearest on the map, in [0, 1].

    About k / n for a random map: stricter than trustworthiness, since a near miss counts like a far one.
    Cost as `neighbour_ranks`.

    Args:
        k: number of neighbours, less than n / 2.
        rows: examine a random sample of this many rows; None examines all.
        seed: of the sample.

    >>> x = np.array([[0.0], [1.0], [3.0], [7.0]])
    >>> NeighbourOverlap(k=1)(x, np.array([[0.0], [2.0], [3.0], [9.0]]))
    0.75
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, k: int = 15, *, rows: int | None = None, seed: int = 0):
        self.k = k
        self.rows = rows
        self.seed = seed

    def __call__(self, x: np.ndarray, z: np.ndarray) -> float:
        """Mean over the examined rows."""
        return float(self.per_point(x, z).mean())

    def per_point(self, x: np.ndarray, z: np.ndarray) -> Float[np.ndarray, " rows"]:
        """One value per examined row."""
        return _sampled_ranks(x, z, self.k, self.rows, self.seed).overlap()


@final
class NeighbourAccuracy(Metric):
    """Share of rows whose label is the majority label of their k nearest rows, in [0, 1].

    Called with one set of rows each row is judged by the others (leave one out); `held_out` judges test rows by
    training rows. A tie goes to the label that sorts first. Cost that of `sklearn.neighbors.NearestNeighbors`.

    Args:
        k: number of voters.

    >>> z, label = np.array([[0.0], [1.0], [5.0], [6.0], [6.5]]), np.array(["a", "a", "b", "b", "a"])
    >>> NeighbourAccuracy(k=1)(z, label)
    0.6
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, k: int = 5):
        self.k = k

    def __call__(self, z: np.ndarray, label: np.ndarray) -> float:
        """Leave-one-out accuracy."""
        return float(self.per_point(z, label).mean())

    def per_point(self, z: np.ndarray, label: np.ndarray) -> Float[np.ndarray, " n"]:
        """1 where the other rows vote for the row's own label, else 0."""
        same_rows("NeighbourAccuracy", z=z, label=label)
        (z,) = finite_rows("NeighbourAccuracy", z=z)
        (code,) = codes("NeighbourAccuracy", label=label)
        self._check_voters(len(z) - 1)
        return (_vote(code[_nearest(z, None, self.k)]) == code).astype(np.float64)

    def held_out(
        self, z_train: np.ndarray, label_train: np.ndarray, *, z_test: np.ndarray, label_test: np.ndarray
    ) -> float:
        """Accuracy on test rows; equals `KNeighborsClassifier(k).fit(train).score(test)`."""
        same_rows("NeighbourAccuracy", z_train=z_train, label_train=label_train)
        same_rows("NeighbourAccuracy", z_test=z_test, label_test=label_test)
        (train,), (test,) = finite_rows("NeighbourAccuracy", z=z_train), finite_rows("NeighbourAccuracy", z=z_test)
        self._check_voters(len(train))
        (code,) = codes("NeighbourAccuracy", label=np.concatenate([label_train, label_test]))
        votes = _vote(code[: len(train)][_nearest(train, test, self.k)])
        return float((votes == code[len(train) :]).mean())

    def _check_voters(self, voters: int) -> None:
        if not 1 <= self.k <= voters:
            raise ShapeError(
                f"NeighbourAccuracy wants 1 ≤ k ≤ {voters} (the rows that can vote); got k={self.k}. Use a smaller k."
            )


def _rank_score(ranks: Int[np.ndarray, "rows k"], total: int) -> Float[np.ndarray, " rows"]:
    k = ranks.shape[1]
    return 1 - np.maximum(ranks - k, 0).sum(axis=1) * (2 / (k * (2 * total - 3 * k - 1)))


def _sampled_ranks(x: np.ndarray, z: np.ndarray, k: int, rows: int | None, seed: int) -> NeighbourRanks:
    return neighbour_ranks(x, z, k=k, rows=sample_rows(len(x), rows, seed))


def _precision(array: np.ndarray) -> torch.dtype:
    wide = np.asarray(array).dtype == np.float32 and np.size(array) > _WIDE * len(array)
    return torch.float32 if wide else torch.float64


def _ranks_of_block(patterns: Points, latents: Points, k: int, index: np.ndarray) -> tuple[np.ndarray, ...]:
    """Input neighbours, latent neighbours, latent ranks of the former, input ranks of the latter."""
    in_x, in_z = patterns.squared(index), latents.squared(index)
    own = np.arange(len(index))
    in_x[own, index] = np.inf
    in_z[own, index] = np.inf
    near_x, near_z = _smallest(in_x, k), _smallest(in_z, k)
    latent_ranks = _ranks(in_z, near_x, latents.resolution(index, near_x))
    input_ranks = _ranks(in_x, near_z, patterns.resolution(index, near_z))
    return near_x, near_z, latent_ranks, input_ranks


def _smallest(values: Float[np.ndarray, "block n"], k: int) -> Int[np.ndarray, "block k"]:
    return torch.from_numpy(values).topk(k, dim=1, largest=False).indices.numpy()


def _ranks(
    distances: Float[np.ndarray, "block n"],
    chosen: Int[np.ndarray, "block k"],
    resolution: Float[np.ndarray, "block k"],
) -> Int[np.ndarray, "block k"]:
    limits = np.take_along_axis(distances, chosen, axis=1) - resolution
    # One row at a time stays in the processor's cache: ten times faster than a comparison of whole blocks.
    counts = [
        [np.count_nonzero(row < limit) for limit in wanted] for row, wanted in zip(distances, limits, strict=True)
    ]
    return 1 + np.array(counts, dtype=np.int64)


def _nearest(base: np.ndarray, queries: np.ndarray | None, k: int) -> Int[np.ndarray, "rows k"]:
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(n_neighbors=k).fit(base).kneighbors(queries, return_distance=False)


def _vote(code: Int[np.ndarray, "rows k"]) -> Int[np.ndarray, " rows"]:
    votes = np.zeros((len(code), code.max() + 1), dtype=np.int32)
    np.add.at(votes, (np.arange(len(code))[:, None], code), 1)
    return votes.argmax(axis=1)
