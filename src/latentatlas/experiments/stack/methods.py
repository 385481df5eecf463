"""Stacks, single blocks of equal size and principal axes: what is left of test rows at each depth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentatlas.core import Batch
from latentatlas.experiments.stack.rows import COLUMNS, Rows
from latentatlas.models import Autoencoder, ChartBlock, MLPEncoder, charted_autoencoder
from latentatlas.terms import ChartReconstruction, Objective, Reconstruction
from latentatlas.train import Recipe, RowBatches, fit, fit_stack, stack_report

__all__ = ["DEPTH", "LEAST", "Budget", "charted", "grown", "plain", "principal", "single", "weights"]

DEPTH, LEAST = 6, 0.05
_AXES, _WIDTH = 4, 128
_CHARTS, _CHART_WIDTH, _TOP = 8, 64, 2
_RANKED = 0.9


class Budget(NamedTuple):
    """Steps of one block, and how deep stacks grow."""

    steps: int = 600
    depth: int = DEPTH

    @classmethod
    def of(cls, *, quick: bool) -> Budget:
        """The full one, or one of seconds."""
        return cls(steps=20, depth=2) if quick else cls()


def plain() -> nn.Module:
    """An autoencoder of four axes."""
    return _autoencoder(_AXES, _WIDTH)


def charted() -> nn.Module:
    """Eight charts of four axes; the two likeliest of a row are decoded."""
    return ChartBlock(charted_autoencoder(COLUMNS, _AXES, charts=_CHARTS, width=_CHART_WIDTH, top=_TOP))


def grown(make: Callable[[], nn.Module], rows: Rows, budget: Budget, *, seed: int) -> dict[str, Any]:
    """A stack grown to its full depth, what each block does, then the same stack trained as a whole."""
    torch.manual_seed(seed)
    objective = _charted_objective if make is charted else _objective
    growth = fit_stack(
        make, rows.train, Recipe(budget.steps), held_out=rows.aside, objective=objective, least=0.0, most=budget.depth
    )
    reports = stack_report(growth.stack, rows.test)
    found = {
        "left": [report.left for report in reports],
        "aside": list(growth.explained),
        "explained": [report.explained for report in reports],
        "scale": [report.scale for report in reports],
        "condition": [report.condition for report in reports],
        "axes": [_axes_for(report.spectrum) for report in reports],
        "spectra": [np.round(report.spectrum, 5).tolist() for report in reports],
        "weights": weights(growth.stack),
    }
    if make is plain:
        fit(growth.stack, _objective(), RowBatches(Batch(rows.train), seed=seed), Recipe(budget.steps, rate=1e-3))
        found["together"] = [report.left for report in stack_report(growth.stack, rows.test, jacobians=1)]
    return found


def single(rows: Rows, budget: Budget, depth: int, *, seed: int) -> dict[str, Any]:
    """One autoencoder with the latent axes, the weights and the steps of `depth` blocks."""
    torch.manual_seed(seed)
    wanted = depth * weights(plain())
    width = min(range(_WIDTH, 1_024, 8), key=lambda each: abs(weights(_autoencoder(depth * _AXES, each)) - wanted))
    model = _autoencoder(depth * _AXES, width)
    model.adapt(rows.train)
    fit(model, _objective(), RowBatches(Batch(rows.train), seed=seed), Recipe(depth * budget.steps))
    with torch.no_grad():
        left = rows.test - model(Batch(rows.test)).recon
    return {"left": _share(left, rows), "width": width, "weights": weights(model)}


def principal(rows: Rows, depth: int) -> float:
    """What so many principal axes leave of the test rows."""
    centred = rows.train - rows.train.mean(dim=0)
    axes = torch.linalg.svd(centred.T @ centred)[0][:, : depth * _AXES]
    away = rows.test - rows.train.mean(dim=0)
    return _share(away - away @ axes @ axes.T, rows)


def weights(model: nn.Module) -> int:
    """Number of trained weights."""
    return sum(parameter.numel() for parameter in model.parameters())


def _autoencoder(dim: int, width: int) -> Autoencoder:
    return Autoencoder(MLPEncoder(COLUMNS, dim, hidden=(width,), spread=1.0, noise=0.0))


def _objective() -> Objective:
    return Objective({"recon": Reconstruction()})


def _charted_objective() -> Objective:
    return Objective({"recon": Reconstruction(), "charts": ChartReconstruction()})


def _share(left: Float[Tensor, "n features"], rows: Rows) -> float:
    """Of the variance of the test rows about the training mean, as a stack counts it."""
    return float(left.square().mean() / (rows.test - rows.train.mean(dim=0)).square().mean())


def _axes_for(spectrum: Float[np.ndarray, " features"]) -> int:
    """How many principal axes hold nine tenths of what is left."""
    return int(np.searchsorted(np.cumsum(spectrum), _RANKED * spectrum.sum()) + 1)
