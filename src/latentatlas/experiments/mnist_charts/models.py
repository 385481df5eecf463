"""Models of one size: many charts with codes, one chart without (an autoencoder), one with codes alone (a VQ-VAE)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from latentatlas.core import Batch, Constant, Ramp, Schedule, reproducible
from latentatlas.models import (
    AtlasAutoencoder,
    AtlasEncoder,
    ChartCodebook,
    ChartHeads,
    ChartRenderer,
    MLPEncoder,
    MLPRouter,
    PCAStem,
    Placements,
    ResidualFilter,
    TopologicalDecoder,
)
from latentatlas.terms import (
    ChartAssignment,
    ChartReconstruction,
    ChartVariance,
    Commitment,
    Objective,
    RoutingConsistency,
    Term,
    UsageBand,
)
from latentatlas.train import AnnealGate, Recipe, RowBatches, fit

__all__ = ["AXES", "CHARTS", "CODES", "Shape", "Spending", "Trained", "numbers_of", "trained"]

CHARTS, CODES, AXES = 10, 16, 2
_SIZE, _COMPONENTS = 85_000, 48
_TOP, _BATCH, _RATE = 2, 512, 3e-3
_COMMITMENT, _SPREAD, _USE, _READ = 0.02, 0.02, 0.1, 0.01


class Shape(NamedTuple):
    """What a model is made of.

    Attributes:
        charts: K.
        codes: in each chart; 0 is none.
        detail: whether the decoder sees more than the code.
    """

    charts: int
    codes: int
    detail: bool


class Spending(NamedTuple):
    """How much is spent on one fit.

    Attributes:
        steps: of the optimiser.
        assigning: weight of the groups that the router is told, in nats.
    """

    steps: int = 3_000
    assigning: float = 0.5


class Trained(NamedTuple):
    """A stem and the model of its coordinates."""

    stem: PCAStem
    model: AtlasAutoencoder

    @torch.no_grad()
    def decoded(self, h: Float[Tensor, "n components"]) -> Float[np.ndarray, "n pixels"]:
        """Pixels of coordinates of the stem."""
        return self.stem.inverse(h).numpy()


def trained(
    x: Float[Tensor, "n pixels"], shape: Shape, group: Int[np.ndarray, " n"] | None, spending: Spending, *, seed: int
) -> Trained:
    """A model fitted on images; `group` tells the router the chart of each row."""
    with reproducible(seed, threads=1):
        stem = PCAStem(x.shape[1], _COMPONENTS).fit(x)
        h = stem(x)
        model = _largest(shape, stem)
        model.adapt(h)
        fit(
            model,
            Objective(_terms(h, shape, group, spending)),
            RowBatches(Batch(h, row=torch.arange(len(h))), size=_BATCH, seed=seed),
            Recipe(spending.steps, rate=_RATE, decay=0.0, log_every=spending.steps),
            callbacks=[AnnealGate(model.encoder.gate, hardness=_second_half(spending.steps))],
        )
    return Trained(stem, model)


def numbers_of(*parts: nn.Module) -> int:
    """How many numbers modules hold, learned or not: axes and mean of a stem, weights, codes.

    Running sums of codes and of centres are left out, since a fitted model does not read them.
    """
    unread = ("usage", "sums", "started")
    return sum(
        value.numel()
        for part in parts
        for name, value in part.state_dict().items()
        if name.rpartition(".")[2] not in unread
    )


def _largest(shape: Shape, stem: PCAStem) -> AtlasAutoencoder:
    """The widest model that has no more numbers than wanted, the stem included."""
    widths = [width for width in range(16, 240, 4) if numbers_of(stem, _model(shape, width)) <= _SIZE]
    return _model(shape, max(widths))


def _model(shape: Shape, width: int) -> AtlasAutoencoder:
    encoder = AtlasEncoder(
        MLPEncoder(_COMPONENTS, width, hidden=(width,), spread=1.0, noise=0.0),
        MLPRouter(width, shape.charts),
        ChartHeads(width, shape.charts, AXES),
        Placements(shape.charts, AXES, spread=2.0),
        top=min(_TOP, shape.charts),
    )
    renderer = ChartRenderer(shape.charts, AXES, _COMPONENTS, width=width, hidden=(width,))
    return AtlasAutoencoder(
        encoder,
        TopologicalDecoder(renderer, MLPRouter(AXES, shape.charts, hidden=(16,))),
        codebook=ChartCodebook(shape.charts, shape.codes, AXES) if shape.codes else None,
        residual=None if shape.detail else ResidualFilter(shape.charts, AXES, 0),
    )


def _terms(h: Tensor, shape: Shape, group: np.ndarray | None, spending: Spending) -> dict[str, tuple[Term, Schedule]]:
    scale = float(h.var(dim=0).mean().sqrt())
    terms: dict[str, tuple[Term, Schedule]] = {
        "reconstruction": (ChartReconstruction(scale), Constant(1.0)),
        "spread": (ChartVariance(), Constant(_SPREAD)),
    }
    if shape.codes:
        terms["commitment"] = (Commitment(), Constant(_COMMITMENT))
    if shape.charts > 1:
        terms["use"] = (UsageBand(0.3, 3.0), Constant(_USE))
        terms["read"] = (RoutingConsistency(), Constant(_READ))
    if group is not None:
        told = ChartAssignment(len(h), shape.charts)
        told.assign(torch.arange(len(h)), torch.from_numpy(group))
        terms["groups"] = (told, Constant(spending.assigning))
    return terms


def _second_half(steps: int) -> Ramp:
    return Ramp(start=steps // 2, stop=int(0.9 * steps))
