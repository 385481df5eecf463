"""Charts that begin from a cover: a router that learns it, and coordinates unrolled in each of its cells."""

from __future__ import annotations

import warnings
from typing import final

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from latentatlas.core import Batch, Charts, Constant, Latents
from latentatlas.models import AtlasEncoder
from latentatlas.terms import ChartAssignment, Objective
from latentatlas.train.batches import RowBatches
from latentatlas.train.fit import Recipe, fit

__all__ = ["learn_cover", "unroll_charts"]

_DRAWS, _BATCH, _RATE = 8, 512, 1e-2
_RIDGE, _UNROLLED, _NEIGHBOURS = 1e-5, 500, 12


def learn_cover(
    encoder: AtlasEncoder,
    x: Float[Tensor, "n features"],
    memberships: Float[np.ndarray, "n charts"],
    *,
    steps: int,
    seed: int,
) -> None:
    """Train trunk and router to give the memberships; what shall stay as it is asks for no gradient.

    Each row is there eight times, each time with a chart drawn by its memberships, so that the cross-entropy of the
    drawn charts is that of the memberships themselves. Cost that of the trunk on 512 rows a step.

    Args:
        encoder: with the number of charts of the memberships.
        x: rows.
        memberships: in each chart; rows sum to 1 (`layout.soft_cells` makes such).
        steps: of AdamW.
        seed: of the order of rows.

    Raises:
        ShapeError: if the encoder has fewer charts.
    """
    drawn = torch.multinomial(torch.from_numpy(memberships), _DRAWS, replacement=True).flatten()
    rows = Batch(x.repeat_interleave(_DRAWS, dim=0), row=torch.arange(len(drawn)))
    term = ChartAssignment(len(drawn), memberships.shape[1])
    term.assign(torch.arange(len(drawn)), drawn)
    fit(
        _RouterAlone(encoder),
        Objective({"assignment": (term, Constant(1.0))}),
        RowBatches(rows, size=_BATCH, seed=seed),
        Recipe(steps, rate=_RATE, decay=0.0, log_every=steps),
    )


@torch.no_grad()
def unroll_charts(
    encoder: AtlasEncoder, x: Float[Tensor, "n features"], inside: Bool[Tensor, "n charts"], *, seed: int
) -> None:
    """Coordinates of a chart become those that keep the lengths of paths within it, as far as features tell them.

    Isomap of at most 500 rows of the chart, by ridge regression on the features. Paths run within the set: where it
    bends away from its tangent plane, a projection would fold it, they do not. The running means of the encoder become
    0. A chart with too few rows to have a shape keeps the coordinates it has.

    Args:
        encoder: evaluated as it is.
        x: rows.
        inside: which rows are inside which chart.
        seed: of the choice of rows.

    References:
        Tenenbaum, de Silva, Langford, *A global geometric framework for nonlinear dimensionality reduction*, 2000.
    """
    heads, drawing = encoder.heads, torch.Generator().manual_seed(seed)
    weights, biases = (each.unflatten(0, (heads.charts, heads.dim)) for each in (heads.weight, heads.bias))
    features = F.silu(encoder.trunk(x))
    encoder.centre.zero_()
    for k, members in enumerate(inside.T):
        rows = members.nonzero()[:, 0]
        rows = rows[torch.randperm(len(rows), generator=drawing)[:_UNROLLED]]
        if len(rows) <= max(_NEIGHBOURS, heads.dim):
            continue
        places = _unrolled(x[rows], heads.dim)
        mean = features[rows].mean(dim=0)
        wide = features[rows] - mean
        gram = wide.T @ wide + _RIDGE * len(rows) * torch.eye(wide.shape[1])
        weights[k] = torch.linalg.solve(gram, wide.T @ places).T
        biases[k] = -weights[k] @ mean


def _unrolled(x: Float[Tensor, "n features"], dim: int) -> Float[Tensor, "n dim"]:
    """Isomap of a few rows, of unit variance in all; rows that are all equal stay at 0."""
    from sklearn.manifold import Isomap

    with warnings.catch_warnings():  # parts that lie apart are joined by their shortest edge
        warnings.simplefilter("ignore")
        made = Isomap(n_neighbors=_NEIGHBOURS, n_components=dim).fit_transform(x.cpu().numpy())
    places = torch.from_numpy(made - made.mean(axis=0)).to(x)
    return places / places.square().mean().sqrt().clamp(min=torch.finfo(x.dtype).tiny)


@final
class _RouterAlone(nn.Module):
    """Memberships of an encoder as a model of their own; nothing is decoded."""

    def __init__(self, encoder: AtlasEncoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, batch: Batch) -> Latents:
        features = self.encoder.trunk(batch.x)
        return Latents(features, charts=Charts(self.encoder.gate(self.encoder.router.logits(features))))
