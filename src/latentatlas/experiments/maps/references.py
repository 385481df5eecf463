"""The honest rows of every table: places at random, the linear map, and the linear map that is told the labels."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from jaxtyping import Shaped

from latentatlas.experiments.maps.base import FittedMap, MapMethod, Rows

__all__ = ["LDAMap", "PCAMap", "RandomMap"]


@final
class RandomMap(MapMethod):
    """Normal random places.

    Args:
        dim: axes.
    """

    name: str = "random"
    title: str = "random places"

    def __init__(self, dim: int = 2):
        self.dim = dim

    def fit(self, x: Rows, *, seed: int) -> FittedMap:
        """Draw them; O(n dim)."""
        rng = np.random.default_rng(seed)
        return FittedMap(self._places(len(x), rng), lambda rows: self._places(len(rows), rng))

    def _places(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return rng.standard_normal((n, self.dim)).astype(np.float32)


@final
class PCAMap(MapMethod):
    """Principal components.

    Args:
        dim: axes.
    """

    name: str = "pca"
    title: str = "PCA"
    learns: ClassVar[bool] = False

    def __init__(self, dim: int = 2):
        self.dim = dim

    def fit(self, x: Rows, *, seed: int) -> FittedMap:
        """Eigenvectors of the covariance; O(n features²)."""
        from sklearn.decomposition import PCA

        fitted = PCA(self.dim, svd_solver="covariance_eigh").fit(x)
        return FittedMap(fitted.transform(x), fitted.transform, fitted.inverse_transform)


@final
class LDAMap(MapMethod):
    """Linear discriminants: the one method that is told the labels of the training rows.

    Args:
        label: of the training rows, in their order.
        dim: axes, fewer than labels.
    """

    name: str = "lda"
    title: str = "LDA (told the labels)"
    learns: ClassVar[bool] = False

    def __init__(self, label: Shaped[np.ndarray, " n"], dim: int = 2):
        self.label = label
        self.dim = dim

    def fit(self, x: Rows, *, seed: int) -> FittedMap:
        """Within- and between-class scatter; O(n features²)."""
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

        fitted = LinearDiscriminantAnalysis(n_components=self.dim).fit(x, self.label[: len(x)])
        return FittedMap(fitted.transform(x), fitted.transform)
