"""An encoder that gives a distribution in place of a point."""

from __future__ import annotations

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import Latents, SpecError, constructor_arguments
from latentatlas.models.decoders import Decoder
from latentatlas.models.encoders import Encoder

__all__ = ["VariationalEncoder"]

_LOG_LIMIT = 10.0


@final
class VariationalEncoder(Encoder):
    r"""q(z|x) = N(μ(x), diag σ²(x)): the two halves of a trunk's output are the mean and the log-variance.

    In training mode z = μ + σ ∘ ξ with ξ ~ N(0, I), so that gradients reach both; in evaluation z = μ. With s the
    spread of the trunk, log σ² = 2 log s + 10 tanh(h/10 s), which cannot overflow. Wherever an encoder is wanted, this
    one can be used; an `Autoencoder` with it is a variational one, and its terms read `mean` and `log_variance`.
    Without a term such as `terms.GaussianDivergence` it learns to give σ → 0.

    Args:
        trunk: an encoder of twice as many axes as z shall have, usually without noise of its own. With spread=1 the
            usual prior N(0, I) has the scale of the latent.

    >>> from latentatlas.models import MLPEncoder
    >>> encoder = VariationalEncoder(MLPEncoder(5, 4, hidden=(8,), spread=1.0, noise=0.0))
    >>> encoder.dim, encoder.eval()(torch.zeros(3, 5)).shape
    (2, torch.Size([3, 2]))

    Raises:
        SpecError: if the trunk has an odd number of axes.

    References:
        Kingma, Welling, *Auto-encoding variational Bayes*, 2014; Rezende, Mohamed, Wierstra, *Stochastic
        backpropagation*, 2014.
    """

    def __init__(self, trunk: Encoder):
        super().__init__()
        if trunk.dim % 2:
            raise SpecError(
                f"VariationalEncoder wants a trunk with an even number of axes, half of them for the variance; got "
                f"{trunk.dim}. For a latent of {trunk.dim} axes build the trunk with dim={2 * trunk.dim}."
            )
        self.trunk = trunk
        self.dim = trunk.dim // 2
        self.spread = getattr(trunk, "spread", 1.0)
        self.shape = getattr(trunk, "shape", None)

    def forward(self, x: Float[Tensor, "n features"]) -> Float[Tensor, "n dim"]:
        """A draw in training mode, the mean in evaluation; that of the trunk."""
        return self.latents(x).z

    def latents(self, x: Float[Tensor, "n features"]) -> Latents:
        """The same, with μ and log σ² of every row."""
        mean, raw = self.trunk(x).chunk(2, dim=1)
        log_variance = _LOG_LIMIT * torch.tanh(raw / (_LOG_LIMIT * self.spread)) + 2 * math.log(self.spread)
        z = mean + torch.exp(log_variance / 2) * torch.randn_like(mean) if self.training else mean
        return Latents(z, mean=mean, log_variance=log_variance)

    def mirror(self) -> Decoder:
        """That of the trunk, for half its axes."""
        return type(self.trunk)(**(constructor_arguments(self.trunk) | {"dim": self.dim})).mirror()

    def adapt(self, x: Float[Tensor, "n features"]) -> None:
        """Scales of the trunk."""
        self.trunk.adapt(x)
