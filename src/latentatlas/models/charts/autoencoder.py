"""The model of many charts: encoder, codes within charts, decoder, and jumps between charts."""

from __future__ import annotations

from typing import NamedTuple, final

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from latentatlas.core import Batch, Charts, Latents, Map, ShapeError
from latentatlas.landscape import PrototypeBank
from latentatlas.models.autoencoder import MapHead
from latentatlas.models.charts.codebook import ChartCodebook
from latentatlas.models.charts.decoder import ChartRenderer, TopologicalDecoder, taken
from latentatlas.models.charts.elastic_codes import ElasticCodebook
from latentatlas.models.charts.encoder import AtlasEncoder
from latentatlas.models.charts.heads import ChartHeads
from latentatlas.models.charts.jump import Jumps, carry_all
from latentatlas.models.charts.placements import Placements
from latentatlas.models.charts.residual import ResidualFilter
from latentatlas.models.charts.router import MLPRouter, Router
from latentatlas.models.encoders import MLPEncoder

__all__ = ["AtlasAutoencoder", "Reconstructions", "charted_autoencoder"]


class Reconstructions(NamedTuple):
    """Patterns decoded from less and from more.

    Attributes:
        code: from chart and code alone.
        detail: from code and detail, without texture.
        full: from everything, blended softly over charts.
        hard: from everything, in the likeliest chart alone.
    """

    code: Float[Tensor, "n features"]
    detail: Float[Tensor, "n features"]
    full: Float[Tensor, "n features"]
    hard: Float[Tensor, "n features"]


@final
class AtlasAutoencoder(nn.Module):
    r"""`Batch -> Latents` with many charts: z = Σ_k w_k u_k in the common frame, x̂ = Σ_k w_k x̂^(k) in the data's space.

    z^(k) = e + z_n + z_tex: the nearest code of the chart, detail, texture. The base decoder sees e + z_n. The way back
    through the code is straight through, so that the encoder gets the gradient of the decoder's input as it is. With
    `terms.ChartReconstruction` the memberships learn by which chart decodes a row best. Codes and centres of charts
    move in training mode only, in `forward`.

    Args:
        encoder: patterns to charts.
        decoder: charts to patterns.
        codebook: codes of the charts; None is no codes, e = 0.
        residual: what of the rest is detail; None is everything.
        jumps: between charts; None goes through the common frame.
        head: from the frame to a map in two dimensions; None if the frame itself is the map.
        bank: prototypes in the frame; None until basins are wanted. Charts stay those of the encoder.

    Raises:
        ShapeError: if parts differ in charts or axes.
    """

    def __init__(
        self,
        encoder: AtlasEncoder,
        decoder: TopologicalDecoder,
        *,
        codebook: ChartCodebook | ElasticCodebook | None = None,
        residual: ResidualFilter | None = None,
        jumps: Jumps | None = None,
        head: MapHead | None = None,
        bank: PrototypeBank | None = None,
    ):
        super().__init__()
        wanted = (encoder.heads.charts, encoder.heads.dim)
        parts = {"decoder": decoder.base, "codebook": codebook, "residual": residual, "jumps": jumps}
        for name, part in parts.items():
            if part is not None and (part.charts, part.dim) != wanted:
                raise ShapeError(
                    f"AtlasAutoencoder wants a {name} for {wanted[0]} charts of {wanted[1]} axes; got {part.charts} "
                    f"and {part.dim}. Make the parts equal."
                )
        if decoder.router.in_features != encoder.placements.frame:
            raise ShapeError(
                f"AtlasAutoencoder wants a decoder whose router reads the frame of {encoder.placements.frame} axes; "
                f"got {decoder.router.in_features}. Local coordinates cannot name their chart."
            )
        self.encoder = encoder
        self.decoder = decoder
        self.codebook = codebook
        self.residual = residual
        self.jumps = jumps
        self.head = head
        self.bank = bank

    def forward(self, batch: Batch) -> Latents:
        """All outputs for one batch."""
        charts = self.encoder(batch.x)
        if self.training:
            self.encoder.settle(charts)
            if self.codebook is not None:
                self.codebook.learn(charts.given("local", who="AtlasAutoencoder").detach(), charts.weights.detach())
        z = self.encoder.place(charts)
        charts = self._decoded(charts)._replace(decoder_weights=self.decoder.router(z))
        return Latents(z, recon=blended(charts), charts=charts, map=self.map(z))

    def encode(self, x: Float[Tensor, "n features"]) -> Float[Tensor, "n frame"]:
        """Coordinates in the common frame."""
        return self.encoder.place(self.encoder(x))

    def map(self, z: Float[Tensor, "n frame"]) -> Float[Tensor, "n axes"]:
        """Map coordinates; the frame itself without a head."""
        return z if self.head is None else self.head(z)

    def route(self, x: Float[Tensor, "n features"]) -> Float[Tensor, "n charts"]:
        """Memberships alone."""
        return self.encoder.gate(self.encoder.router.logits(self.encoder.trunk(x)))

    def chart(self, x: Float[Tensor, "n features"]) -> Charts:
        """Memberships, coordinates in each chart, codes, detail and texture."""
        return self._split(self.encoder(x))[0]

    def plan(self, charts: Charts) -> Float[Tensor, "n features"]:
        """Patterns of given memberships and coordinates in charts."""
        return blended(self._decoded(charts))

    def decoded_in(self, features: Float[Tensor, "n width"], chart: Int[Tensor, " n"]) -> Float[Tensor, "n features"]:
        """Patterns of rows, given as features of the trunk, each decoded by one chart alone."""
        local = self.encoder.heads(F.silu(features)) - self.encoder.centre
        weights = F.one_hot(chart, self.encoder.heads.charts).to(local.dtype)
        return self._decoded(Charts(weights, local, shown=chart[:, None])).given("decoded", who="AtlasAutoencoder")[
            :, 0
        ]

    def rendered(
        self, local: Float[Tensor, "n charts dim"], shown: Int[Tensor, "n m"] | None = None
    ) -> Float[Tensor, "n m features"]:
        """The pattern as each chart decodes its coordinates, those of the charts `shown` or all."""
        even = local.new_full(local.shape[:2], 1 / local.shape[1])
        return self._decoded(Charts(even, local, shown=shown)).given("decoded", who="AtlasAutoencoder")

    def dream(self, z: Float[Tensor, "n frame"]) -> Charts:
        """Charts of points of the common frame, as the decoder sees them, decoded."""
        weights = self.decoder.router(z)
        most = self.decoder.router.in_use
        count = most if self.encoder.top is None else min(self.encoder.top, most)
        shown = None if count == weights.shape[1] else weights.topk(count, dim=1).indices
        charts = Charts(weights, self.encoder.placements.local(z), shown=shown, decoder_weights=weights)
        return self._decoded(charts)

    def decode(self, z: Float[Tensor, "n frame"]) -> Float[Tensor, "n features"]:
        """Patterns of points of the common frame."""
        return blended(self.dream(z))

    @torch.no_grad()
    def reconstructions(self, x: Float[Tensor, "n features"]) -> Reconstructions:
        """Patterns decoded from code alone, with detail, from everything, and in one chart only."""
        charts, local = self._split(self.encoder(x))
        code = charts.quantised if charts.quantised is not None else torch.zeros_like(local)
        decoded = self.decoder(local, charts.given("texture", who="AtlasAutoencoder"), charts.shown)
        kept = charts._replace(decoded=decoded)
        hard = F.one_hot(charts.weights.argmax(dim=1), charts.weights.shape[1]).to(decoded)
        return Reconstructions(
            blended(kept._replace(decoded=self.decoder.base(taken(code, charts.shown), charts.shown))),
            blended(kept._replace(decoded=self.decoder.base(taken(local, charts.shown), charts.shown))),
            blended(kept),
            blended(kept._replace(weights=hard)),
        )

    def matrices(self) -> tuple[Tensor, ...]:
        """The maps that are to be near isometries: heads and placements of the charts."""
        return self.encoder.matrices()

    @property
    def prototypes(self) -> Float[Tensor, "charts frame"]:
        """Centres of the charts there are in the common frame."""
        centres, active = self.encoder.placements.centres, self.encoder.router.active
        return centres if active is None else centres[active]

    @property
    def jump(self) -> Map:
        """Local coordinates in every chart, each taken to every other."""
        return self.jumps if self.jumps is not None else self._through_the_frame

    def adapt(self, x: Float[Tensor, "n features"]) -> None:
        """Fixed scales and the first charts from training rows; codes begin with the first batch of training."""
        self.encoder.adapt(x)
        self.decoder.adapt(x)

    def _through_the_frame(self, local: Float[Tensor, "n charts dim"]) -> Float[Tensor, "n charts charts dim"]:
        return carry_all(self.encoder.placements, local)

    def _decoded(self, charts: Charts) -> Charts:
        charts, local = self._split(charts)
        texture = charts.given("texture", who="AtlasAutoencoder")
        return charts._replace(decoded=self.decoder(local, texture, charts.shown))

    def _split(self, charts: Charts) -> tuple[Charts, Float[Tensor, "n charts dim"]]:
        """Codes, detail and texture, and e + z_n, which the base decoder sees, with the gradient of z^(k) itself."""
        local = charts.given("local", who="AtlasAutoencoder")
        code, place = self.codebook(local) if self.codebook is not None else (None, torch.zeros_like(local))
        detail, texture = self._beyond(local - place)
        kept = self._beyond((local - place).detach())[0]
        entering = place + kept + local - local.detach()
        quantised = None if code is None else place
        return charts._replace(code=code, quantised=quantised, detail=detail, texture=texture), entering

    def _beyond(self, residual: Tensor) -> tuple[Tensor, Tensor]:
        return self.residual(residual) if self.residual is not None else (residual, residual[..., :0])


def blended(charts: Charts) -> Float[Tensor, "n *features"]:
    """x̂ = Σ_k w_k x̂^(k) over the charts that were decoded, their memberships scaled to sum 1."""
    weights = taken(charts.weights, charts.shown)
    if charts.shown is not None:
        weights = weights / weights.sum(dim=1, keepdim=True).clamp(min=torch.finfo(weights.dtype).tiny)
    return torch.einsum("nm,nm...->n...", weights, charts.given("decoded", who="AtlasAutoencoder"))


def charted_autoencoder(
    in_features: int,
    dim: int,
    *,
    charts: int = 8,
    codes: int | None = None,
    frame: int | None = None,
    width: int = 128,
    top: int | None = None,
    router: Router | None = None,
) -> AtlasAutoencoder:
    """An `AtlasAutoencoder` of perceptrons with one hidden layer on each side, as a start.

    Args:
        in_features: columns of the patterns.
        dim: axes of a chart.
        charts: K.
        codes: in each chart; None is none.
        frame: axes of the common frame, which the latent has; None is dim.
        width: of every hidden layer, and number of features.
        top: charts of a row that are decoded; None is all.
        router: of `width` features to K charts; None is a linear one.

    >>> charted_autoencoder(3, 1, charts=4, width=16)(Batch(torch.zeros(5, 3))).charts.local.shape
    torch.Size([5, 4, 1])
    """
    placements = Placements(charts, dim, frame=frame, spread=2.0)
    encoder = AtlasEncoder(
        MLPEncoder(in_features, width, hidden=(width,), spread=1.0, noise=0.0),
        router or MLPRouter(width, charts),
        ChartHeads(width, charts, dim),
        placements,
        top=top,
    )
    base = ChartRenderer(charts, dim, in_features, width=width, hidden=(width,))
    decoder = TopologicalDecoder(base, MLPRouter(placements.frame, charts, hidden=(max(8, width // 4),)))
    return AtlasAutoencoder(encoder, decoder, codebook=None if codes is None else ChartCodebook(charts, codes, dim))
