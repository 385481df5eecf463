"""Jumps learned on charts that are given, and a model that is taught these charts."""

from __future__ import annotations

from typing import NamedTuple, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentatlas.core import Batch, Charts, Constant, Latents, Map
from latentatlas.experiments.jumps.charts import Known
from latentatlas.experiments.manifolds.fitting import blank
from latentatlas.layout import INSIDE
from latentatlas.models import AtlasAutoencoder, AutoencoderJumps, FactorizedJumps, Jumps, TiedJumps
from latentatlas.terms import JumpConsistency, Objective
from latentatlas.train import Recipe, RowBatches, fit, learn_cover

__all__ = ["AUTOENCODER", "METHODS", "Effort", "learned", "taught"]

AUTOENCODER = "through decoder and encoder"
METHODS = ("factorised", "factorised, rank 1", "tied", AUTOENCODER, "none (as it is in the other chart)")
_BATCH, _RATE, _WIDTH = 256, 1e-2, 96


class Effort(NamedTuple):
    """Steps of affine jumps and of the router, and rounds of least squares of the model that is taught."""

    steps: int = 1_500
    router: int = 800
    rounds: int = 400


@final
class _Given(nn.Module):
    """Charts of numbered rows as the output of a model, and jumps to learn."""

    local: Tensor
    memberships: Tensor

    def __init__(self, known: Known, jumps: Jumps):
        super().__init__()
        self.jumps = jumps
        self.register_buffer("local", torch.from_numpy(known.local).float())
        self.register_buffer("memberships", torch.from_numpy(known.memberships).float())

    def forward(self, batch: Batch) -> Latents:
        local = self.local[batch.row]
        return Latents(local.flatten(1), charts=Charts(self.memberships[batch.row], local))

    @property
    def jump(self) -> Map:
        return self.jumps


def learned(title: str, known: Known, model: AtlasAutoencoder, effort: Effort, *, seed: int) -> Jumps:
    """The jumps of one method, fitted to the rows."""
    charts, dim = known.local.shape[1:]
    if title == AUTOENCODER:
        return AutoencoderJumps(model)
    if title.startswith("none"):
        return FactorizedJumps(charts, dim)
    if title == "tied":
        tied = TiedJumps(charts, dim)
        tied.seat(torch.from_numpy(known.local).float(), torch.from_numpy(known.memberships).float())
        return _fitted(tied, known, effort, seed=seed)
    return _fitted(FactorizedJumps(charts, dim, rank=1 if title.endswith("1") else dim), known, effort, seed=seed)


def taught(known: Known, effort: Effort, *, seed: int) -> AtlasAutoencoder:
    """A model whose charts are the given ones: router, encoders and decoders of the rows inside each chart."""
    x, local = torch.from_numpy(known.x), torch.from_numpy(known.local).float()
    charts, dim = local.shape[1:]
    model = blank(x.shape[1], dim, charts, _WIDTH)
    model.encoder.trunk.adapt(x)
    model.decoder.adapt(x)
    model.encoder.trunk.requires_grad_(False)
    learn_cover(model.encoder, x, known.memberships, steps=effort.router, seed=seed)
    model.eval()
    row, chart = (torch.from_numpy(known.memberships) >= INSIDE).nonzero(as_tuple=True)
    target, wanted, features = x[row], local[row, chart], F.silu(model.encoder.trunk(x)).detach()
    learnt = [*model.encoder.heads.parameters(), *model.decoder.base.parameters()]
    optimiser = torch.optim.LBFGS(
        learnt, max_iter=effort.rounds, history_size=50, line_search_fn="strong_wolfe", tolerance_change=1e-12
    )

    def loss() -> Tensor:
        optimiser.zero_grad()
        decoded = model.decoder.base(wanted[:, None], chart[:, None])[:, 0]
        told = model.encoder.heads(features)[row, chart]
        value = (decoded - target).square().sum(dim=1).mean() + (told - wanted).square().sum(dim=1).mean()
        value.backward()
        return value

    optimiser.step(loss)
    return model


def _fitted(jumps: Jumps, known: Known, effort: Effort, *, seed: int) -> Jumps:
    rows = Batch(torch.from_numpy(known.x), row=torch.arange(len(known.x)))
    fit(
        _Given(known, jumps),
        Objective({"consistency": (JumpConsistency(), Constant(1.0))}),
        RowBatches(rows, size=_BATCH, seed=seed),
        Recipe(effort.steps, rate=_RATE, decay=0.0, log_every=effort.steps),
    )
    return jumps
