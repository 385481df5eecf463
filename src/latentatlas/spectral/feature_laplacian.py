"""The Laplacian of the graph of features, nodes are columns, and the Rayleigh energy of rows on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Float, Int, Num

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.spectral.rows import double_blocks, finite_matrix

__all__ = ["FeatureLaplacian", "FeatureLaplacianFitter", "RayleighEnergy", "feature_laplacian"]

_DIGITS = 12  # similarities this close are ties, so that copies of a column do not depend on rounding
_BLOCK_NUMBERS = 2**22
_NEGLIGIBLE = 1e-9


@final
@dataclass(frozen=True, eq=False)
class RayleighEnergy:
    """Rayleigh energies, and where there are none.

    Attributes:
        energy: R of each row; NaN where flagged.
        flagged: rows that are zero, or whose squared norm is below 1e-9 of the mean of all rows given.
    """

    energy: Float[np.ndarray, " n"]
    flagged: Bool[np.ndarray, " n"]


@final
@dataclass(frozen=True, eq=False)
class FeatureLaplacian:
    """L = D − W of a graph of features.

    Attributes:
        matrix: L, sparse and symmetric (features, features); rows sum to 0.
        degrees: D, the row sums of W. A feature that is zero everywhere has no edge and degree 0.
        signed: whether W holds negative weights; if not, L is positive semi-definite.
    """

    matrix: sp.csr_matrix
    degrees: Float[np.ndarray, " features"]
    signed: bool

    @property
    def features(self) -> int:
        """Number of features."""
        return len(self.degrees)

    @property
    def weights(self) -> sp.csr_matrix:
        """W: similarities of joined features."""
        return sp.csr_matrix(-(sp.triu(self.matrix, k=1) + sp.tril(self.matrix, k=-1)))

    def edges(self) -> tuple[Int[np.ndarray, " edges"], Int[np.ndarray, " edges"], Float[np.ndarray, " edges"]]:
        """Both ends and the weight of every edge, each edge once."""
        upper = sp.coo_matrix(sp.triu(self.matrix, k=1))
        return upper.row.astype(np.int64), upper.col.astype(np.int64), -upper.data

    def __call__(self, x: Num[np.ndarray, "n features"]) -> RayleighEnergy:
        """R(x) = xᵀLx / xᵀx of each row: low where similar features have similar values, high where they differ.

        Between 0 and the largest eigenvalue of L (at most twice the largest degree); R(c·x) = R(x), so neither the unit
        nor the sign of a row matters. It is not invariant to shifts: centring the columns changes it. A row whose
        features are all equal has R = 0. With negative weights R can be negative.

        Computed in float64 by blocks. Cost: O(n · features · k).

        >>> triangle = feature_laplacian(np.ones((1, 3)))
        >>> found = triangle(np.array([[5.0, 5.0, 5.0], [1.0, -1.0, 0.0], [0.0, 0.0, 0.0]]))
        >>> found.energy.tolist(), found.flagged.tolist()
        ([0.0, 3.0, nan], [False, False, True])

        Raises:
            ShapeError: if the columns are not those of the Laplacian, or there is no row.
            DataError: if an entry is NaN, infinite or no number.
        """
        x = finite_matrix("FeatureLaplacian", x, features=self.features)
        products, norms = np.empty(len(x)), np.empty(len(x))
        for place, block in double_blocks(x):
            columns = np.ascontiguousarray(block.T)
            products[place] = np.einsum("fn,fn->n", columns, self.matrix @ columns)
            norms[place] = np.einsum("fn,fn->n", columns, columns)
        flagged = (norms == 0) | (norms < _NEGLIGIBLE * norms.mean())
        energy = np.where(flagged, np.nan, products / np.where(flagged, 1.0, norms))
        return RayleighEnergy(energy if self.signed else np.maximum(energy, 0), flagged)


@final
class FeatureLaplacianFitter:
    """Feature Laplacian of rows that come in blocks: all it keeps is the Gram matrix XᵀX, in float64.

    Blocks may come in any order and from several fitters (`merge`); up to rounding the result is that of all rows at
    once. Memory O(features²); `update` costs O(rows · features²).

    Args:
        k: edges per feature before the graph is made symmetric; all other features where there are fewer.
        keep_negative: keep negative similarities, as the source does. L is then no longer positive semi-definite and
            energies can be negative; by default they count as no edge.

    >>> fitter = FeatureLaplacianFitter(k=1)
    >>> fitter.update(np.array([[1.0, 2.0, 0.0]])).update(np.array([[1.0, 2.0, 1.0]])).fit().degrees.round(3).tolist()
    [1.707, 1.0, 0.707]

    Raises:
        SpecError: unless k ≥ 1.
    """

    def __init__(self, *, k: int = 8, keep_negative: bool = False):
        if k < 1:
            raise SpecError(f"FeatureLaplacianFitter wants k ≥ 1 edges per feature; got {k}. The default is 8.")
        self.k = k
        self.keep_negative = keep_negative
        self._gram: np.ndarray | None = None

    def update(self, x: Num[np.ndarray, "n features"]) -> FeatureLaplacianFitter:
        """Take in a block of rows.

        Raises:
            ShapeError: if it has no row, or other columns than the blocks before.
            DataError: if an entry is NaN, infinite or no number.
        """
        x = finite_matrix("FeatureLaplacianFitter", x, features=None if self._gram is None else len(self._gram))
        gram = np.zeros((x.shape[1], x.shape[1])) if self._gram is None else self._gram
        for _, block in double_blocks(x):
            gram += block.T @ block
        self._gram = gram
        return self

    def merge(self, other: FeatureLaplacianFitter) -> FeatureLaplacianFitter:
        """Take in the rows that another fitter has seen.

        Raises:
            ShapeError: if the other has seen other columns.
        """
        if other._gram is None:
            return self
        if self._gram is None:
            self._gram = other._gram.copy()
        elif self._gram.shape == other._gram.shape:
            self._gram = self._gram + other._gram
        else:
            raise ShapeError(
                f"FeatureLaplacianFitter wants fitters of the same columns; got {len(self._gram)} and "
                f"{len(other._gram)}. Merge fitters of one table."
            )
        return self

    def fit(self) -> FeatureLaplacian:
        """The Laplacian of all rows so far; more may follow.

        Raises:
            DataError: if there was no row yet, fewer than two columns hold anything but zeros, or none are similar: L
                would be 0, and every energy with it.
        """
        if self._gram is None:
            raise DataError("FeatureLaplacianFitter wants rows; none came yet. Call update(x) first.")
        directed = _nearest_columns(_cosines(self._gram), self.k)
        if not self.keep_negative:
            directed.data = np.maximum(directed.data, 0)
        weights = directed.maximum(directed.T)
        weights.eliminate_zeros()
        if weights.nnz == 0:
            raise DataError(
                "FeatureLaplacianFitter wants columns with something in common; no two have a positive similarity. "
                "Rotate or pool the columns, or keep_negative=True where all are negative."
            )
        degrees = np.asarray(weights.sum(axis=1)).ravel()
        matrix = sp.csr_matrix(sp.diags(degrees) - weights)
        matrix.sort_indices()
        return FeatureLaplacian(matrix, degrees, signed=bool((weights.data < 0).any()))


def feature_laplacian(x: Num[np.ndarray, "n features"], *, k: int = 8, keep_negative: bool = False) -> FeatureLaplacian:
    """The Laplacian of the graph of the columns of `x`.

    s_ab = ⟨x_a, x_b⟩/(‖x_a‖‖x_b‖) of two columns, not centred. Each column names the k others most similar to it (ties:
    the lower number); W = max(W, Wᵀ); L = diag(W1) − W. Multiplying `x` by a number changes nothing.

    Cost: O(n · features²) time, O(features²) memory.

    Args:
        x: any real numbers; float32 is multiplied in float64.
        k: edges per column before W is made symmetric; all others where there are fewer.
        keep_negative: see `FeatureLaplacianFitter`.

    Raises:
        ShapeError, DataError, SpecError: see `FeatureLaplacianFitter`.

    >>> feature_laplacian(np.array([[1.0, 1.0, 1.0]]), k=2).matrix.toarray().tolist()
    [[2.0, -1.0, -1.0], [-1.0, 2.0, -1.0], [-1.0, -1.0, 2.0]]

    References:
        L. Moriondo, ArrowSpace for Latent Spaces, part 1 (there with negative similarities).
    """
    return FeatureLaplacianFitter(k=k, keep_negative=keep_negative).update(x).fit()


def _cosines(gram: np.ndarray) -> np.ndarray:
    """Similarities of columns; −∞ on the diagonal and for columns of zeros."""
    norms = np.sqrt(np.diag(gram))
    filled = norms > 0
    if filled.sum() < 2:
        raise DataError(
            f"FeatureLaplacianFitter wants two columns that are not zero; {int(filled.sum())} of {len(norms)} is. "
            "A graph of features needs features."
        )
    safe = np.where(filled, norms, 1.0)
    cosines = np.clip(gram / safe[:, None] / safe[None, :], -1.0, 1.0)
    cosines[~filled] = cosines[:, ~filled] = -np.inf
    np.fill_diagonal(cosines, -np.inf)
    return cosines


def _nearest_columns(cosines: np.ndarray, k: int) -> sp.csr_matrix:
    """Directed weights: in each row the k largest similarities."""
    features = len(cosines)
    k = min(k, features - 1)
    nearest = np.empty((features, k), dtype=np.int64)
    step = max(1, _BLOCK_NUMBERS // features)
    for start in range(0, features, step):
        ranked = np.argsort(-cosines[start : start + step].round(_DIGITS), axis=1, kind="stable")
        nearest[start : start + step] = ranked[:, :k]
    found = np.take_along_axis(cosines, nearest, axis=1)
    real = np.isfinite(found)
    rows = np.repeat(np.arange(features), k).reshape(features, k)
    return sp.csr_matrix((found[real], (rows[real], nearest[real])), shape=(features, features))
