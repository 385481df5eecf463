"""Study `factors`: pictures whose factors are known; does an axis of the latent hold one of them?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch

from latentatlas.core import Batch, Constant, Ramp, Schedule, reproducible
from latentatlas.data.synthetic import factor_images
from latentatlas.metrics import MutualInformationGap, SeparatedAttributePredictability, importance
from latentatlas.metrics.disentanglement import sharpness
from latentatlas.models import Autoencoder, Encoder, MLPEncoder, VariationalEncoder
from latentatlas.terms import Covariance, GaussianDivergence, Objective, Reconstruction, Term, TotalCorrelation
from latentatlas.train import Recipe, RowBatches, fit

__all__ = ["METHODS", "Method", "run", "to_markdown"]

_SEEDS = (0, 1, 2)
_ROWS, _PIXELS, _AXES = 4096, 16, 6
_STEPS, _BATCH = 1500, 128
_HIDDEN = (256, 256)
_NOISE = 0.1  # variance of a pixel's noise, in units of the mean variance of a pixel
_COLUMNS = {
    "MIG": "MIG",
    "SAP": "SAP",
    "D": "disentanglement",
    "C": "completeness",
    "I": "informativeness",
    "error": "error",
}
_HONEST = {
    "the factors themselves": "one axis for each factor, scaled",
    "the factors, turned": "the same, turned at random",
    "no relation": "axes of normal noise",
    "PCA": "six principal components",
}

Terms = dict[str, tuple[Term, Schedule]]


class Method(NamedTuple):
    """An autoencoder and what it is trained on beside reconstruction.

    Attributes:
        variational: whether codes are drawn.
        terms: the terms, given the weight of one nat beside `Reconstruction`, and the number of steps.
    """

    variational: bool
    terms: Callable[[float, int], Terms]


def _divergence(beta: float) -> Callable[[float, int], Terms]:
    def terms(nat: float, steps: int) -> Terms:
        return {"divergence": (GaussianDivergence(), Ramp(start=0, stop=max(1, steps // 5), high=beta * nat))}

    return terms


def _covariance(weight: float) -> Callable[[float, int], Terms]:
    return lambda nat, _: {"covariance": (Covariance(), Constant(weight * nat * _AXES))}


def _total_correlation(weight: float) -> Callable[[float, int], Terms]:
    def terms(nat: float, steps: int) -> Terms:
        late = Ramp(start=0, stop=max(1, steps // 5), high=weight * nat)
        return {"total_correlation": (TotalCorrelation(_ROWS), late)}

    return terms


def _together(*parts: Callable[[float, int], Terms]) -> Callable[[float, int], Terms]:
    return lambda nat, steps: {name: term for part in parts for name, term in part(nat, steps).items()}


METHODS: dict[str, Method] = {
    "autoencoder": Method(False, lambda *_: {}),
    "autoencoder, covariance 10": Method(False, _covariance(10.0)),
    "VAE, β = 1": Method(True, _divergence(1.0)),
    "VAE, β = 4": Method(True, _divergence(4.0)),
    "VAE, β = 1, covariance 10": Method(True, _together(_divergence(1.0), _covariance(10.0))),
    "VAE, β = 1, total correlation 4": Method(True, _together(_divergence(1.0), _total_correlation(4.0))),
}
"""Rows of the study."""


def run(*, quick: bool, log: Callable[[str], None]) -> dict[str, Any]:
    """Every method and the honest rows, with all seeds; factors in whole numbers."""
    seeds = _SEEDS[:1] if quick else _SEEDS
    rows, steps = (600, 30) if quick else (_ROWS, _STEPS)
    figures: dict[str, dict[str, list[float]]] = {}
    for seed in seeds:
        made = factor_images(rows, pixels=_PIXELS, seed=seed)
        known = [np.unique(values, return_inverse=True)[1].reshape(-1) for values in made.truth.factors.values()]
        factors = np.stack(known, axis=1)
        for name, code in _honest(made.table.x, factors, seed).items():
            _note(figures, name, _judged(code, factors, seed))
        for name, method in METHODS.items():
            log(f"seed {seed}: {name}")
            code, error = _trained(made.table.x, method, steps=steps, seed=seed)
            _note(figures, name, _judged(code, factors, seed) | {"error": error})
    return {"quick": quick, "seeds": list(seeds), "rows": rows, "steps": steps, "figures": figures}


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/factors.md."""
    lines = [
        f"{result['rows']:,} pictures of {_PIXELS} × {_PIXELS} pixels drawn from 3 shapes × 4 scales × 16 "
        f"orientations × "
        f"8 × 8 places; {_AXES} axes, {result['steps']:,} steps of {_BATCH} rows; mean ± s.d. over "
        f"{len(result['seeds'])} seed(s), each with its own pictures and weights. The same perceptrons in all rows.",
        "",
        "MIG, SAP, and D, C, I of DCI are in [0, 1], higher is better; error is the mean squared error over the "
        "variance "
        "of the pixels. Weights of terms are in nats: β = 1 is the evidence bound for a noise of a tenth of the mean "
        "variance.",
        "",
        "| | MIG | SAP | D | C | I | error |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, values in result["figures"].items():
        cells = [_cell(values.get(column)) for column in _COLUMNS.values()]
        told = f"{name} ({_HONEST[name]})" if name in _HONEST else name
        lines.append(f"| {told} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _honest(x: np.ndarray, factors: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Codes that need no training."""
    from sklearn.decomposition import PCA

    rng = np.random.default_rng(seed)
    scaled = (factors - factors.mean(axis=0)) / factors.std(axis=0)
    turn = np.linalg.qr(rng.normal(size=(factors.shape[1], factors.shape[1])))[0]
    return {
        "the factors themselves": scaled,
        "the factors, turned": scaled @ turn,
        "no relation": rng.normal(size=(len(x), _AXES)),
        "PCA": PCA(_AXES, random_state=seed).fit_transform(x),
    }


def _trained(x: np.ndarray, method: Method, *, steps: int, seed: int) -> tuple[np.ndarray, float]:
    """Codes of all rows (means where they are drawn), and the error of their pictures."""
    with reproducible(seed):
        rows = torch.from_numpy(x)
        axes = 2 * _AXES if method.variational else _AXES
        encoder: Encoder = MLPEncoder(x.shape[1], axes, hidden=_HIDDEN, spread=1.0, noise=0.0)
        model = Autoencoder(VariationalEncoder(encoder) if method.variational else encoder)
        model.adapt(rows)
        variance = float(rows.var(dim=0).mean())
        nat = 2 * _NOISE * variance / x.shape[1]
        terms = {"recon": (Reconstruction(), Constant(1.0))} | method.terms(nat, steps)
        source = RowBatches(Batch(x=rows, row=torch.arange(len(x))), size=_BATCH, seed=seed)
        fit(model, Objective(terms), source, Recipe(steps, rate=2e-3, log_every=max(1, steps // 8)))
    model.eval()
    with torch.no_grad():
        codes = torch.cat([model.encode(block) for block in rows.split(1024)])
        decoded = torch.cat([model.decode(block) for block in codes.split(1024)])
        error = float((decoded - rows).square().mean())
    return codes.numpy(), error / variance


def _judged(code: np.ndarray, factors: np.ndarray, seed: int) -> dict[str, float]:
    found, read = importance(code, factors, seed=seed)
    return {
        "MIG": MutualInformationGap()(code, factors),
        "SAP": SeparatedAttributePredictability(seed=seed)(code, factors),
        "disentanglement": sharpness(found),
        "completeness": sharpness(found.T),
        "informativeness": float(read.mean()),
    }


def _note(figures: dict[str, dict[str, list[float]]], name: str, values: Mapping[str, float]) -> None:
    for metric, value in values.items():
        figures.setdefault(name, {}).setdefault(metric, []).append(value)


def _cell(values: list[float] | None) -> str:
    if not values:
        return "–"
    spread = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{spread}"
