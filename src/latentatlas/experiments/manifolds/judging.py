"""Errors as they were measured by those who are quoted, and what the overlaps say."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from latentatlas.layout import INSIDE
from latentatlas.metrics import orientation
from latentatlas.models import AtlasAutoencoder, AutoencoderJumps

__all__ = ["RECONSTRUCTION", "TRANSITION", "judged", "mean_reconstruction", "mean_transition"]

RECONSTRUCTION, TRANSITION = "reconstruction", "transition"
_IN_USE = 0.1


@torch.no_grad()
def judged(model: AtlasAutoencoder, x: Float[Tensor, "n features"]) -> dict[str, Any]:
    """Errors, charts in use, share of rows in overlaps, and the verdict on rows that were not trained on."""
    charts = model.encoder(x)
    local = charts.given("local", who="manifolds")
    inside = (charts.weights >= INSIDE).numpy()
    decoded = model.rendered(local)
    error = (decoded - x[:, None]).norm(dim=2).numpy()
    share = np.bincount(charts.weights.argmax(dim=1).numpy(), minlength=inside.shape[1]) / len(x)
    figures: dict[str, Any] = {
        RECONSTRUCTION: mean_reconstruction(error, inside),
        "largest": float(error[inside].max()),
        "charts": int((share * len(share) >= _IN_USE).sum()),
    }
    if inside.shape[1] == 1:
        return figures
    reached = AutoencoderJumps(model)(local).numpy()
    found = orientation(x.numpy(), local.numpy(), charts.weights.numpy(), least=INSIDE)
    return figures | {
        TRANSITION: mean_transition(x.numpy(), local.numpy(), reached, inside),
        "overlap": float((inside.sum(axis=1) > 1).mean()),
        "orientable": found.orientable,
        "pieces": len(found.signs),
        "agreement": float(found.agreement.min()) if len(found.agreement) else 1.0,
    }


def mean_reconstruction(error: Float[np.ndarray, "n charts"], inside: Bool[np.ndarray, "n charts"]) -> float:
    """Mean over charts of the mean distance ‖x − D_k(E_k(x))‖ over the rows inside chart k.

    >>> mean_reconstruction(np.array([[1.0, 9.0], [3.0, 4.0]]), np.array([[True, False], [True, True]]))
    3.0
    """
    return float(np.mean([error[rows, k].mean() for k, rows in enumerate(inside.T) if rows.any()]))


def mean_transition(
    x: Float[np.ndarray, "n features"],
    local: Float[np.ndarray, "n charts dim"],
    reached: Float[np.ndarray, "n charts charts dim"],
    inside: Bool[np.ndarray, "n charts"],
) -> float:
    """Mean over pairs i < j that share rows of the mean distance ‖T_{i→j}(E_i(x)) − E_j(x)‖ over these rows.

    Coordinates have no unit of their own: those of chart j are multiplied by the spread of its rows over the spread of
    its coordinates, which makes a unit of them about a unit of length.

    >>> x = local = np.array([[[0.0], [0.0]], [[2.0], [4.0]]])
    >>> reached = np.zeros((2, 2, 2, 1))
    >>> mean_transition(x[:, 0], local, reached, np.ones((2, 2), dtype=bool))  # 0 and 4, of spread 2 to 1
    1.0
    """
    errors = []
    for i in range(inside.shape[1]):
        for j in range(i + 1, inside.shape[1]):
            shared = inside[:, i] & inside[:, j]
            if shared.any():
                own = inside[:, j]
                unit = _spread(x[own]) / max(_spread(local[own, j]), np.finfo(float).tiny)
                errors.append(unit * float(np.linalg.norm(reached[shared, i, j] - local[shared, j], axis=1).mean()))
    return float(np.mean(errors)) if errors else float("nan")


def _spread(rows: np.ndarray) -> float:
    return float(np.sqrt(np.square(rows - rows.mean(axis=0)).sum(axis=1).mean()))
