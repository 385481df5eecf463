"""Charts on a cover that is held: every chart decodes its own rows, by least squares."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from latentatlas.experiments.manifolds.covering import LEAST, learn_cover, soft_cells
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

__all__ = ["Budget", "blank", "charted", "single_chart", "weights_of"]

_ROUTER, _DECODERS_ROUTER = (64,), (8,)
_PAST = 50
_RIDGE, _SEATED, _NEIGHBOURS = 1e-5, 500, 12
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
    memberships = soft_cells(x.numpy(), charts, seed=seed)
    model.encoder.trunk.adapt(x)
    model.decoder.adapt(x)
    learn_cover(model.encoder, x, memberships, steps=budget.steps, seed=seed)
    model.eval()
    with torch.no_grad():
        inside = model.encoder(x).weights >= LEAST
    _seat(model, x, inside, seed=seed)
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


@torch.no_grad()
def _seat(model: AtlasAutoencoder, x: Tensor, inside: Tensor, *, seed: int) -> None:
    """Coordinates of a chart begin as those that keep the lengths of paths within it, as far as features tell them.

    Paths run within the set: where it bends away from its tangent plane, a projection would fold it, they do not.
    """
    heads, drawing = model.encoder.heads, torch.Generator().manual_seed(seed)
    weights, biases = (each.unflatten(0, (heads.charts, heads.dim)) for each in (heads.weight, heads.bias))
    features = F.silu(model.encoder.trunk(x))
    model.encoder.centre.zero_()
    for k, members in enumerate(inside.T):
        rows = members.nonzero()[:, 0]
        rows = rows[torch.randperm(len(rows), generator=drawing)[:_SEATED]]
        if len(rows) <= _NEIGHBOURS:  # too few to have a shape: the chart keeps the weights it was made with
            continue
        places = _unrolled(x[rows], heads.dim)
        mean = features[rows].mean(dim=0)
        wide = features[rows] - mean
        gram = wide.T @ wide + _RIDGE * len(rows) * torch.eye(wide.shape[1])
        weights[k] = torch.linalg.solve(gram, wide.T @ places).T
        biases[k] = -weights[k] @ mean


def _unrolled(x: Float[Tensor, "n features"], dim: int) -> Float[Tensor, "n dim"]:
    """Isomap of a few rows, of unit variance in all."""
    from sklearn.manifold import Isomap

    made = Isomap(n_neighbors=_NEIGHBOURS, n_components=dim).fit_transform(x.numpy())
    places = torch.from_numpy(made - made.mean(axis=0)).to(x.dtype)
    return places / places.square().mean().sqrt()


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
