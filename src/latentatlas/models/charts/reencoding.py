"""Jumps that decode a row in one chart and encode it again in another."""

from __future__ import annotations

from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from latentatlas.models.charts.autoencoder import AtlasAutoencoder
from latentatlas.models.charts.jump import Jumps

__all__ = ["AutoencoderJumps"]


@final
class AutoencoderJumps(Jumps):
    r"""T_{i→j} = φ_j ∘ D_i: chart i decodes the row, chart j encodes it again.

    It learns nothing of its own. Where charts decode exactly it is exact, its cocycle too, also where orientation turns
    round a loop. Cost K renderings and encodings of a row.

    Args:
        model: whose charts they are.
    """

    def __init__(self, model: AtlasAutoencoder):
        super().__init__()
        self.model = model
        self.charts = model.encoder.heads.charts
        self.dim = model.encoder.heads.dim

    def forward(self, local: Float[Tensor, "n charts dim"]) -> Float[Tensor, "n charts charts dim"]:
        """All pairs."""
        decoded = self.model.rendered(local)
        return self.model.encoder(decoded.flatten(0, 1)).local.unflatten(0, decoded.shape[:2])

    def pair(
        self, z: Float[Tensor, "n dim"], source: Int[Tensor, " n"], target: Int[Tensor, " n"]
    ) -> Float[Tensor, "n dim"]:
        """One pair a row: each is decoded once, by its own chart."""
        decoded = self.model.rendered(z[:, None].expand(-1, self.charts, -1), source[:, None])[:, 0]
        return self.model.encoder(decoded).local[torch.arange(len(z), device=z.device), target]
