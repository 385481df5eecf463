"""LEACE: the least change to rows after which no linear model can tell the nuisance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
from jaxtyping import Float

from latentatlas.core import DataError
from latentatlas.erasure.base import Eraser, Erasure, require_rows, warn
from latentatlas.erasure.columns import finite_rows, nuisance_columns
from latentatlas.erasure.statistics import Moments

__all__ = ["LinearEraser", "LinearErasure"]

_BLOCK_NUMBERS = 2**22
_NULL = 1e-12  # eigenvalues of a correlation matrix below this, relative to the largest, are rounding


@final
class LinearEraser(Eraser):
    r"""Erases what a linear model could tell of the nuisance, with the least change in the mean square.

    With W the pseudo-inverse square root of Cov(x) and P the orthogonal projection onto the span of W Cov(x, v),

        x' = x − W⁺ P W (x − x̄):  Cov(x', v) = 0,  E‖x' − x‖² least among all affine maps.

    v has one column of 0 and 1 for each category, and one column for each real nuisance; several nuisances, nested ones
    too, are erased at once. As the covariance is 0 on the rows of the fit, no linear model of x' has a smaller convex
    loss there than a constant. On new rows it is 0 up to sampling, of the order √(features / rows of a category). The
    statistics are computed in units of the standard deviation of each feature, which changes nothing but rounding.

    **Label.** What of the label goes with the nuisance goes with it: if 95 % of the books are praised, praise is partly
    erased. With `label` the covariance is made 0 within every class of the label, E[x' | v, y] = E[x' | y]; what
    the classes of the label themselves differ by stays, and through it v can still be told as well as from y.

    Args:
        numeric: columns of whole numbers that are numbers; all others of whole numbers are categories.
        tolerance: correlations of the nuisance with the best linear prediction of it below this count as 0.

    Cost: `update` O(n · features²) time, O(features² + features · categories) memory; `erasure` O(features³).

    The first feature is the nuisance, the second is not:

    >>> x = np.array([[0.0, 1.0], [0.0, -1.0], [2.0, 1.0], [2.0, -1.0]])
    >>> LinearEraser().fit(x, ["a", "a", "b", "b"]).transform(x).round(12).tolist()
    [[1.0, 1.0], [1.0, -1.0], [1.0, 1.0], [1.0, -1.0]]

    References:
        Belrose et al., LEACE: perfect linear concept erasure in closed form, NeurIPS 2023.
    """

    def __init__(self, *, numeric: Sequence[str] = (), tolerance: float = 1e-8):
        if not 0 < tolerance < 1:
            raise DataError(f"LinearEraser wants a tolerance between 0 and 1; got {tolerance}. 1e-8 is usual.")
        self.numeric = tuple(numeric)
        self.tolerance = tolerance
        self.forget()

    def forget(self) -> None:
        """Start anew."""
        self._moments = Moments(self.numeric)
        self._erasure: LinearErasure | None = None

    def update(self, x: Any, nuisance: Any, label: Any = None) -> LinearEraser:
        """Add rows; categories may be new. The result is that of one call with all rows, up to rounding."""
        rows = finite_rows("LinearEraser", x, features=self._moments.features or None)
        columns = nuisance_columns("LinearEraser", nuisance, len(rows))
        strata = None if label is None else nuisance_columns("LinearEraser", {"label": label}, len(rows))["label"]
        self._moments.add(rows, columns, strata)
        self._erasure = None
        return self

    @property
    def erasure(self) -> LinearErasure:
        """The map for the rows seen so far; computed once.

        Raises:
            DataError: if no nuisance varies (within the classes of the label, where there is one), or one has a
                category for nearly every row.
        """
        if self._erasure is None:
            self._erasure = _erasure_of(self._moments, self.tolerance)
        return self._erasure


@final
@dataclass(frozen=True, eq=False)
class LinearErasure(Erasure):
    """x' = x − ((x − mean) into) back, made by `LinearEraser`.

    Attributes:
        mean: of the rows of the fit; it is not changed.
        into: coordinates of what is erased.
        back: what they add to the features.
        rows: number of rows of the fit.
        nuisances: by name, the categories that were met; empty for real numbers.
        within_label: whether it was erased within the classes of a label.
    """

    mean: Float[np.ndarray, " features"]
    into: Float[np.ndarray, "features rank"]
    back: Float[np.ndarray, "rank features"]
    rows: int
    nuisances: dict[str, list[Any]] = field(default_factory=dict)
    within_label: bool = False

    @property
    def features(self) -> int:
        """Number of columns of the rows."""
        return len(self.mean)

    @property
    def rank(self) -> int:
        """Number of axes that are erased."""
        return self.into.shape[1]

    def __call__(self, x: Any, nuisance: Any = None) -> Float[np.ndarray, "n features"]:
        """The rows without the nuisance. The nuisance of the rows is not needed, and not read."""
        rows = finite_rows("LinearErasure", x, features=self.features)
        erased = np.empty_like(rows)
        step = max(1, _BLOCK_NUMBERS // self.features)
        for start in range(0, len(rows), step):
            block = rows[start : start + step].astype(np.float64)
            erased[start : start + step] = block - ((block - self.mean) @ self.into) @ self.back
        return erased

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Mean, into and back."""
        return {"mean": self.mean, "into": self.into, "back": self.back}

    def to_plain(self) -> dict[str, Any]:
        """Rows, nuisances, and whether within a label."""
        return {"rows": self.rows, "nuisances": self.nuisances, "within_label": self.within_label}

    @classmethod
    def of_parts(cls, arrays: dict[str, np.ndarray], plain: dict[str, Any]) -> LinearErasure:
        """The way back."""
        return cls(**arrays, **plain)


def _erasure_of(moments: Moments, tolerance: float) -> LinearErasure:
    require_rows("LinearEraser", moments.rows)
    if not moments.varying().any():
        raise DataError("LinearEraser wants rows that vary; all are equal. Check the columns of the rows.")
    _require_shared_categories(moments)
    concepts = list(moments.concepts())
    _require_varying(moments, {concept.column for concept in concepts})
    covariance, varying = moments.covariance(), moments.varying()
    scale = np.sqrt(np.where(varying, np.diag(covariance), 1.0))
    correlation = covariance[np.ix_(varying, varying)] / np.outer(scale[varying], scale[varying])
    values, vectors = np.linalg.eigh(correlation)
    kept = values > _NULL * values[-1]
    whiten = vectors[:, kept] / np.sqrt(values[kept])  # (varying, kept): the coordinates of whitened rows
    told = np.stack([concept.covariance for concept in concepts], axis=1)[varying] / scale[varying, None]
    axes, strengths, _ = np.linalg.svd(whiten.T @ told, full_matrices=False)
    axes = axes[:, strengths > tolerance]
    into, back = np.zeros((len(scale), axes.shape[1])), np.zeros((axes.shape[1], len(scale)))
    into[varying] = whiten @ axes / scale[varying, None]
    back[:, varying] = (axes.T * np.sqrt(values[kept])) @ vectors[:, kept].T * scale[varying]
    _warn_of_little(moments, axes.shape[1], int(kept.sum()))
    known = {name: moments.categories(name) if name in moments.cells else [] for name in moments.names}
    return LinearErasure(moments.mean(), into, back, moments.rows, known, moments.labelled)


def _require_shared_categories(moments: Moments) -> None:
    for name in moments.cells:
        found = len(moments.categories(name))
        if found > max(2, moments.rows // 2):
            raise DataError(
                f"LinearEraser wants categories that rows share; {name!r} has {found} in {moments.rows} rows, as ids "
                "have. Name a coarser column, or pass it as numeric if it is a number."
            )


def _require_varying(moments: Moments, varying: set[str]) -> None:
    for name in moments.names:
        if name in varying:
            continue
        if moments.labelled and (len(moments.categories(name)) > 1 if name in moments.cells else True):
            raise DataError(
                f"LinearEraser wants {name!r} to vary within a class of the label; in every class it has one value: "
                "nuisance and label cannot be separated. Find rows where they differ, or leave the label out and lose "
                "both."
            )
        raise DataError(
            f"LinearEraser wants a nuisance that varies; {name!r} has the same value in all {moments.rows} rows. Leave "
            "it out."
        )


def _warn_of_little(moments: Moments, rank: int, dimensions: int) -> None:
    if rank >= dimensions:
        warn(
            f"LinearEraser erased all {dimensions} dimensions in which the rows vary: every row is the mean now. The "
            f"nuisance has too many categories, or the {moments.rows} rows are too few."
        )
    elif moments.rows <= moments.features:
        warn(
            f"LinearEraser had {moments.rows} rows for {moments.features} features: the nuisance is gone from these "
            "rows, but not from new ones. Pass more rows, or fewer features."
        )
