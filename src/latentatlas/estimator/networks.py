"""The networks of a fit: a fixed linear first layer, then an autoencoder or many charts."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from latentatlas.core import SpecError
from latentatlas.estimator.charting import ChartSettings, charted_network, counted
from latentatlas.estimator.curving import spread_in
from latentatlas.estimator.distilling import chart_encoder
from latentatlas.geometry import Euclidean
from latentatlas.graph import Neighbours
from latentatlas.models import (
    AtlasAutoencoder,
    Autoencoder,
    CurvedEncoder,
    ElasticCells,
    Encoder,
    MapHead,
    MLPEncoder,
    PCAStem,
    ScaleStem,
    Stem,
)

if TYPE_CHECKING:
    from latentatlas.estimator.fitting import Problem

__all__ = ["stem_and_model"]

_STEM_COMPONENTS = 128


def stem_and_model(
    problem: Problem, rows: Tensor, near: Neighbours, *, distils: bool
) -> tuple[Stem, Autoencoder | AtlasAutoencoder, ElasticCells | None]:
    """The stem fitted on these rows, a model whose scales are not yet, and the cells where a number was found.

    Raises:
        SpecError: for an encoder or charts of another number of axes.
        ShapeError: for those of other columns.
    """
    if problem.charts is not None:
        stem = _stem(rows) if isinstance(problem.charts, ChartSettings) else ScaleStem(rows.shape[1]).fit(rows)
        charts, found = counted(problem.charts, stem(rows), near, problem.dim, seed=problem.seed)
        model = charted_network(charts, stem.components, problem.dim)
        with torch.no_grad():
            model.encode(stem(rows[:1]))  # a model of other columns says so
        return stem, model, found
    stem, encoder = _stem_and_encoder(problem, rows, distils=distils)
    space = problem.geometry
    head = MapHead(problem.dim, spread=spread_in(space), geometry=space) if problem.dim != 2 else None
    curved = not isinstance(space, Euclidean)
    return stem, Autoencoder(CurvedEncoder(encoder, space) if curved else encoder, head=head), None


def _stem(rows: Tensor) -> Stem:
    return PCAStem(rows.shape[1], min(rows.shape[1], _STEM_COMPONENTS)).fit(rows)


def _stem_and_encoder(problem: Problem, rows: Tensor, *, distils: bool) -> tuple[Stem, Encoder]:
    features = rows.shape[1]
    if problem.encoder is None:
        stem = _stem(rows)
        if distils:
            return stem, chart_encoder(stem.components, problem.dim, n=len(rows))
        return stem, MLPEncoder(stem.components, problem.dim, spread=spread_in(problem.geometry))
    if problem.encoder.dim != problem.dim:
        raise SpecError(
            f"Atlas wants an encoder with dim={problem.dim}; {type(problem.encoder).__name__} has "
            f"{problem.encoder.dim}. Make both equal."
        )
    stem, encoder = ScaleStem(features).fit(rows), deepcopy(problem.encoder).eval()
    with torch.no_grad():
        encoder(stem(rows[:1]))  # an encoder of other columns says so
    return stem, encoder
