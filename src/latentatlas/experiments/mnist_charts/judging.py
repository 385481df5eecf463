"""What a model of charts is judged by, on test rows: errors, agreement with digits, codes in use."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from latentatlas.experiments.mnist_charts.models import CODES, Trained
from latentatlas.metrics import AdjustedMutualInfo, ClusteringAccuracy, MeanSquaredError, RoutingGap

__all__ = ["COLUMNS", "in_use", "judged", "judged_groups"]

COLUMNS = ("MSE", "MSE, code alone", "soft/hard gap", "AMI of charts", "ACC of charts", "AMI of codes", "codes in use")
_LEAST = 0.1  # of the even share of a chart's rows


@torch.no_grad()
def judged(fitted: Trained, x: Float[Tensor, "n pixels"], label: np.ndarray) -> dict[str, float]:
    """Figures of a fitted model; those of charts where it has several, those of codes where it has any."""
    model, rows = fitted.model, x.numpy()
    h = fitted.stem(x)
    found = model.reconstructions(h)
    charts = model.chart(h)
    chart = charts.weights.argmax(dim=1).numpy()
    hard = fitted.decoded(found.hard)
    figures = {"MSE": MeanSquaredError()(rows, hard)}
    if charts.weights.shape[1] > 1:
        soft = _softly(fitted, h)
        figures["soft/hard gap"] = RoutingGap()(rows, soft, hard)
        figures |= judged_groups(chart, label)
    if charts.code is not None:
        code = charts.code.numpy()[np.arange(len(chart)), chart]
        figures["MSE, code alone"] = MeanSquaredError()(rows, fitted.decoded(found.code))
        figures["AMI of codes"] = AdjustedMutualInfo()(label, chart * (code.max() + 1) + code)
        if charts.weights.shape[1] > 1:
            figures["codes in use"] = float(in_use(chart, code, CODES).min())
    return figures


def judged_groups(chart: Int[np.ndarray, " n"], label: np.ndarray) -> dict[str, float]:
    """Agreement of charts with digits."""
    return {"AMI of charts": AdjustedMutualInfo()(label, chart), "ACC of charts": ClusteringAccuracy()(label, chart)}


def in_use(chart: Int[np.ndarray, " n"], code: Int[np.ndarray, " n"], codes: int) -> Int[np.ndarray, " charts"]:
    """How many codes of each chart have at least a tenth of the even share of its rows.

    >>> in_use(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), 2).tolist()
    [2, 1]
    """
    numbers = np.unique(chart, return_inverse=True)[1]
    table = np.zeros((numbers.max() + 1, codes), dtype=np.int64)
    np.add.at(table, (numbers, code), 1)
    return (table >= _LEAST * table.sum(axis=1, keepdims=True) / codes).sum(axis=1)


def _softly(fitted: Trained, h: Float[Tensor, "n components"]) -> Float[np.ndarray, "n pixels"]:
    """Decoded by all charts and blended with the memberships of the router, the gate soft."""
    gate = fitted.model.encoder.gate
    hardness, top = gate.hardness, fitted.model.encoder.top
    gate.set(temperature=gate.temperature, hardness=0.0)
    fitted.model.encoder.top = None
    try:
        return fitted.decoded(fitted.model.reconstructions(h).full)
    finally:
        gate.set(temperature=gate.temperature, hardness=hardness)
        fitted.model.encoder.top = top
