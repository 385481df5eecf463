"""Charts on a cover that is held: every chart decodes its own rows, by least squares."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from latentatlas.graph import knn_graph
from latentatlas.layout import INSIDE, soft_cells
from latentatlas.models import (
    AtlasAutoencoder,
    AtlasEncoder,
    ChartHeads,
    ChartRenderer,
    MLPEncoder,
    MLPRouter,
    Placements,
    TopologicalDecoder,
)
from latentatlas.train import learn_cover, unroll_charts

__all__ = ["Budget", "blank", "charted", "single_chart", "weights_of"]

_ROUTER, _DECODERS_ROUTER = (64,), (8,)
_PAST = 50
_NEIGHBOURS = 10
_WIDEST = 2_000


class Budget(NamedTuple):
    """How much is spent on one fit.

    Attributes:
        steps: of the router.
        most: rounds of least squares, of those that the set wants.
        plain: rounds of the autoencoder with one chart.
        width: features of the encoder, and hidden units of the decoder.
    """

    steps: int = 800
    most: int = 10_000
    plain: int = 250
    width: int = 128


def charted(
    x: Float[Tensor, "n features"], dim: int, charts: int, budget: Budget, *, rounds: int, seed: int
) -> tuple[AtlasAutoencoder, AtlasAutoencoder]:
    """The model before least squares, as it was seated, and after; run it under `core.reproducible`."""
    model = blank(x.shape[1], dim, charts, budget.width)
    memberships = soft_cells(knn_graph(x.numpy(), _NEIGHBOURS, exact=True), charts, seed=seed)
    model.encoder.trunk.adapt(x)
    model.decoder.adapt(x)
    model.encoder.trunk.requires_grad_(False)
    learn_cover(model.encoder, x, memberships, steps=budget.steps, seed=seed)
    model.eval()
    with torch.no_grad():
        inside = model.encoder(x).weights >= INSIDE
    unroll_charts(model.encoder, x, inside, seed=seed)
    start = blank(x.shape[1], dim, charts, budget.width).eval()
    start.load_state_dict(model.state_dict())
    _least_squares(model, x, inside, min(rounds, budget.most))
    return start, model


def single_chart(x: Float[Tensor, "n features"], dim: int, weights: int, *, rounds: int) -> AtlasAutoencoder:
    """A plain autoencoder: one chart in networks of the same kind, whose number of weights comes nearest; all learn."""
    sizes = {width: weights_of(blank(x.shape[1], dim, 1, width)) for width in range(16, _WIDEST, 2)}
    width = min(sizes, key=lambda each: abs(sizes[each] - weights))
    model = blank(x.shape[1], dim, 1, width)
    model.adapt(x)
    model.eval()
    _least_squares(model, x, torch.ones(len(x), 1, dtype=torch.bool), rounds, trunk=[*model.encoder.trunk.parameters()])
    return model


def weights_of(model: nn.Module) -> int:
    """Number of learned weights."""
    return sum(parameter.numel() for parameter in model.parameters())


def blank(features: int, dim: int, charts: int, width: int) -> AtlasAutoencoder:
    """X → affine features h; silu h → coordinates, h → router; silu of the chart's own affine map of z → x̂."""
    encoder = AtlasEncoder(
        MLPEncoder(features, width, hidden=(), spread=1.0, noise=0.0),
        MLPRouter(width, charts, hidden=_ROUTER if charts > 1 else ()),
        ChartHeads(width, charts, dim),
        Placements(charts, dim),
    )
    renderer = ChartRenderer(charts, dim, features, width=width, hidden=())
    return AtlasAutoencoder(encoder, TopologicalDecoder(renderer, MLPRouter(dim, charts, hidden=_DECODERS_ROUTER)))


def _least_squares(
    model: AtlasAutoencoder, x: Tensor, inside: Tensor, rounds: int, *, trunk: list[nn.Parameter] | None = None
) -> None:
    """The least mean over charts of mean ‖x − x̂^(k)‖² over the rows inside chart k, by L-BFGS on all rows at once.

    Every row inside a chart counts alike, also at its edge, where its membership is small: jumps start there. The
    memberships do not move.
    """
    row, chart = inside.nonzero(as_tuple=True)
    share = (1 / inside.sum(dim=0).clamp(min=1) / inside.shape[1])[chart]
    target, held = x[row], F.silu(model.encoder.trunk(x)).detach()
    learned = [*model.encoder.heads.parameters(), *model.decoder.base.parameters(), *(trunk or ())]
    for parameter in trunk or ():
        parameter.requires_grad_(True)
    optimiser = torch.optim.LBFGS(
        learned,
        max_iter=rounds,
        max_eval=2 * rounds,
        history_size=_PAST,
        line_search_fn="strong_wolfe",
        tolerance_grad=1e-9,
        tolerance_change=1e-12,
    )

    def loss() -> Tensor:
        optimiser.zero_grad()
        features = held if trunk is None else F.silu(model.encoder.trunk(x))
        local = (model.encoder.heads(features) - model.encoder.centre)[row, chart]
        decoded = model.decoder.base(local[:, None], chart[:, None])[:, 0]
        value = ((target - decoded).square().sum(dim=1) * share).sum()
        value.backward()
        return value

    optimiser.step(loss)
