"""β-VAE as a map: an autoencoder of the same layers whose codes are drawn and kept near a Gaussian."""

from __future__ import annotations

from typing import final

import numpy as np
import torch

from latentatlas.core import Batch, Constant, Ramp, Schedule, reproducible
from latentatlas.estimator.distilling import distillation_recipe
from latentatlas.estimator.fitting import default_edges
from latentatlas.estimator.rows import blockwise
from latentatlas.experiments.maps import FittedMap, MapMethod
from latentatlas.models import Autoencoder, MLPEncoder, PCAStem, VariationalEncoder
from latentatlas.terms import GaussianDivergence, Objective, Reconstruction, Term
from latentatlas.train import Recipe, RowBatches, fit

__all__ = ["BetaVAEMap"]

_COMPONENTS = 128
_NOISE = 0.1  # of the mean variance of a column


@final
class BetaVAEMap(MapMethod):
    """A variational autoencoder on principal components; places are the means of the codes.

    The noise of a column is a tenth of the mean variance; β = 1 is then the evidence bound. β rises from 0 over the
    first fifth of the steps.

    Args:
        dim: axes of the code.
        beta: weight of the divergence.
        steps: optimiser steps; None takes as many as `Atlas` would.
    """

    def __init__(self, dim: int = 10, *, beta: float = 1.0, steps: int | None = None):
        self.name = f"beta-vae-{beta:g}"
        self.title = f"β-VAE, β = {beta:g}"
        self.dim = dim
        self.beta = beta
        self.steps = steps

    def fit(self, x: np.ndarray, *, seed: int) -> FittedMap:
        """As many passes over the rows as the default of `Atlas`."""
        size = 2 * default_edges(len(x))
        steps = distillation_recipe(len(x), size, steps=self.steps).steps
        with reproducible(seed):
            rows = torch.from_numpy(x)
            stem = PCAStem(x.shape[1], min(x.shape[1], _COMPONENTS)).fit(rows)
            h = stem(rows)
            trunk = MLPEncoder(stem.components, 2 * self.dim, spread=1.0, noise=0.0)
            model = Autoencoder(VariationalEncoder(trunk))
            model.adapt(h)
            noise = _NOISE * float(h.var(dim=0).mean())
            high = self.beta * 2 * noise / h.shape[1]
            terms: dict[str, tuple[Term, Schedule]] = {
                "recon": (Reconstruction(), Constant(1.0)),
                "divergence": (GaussianDivergence(), Ramp(start=0, stop=max(1, steps // 5), high=high)),
            }
            source = RowBatches(Batch(x=h, row=torch.arange(len(x))), size=size, seed=seed)
            fit(model, Objective(terms), source, Recipe(steps, log_every=max(1, steps // 8)))
        model.eval()

        def transform(new: np.ndarray) -> np.ndarray:
            return blockwise(lambda block: model.encode(stem(block)), new)

        return FittedMap(transform(x), transform)
