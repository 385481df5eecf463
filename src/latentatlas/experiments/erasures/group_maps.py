"""One affine map for each group, onto one mean and one covariance: what a KernelEraser is compared with."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Shaped

__all__ = ["GaussianMaps"]

_SHRINKAGE = 0.3
_STEPS = 8
_FLOOR = 1e-12


class GaussianMaps(NamedTuple):
    """Optimal transport between Gaussians: every group onto the barycentre of all, x' = m̄ + (x − m_g) T_g.

    Covariances of groups are drawn to their mean by .3, since groups have few rows for their axes.

    Attributes:
        names: of the groups.
        means: m_g.
        maps: T_g, symmetric and positive.

    References:
        Agueh & Carlier, Barycenters in the Wasserstein space, 2011 (the fixed point that is iterated).
    """

    names: Shaped[np.ndarray, " groups"]
    means: Float[np.ndarray, "groups features"]
    maps: Float[np.ndarray, "groups features features"]

    @classmethod
    def fit(cls, x: Float[np.ndarray, "n features"], group: Shaped[np.ndarray, " n"]) -> GaussianMaps:
        """The maps of some rows. Cost: O(groups · features³)."""
        names = np.unique(group)
        parts = [x[group == name].astype(np.float64) for name in names]
        covariances = np.stack([np.cov(part.T) for part in parts])
        covariances += _SHRINKAGE * (covariances.mean(axis=0) - covariances)
        centre = covariances.mean(axis=0)
        for _ in range(_STEPS):
            root, inverse = _roots(centre)
            middle = np.mean([_roots(root @ each @ root)[0] for each in covariances], axis=0)
            centre = inverse @ middle @ middle @ inverse
        maps = []
        for each in covariances:
            root, inverse = _roots(each)
            maps.append(inverse @ _roots(root @ centre @ root)[0] @ inverse)
        return cls(names, np.stack([part.mean(axis=0) for part in parts]), np.stack(maps))

    def __call__(
        self, x: Float[np.ndarray, "n features"], group: Shaped[np.ndarray, " n"]
    ) -> Float[np.ndarray, "n features"]:
        """Rows of known groups."""
        moved = np.empty_like(x)
        for name, mean, each in zip(self.names, self.means, self.maps, strict=True):
            here = group == name
            moved[here] = (x[here] - mean) @ each + self.means.mean(axis=0)
        return moved


def _roots(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Square root, and its inverse where the matrix is not 0."""
    values, vectors = np.linalg.eigh(matrix)
    kept = values > _FLOOR * max(values[-1], _FLOOR)
    root = np.sqrt(np.where(kept, values, 0.0))
    inverse = np.divide(1.0, root, out=np.zeros_like(root), where=root > 0)
    return (vectors * root) @ vectors.T, (vectors * inverse) @ vectors.T
