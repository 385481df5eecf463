"""Energies from a diffusion map: where the walk spends its time, and from where it mixes soonest."""

from __future__ import annotations

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.spectral.diffusion import DiffusionMap, after_one_step, kernel_to

__all__ = ["MixingField", "StationaryField"]


@final
class StationaryField:
    """−log of the stationary density, E(z) = −log (1/n) Σ_i K(z, x_i) ≥ 0, in nats: dense places are LOW.

    The walk's share of time in a row is π ∝ K1, so this is −log π continued to every point: a kernel density with the
    map's bandwidth. With a sparse kernel only the nearest rows enter the sum. Differentiable.

    Args:
        diffusion: a fitted map.

    Cost: O(m · n · features).

    >>> import numpy as np
    >>> from latentatlas.spectral import diffusion_map
    >>> line = diffusion_map(np.array([[-1.0], [0.0], [1.0]]))
    >>> energy = StationaryField(line)(torch.tensor([[0.0], [1.0], [9.0]]))
    >>> bool(energy[0] < energy[1] < energy[2])
    True
    """

    def __init__(self, diffusion: DiffusionMap):
        self.diffusion = diffusion

    def __call__(self, z: Float[Tensor, "n features"]) -> Float[Tensor, " n"]:
        """The energy of each row."""
        log_kernel, _ = kernel_to(self.diffusion, z)
        return math.log(len(self.diffusion.rows)) - torch.logsumexp(log_kernel, dim=1)


@final
class MixingField:
    """Squared diffusion distance to the stationary state, E(z) = Σ_j λ_j^{2t} ψ_j(z)² ≥ 0: central places are LOW.

    Right eigenvectors of a walk have the mean Σ πψ = 0, so this is the squared distance to the centroid of the
    diffusion coordinates. It is the source's "Diff" energy as it was meant: there the centroid is unweighted and the
    eigenvectors come from a symmetric solver on a matrix that is not symmetric. Central is not dense: between two
    clusters E is low. For basins take `StationaryField`. Differentiable.

    Args:
        diffusion: a fitted map.
        coordinates: eigenpairs in the sum; the source takes 2.
        time: steps t of the walk; the source takes 1.

    Cost: O(m · n · features).

    >>> import numpy as np
    >>> from latentatlas.spectral import diffusion_map
    >>> line = diffusion_map(np.array([[-1.0], [0.0], [1.0]]), coordinates=1)
    >>> energy = MixingField(line)(torch.tensor([[0.0], [1.0]]))
    >>> bool(energy[0] < 1e-9 < energy[1])
    True
    """

    def __init__(self, diffusion: DiffusionMap, *, coordinates: int = 2, time: float = 1.0):
        self.diffusion = diffusion
        self.coordinates = coordinates
        self.time = time

    def __call__(self, z: Float[Tensor, "n features"]) -> Float[Tensor, " n"]:
        """The energy of each row."""
        powers = torch.from_numpy(self.diffusion.eigenvalues[: self.coordinates] ** (self.time - 1.0)).to(z)
        return (after_one_step(self.diffusion, z)[:, : self.coordinates] * powers).square().sum(dim=1)
