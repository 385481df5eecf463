"""Our map, and autoencoders of the same layers, steps and batches that differ in one term alone."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, final

import torch

from latentatlas.core import Batch, Constant, Ramp, Schedule, reproducible
from latentatlas.estimator import Atlas
from latentatlas.estimator.distilling import distillation_recipe
from latentatlas.estimator.fitting import default_edges
from latentatlas.estimator.rows import blockwise
from latentatlas.experiments.maps.base import FittedMap, MapMethod, Rows
from latentatlas.models import Autoencoder, MLPEncoder, PCAStem
from latentatlas.terms import (
    CrossEntropy,
    NeighborContrast,
    Objective,
    Reconstruction,
    RTDLite,
    Signature,
    Stress,
    Term,
)
from latentatlas.train import BatchSource, EdgeBatches, Recipe, RowBatches, fit

__all__ = ["AtlasMap", "NetworkMap", "mmae", "plain_ae", "rtd_lite", "topo_ae", "umap_ae"]

_COMPONENTS = 128
_NEIGHBOURS = 15
_SAMPLED = 5.0  # negatives an edge, as umap-learn has it

# On 3,000 training rows of MNIST, 600 steps: the squared error of other training rows. The units of our terms are not
# those of their papers, so the weights from there mean nothing here.
_WEIGHED = "weighed by the largest power of ten that costs at most 5 % of reconstruction"


@final
class AtlasMap(MapMethod):
    """Ours: `Atlas(dim=dim)` and nothing else, or with another term in place of the layout.

    Args:
        dim: axes.
        steps: optimiser steps; None takes the default.
        term: what is trained in place of the layout, as `neighbour_term`; None leaves the default.
    """

    name: str = "latentatlas"
    title: str = "**latentatlas**"

    def __init__(self, dim: int = 2, *, steps: int | None = None, term: Term | None = None):
        self.dim = dim
        self.steps = steps
        self.term = term
        if term is not None:
            self.name = f"latentatlas-{type(term).__name__.lower()}"
            self.title = f"**latentatlas**, `neighbour_term={type(term).__name__}()`"

    def fit(self, x: Rows, *, seed: int) -> FittedMap:
        """One fit, all other settings the default."""
        term = "auto" if self.term is None else self.term
        atlas = Atlas(dim=self.dim, steps=self.steps, random_state=seed, neighbour_term=term).fit(x)
        return FittedMap(atlas.latent_, atlas.transform, atlas.inverse_transform)

    def warm_up(self, x: Rows) -> None:
        """Few steps, but more rows than are compared pair by pair."""
        AtlasMap(self.dim, steps=20).fit(x[:1_500], seed=0)


@final
class NetworkMap(MapMethod):
    """An autoencoder on principal components, layers as those of `Atlas`, with at most one more term.

    Args:
        name: on the command line.
        title: in tables.
        term: beside the reconstruction; None for none.
        weight: of the term, after a ramp over a twentieth of the steps.
        dim: axes.
        steps: optimiser steps; None takes as many as `Atlas` would.
        remark: what a reader of a table must know.
    """

    def __init__(
        self,
        name: str,
        title: str,
        *,
        term: Term | None = None,
        weight: float = 1.0,
        dim: int = 2,
        steps: int | None = None,
        remark: str = "",
    ):
        self.name = name
        self.title = title
        self.term = term
        self.weight = weight
        self.dim = dim
        self.steps = steps
        self.remark = remark

    def fit(self, x: Rows, *, seed: int) -> FittedMap:
        """As many passes over the rows as the default of `Atlas`."""
        return self._fit(x, seed, distillation_recipe(len(x), 2 * default_edges(len(x)), steps=self.steps).steps)

    def warm_up(self, x: Rows) -> None:
        """Few rows, few steps."""
        self._fit(x[:500], 0, 20)

    def _fit(self, x: Rows, seed: int, steps: int) -> FittedMap:
        term = deepcopy(self.term)
        with reproducible(seed):
            rows = torch.from_numpy(x)
            stem = PCAStem(x.shape[1], min(x.shape[1], _COMPONENTS)).fit(rows)
            model = Autoencoder(MLPEncoder(stem.components, self.dim))
            with torch.no_grad():
                batch = Batch(x=torch.cat([stem(block) for block in rows.split(16_384)]), row=torch.arange(len(x)))
            model.adapt(batch.x)
            terms: dict[str, tuple[Term, Schedule]] = {"recon": (Reconstruction(), Constant(1.0))}
            if term is not None:
                terms["shape"] = (term, Ramp(start=0, stop=max(1, steps // 20), high=self.weight))
            fit(model, Objective(terms), _source(batch, x, term, seed), Recipe(steps, log_every=max(1, steps // 8)))

        def transform(new: Rows) -> Any:
            return blockwise(lambda block: model.encode(stem(block)), new)

        return FittedMap(transform(x), transform, lambda z: blockwise(lambda b: stem.inverse(model.decode(b)), z))


def plain_ae(dim: int = 2, *, steps: int | None = None) -> NetworkMap:
    """Reconstruction alone."""
    return NetworkMap("ae", "AE", dim=dim, steps=steps)


def umap_ae(dim: int = 2, *, steps: int | None = None) -> NetworkMap:
    """UMAP's cross-entropy over the fuzzy graph, weighed like the reconstruction: a parametric UMAP with a decoder."""
    remark = "our own network with UMAP's cross-entropy (5 negatives, a = b = 1) beside the reconstruction"
    term = NeighborContrast(_SAMPLED, loss=CrossEntropy())
    return NetworkMap("umap-ae", "UMAP/AE", term=term, dim=dim, steps=steps, remark=remark)


def topo_ae(dim: int = 2, *, steps: int | None = None) -> NetworkMap:
    """The distances at which components merge, in both spaces."""
    remark = f"our own network with the term of topological autoencoders, {_WEIGHED}"
    return NetworkMap("topoae", "TopoAE", term=Signature(), weight=0.01, dim=dim, steps=steps, remark=remark)


def mmae(dim: int = 2, *, steps: int | None = None) -> NetworkMap:
    """All pairwise distances of a batch."""
    remark = f"our own network with the squared error of all pairwise distances, {_WEIGHED}"
    return NetworkMap("mmae", "MMAE", term=Stress(), weight=0.01, dim=dim, steps=steps, remark=remark)


def rtd_lite(dim: int = 2, *, steps: int | None = None) -> NetworkMap:
    """The gap between the spanning trees of both spaces and that of their minimum."""
    remark = f"our own network with the term of RTD-Lite, {_WEIGHED}"
    return NetworkMap("rtd-lite", "RTD-Lite", term=RTDLite(), weight=1.0, dim=dim, steps=steps, remark=remark)


def _source(batch: Batch, x: Rows, term: Term | None, seed: int) -> BatchSource:
    """Edges of the whole graph for terms that read them, else rows; as many rows a step either way."""
    size = default_edges(len(x))
    if term is None or all(entry.field != "edges" for entry in term.inputs()):
        return RowBatches(batch, size=2 * size, seed=seed)
    from latentatlas.graph import fuzzy_weights, knn_graph

    return EdgeBatches(batch, fuzzy_weights(knn_graph(x, _NEIGHBOURS, seed=seed)), size=size, seed=seed)
