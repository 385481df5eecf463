"""When consistency of jumps should begin: never, at once, or when reconstruction has stopped falling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import torch

from latentatlas.core import Batch, Constant, OnPlateau, Schedule
from latentatlas.data.synthetic import swiss_roll
from latentatlas.metrics import ChartLiveness, ExplainedVariance, transitions
from latentatlas.models import charted_autoencoder
from latentatlas.terms import ChartReconstruction, JumpConsistency, Objective, OverlapBand, UsageBand
from latentatlas.train import Recipe, RowBatches, fit

__all__ = ["SCHEDULES", "scheduled"]

_ROWS, _CHARTS, _WIDTH, _BATCH, _LOGS = 2_000, 6, 48, 256, 25
_SCALE = 0.1
_HIGH = 1.0

SCHEDULES: Mapping[str, Callable[[], Schedule]] = MappingProxyType(
    {
        "never": lambda: Constant(0.0),
        "from the first step": lambda: Constant(_HIGH),
        "on a plateau of reconstruction": lambda: OnPlateau(
            "reconstruction", patience=3, tolerance=0.05, ramp=200, high=_HIGH
        ),
    }
)
"""By title: the weight of `JumpConsistency`."""


def scheduled(schedule: Schedule, *, steps: int, seed: int) -> dict[str, float]:
    """A model of six learned charts on a Swiss roll, jumping through its common frame, judged on other rows."""
    train, test = (_SCALE * torch.from_numpy(swiss_roll(_ROWS, seed=each).table.x) for each in (seed, seed + 1_000))
    model = charted_autoencoder(3, 2, charts=_CHARTS, width=_WIDTH)
    model.adapt(train)
    objective = Objective(
        {
            "reconstruction": (ChartReconstruction(float(train.var(dim=0).mean().sqrt())), Constant(1.0)),
            "overlap": (OverlapBand(), Constant(0.1)),
            "use": (UsageBand(), Constant(0.1)),
            "jumps": (JumpConsistency(), schedule),
        }
    )
    history = fit(
        model,
        objective,
        RowBatches(Batch(train, row=torch.arange(_ROWS)), size=_BATCH, seed=seed),
        Recipe(steps, rate=5e-3, decay=0.0, log_every=_LOGS),
    )
    with torch.no_grad():
        charts = model.encoder(test)
        local = charts.given("local", who="jumps")
        found = transitions(local.numpy(), model.jump(local).numpy(), charts.weights.numpy())
        recon = model(Batch(test)).recon
    assert recon is not None
    weight = history.columns()["weight/jumps"]
    return {
        "unexplained": 1 - ExplainedVariance()(test.numpy(), recon.numpy()),
        "R² of jumps": found.explained,
        "mean error of jumps": found.mean,
        "least used chart": ChartLiveness()(charts.weights.numpy()),
        "began at step": float(_LOGS * np.argmax(weight > 0)) if (weight > 0).any() else float("nan"),
    }
