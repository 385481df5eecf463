"""How far the distributions of the codes are from a prior."""

from __future__ import annotations

import math
from typing import final

from jaxtyping import Float
from torch import Tensor

from latentatlas.core import SpecError
from latentatlas.terms.base import Term
from latentatlas.terms.generative.contrastive_divergence import ContrastiveDivergence

__all__ = ["EnergyPrior", "GaussianDivergence"]


@final
class GaussianDivergence(Term):
    r"""KL(q(z|x) ‖ N(0, s²)) = Σ_a ½ (μ_a² + σ_a²)/s² − ½ − log(σ_a/s), a mean over rows, in nats.

    Range [0, ∞), 0 where every row has the prior for its distribution: the posterior has then collapsed, codes say
    nothing. With `free_bits` λ every axis counts at least λ, Σ_a max(λ, mean_i KL_ia): below it nothing pulls, so an
    axis keeps that much. A weight that rises (`core.Ramp`) lets the decoder learn to use the codes before they cost;
    the weight is β: with noise of variance v on every feature, Σ_f (x − x̂)²/(2 v) + KL is the evidence bound, and
    beside `Reconstruction`, a mean over F features, that is a weight of 2 v/F. Reads `mean` and
    `log_variance`, which a model with a `models.VariationalEncoder` gives. Cost O(n dim).

    Args:
        free_bits: λ, in nats per axis.
        spread: s, the spread of the encoder.

    >>> import torch
    >>> term = GaussianDivergence()
    >>> mean, log_variance = torch.tensor([[1.0, 0.0]]), torch.zeros(1, 2)
    >>> float(term(mean, log_variance)), float(GaussianDivergence(0.25)(mean, log_variance))
    (0.5, 0.75)

    References:
        Kingma, Welling, *Auto-encoding variational Bayes*, 2014; Kingma et al., *Improved variational inference with
        inverse autoregressive flow*, 2016 (free bits); Bowman et al., *Generating sentences from a continuous space*,
        2016 (rising weight).
    """

    def __init__(self, free_bits: float = 0.0, *, spread: float = 1.0):
        super().__init__()
        if not (math.isfinite(free_bits) and free_bits >= 0):
            raise SpecError(f"GaussianDivergence wants finite free_bits ≥ 0; got {free_bits}. .1 to .5 nats are usual.")
        if not (math.isfinite(spread) and spread > 0):
            raise SpecError(f"GaussianDivergence wants a finite spread > 0; got {spread}. Pass that of the encoder.")
        self.free_bits = free_bits
        self.spread = spread

    def forward(self, mean: Float[Tensor, "n dim"], log_variance: Float[Tensor, "n dim"]) -> Tensor:
        """The sum over axes of the means over rows."""
        relative = log_variance - 2 * math.log(self.spread)
        per_axis = ((mean / self.spread).square() + relative.exp() - 1 - relative).mean(dim=0) / 2
        return per_axis.clamp(min=self.free_bits).sum() if self.free_bits else per_axis.sum()


@final
class EnergyPrior(Term):
    r"""KL(q(z|x) ‖ p) with a learned prior p(z) = exp(−E(z))/Z, up to the entropy of p: contrast(z) − mean H(q).

    With samples z⁻ of p the gradient of E(z⁺) − E(z⁻) − H(q) is that of the divergence, on both sides: codes go where
    the prior is dense and spread their distributions, and the prior learns to cover the draws of all of them, which is
    contrastive divergence. A `models.NeuralEnergy` of the encoder's spread s tilts the Gaussian N(0, s²), E = f +
    ½‖z/s‖²; with f = 0 codes get the gradient of `GaussianDivergence`. The weight is β, and may rise as there.

    In nats; least where every row has the prior for its distribution. Reads `z`, a draw, and `log_variance`. Cost: that
    of the contrast.

    Args:
        contrast: holds the energy, and the chains that sample the prior; usually with a small alpha.

    >>> import torch
    >>> from latentatlas.landscape import MixtureDensity
    >>> from latentatlas.terms import ContrastiveDivergence, ReplayBuffer
    >>> contrast = ContrastiveDivergence(MixtureDensity(1, 1), ReplayBuffer(8, 1), alpha=0.0)
    >>> variance = torch.full((1, 1), 1 / (2 * math.pi * math.e))  # of entropy 0
    >>> round(float(EnergyPrior(contrast).eval()(torch.zeros(1, 1), variance.log())), 4)
    0.0

    References:
        Pang, Han, Nijkamp, Zhu, Wu, *Learning latent space energy-based prior model*, 2020.
    """

    def __init__(self, contrast: ContrastiveDivergence):
        super().__init__()
        self.contrast = contrast

    def forward(self, z: Float[Tensor, "n dim"], log_variance: Float[Tensor, "n dim"]) -> Tensor:
        """The difference for one batch."""
        entropy = (log_variance + math.log(2 * math.pi * math.e)).sum(dim=1).mean() / 2
        return self.contrast(z) - entropy
