"""A mixture of Gaussians fitted by EM: a density that can be evaluated and drawn from, and its energy."""

from __future__ import annotations

import math
import warnings
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentatlas.core import DataError, ShapeError, SpecError

__all__ = ["MixtureDensity"]

_FLOOR = 1e-4  # of the mean variance per axis, added to every covariance


@final
class MixtureDensity(nn.Module):
    r"""p(z) = Σ_c π_c N(z; μ_c, Σ_c) with full covariances; as a field its energy −log p(z), in nats.

    The standard Gaussian N(0, I) until it is fitted. What it knows are buffers, so it is saved with whatever holds it,
    and nothing of it is trained. Cost of a read or a draw: O(n · components · dim²).

    Args:
        components: number of Gaussians.
        dim: axes of the space.

    >>> density = MixtureDensity(1, 2)
    >>> round(density(torch.zeros(1, 2)).item(), 4)  # log 2π
    1.8379
    """

    log_shares: Tensor
    means: Tensor
    whitening: Tensor

    def __init__(self, components: int, dim: int):
        super().__init__()
        if components < 1 or dim < 1:
            raise SpecError(f"MixtureDensity wants components ≥ 1 and dim ≥ 1; got {components} and {dim}. Raise them.")
        self.components = components
        self.dim = dim
        self.register_buffer("log_shares", torch.full((components,), -math.log(components)))
        self.register_buffer("means", torch.zeros(components, dim))
        self.register_buffer("whitening", torch.eye(dim).repeat(components, 1, 1))

    def fit(self, z: Float[Tensor, "n dim"], *, seed: int = 0) -> MixtureDensity:
        """Fit by expectation–maximisation from k-means; returns itself. O(rounds · n · components · dim²).

        Args:
            z: at least two rows, and one per component.
            seed: of k-means.

        Raises:
            ShapeError: for too few rows, or rows with another number of axes.
            DataError: if rows are not finite, or all are equal.
        """
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture

        self._check_axes(z)
        if len(z) < max(2, self.components):
            raise ShapeError(
                f"MixtureDensity wants at least {max(2, self.components)} rows for {self.components} components; got "
                f"{len(z)}. Pass more rows, or build it with fewer components."
            )
        rows = z.detach().double().cpu().numpy()
        variance = rows.var(axis=0).mean()
        if not (np.isfinite(variance) and variance > 0):
            raise DataError("MixtureDensity wants finite rows that vary; these do not. Look for NaN, or for collapse.")
        unit = np.sqrt(variance)
        mixture = GaussianMixture(self.components, reg_covar=_FLOOR, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a fit that still improves is a density all the same
            mixture.fit(rows / unit)
        self.log_shares.copy_(torch.from_numpy(np.log(mixture.weights_)))
        self.means.copy_(torch.from_numpy(mixture.means_ * unit))
        self.whitening.copy_(torch.from_numpy(mixture.precisions_cholesky_ / unit))
        return self

    def forward(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """−log p(z)."""
        return -self.log_density(z)

    def log_density(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """Log p(z), in nats."""
        self._check_axes(z)
        whitening, shares = self.whitening.to(z.dtype), self.log_shares.to(z.dtype)
        white = torch.einsum("ncd,cde->nce", z[:, None, :] - self.means.to(z.dtype), whitening)
        volume = whitening.diagonal(dim1=1, dim2=2).log().sum(dim=1) - self.dim / 2 * math.log(2 * math.pi)
        return torch.logsumexp(shares + volume - white.square().sum(dim=2) / 2, dim=1)

    @torch.no_grad()
    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Float[Tensor, "n dim"]:
        """Independent draws; a generator must be of the device of the density."""
        device = self.means.device
        chosen = torch.multinomial(self.log_shares.exp(), n, replacement=True, generator=generator)
        white = torch.randn(n, 1, self.dim, generator=generator, device=device)
        spread = torch.linalg.solve_triangular(self.whitening[chosen], white, upper=True, left=False)
        return self.means[chosen] + spread[:, 0]

    def _check_axes(self, z: Tensor) -> None:
        if z.shape[1] != self.dim:
            raise ShapeError(f"MixtureDensity wants {self.dim} axes; got {z.shape[1]}. Build it for this latent.")
