"""Charts in training: their number follows the evidence, or was given."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from latentatlas.core import Batch, Constant, reproducible
from latentatlas.experiments.elastic.counting import BEGUN, found_charts
from latentatlas.graph import knn_graph
from latentatlas.layout import INSIDE, soft_cells
from latentatlas.models import AtlasAutoencoder, elastic_autoencoder
from latentatlas.terms import ChartReconstruction, Objective, RoutingConsistency
from latentatlas.train import ElasticCharts, Recipe, RowBatches, fit, learn_cover, unroll_charts

__all__ = ["learned"]

_WIDTH, _BATCH, _RATE, _NEIGHBOURS = 128, 512, 3e-3, 10


def learned(
    x: Float[np.ndarray, "n features"],
    unseen: Float[np.ndarray, "m features"],
    dim: int,
    *,
    begun: int | None,
    stays: bool,
    steps: int,
    every: int,
    seed: int,
) -> dict[str, Any]:
    """One fit, begun with so many charts, or as many as `elastic_cells` finds, that stay, or come and go.

    A cover of cells of the graph is learned first and held: only splits, mergers and closures change it. The charts
    decode their rows. Every third row judges charts and is not trained on.
    """
    held, scale = np.arange(len(x)) % 3 == 0, float((x - x.mean(axis=0)).std())
    train, judges = torch.from_numpy(x[~held]), torch.from_numpy(x[held])
    with reproducible(seed, threads=1):
        model = _begun(train, dim, begun, steps=steps, seed=seed)
        elastic = ElasticCharts(model, train, judges, every=every)
        objective = Objective(
            {
                "recon": (ChartReconstruction(scale), Constant(1.0)),
                "routing": (RoutingConsistency(), Constant(0.1)),
            }
        )
        recipe = Recipe(steps, rate=_RATE, decay=0.0, log_every=steps)
        began = time.perf_counter()
        hooks = [] if stays else [elastic]
        fit(model, objective, RowBatches(Batch(train), size=_BATCH, seed=seed), recipe, callbacks=hooks)
        seconds = time.perf_counter() - began
    return _judged(model, elastic, torch.from_numpy(unseen), scale, steps) | {"share": elastic.seconds / seconds}


def _begun(x: torch.Tensor, dim: int, begun: int | None, *, steps: int, seed: int) -> AtlasAutoencoder:
    charts = found_charts(x.numpy(), dim, seed=seed).number if begun is None else begun
    model = elastic_autoencoder(x.shape[1], dim, most=BEGUN, start=charts, width=_WIDTH)
    model.adapt(x)
    memberships = soft_cells(knn_graph(x.numpy(), _NEIGHBOURS, exact=True), charts, seed=seed)
    if charts > 1:
        padded = np.pad(memberships, ((0, 0), (0, BEGUN - charts)))
        learn_cover(model.encoder, x, padded, steps=steps // 4, seed=seed)
        model.eval()
        with torch.no_grad():
            unroll_charts(model.encoder, x, model.encoder(x).weights >= INSIDE, seed=seed)
            model.encoder.settle_on(x)
    model.encoder.trunk.requires_grad_(False)
    model.encoder.router.requires_grad_(False)
    return model


@torch.no_grad()
def _judged(
    model: AtlasAutoencoder, elastic: ElasticCharts, unseen: torch.Tensor, scale: float, steps: int
) -> dict[str, Any]:
    left = (model(Batch(unseen)).recon - unseen).square().mean() / scale**2
    ledger = elastic.ledger
    return {
        "charts": elastic.count,
        "unexplained": float(left),
        "events": len(ledger.events),
        "late": sum(event.step >= 2 * steps / 3 for event in ledger.events if event.kind != "full"),
        "uses": [[use.step, *use.share] for use in ledger.uses],
        "log": [event._asdict() for event in ledger.events],
    }
