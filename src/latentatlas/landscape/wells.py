"""A smooth field around known basins: one Gaussian well for each, of one common shape."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from latentatlas.core import DataError, ShapeError, SpecError

__all__ = ["GaussianWells", "fit_wells"]


@final
@dataclass(frozen=True, eq=False)
class GaussianWells:
    r"""−log of a mixture of Gaussians with one shared covariance, on principal axes; made by `fit_wells`.

    E(z) = −log Σ_b π_b exp(−½‖Wᵀ(z − μ_b)‖²), in nats, up to a constant: about ½ squared Mahalanobis distance to the
    nearest centre. Affine changes of the data change nothing as long as the same axes are kept.

    Cost: O(n (dim · axes + basins · axes)).

    Attributes:
        centres: μ_b.
        shares: π_b, sum 1.
        whitening: W; it makes the shared covariance on the kept axes the identity.
    """

    centres: Float[Tensor, "basins dim"]
    shares: Float[Tensor, " basins"]
    whitening: Float[Tensor, "dim axes"]

    def __call__(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """Energy in nats."""
        if z.shape[1] != self.centres.shape[1]:
            raise ShapeError(f"GaussianWells wants {self.centres.shape[1]} axes; got {z.shape[1]}. Encode them first.")
        axes = self.whitening.to(z)
        squared = ((z @ axes)[:, None, :] - (self.centres.to(z) @ axes)[None]).square().sum(dim=2)
        return -torch.logsumexp(self.shares.to(z).log() - squared / 2, dim=1)


def fit_wells(x: Float[np.ndarray, "n dim"], basins: Int[np.ndarray, " n"], *, variance: float = 0.99) -> GaussianWells:
    """Gaussian wells around the basins of a landscape: the means of basins, and their pooled covariance.

    A kernel density ranks rows near a mode by the luck of the sample; if basins are roughly alike in shape, a mean over
    the whole basin finds the middle much better. If they are not (moons, filaments), it does not.

    Args:
        x: rows.
        basins: number of each row's basin, from 0 without gaps.
        variance: the principal axes that hold this share of the variance are kept; axes of pure noise would else weigh
            as much as the others.

    Cost: O(n dim² + dim³).

    Raises:
        ShapeError: if there is not one basin for each of one row or more.
        SpecError: unless 0 < variance ≤ 1.
        DataError: if rows do not vary within basins.

    >>> x = np.array([[-3.0], [-1.0], [1.0], [3.0]])
    >>> wells = fit_wells(x, np.array([0, 0, 1, 1]))  # centres −2 and 2, variance 1
    >>> wells.centres.tolist(), round(wells(torch.tensor([[2.0]])).item(), 3)  # log 2 − log(1 + e⁻⁸)
    ([[-2.0], [2.0]], 0.693)
    """
    if not len(x) or len(basins) != len(x):
        raise ShapeError(f"fit_wells wants one basin for each of one row or more; got {len(basins)} for {len(x)} rows.")
    if not 0 < variance <= 1:
        raise SpecError(f"fit_wells wants 0 < variance ≤ 1; got {variance}. .99 drops axes of noise.")
    rows = x.astype(np.float64)
    sizes = np.bincount(basins)
    centres = np.stack([np.bincount(basins, column) for column in rows.T], axis=1) / sizes[:, None]
    deviation = rows - rows.mean(axis=0)
    spread, turn = np.linalg.eigh(deviation.T @ deviation)
    held = np.cumsum(spread[::-1]) / max(spread.sum(), np.finfo(float).tiny)
    axes = turn[:, ::-1][:, : int(np.searchsorted(held, variance - 1e-12)) + 1]
    within = (rows - centres[basins]) @ axes
    scale, own = np.linalg.eigh(within.T @ within / len(rows))
    if not scale.min() > 1e-12 * max(float(scale.max()), np.finfo(float).tiny):
        raise DataError(
            "fit_wells wants rows that vary within their basins along every kept axis; some do not, so wells would "
            "have no width. Merge basins, or lower `variance`."
        )
    whitening = axes @ own / np.sqrt(scale)
    arrays = centres, sizes / math.fsum(sizes), whitening
    return GaussianWells(*(torch.from_numpy(np.ascontiguousarray(array)) for array in arrays))
