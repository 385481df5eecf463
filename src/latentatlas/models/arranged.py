"""Axes of a latent in another order, some of them left out."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import Latents, SpecError
from latentatlas.models.decoders import Decoder
from latentatlas.models.encoders import Encoder
from latentatlas.models.layers import check_columns

__all__ = ["ArrangedDecoder", "ArrangedEncoder"]


@final
class ArrangedEncoder(Encoder):
    """z_a = inner(x)_{order_a}: the chosen axes of another encoder, in this order, so that blocks lie side by side.

    Gates that were learned (`terms.BlockAllocation`) give the order, and the layout that then cuts z. The inner encoder
    is the same module, not a copy, and goes on learning through the axes that are kept. Cost: that of the encoder.

    Args:
        encoder: the other one.
        order: numbers of its axes, each at most once; those that are not named are left out.

    >>> from latentatlas.models import MLPEncoder
    >>> whole = MLPEncoder(2, 3, hidden=(4,)).eval()
    >>> x = torch.ones(1, 2)
    >>> bool(torch.equal(ArrangedEncoder(whole, (2, 0))(x), whole(x)[:, [2, 0]]))
    True

    Raises:
        SpecError: for no axes, an axis that there is not, or one that is named twice.
    """

    columns: Tensor

    def __init__(self, encoder: Encoder, order: Sequence[int]):
        super().__init__()
        self.order = _checked("ArrangedEncoder", order, encoder.dim)
        self.encoder = encoder
        self.dim = len(self.order)
        self.spread = getattr(encoder, "spread", 1.0)
        self.register_buffer("columns", torch.tensor(self.order), persistent=False)

    def forward(self, x: Float[Tensor, "n features"]) -> Float[Tensor, "n dim"]:
        """Those of the encoder, arranged."""
        return self.encoder(x)[:, self.columns]

    def latents(self, x: Float[Tensor, "n features"]) -> Latents:
        """The same, with mean and variance of a variational encoder arranged alike."""
        found = self.encoder.latents(x)
        mean, log_variance = (
            None if each is None else each[:, self.columns] for each in (found.mean, found.log_variance)
        )
        return found._replace(z=found.z[:, self.columns], mean=mean, log_variance=log_variance)

    def mirror(self) -> ArrangedDecoder:
        """The mirror of the encoder, its axes arranged alike."""
        return ArrangedDecoder(self.encoder.mirror(), self.order, self.encoder.dim)

    def adapt(self, x: Float[Tensor, "n features"]) -> None:
        """Scales of the encoder."""
        self.encoder.adapt(x)


@final
class ArrangedDecoder(Decoder):
    """Puts axes back where another decoder wants them, 0 for those left out; the mirror of `ArrangedEncoder`.

    Args:
        decoder: the other one.
        order: numbers of its axes, as the arranged latent has them.
        whole: how many axes it wants.

    Raises:
        SpecError: for no axes, an axis that there is not, or one that is named twice.
    """

    columns: Tensor

    def __init__(self, decoder: Decoder, order: Sequence[int], whole: int):
        super().__init__()
        self.order = _checked("ArrangedDecoder", order, whole)
        self.decoder = decoder
        self.whole = whole
        self.dim = len(self.order)
        self.spread = getattr(decoder, "spread", 1.0)
        self.register_buffer("columns", torch.tensor(self.order), persistent=False)

    def forward(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, "n features"]:
        """The decoded patterns."""
        check_columns("ArrangedDecoder", z, self.dim)
        return self.decoder(z.new_zeros(len(z), self.whole).index_copy(1, self.columns, z))

    def adapt(self, x: Float[Tensor, "n features"]) -> None:
        """Scales of the decoder."""
        self.decoder.adapt(x)


def _checked(who: str, order: Sequence[int], dim: int) -> tuple[int, ...]:
    """The order as plain integers."""
    chosen = tuple(order)
    whole = all(isinstance(axis, Integral) and not isinstance(axis, bool) and 0 <= axis < dim for axis in chosen)
    if not chosen or not whole or len(set(chosen)) < len(chosen):
        raise SpecError(
            f"{who} wants some of the axes 0 to {dim - 1}, each at most once; got {chosen}. Pass "
            "allocation().order.tolist() of a BlockAllocation of so many axes."
        )
    return tuple(int(axis) for axis in chosen)
