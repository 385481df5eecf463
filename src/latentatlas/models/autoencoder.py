"""The model behind an atlas: encoder, decoder, map head and prototype bank."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentatlas.core import Batch, Charts, Latents, SpecError
from latentatlas.geometry import Euclidean, Geometry
from latentatlas.landscape import PrototypeBank
from latentatlas.models.decoders import Decoder
from latentatlas.models.encoders import Encoder
from latentatlas.models.layers import check_columns, perceptron, positive_ints, positive_number
from latentatlas.models.views import of_rows_and_view

__all__ = ["Autoencoder", "MapHead"]


@final
class MapHead(nn.Module):
    """Two-dimensional coordinates of a latent: a perceptron plus a linear path that starts as the first two axes.

    Args:
        dim: latent axes.
        hidden: widths of the hidden layers.
        spread: the encoder's `spread`; the map has the same scale.
        geometry: where latent and map lie, read and given by their tangent vectors at zeros; None is flat space.
    """

    def __init__(
        self,
        dim: int,
        *,
        hidden: Sequence[int] = (256, 256),
        spread: float = 10.0,
        geometry: Geometry | None = None,
    ):
        super().__init__()
        positive_ints("MapHead", dim=dim, hidden=tuple(hidden))
        positive_number("MapHead", spread=spread)
        self.dim = dim
        self.hidden = tuple(hidden)
        self.spread = spread
        self.geometry = geometry or Euclidean()
        self.net = perceptron([dim, *hidden, 2], last_gain=0.3)
        self.linear = nn.Linear(dim, 2, bias=False)
        with torch.no_grad():
            self.linear.weight.copy_(torch.eye(2, dim))

    def forward(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, "n 2"]:
        """The map coordinates."""
        check_columns("MapHead", z, self.dim)
        h = self.geometry.vector(z) / self.spread
        return self.geometry.point(self.spread * (self.net(h) + self.linear(h)))


@final
class Autoencoder(nn.Module):
    """`Batch -> Latents`: z = encoder(x), x̂ = decoder(z), map = head(z), chart weights from the prototype bank.

    While there is no bank the chart weights are those of the encoder, where it has charts. With a `VariationalEncoder`
    it is a variational autoencoder: x̂ is decoded from a draw while training, and terms see `mean` and `log_variance`.
    Where the batch has a view, they see its latent as `z_view`.

    Args:
        encoder: any module `(n, features) -> (n, dim)`.
        decoder: any module `(n, dim) -> (n, features)`; None takes the encoder's mirror.
        head: map head; None if the latent itself is the map.
        bank: prototypes in the latent space; None until basins are wanted.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        decoder: Decoder | None = None,
        head: MapHead | None = None,
        bank: PrototypeBank | None = None,
    ):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder or encoder.mirror()
        self.head = head
        self.bank = bank

    def forward(self, batch: Batch) -> Latents:
        """All outputs for one batch; a view is encoded in the same pass as the rows."""
        latents = of_rows_and_view(self._latents, batch)
        return latents._replace(recon=self.decoder(latents.z), map=self.map(latents.z))

    def encode(self, x: Float[Tensor, "n features"]) -> Float[Tensor, "n dim"]:
        """Latent coordinates."""
        return self.encoder(x)

    def route(self, x: Float[Tensor, "n features"]) -> Float[Tensor, "n charts"]:
        """Chart memberships alone, without decoding.

        Raises:
            SpecError: if the model has neither a bank nor an encoder with charts.
        """
        charts = self._latents(x).charts
        if charts is None:
            raise SpecError(
                "Autoencoder.route wants charts; the model has no bank, and its encoder has none. "
                "Set `bank`, or take a ChartEncoder."
            )
        return charts.weights

    def decode(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, "n features"]:
        """Decoded patterns."""
        return self.decoder(z)

    def map(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, "n axes"]:
        """Map coordinates; the latent itself without a head."""
        return z if self.head is None else self.head(z)

    def _latents(self, x: Float[Tensor, "n features"]) -> Latents:
        """Those of the encoder, with the charts of the bank where there is one."""
        latents = self.encoder.latents(x)
        return latents if self.bank is None else latents._replace(charts=Charts(self.bank.weights(latents.z)))

    @torch.no_grad()
    def adapt(self, x: Float[Tensor, "n features"]) -> None:
        """Set the fixed scales of encoder and decoder from training rows."""
        self.encoder.adapt(x)
        self.decoder.adapt(x)
