"""Models one behind the other, each on what those before left unexplained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentatlas.core import Batch, Latents, ShapeError, SpecError
from latentatlas.models.charts import AtlasAutoencoder
from latentatlas.models.charts.autoencoder import blended
from latentatlas.models.charts.decoder import taken
from latentatlas.models.layers import positive_ints
from latentatlas.models.stems import ScaleStem

__all__ = ["ChartBlock", "Peeled", "StackedAutoencoder", "adapted", "residual_size"]

_SMALLEST = 1e-6


class Peeled(NamedTuple):
    """What each of L blocks read and said, in its own units.

    Attributes:
        inputs: x^0 … x^L; the last is what no block explained.
        explained: x̂^0 … x̂^{L−1}.
        latents: of each block.
        factors: Π_0 … Π_L, from the units of each to those of x^0; Π_0 = 1.
    """

    inputs: tuple[Float[Tensor, "n features"], ...]
    explained: tuple[Float[Tensor, "n features"], ...]
    latents: tuple[Latents, ...]
    factors: Float[Tensor, " depths"]


@final
class StackedAutoencoder(nn.Module):
    r"""`Batch -> Latents` by blocks, each of which reads what those before did not explain, brought to unit size.

    x^0 = (x − mean)/spread; x̂^ℓ is what block ℓ makes of x^ℓ, and x^{ℓ+1} = (x^ℓ − x̂^ℓ)/σ_ℓ with one σ_ℓ for all
    rows, a running root mean square of the residual, the same on the way in and back. The reconstruction is truncated:
    x̂ = mean + spread · Σ_ℓ Π_ℓ x̂^ℓ, Π_ℓ = σ_0 ⋯ σ_{ℓ−1}. What no block explained stays out of it: with Π_L x^L added it
    would be x for any weights (`remainder`). As x^ℓ has unit mean square, σ_ℓ² is the share of it that block ℓ leaves,
    and Π_L² the share of the variance that all leave. z are the latents of the blocks side by side.

    Scales move in training mode only. Blocks learn one after the other with `train.fit_stack`, or all at once as any
    model, by the gradient of the truncated sum. Cost: that of the blocks.

    Args:
        blocks: models `Batch -> Latents` that decode all columns, such as `Autoencoder`, or `AtlasAutoencoder` in a
            `ChartBlock`.
        features: columns of the patterns.
        decay: what a scale keeps of the past at every training step, 0 ≤ decay < 1.

    >>> from latentatlas.models import Autoencoder, MLPEncoder
    >>> blocks = [Autoencoder(MLPEncoder(3, 1, hidden=(4,))) for _ in range(2)]
    >>> stack = StackedAutoencoder(blocks, 3).eval()
    >>> x = torch.tensor([[1.0, 2.0, 3.0], [0.0, 1.0, 5.0]])
    >>> bool(torch.allclose(stack(Batch(x)).recon + stack.remainder(x), x))  # untrained, and yet
    True

    Raises:
        SpecError: without a block, or for a decay outside of [0, 1).
        ShapeError: from a block that decodes another number of columns than it reads.
    """

    scales: Tensor
    started: Tensor

    def __init__(self, blocks: Sequence[nn.Module], features: int, *, decay: float = 0.99):
        super().__init__()
        positive_ints("StackedAutoencoder", features=features)
        if not blocks or not 0 <= decay < 1:
            raise SpecError(
                f"StackedAutoencoder wants at least one block and 0 ≤ decay < 1; got {len(blocks)} and {decay}. 0.99 "
                "is usual."
            )
        self.blocks = tuple(blocks)
        self.features = features
        self.decay = decay
        self.stem = ScaleStem(features)
        self.stack = nn.ModuleList(blocks)
        self.register_buffer("scales", torch.ones(len(blocks)))
        self.register_buffer("started", torch.tensor(False))

    def forward(self, batch: Batch) -> Latents:
        """All latents and the truncated reconstruction."""
        peeled = self.peel(batch.x)
        z = torch.cat([latents.z for latents in peeled.latents], dim=1)
        return Latents(z, recon=self._joined(peeled, len(self.blocks)))

    def encode(self, x: Float[Tensor, "n features"]) -> Float[Tensor, "n dim"]:
        """The latents of all blocks side by side."""
        return self(Batch(x)).z

    def peel(self, x: Float[Tensor, "n features"]) -> Peeled:
        """What every block reads and says."""
        inputs, explained, latents, factors = [self.stem(x)], [], [], [self.scales.new_ones(())]
        for number, block in enumerate(self.stack):
            latents.append(block(Batch(inputs[-1])))
            explained.append(_decoded(latents[-1], inputs[-1]))
            left = inputs[-1] - explained[-1]
            if self.training:
                self._follow(number, left.detach())
            scale = self.scales[number].clone()  # the buffer changes before the gradient is taken
            inputs.append(left / scale)
            factors.append(factors[-1] * scale)
        if self.training:
            self.started.fill_(True)
        return Peeled(tuple(inputs), tuple(explained), tuple(latents), torch.stack(factors))

    def reconstruct(self, x: Float[Tensor, "n features"], depth: int) -> Float[Tensor, "n features"]:
        """The sum of the first `depth` blocks; of none, the mean.

        Raises:
            SpecError: for a depth that the stack has not.
        """
        if not 0 <= depth <= len(self.blocks):
            raise SpecError(f"reconstruct wants a depth from 0 to {len(self.blocks)}; got {depth}. Pick one of them.")
        return self._joined(self.peel(x), depth)

    def remainder(self, x: Float[Tensor, "n features"]) -> Float[Tensor, "n features"]:
        """What no block explained, spread · Π_L x^L: x less the reconstruction, whatever the weights are."""
        peeled = self.peel(x)
        return self.stem.spread * peeled.factors[-1] * peeled.inputs[-1]

    @torch.no_grad()
    def adapt(self, x: Float[Tensor, "n features"]) -> None:
        """Mean and spread of training rows, and the scales of the blocks as they are, each adapted to what it reads."""
        training = self.training
        self.stem.fit(x)
        h = self.stem(x)
        for number, block in enumerate(self.stack.eval()):
            adapted(block, h)
            left = h - _decoded(block(Batch(h)), h)
            self.scales[number] = residual_size(left)
            h = left / self.scales[number]
        self.started.fill_(True)
        self.train(training)

    def _joined(self, peeled: Peeled, depth: int) -> Float[Tensor, "n features"]:
        parts = [factor * part for factor, part in zip(peeled.factors, peeled.explained[:depth], strict=False)]
        return self.stem.inverse(sum(parts, torch.zeros_like(peeled.inputs[0])))

    def _follow(self, number: int, left: Float[Tensor, "n features"]) -> None:
        size = residual_size(left).to(self.scales)
        kept = self.decay if bool(self.started) else 0.0
        self.scales[number] = (kept * self.scales[number].square() + (1 - kept) * size.square()).sqrt()


@final
class ChartBlock(nn.Module):
    """An `AtlasAutoencoder` that decodes chart, code and detail only, so that its texture is left to blocks behind it.

    Args:
        model: trained as part of the block.
    """

    def __init__(self, model: AtlasAutoencoder):
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> Latents:
        """The latents of the model, with x̂ = Σ_k w_k D_k(e + z_n)."""
        latents = self.model(batch)
        charts = latents.charts
        assert charts is not None
        local, detail = (charts.given(name, who="ChartBlock") for name in ("local", "detail"))
        place = detail if charts.quantised is None else charts.quantised + detail
        entering = place.detach() + local - local.detach()  # straight through, as in the model
        decoded = self.model.decoder.base(taken(entering, charts.shown), charts.shown)
        charts = charts._replace(decoded=decoded)
        return latents._replace(recon=blended(charts), charts=charts)

    def adapt(self, x: Float[Tensor, "n features"]) -> None:
        """That of the model."""
        self.model.adapt(x)


def adapted(block: nn.Module, x: Float[Tensor, "n features"]) -> None:
    """Let a block set its fixed scales from rows, where it has any."""
    adapt = getattr(block, "adapt", None)
    if adapt is not None:
        adapt(x)


def residual_size(left: Float[Tensor, "n features"]) -> Float[Tensor, ""]:
    """The root mean square of all entries, at least 1e-6, so that one may divide by it."""
    return left.square().mean().sqrt().clamp(min=_SMALLEST)


def _decoded(latents: Latents, x: Float[Tensor, "n features"]) -> Float[Tensor, "n features"]:
    recon = latents.recon
    if recon is None or recon.shape != x.shape:
        raise ShapeError(
            f"StackedAutoencoder wants blocks that decode the {x.shape[1]} columns they read; got "
            f"{None if recon is None else tuple(recon.shape[1:])}. Make every block map all columns."
        )
    return recon
