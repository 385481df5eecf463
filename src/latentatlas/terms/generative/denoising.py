"""An energy whose slope points from disturbed codes back to where they were."""

from __future__ import annotations

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentatlas.core import SpecError
from latentatlas.terms.base import Term

__all__ = ["DenoisingScore"]


@final
class DenoisingScore(Term):
    r"""mean_i ‖σ ∇E(z_i + σ ξ_i) − ξ_i‖², ξ ~ N(0, I): denoising score matching.

    At its least E is, up to a constant, −log of the density of the codes blurred by σ; no chains, no normalisation. How
    high separate clusters stand against each other it hardly sees, as only slopes are compared.

    Range [0, ∞), `dim` for a flat energy. z gets a gradient too, see `Detached`. In evaluation mode every row gets the
    noises (1, …, 1) and (−1, …, −1), so that equal rows give equal values. Cost: two passes through the energy.

    Args:
        energy: a module (n, dim) → (n,), smooth, such as `models.NeuralEnergy`; trained with this term.
        sigma: σ, in the units of z; a tenth of the spread of a cluster changes little, as much as the spread blurs it.

    >>> from latentatlas.landscape import MixtureDensity
    >>> term = DenoisingScore(MixtureDensity(1, 2), sigma=1.0).eval()  # ∇E = z
    >>> float(term(torch.tensor([[3.0, 4.0]])).detach())  # (z + ξ) − ξ
    25.0

    References:
        Vincent, *A connection between score matching and denoising autoencoders*, 2011.
    """

    def __init__(self, energy: nn.Module, sigma: float):
        super().__init__()
        if not (math.isfinite(sigma) and sigma > 0):
            raise SpecError(
                f"DenoisingScore wants a finite sigma > 0; got {sigma}. A tenth of the spread of the latents is usual."
            )
        self.energy = energy
        self.sigma = sigma

    def forward(self, z: Float[Tensor, "n dim"]) -> Tensor:
        """The mean over rows, and in evaluation mode over both noises."""
        learning = torch.is_grad_enabled()
        noise = torch.randn_like(z) if self.training else torch.cat([torch.ones_like(z), -torch.ones_like(z)])
        codes = z if self.training else torch.cat([z, z])
        with torch.enable_grad():
            disturbed = codes + self.sigma * noise
            disturbed = disturbed if disturbed.requires_grad else disturbed.requires_grad_()
            (slope,) = torch.autograd.grad(self.energy(disturbed).sum(), disturbed, create_graph=learning)
        return (self.sigma * slope - noise).square().sum(dim=1).mean()
