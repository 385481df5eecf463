"""Are neighbours on the map true neighbours?

Distances are Euclidean, or those of a `geometry` between latents. For cosine neighbourhoods divide every row by its
norm first: the order is the same.
"""

from __future__ import annotations

from typing import ClassVar, Literal, final

import numpy as np
from jaxtyping import Float, Int

from latentatlas.core import ShapeError
from latentatlas.geometry import Euclidean, Geometry
from latentatlas.graph import knn_graph, nearest_points
from latentatlas.metrics.base import Metric, codes, finite_rows, same_rows, sample_rows
from latentatlas.metrics.ranks import NeighbourRanks, neighbour_ranks
from latentatlas.metrics.sampling import Estimate, mean_of_sample

__all__ = ["Continuity", "NeighbourAccuracy", "NeighbourOverlap", "Trustworthiness"]


@final
class Trustworthiness(Metric):
    """Are the neighbours on the map neighbours in the data? 1 − penalty for intruders by how far they come.

    T = 1 − 2 / (n k (2n − 3k − 1)) · Σᵢ Σ_{j ∈ k nearest of i in z} max(0, rank_x(i, j) − k), in [0, 1]; about ½ for a
    random map. Equals `sklearn.manifold.trustworthiness` where distances do not tie, and `trustworthiness(k)` of the
    topological autoencoders' code, whose tables print means over several k (`NeighbourRanks.first`). Cost as
    `neighbour_ranks`; with `rows` call `estimate` for the confidence interval.

    Args:
        k: number of neighbours, less than n / 2.
        rows: examine a random sample of this many rows (their ranks stay exact); None examines all.
        seed: of the sample.
        geometry: where the latent lies; None is flat space.

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

    def __init__(self, k: int = 15, *, rows: int | None = None, seed: int = 0, geometry: Geometry | None = None):
        self.k = k
        self.rows = rows
        self.seed = seed
        self.geometry = geometry

    def __call__(self, x: np.ndarray, z: np.ndarray) -> float:
        """Mean over the examined rows."""
        return float(self.per_point(x, z).mean())

    def per_point(self, x: np.ndarray, z: np.ndarray) -> Float[np.ndarray, " rows"]:
        """One value per examined row."""
        return _sampled_ranks(x, z, self).trustworthiness()

    def estimate(self, x: np.ndarray, z: np.ndarray, *, level: float = 0.95) -> Estimate:
        """The mean over all rows from the sample of `rows`, with a confidence interval; see `mean_of_sample`."""
        return mean_of_sample(self.per_point(x, z), total=len(x), level=level)


@final
class Continuity(Metric):
    """Are the neighbours in the data neighbours on the map? Trustworthiness with the two spaces exchanged.

    C = 1 − 2 / (n k (2n − 3k − 1)) · Σᵢ Σ_{j ∈ k nearest of i in x} max(0, rank_z(i, j) − k), in [0, 1].
    Cost as `neighbour_ranks`.

    Args:
        k: number of neighbours, less than n / 2.
        rows: examine a random sample of this many rows (their ranks stay exact); None examines all.
        seed: of the sample.
        geometry: where the latent lies; None is flat space.

    >>> x = np.array([[0.0], [1.0], [3.0], [7.0]])
    >>> Continuity(k=1)(x, 2 * x)
    1.0

    References:
        Venna & Kaski, Neighborhood preservation in nonlinear projection methods, ICANN 2001.
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, k: int = 15, *, rows: int | None = None, seed: int = 0, geometry: Geometry | None = None):
        self.k = k
        self.rows = rows
        self.seed = seed
        self.geometry = geometry

    def __call__(self, x: np.ndarray, z: np.ndarray) -> float:
        """Mean over the examined rows."""
        return float(self.per_point(x, z).mean())

    def per_point(self, x: np.ndarray, z: np.ndarray) -> Float[np.ndarray, " rows"]:
        """One value per examined row."""
        return _sampled_ranks(x, z, self).continuity()

    def estimate(self, x: np.ndarray, z: np.ndarray, *, level: float = 0.95) -> Estimate:
        """The mean over all rows from the sample of `rows`, with a confidence interval; see `mean_of_sample`."""
        return mean_of_sample(self.per_point(x, z), total=len(x), level=level)


@final
class NeighbourOverlap(Metric):
    """Mean share of the k nearest rows in the data that are among the k nearest on the map, in [0, 1].

    About k / n for a random map: stricter than trustworthiness, since a near miss counts like a far one.
    Cost as `neighbour_ranks`.

    Args:
        k: number of neighbours, less than n / 2.
        rows: examine a random sample of this many rows; None examines all.
        seed: of the sample.
        geometry: where the latent lies; None is flat space.

    >>> x = np.array([[0.0], [1.0], [3.0], [7.0]])
    >>> NeighbourOverlap(k=1)(x, np.array([[0.0], [2.0], [3.0], [9.0]]))
    0.75
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, k: int = 15, *, rows: int | None = None, seed: int = 0, geometry: Geometry | None = None):
        self.k = k
        self.rows = rows
        self.seed = seed
        self.geometry = geometry

    def __call__(self, x: np.ndarray, z: np.ndarray) -> float:
        """Mean over the examined rows."""
        return float(self.per_point(x, z).mean())

    def per_point(self, x: np.ndarray, z: np.ndarray) -> Float[np.ndarray, " rows"]:
        """One value per examined row."""
        return _sampled_ranks(x, z, self).overlap()

    def estimate(self, x: np.ndarray, z: np.ndarray, *, level: float = 0.95) -> Estimate:
        """The mean over all rows from the sample of `rows`, with a confidence interval; see `mean_of_sample`."""
        return mean_of_sample(self.per_point(x, z), total=len(x), level=level)


@final
class NeighbourAccuracy(Metric):
    """Share of rows whose label is the majority label of their k nearest rows, in [0, 1].

    Called with one set of rows each row is judged by the others (leave one out); `held_out` judges test rows by
    training rows. A tie goes to the label that sorts first. Cost that of `sklearn.neighbors.NearestNeighbors`.

    Args:
        k: number of voters.
        geometry: where the rows lie; None is flat space.

    >>> z, label = np.array([[0.0], [1.0], [5.0], [6.0], [6.5]]), np.array(["a", "a", "b", "b", "a"])
    >>> NeighbourAccuracy(k=1)(z, label)
    0.6
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, k: int = 5, *, geometry: Geometry | None = None):
        self.k = k
        self.geometry = geometry

    def __call__(self, z: np.ndarray, label: np.ndarray) -> float:
        """Leave-one-out accuracy."""
        return float(self.per_point(z, label).mean())

    def per_point(self, z: np.ndarray, label: np.ndarray) -> Float[np.ndarray, " n"]:
        """1 where the other rows vote for the row's own label, else 0."""
        same_rows("NeighbourAccuracy", z=z, label=label)
        (z,) = finite_rows("NeighbourAccuracy", z=z)
        (code,) = codes("NeighbourAccuracy", label=label)
        self._check_voters(len(z) - 1)
        return (_vote(code[self._nearest(z, None)]) == code).astype(np.float64)

    def held_out(
        self, z_train: np.ndarray, label_train: np.ndarray, *, z_test: np.ndarray, label_test: np.ndarray
    ) -> float:
        """Accuracy on test rows; equals `KNeighborsClassifier(k).fit(train).score(test)`."""
        same_rows("NeighbourAccuracy", z_train=z_train, label_train=label_train)
        same_rows("NeighbourAccuracy", z_test=z_test, label_test=label_test)
        (train,), (test,) = finite_rows("NeighbourAccuracy", z=z_train), finite_rows("NeighbourAccuracy", z=z_test)
        self._check_voters(len(train))
        (code,) = codes("NeighbourAccuracy", label=np.concatenate([label_train, label_test]))
        votes = _vote(code[: len(train)][self._nearest(train, test)])
        return float((votes == code[len(train) :]).mean())

    def _nearest(self, base: np.ndarray, queries: np.ndarray | None) -> Int[np.ndarray, "rows k"]:
        """Numbers of the k nearest; of the base itself without queries, none its own."""
        if self.geometry is None or isinstance(self.geometry, Euclidean):
            from sklearn.neighbors import NearestNeighbors

            return NearestNeighbors(n_neighbors=self.k).fit(base).kneighbors(queries, return_distance=False)
        if queries is None:
            return knn_graph(base, self.k, metric=self.geometry).indices
        return nearest_points(queries, base, self.k, self.geometry)[1]

    def _check_voters(self, voters: int) -> None:
        if not 1 <= self.k <= voters:
            raise ShapeError(
                f"NeighbourAccuracy wants 1 ≤ k ≤ {voters} (the rows that can vote); got k={self.k}. Use a smaller k."
            )


def _sampled_ranks(
    x: np.ndarray, z: np.ndarray, wanted: Trustworthiness | Continuity | NeighbourOverlap
) -> NeighbourRanks:
    rows = sample_rows(len(x), wanted.rows, wanted.seed)
    return neighbour_ranks(x, z, k=wanted.k, rows=rows, geometry=wanted.geometry)


def _vote(code: Int[np.ndarray, "rows k"]) -> Int[np.ndarray, " rows"]:
    votes = np.zeros((len(code), code.max() + 1), dtype=np.int32)
    np.add.at(votes, (np.arange(len(code))[:, None], code), 1)
    return votes.argmax(axis=1)
