"""Diffusion maps: coordinates in which distance is that of random walks on the rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float, Num
from torch import Tensor

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.graph import knn_graph
from latentatlas.spectral.rows import finite_matrix

__all__ = ["DENSE_ROWS", "DiffusionMap", "after_one_step", "diffusion_map", "kernel_to", "median_distance"]

DENSE_ROWS = 5_000
"""Up to this many rows the kernel holds every pair."""

_FULL_SOLVER_ROWS = 1_000
_SMALLEST_EIGENVALUE = 1e-8
_BLOCK_NUMBERS = 2**22


@final
@dataclass(frozen=True, eq=False)
class DiffusionMap:
    """Eigenpairs of the random walk P = D⁻¹K on the fitted rows, and the way to new rows.

    The walk's first eigenpair, λ = 1 with a constant vector, says nothing and is left out.

    Attributes:
        rows: the fitted rows in float64.
        bandwidth: σ of K(x, y) = exp(−‖x − y‖²/2σ²).
        neighbours: nearest rows that K keeps for each row (the row itself besides); None keeps all.
        eigenvalues: λ₁ ≥ λ₂ ≥ …, below 1 unless the rows fall apart, in which case 1 stands once for each part but one.
        vectors: right eigenvectors ψ of P, one column each, with Σ πψ = 0 and Σ πψ² = 1; the largest entry is positive.
        stationary: π, the share of time that the walk spends in each row; high where rows are dense. Sums to 1.
    """

    rows: Float[np.ndarray, "n features"]
    bandwidth: float
    neighbours: int | None
    eigenvalues: Float[np.ndarray, " k"]
    vectors: Float[np.ndarray, "n k"]
    stationary: Float[np.ndarray, " n"]

    def coordinates(self, *, time: float = 1.0) -> Float[np.ndarray, "n k"]:
        """λ_jᵗ ψ_j of the fitted rows: Euclidean distances are diffusion distances after `time` steps."""
        return self.vectors * self.eigenvalues**time

    def __call__(self, x: Num[np.ndarray, "m features"], *, time: float = 1.0) -> Float[np.ndarray, "m k"]:
        """The coordinates of new rows (Nyström): ψ_j(x) = (1/λ_j) Σ_i p(x, x_i) ψ_j(x_i), times λ_jᵗ.

        p(x, ·) is the kernel to the fitted rows, or to the nearest of them, divided by its sum. On the fitted rows this
        is the map itself where the kernel holds all pairs, and close to it where it does not. Far from all rows p is
        that of the nearest ones. Cost: O(m · n · features).

        Raises:
            ShapeError: if the columns are not those of the fit.
            DataError: if an entry is NaN, infinite or no number.
        """
        x = finite_matrix("DiffusionMap", x, features=self.rows.shape[1])
        walked = torch.cat([after_one_step(self, block) for block in _tensor_blocks(x, len(self.rows))])
        return walked.numpy() * self.eigenvalues ** (time - 1.0)

    @property
    def spectral_gap(self) -> float:
        """1 − λ₁, in [0, 1]: 0 where the rows fall apart; 1/gap is about how many steps the walk needs to mix."""
        return float(max(0.0, 1.0 - self.eigenvalues[0]))

    @property
    def clusters(self) -> int:
        """Number of clusters by the gap: how many eigenvalues, the first included, stand above the widest gap.

        Never more than the eigenpairs that were computed. A heuristic: without clusters it still names a number.
        """
        spectrum = np.concatenate([[1.0], self.eigenvalues])
        return int(np.argmax(spectrum[:-1] - spectrum[1:])) + 1


def diffusion_map(
    x: Num[np.ndarray, "n features"],
    *,
    coordinates: int = 10,
    bandwidth: float | None = None,
    neighbours: int | None = None,
    seed: int = 0,
) -> DiffusionMap:
    """Diffusion map of the rows of `x`.

    K_ij = exp(−‖x_i − x_j‖²/2σ²), P = D⁻¹K with D = diag(K1). P is row-stochastic and not symmetric, so the symmetric
    S = D^{-1/2} K D^{-1/2} is solved: the same eigenvalues, all in [−1, 1], and ψ = D^{-1/2} v. (A symmetric solver
    given P itself returns neither; the source does that and finds an eigenvalue of 1.035.)

    Up to 5,000 rows, unless `neighbours` is given, K holds all pairs: O(n² features) time and O(n²) memory. Above, each
    row keeps itself and its 32 nearest (`knn_graph`), and K is their union: O(n · neighbours) memory.

    Args:
        x: any real numbers. The unit does not matter; columns of very different scales do.
        coordinates: eigenpairs to compute; those with an eigenvalue below 1e-8 are left out, since new rows would be
            placed by dividing by it.
        bandwidth: σ. None takes the median distance: of all pairs, or of kept neighbours.
        neighbours: nearest rows that K keeps for each row.
        seed: of the start vector of the iterative solver and of the approximate neighbour search.

    Raises:
        ShapeError: if there are fewer than three rows, or neighbours ≥ n.
        DataError: if an entry is NaN or infinite, or most rows are equal, so that the median distance is 0.
        SpecError: unless coordinates ≥ 1 and bandwidth > 0.

    >>> angle = 2 * np.pi * np.arange(12) / 12
    >>> found = diffusion_map(np.stack([np.cos(angle), np.sin(angle)], axis=1), coordinates=2)
    >>> np.hypot(*found.vectors.T).round(6).tolist() == [round(2**0.5, 6)] * 12  # a circle again
    True

    References:
        Coifman & Lafon, *Diffusion maps*, Applied and Computational Harmonic Analysis 2006.
        von Luxburg, *A tutorial on spectral clustering*, Statistics and Computing 2007 (the gap).
    """
    rows = finite_matrix("diffusion_map", x).astype(np.float64)
    n = len(rows)
    if n < 3:
        raise ShapeError(f"diffusion_map wants at least three rows; got {n}. Pass more rows.")
    if coordinates < 1 or (bandwidth is not None and not bandwidth > 0):
        raise SpecError(
            f"diffusion_map wants coordinates ≥ 1 and bandwidth > 0; got {coordinates} and {bandwidth}. "
            "Leave the bandwidth out for the median distance."
        )
    if neighbours is None and n > DENSE_ROWS:
        neighbours = 32
    kernel, sigma = _all_pairs(rows, bandwidth) if neighbours is None else _sparse(rows, neighbours, bandwidth, seed)
    degrees = np.asarray(kernel.sum(axis=1)).ravel()
    stationary = degrees / degrees.sum()
    values, vectors = _walk_eigenpairs(kernel, degrees, min(coordinates, n - 2), seed)
    kept = values > _SMALLEST_EIGENVALUE
    if not kept.any():
        raise DataError(
            f"diffusion_map wants a walk that takes more than one step to mix; with the bandwidth {sigma:g} every row "
            "is beside every other. Pass a smaller bandwidth."
        )
    vectors = _oriented(vectors[:, kept] / np.sqrt(stationary)[:, None])
    return DiffusionMap(rows, sigma, neighbours, values[kept], vectors, stationary)


def median_distance(x: Num[np.ndarray, "n features"], *, rows: int | None = DENSE_ROWS, seed: int = 0) -> float:
    """Median Euclidean distance of all pairs of different rows, of a random sample where there are more than `rows`.

    Cost: O(rows² features) time, O(rows²) memory.

    >>> median_distance(np.array([[0.0], [1.0], [3.0]]))
    2.0

    Raises:
        ShapeError: if there are fewer than two rows.
        DataError: if an entry is NaN or infinite.
    """
    from scipy.spatial.distance import pdist

    x = finite_matrix("median_distance", x)
    if rows is not None and len(x) > rows:
        x = x[np.sort(np.random.default_rng(seed).choice(len(x), rows, replace=False))]
    if len(x) < 2:
        raise ShapeError("median_distance wants at least two rows; got one. Pass more rows.")
    return float(np.median(pdist(x)))


def kernel_to(fitted: DiffusionMap, z: Float[Tensor, "m features"]) -> tuple[Tensor, Tensor | None]:
    """Log K between rows and the fitted ones, and which of those where only the nearest are kept; differentiable."""
    rows = torch.from_numpy(fitted.rows).to(z)
    centre = rows.mean(dim=0)
    squared = _squared_distances(z - centre, rows - centre)
    if fitted.neighbours is None:
        return -squared / (2 * fitted.bandwidth**2), None
    nearest = squared.topk(fitted.neighbours + 1, dim=1, largest=False)
    return -nearest.values / (2 * fitted.bandwidth**2), nearest.indices


def after_one_step(fitted: DiffusionMap, z: Float[Tensor, "m features"]) -> Float[Tensor, "m k"]:
    """Σ_i p(z, x_i) ψ(x_i): the mean of the eigenvectors where the walk stands one step after z; differentiable."""
    vectors = torch.from_numpy(fitted.vectors).to(z)
    log_kernel, columns = kernel_to(fitted, z)
    share = torch.softmax(log_kernel, dim=1)
    return share @ vectors if columns is None else torch.einsum("mk,mkc->mc", share, vectors[columns])


def _squared_distances(a: Tensor, b: Tensor) -> Tensor:
    return (a.square().sum(dim=1)[:, None] + b.square().sum(dim=1)[None, :] - 2 * a @ b.T).clamp_min(0)


def _tensor_blocks(x: np.ndarray, width: int) -> Iterator[Tensor]:
    step = max(1, _BLOCK_NUMBERS // width)
    for start in range(0, len(x), step):
        yield torch.from_numpy(x[start : start + step].astype(np.float64))


def _all_pairs(rows: np.ndarray, bandwidth: float | None) -> tuple[np.ndarray, float]:
    from scipy.spatial.distance import pdist, squareform

    distances = pdist(rows)
    sigma = _positive(float(np.median(distances)) if bandwidth is None else bandwidth)
    kernel = squareform(np.exp(-np.square(distances / sigma) / 2))
    np.fill_diagonal(kernel, 1.0)
    return kernel, sigma


def _sparse(rows: np.ndarray, k: int, bandwidth: float | None, seed: int) -> tuple[sp.csr_matrix, float]:
    """K of the union of neighbours; a row is its own neighbour too, as in the kernel of all pairs."""
    graph = knn_graph(rows, k, seed=seed)
    distances = graph.distances.astype(np.float64)
    sigma = _positive(float(np.median(distances)) if bandwidth is None else bandwidth)
    n, reached = len(rows), graph.indices.ravel() >= 0
    values = np.exp(-np.square(distances / sigma) / 2).ravel()
    places = np.repeat(np.arange(n), k)[reached], graph.indices.ravel()[reached]
    directed = sp.csr_matrix((values[reached], places), shape=(n, n))
    return sp.csr_matrix(directed.maximum(directed.T) + sp.identity(n)), sigma


def _positive(sigma: float) -> float:
    if sigma > 0:
        return sigma
    raise DataError(
        "diffusion_map wants rows apart from each other; the median distance is 0: most rows are equal. "
        "Drop duplicates or pass a bandwidth."
    )


def _walk_eigenpairs(
    kernel: np.ndarray | sp.csr_matrix, degrees: np.ndarray, count: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Largest eigenpairs of S without its first, √π, which is known and taken out."""
    from scipy.linalg import eigh
    from scipy.sparse.linalg import LinearOperator, eigsh

    n = len(degrees)
    root = np.sqrt(degrees)
    first = root / np.linalg.norm(root)
    if n <= _FULL_SOLVER_ROWS:
        dense = kernel if isinstance(kernel, np.ndarray) else kernel.toarray()
        deflated = dense / root[:, None] / root[None, :] - np.outer(first, first)
        values, vectors = eigh(deflated, subset_by_index=[n - count, n - 1])
    else:
        scale = sp.diags(1 / root)
        walk = scale @ kernel @ scale  # of an array, an array
        operator = LinearOperator((n, n), matvec=lambda v: walk @ v - first * (first @ v), dtype=np.float64)
        start = np.random.default_rng(seed).standard_normal(n)
        values, vectors = eigsh(operator, k=count, which="LA", v0=start)
    order = np.argsort(-values, kind="stable")
    return np.minimum(values[order], 1.0), vectors[:, order]


def _oriented(vectors: np.ndarray) -> np.ndarray:
    """Each column with the sign that makes its largest entry positive; entries within rounding tie, the first wins."""
    largest = np.abs(vectors).round(9).argmax(axis=0)
    signs = np.sign(np.take_along_axis(vectors, largest[None, :], axis=0))
    return vectors * np.where(signs == 0, 1.0, signs)
