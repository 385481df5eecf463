"""Encoders and decoders whose latent lies in a curved space."""

from __future__ import annotations

from typing import final

from jaxtyping import Float
from torch import Tensor

from latentatlas.core import Latents
from latentatlas.geometry import Geometry
from latentatlas.models.decoders import Decoder
from latentatlas.models.encoders import Encoder

__all__ = ["CurvedDecoder", "CurvedEncoder"]


@final
class CurvedDecoder(Decoder):
    """x̂ = decoder(log_0 z): a decoder that reads points of a geometry by their tangent vectors at zeros.

    Args:
        decoder: of the tangent vectors.
        geometry: where the latent lies.
    """

    def __init__(self, decoder: Decoder, geometry: Geometry):
        super().__init__()
        self.decoder = decoder
        self.geometry = geometry
        self.spread = getattr(decoder, "spread", 1.0)

    def forward(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, "n features"]:
        """The cost of the decoder and O(n dim)."""
        return self.decoder(self.geometry.vector(z))

    def adapt(self, x: Float[Tensor, "n features"]) -> None:
        """That of the decoder."""
        self.decoder.adapt(x)


@final
class CurvedEncoder(Encoder):
    r"""z = exp_0(v): what an encoder gives, as points of a geometry.

    v is read as a tangent vector at zeros, so every output is a valid point and no optimiser need know of the space.
    In a `PoincareBall` z lies 2‖v‖ from the centre: an encoder with a `spread` of 1 starts well inside; beyond 8.7 in
    float32 points stay at the rim of the precision. Charts or a distribution that the encoder gives are those of v.

    Args:
        encoder: of the tangent vectors.
        geometry: where the latent lies.

    >>> import torch
    >>> from latentatlas.geometry import PoincareBall
    >>> from latentatlas.models import MLPEncoder
    >>> encoder = CurvedEncoder(MLPEncoder(3, 2, hidden=(4,)), PoincareBall())
    >>> bool((encoder(1e3 * torch.randn(5, 3)).norm(dim=1) < 1).all())
    True

    References:
        Nagano et al., *A wrapped normal distribution on hyperbolic space for gradient-based learning*, 2019.
    """

    def __init__(self, encoder: Encoder, geometry: Geometry):
        super().__init__()
        self.encoder = encoder
        self.geometry = geometry
        self.dim = encoder.dim
        self.spread = getattr(encoder, "spread", 1.0)

    def forward(self, x: Float[Tensor, "n features"]) -> Float[Tensor, "n dim"]:
        """The cost of the encoder and O(n dim)."""
        return self.geometry.point(self.encoder(x))

    def latents(self, x: Float[Tensor, "n features"]) -> Latents:
        """Those of the encoder, with the point in the place of the vector."""
        found = self.encoder.latents(x)
        return found._replace(z=self.geometry.point(found.z))

    def mirror(self) -> CurvedDecoder:
        """The encoder's mirror, behind the way back to vectors."""
        return CurvedDecoder(self.encoder.mirror(), self.geometry)

    def adapt(self, x: Float[Tensor, "n features"]) -> None:
        """That of the encoder."""
        self.encoder.adapt(x)
