"""An energy that is low on the codes and high where its own samples go."""

from __future__ import annotations

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentatlas.core import SpecError
from latentatlas.landscape import ShortRun
from latentatlas.terms.base import Term
from latentatlas.terms.generative.replay import ReplayBuffer

__all__ = ["ContrastiveDivergence"]


@final
class ContrastiveDivergence(Term):
    r"""mean E(z⁺) − mean E(z⁻) + α (mean E(z⁺)² + mean E(z⁻)²): codes z⁺ against samples z⁻ of exp(−E).

    The gradient of the likelihood of exp(−E)/Z needs samples of it: chains of the buffer go on by a short Langevin run
    in every step. They begin as codes with noise of `jitter` times their spread. When chains have settled, E = −log p
    up to a constant. α keeps energies from running to ±∞ where samples are bad: the value is at least −1/(2α), with E
    about ∓1/(2α); it makes E about 4α too flat, and fixes the constant. A high learning rate should fall to 0, as
    that of `train.Recipe` does, or the energy gets worse again.

    In nats; near 0 when samples and codes agree, below it when they are told apart. z gets a gradient too, which draws
    codes downhill: `Detached` learns the energy of codes as they are. In evaluation mode no chain moves, and z⁻ are all
    states of the buffer; while it is empty, z⁻ = z⁺. Cost: steps + 1 passes forward and backward through the energy.

    Args:
        energy: a module (n, dim) → (n,), bounded below, such as `models.NeuralEnergy`; trained with this term.
        buffer: the chains, for latents of as many axes.
        sampler: how chains move.
        alpha: α ≥ 0.
        jitter: noise on codes that chains begin from, in units of the spread of the batch.

    >>> from latentatlas.models import NeuralEnergy
    >>> term = ContrastiveDivergence(NeuralEnergy(2), ReplayBuffer(64, 2), alpha=0.0).eval()
    >>> float(term(torch.randn(10, 2)).detach())  # no chain yet: samples are the codes
    0.0

    Raises:
        DataError: from the sampler, if a chain leaves the finite numbers.

    References:
        Hinton, *Training products of experts by minimizing contrastive divergence*, 2002; Du, Mordatch, *Implicit
        generation and modeling with energy-based models*, 2019.
    """

    def __init__(
        self,
        energy: nn.Module,
        buffer: ReplayBuffer,
        *,
        sampler: ShortRun | None = None,
        alpha: float = 0.01,
        jitter: float = 0.3,
    ):
        super().__init__()
        for name, value in (("alpha", alpha), ("jitter", jitter)):
            if not (math.isfinite(value) and value >= 0):
                raise SpecError(f"ContrastiveDivergence wants a finite {name} ≥ 0; got {value}. The default will do.")
        self.energy = energy
        self.buffer = buffer
        self.sampler = sampler or ShortRun()
        self.alpha = alpha
        self.jitter = jitter

    def forward(self, z: Float[Tensor, "n dim"]) -> Tensor:
        """The difference for one batch."""
        samples = self.samples(z.detach())
        at_codes, at_samples = self.energy(torch.cat([z, samples])).split([len(z), len(samples)])
        squares = at_codes.square().mean() + at_samples.square().mean()
        return at_codes.mean() - at_samples.mean() + self.alpha * squares

    def samples(self, codes: Float[Tensor, "n dim"]) -> Float[Tensor, "m dim"]:
        """z⁻ for these codes; in training mode chains of the buffer move."""
        if not self.training:
            chains = self.buffer.chains().to(codes)
            return chains if len(chains) else codes
        spread = (codes - codes.mean(dim=0)).square().mean().sqrt()
        slots, anew = self.buffer.draw(codes)
        begun = codes + self.jitter * spread * torch.randn_like(codes)
        starts = torch.where(anew[:, None], begun, self.buffer.states[slots].to(codes))
        ends = self.sampler(self.energy, starts, spread=spread)
        self.buffer.keep(slots, ends)
        return ends
