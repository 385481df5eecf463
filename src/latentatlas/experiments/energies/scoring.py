"""Ways to tell strange rows: training rows and new rows in, scores of the new rows out, higher for stranger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import Batch, Constant, Ramp, Schedule, reproducible
from latentatlas.estimator import Atlas
from latentatlas.estimator.rows import blockwise
from latentatlas.graph.exact import brute_force, measured
from latentatlas.models import Autoencoder, MLPEncoder, NeuralEnergy, PCAStem, VariationalEncoder
from latentatlas.terms import (
    ContrastiveDivergence,
    EnergyPrior,
    GaussianDivergence,
    Objective,
    Reconstruction,
    ReplayBuffer,
    Term,
)
from latentatlas.train import Recipe, RowBatches, fit

__all__ = ["ATLAS_SCORE", "ENERGY_SCORE", "PLACE_SCORE", "SCORERS", "Scorer"]

Rows = Float[np.ndarray, "n features"]
Scores = Float[np.ndarray, " n"]

ATLAS_SCORE = "**ours**: `anomaly_score`"
SURPRISE_SCORE = "… its surprise, without ties"
ENERGY_SCORE = "**ours**: VAE with an energy prior, −ELBO"
PLACE_SCORE = "… distance to the rows at its place"
_STEPS, _QUICK_STEPS, _BATCH = 600, 40, 1_024
_AT_ITS_PLACE, _NEIGHBOURS, _COMPONENTS = 15, 5, 50
_DIM, _STEM, _NOISE, _CHAINS = 10, 128, 0.1, 4_096


class Scorer(Protocol):
    """A way to score new rows, by title; one fit may give several scores."""

    def __call__(self, x: Rows, new: Rows, *, seed: int, quick: bool) -> Mapping[str, Scores]:
        """Scores of the new rows."""
        ...


def _atlas(x: Rows, new: Rows, *, seed: int, quick: bool) -> dict[str, Scores]:
    """The p-value, the surprise it ranks, and simpler scores of the same fit."""
    atlas = Atlas(dim=2, steps=_QUICK_STEPS if quick else None, random_state=seed).fit(x)
    prepare, model = atlas.model_.preparation, atlas.model_
    rows = prepare(new)
    z = model.encode(rows)
    there = brute_force(z, atlas.latent_, _AT_ITS_PLACE)[1]
    return {
        ATLAS_SCORE: 1 - atlas.anomaly_score(new),
        SURPRISE_SCORE: model.surprise(rows, z),
        "… energy of the latent": model.energy(z),
        "… reconstruction error": model.residual(rows, z),
        PLACE_SCORE: measured(rows, prepare(x), there)[0][:, 0],
    }


def _random(x: Rows, new: Rows, *, seed: int, quick: bool) -> dict[str, Scores]:
    return {"random": np.random.default_rng(seed).random(len(new))}


def _nearest(x: Rows, new: Rows, *, seed: int, quick: bool) -> dict[str, Scores]:
    return {"5-th nearest row in pixels": brute_force(new, x, _NEIGHBOURS)[0][:, -1]}


def _components(x: Rows, new: Rows, *, seed: int, quick: bool) -> dict[str, Scores]:
    from sklearn.decomposition import PCA

    pca = PCA(_COMPONENTS, random_state=0).fit(x)
    return {"PCA residual": np.square(new - pca.inverse_transform(pca.transform(new))).sum(axis=1)}


def _forest(x: Rows, new: Rows, *, seed: int, quick: bool) -> dict[str, Scores]:
    from sklearn.ensemble import IsolationForest

    return {"isolation forest": -IsolationForest(random_state=seed).fit(x).score_samples(new)}


def _vae(x: Rows, new: Rows, *, seed: int, quick: bool) -> dict[str, Scores]:
    return {"VAE, −ELBO": _bound(x, new, GaussianDivergence(), seed=seed, quick=quick)}


def _vae_with_energy(x: Rows, new: Rows, *, seed: int, quick: bool) -> dict[str, Scores]:
    """An energy in place of the Gaussian prior; the bound is known up to log Z, which is the same for all rows."""
    with reproducible(seed):
        prior = EnergyPrior(ContrastiveDivergence(NeuralEnergy(_DIM), ReplayBuffer(_CHAINS, _DIM), alpha=1e-3))
    return {ENERGY_SCORE: _bound(x, new, prior, seed=seed, quick=quick)}


SCORERS: Mapping[str, Scorer] = {
    "atlas": _atlas,
    "nearest": _nearest,
    "components": _components,
    "forest": _forest,
    "vae": _vae,
    "vae_with_energy": _vae_with_energy,
    "random": _random,
}


def _bound(x: Rows, new: Rows, divergence: GaussianDivergence | EnergyPrior, *, seed: int, quick: bool) -> Scores:
    """−ELBO of new rows at the mean code, in nats; noise of a column is a tenth of the mean variance."""
    steps = _QUICK_STEPS if quick else _STEPS
    with reproducible(seed):
        rows = torch.from_numpy(x)
        stem = PCAStem(x.shape[1], min(x.shape[1], len(x), _STEM)).fit(rows)
        h = stem(rows)
        model = Autoencoder(VariationalEncoder(MLPEncoder(stem.components, 2 * _DIM, spread=1.0, noise=0.0)))
        model.adapt(h)
        noise = _NOISE * float(h.var(dim=0).mean())
        terms: dict[str, tuple[Term, Schedule]] = {
            "recon": (Reconstruction(), Constant(1.0)),
            "divergence": (divergence, Ramp(start=0, stop=max(1, steps // 5), high=2 * noise / h.shape[1])),
        }
        source = RowBatches(Batch(x=h, row=torch.arange(len(x))), size=_BATCH, seed=seed)
        fit(model, Objective(terms), source, Recipe(steps, log_every=max(1, steps // 8)))

    def bound(block: Tensor) -> Tensor:
        found = model(Batch(x=stem(block)))
        gap = (block - stem.inverse(found.recon)).square().sum(dim=1) / (2 * noise)
        return gap + _divergences(divergence, found.mean, found.log_variance)

    return blockwise(bound, new)


def _divergences(divergence: GaussianDivergence | EnergyPrior, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Of each row; the energy is taken at the mean."""
    if isinstance(divergence, EnergyPrior):
        return divergence.contrast.energy(mean) - log_variance.sum(dim=1) / 2
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1) / 2
