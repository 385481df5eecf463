"""An energy that tells codes from noise of a known density."""

from __future__ import annotations

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from latentatlas.core import SpecError
from latentatlas.landscape import MixtureDensity
from latentatlas.terms.base import Term

__all__ = ["NoiseContrast"]

_SEED = 0  # of the noise in evaluation mode


@final
class NoiseContrast(Term):
    r"""(Σ log(1 + e^{−ℓ(z⁺)}) + Σ log(1 + e^{ℓ(z⁻)}))/(n + rn), ℓ(z) = −E(z) + c − log p_n(z) − log r, z⁻ ~ p_n.

    Binary cross-entropy of "code, not noise" with r noise rows for each of n codes. At its least −E + c = log p: the
    energy is normalised, c = −log Z is learned with it. No chains; but noise far from the codes teaches little, so p_n
    should resemble them and reach a little beyond: `noise.fit(codes)` beforehand, and again where latents have moved
    (`train.At`). Where noise does not come, the energy is not learned.

    In nats, range [0, ∞); that of a guess, log 2 for r = 1, where codes and noise are alike. z gets a gradient too, see
    `Detached`. In evaluation mode the noise is the same in every call. Cost: one pass through the energy for (1 + r) n
    rows, and O(r n · components · dim²).

    Args:
        energy: a module (n, dim) → (n,), such as `models.NeuralEnergy`; trained with this term.
        noise: p_n.
        ratio: r, noise rows for each code; with more of them fewer steps are needed.

    >>> noise = MixtureDensity(1, 2)
    >>> term = NoiseContrast(noise, noise, ratio=1)
    >>> round(float(term(torch.randn(10, 2)).detach()), 4)  # an energy that is right: log 2
    0.6931

    References:
        Gutmann, Hyvärinen, *Noise-contrastive estimation*, 2010.
    """

    def __init__(self, energy: nn.Module, noise: MixtureDensity, *, ratio: int = 4):
        super().__init__()
        if ratio < 1:
            raise SpecError(f"NoiseContrast wants a ratio of at least 1; got {ratio}. 4 noise rows for a code will do.")
        self.energy = energy
        self.noise = noise
        self.ratio = ratio
        self.constant = nn.Parameter(torch.zeros(()))

    def forward(self, z: Float[Tensor, "n dim"]) -> Tensor:
        """The cross-entropy for one batch."""
        generator = None if self.training else torch.Generator(z.device).manual_seed(_SEED)
        noise = self.noise.sample(self.ratio * len(z), generator=generator).to(z)
        rows = torch.cat([z, noise])
        logits = self.log_density(rows) - self.noise.log_density(rows) - math.log(self.ratio)
        is_code = torch.cat([torch.ones_like(z[:, 0]), torch.zeros_like(noise[:, 0])])
        return functional.binary_cross_entropy_with_logits(logits, is_code.to(logits))

    def log_density(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """Log p(z) = c − E(z), in nats, as far as it has been learned."""
        return self.constant - self.energy(z)
