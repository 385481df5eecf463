"""The rows of the table: what is trained, with which penalties, and which of the weights tried is taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import final

import numpy as np
import torch
from torch import nn

from latentatlas.core import Batch, Constant, Geometric, Latents, Logistic, Schedule, reproducible
from latentatlas.experiments.colored_mnist.rows import Drawn
from latentatlas.terms import (
    HSIC,
    ConditionalAdversarial,
    ConditionalHSIC,
    IRMv1,
    LargestWeight,
    Objective,
    Prediction,
    Term,
    VREx,
    reweighting,
)
from latentatlas.train import ExtrapolatedScore, Recipe, RowBatches, WithinEnvironments, fit, select
from latentatlas.train.batches import take_rows

__all__ = ["METHODS", "Budget", "Method", "judged"]

_DIM = 16
_BEGINS = 0.4
_KEPT = 0.1


@final
@dataclass(frozen=True)
class Budget:
    """How long every candidate is trained."""

    steps: int = 600
    batch: int = 4096
    hidden: int = 256
    rate: float = 1e-3

    @classmethod
    def of(cls, *, quick: bool) -> Budget:
        """Small where it is only to run."""
        return cls(steps=30, batch=256, hidden=32) if quick else cls()


@final
@dataclass(frozen=True)
class Method:
    """A way to train.

    Attributes:
        title: for the table.
        knows: what it is told of the rows beside their labels.
        penalty: makes the term beside the risk; None has none.
        weights: of the penalty; the one to take is chosen by training environments.
        schedule: the weight over so many steps.
        prepare: changes the training rows first.
    """

    title: str
    knows: str = "environments"
    penalty: Callable[[], Term] | None = None
    weights: tuple[float, ...] = (0.0,)
    schedule: Callable[[float, int], Schedule] = field(default=lambda weight, steps: late(weight, steps))
    prepare: Callable[[Batch], Batch] = field(default=lambda rows: rows)


def late(weight: float, steps: int) -> Schedule:
    """From a weight of 1 at two fifths of the steps to its height at three fifths, by the same factor each step."""
    begins = int(_BEGINS * steps)
    return Geometric(start=begins, stop=int(1.5 * begins), low=min(1.0, weight), high=weight)


def _fought_in(weight: float, steps: int) -> Schedule:
    return Logistic(start=0, stop=steps, high=weight)


def _weighted(rows: Batch) -> Batch:
    assert rows.label is not None
    assert rows.nuisance is not None
    return reweighting(rows.label, rows.nuisance).fill(rows)


def _gray(rows: Batch) -> Batch:
    """Both channels added up, twice: the colour is gone."""
    channels = rows.x.reshape(len(rows.x), -1, 2)
    return rows._replace(x=channels.sum(dim=2, keepdim=True).expand_as(channels).reshape(rows.x.shape))


METHODS = (
    Method("ERM"),
    Method("IRMv1", penalty=IRMv1, weights=(1e2, 1e3, 1e4)),
    Method("V-REx", penalty=VREx, weights=(1e2, 1e3, 1e4)),
    Method("conditional HSIC", knows="colour", penalty=ConditionalHSIC, weights=(10.0, 100.0, 1000.0)),
    Method(
        "conditional adversarial",
        knows="colour",
        penalty=lambda: ConditionalAdversarial(_DIM, 2, 2),
        weights=(0.3, 1.0),
        schedule=_fought_in,
    ),
    Method("reweighting", knows="colour", prepare=_weighted),
    Method("marginal HSIC (over-corrects)", knows="colour", penalty=HSIC, weights=(10.0, 100.0, 1000.0)),
    Method("ERM on gray images (oracle)", knows="gray images", prepare=_gray),
)


@final
class _Classifier(nn.Module):
    """A perceptron to a latent, and a logit from it."""

    def __init__(self, features: int, hidden: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, _DIM)
        )
        self.head = nn.Linear(_DIM, 1)

    def forward(self, batch: Batch) -> Latents:
        z = self.body(batch.x)
        return Latents(z, prediction=self.head(torch.relu(z))[:, 0])


def judged(method: Method, drawn: Drawn, budget: Budget, *, seed: int) -> dict[str, float]:
    """Accuracy of the candidate that the training environments choose, and which it was.

    A tenth of each training environment is kept from training to choose by; the test environment is seen once, at the
    end, by the chosen one.
    """
    train, test = method.prepare(drawn.train), _gray(drawn.test) if method.prepare is _gray else drawn.test
    fitted: dict[str, nn.Module] = {}

    def candidate(weight: float) -> Callable[[np.ndarray], Callable[[np.ndarray], float]]:
        def on(rows: np.ndarray) -> Callable[[np.ndarray], float]:
            model = _trained(method, weight, take_rows(train, torch.from_numpy(rows)), budget, seed=seed)
            fitted[f"{weight:g}"] = model
            return lambda others: _accuracy(model, take_rows(train, torch.from_numpy(others)))

        return on

    chosen = select(
        {f"{weight:g}": candidate(weight) for weight in method.weights},
        drawn.environment,
        splits=WithinEnvironments(_KEPT, seed=seed),
        criterion=ExtrapolatedScore(1.0),
    )
    tests = {name: _accuracy(model, test) for name, model in fitted.items()}
    return {
        "test": tests[chosen.name],
        "training environments": float(np.mean(list(chosen.scores[chosen.name].values()))),
        "weight": float(chosen.name),
        "best weight by the test": max(tests.values()),
    }


def _trained(method: Method, weight: float, rows: Batch, budget: Budget, *, seed: int) -> nn.Module:
    terms: Mapping[str, Term | tuple[Term, Schedule]]
    with reproducible(seed):
        model = _Classifier(rows.x.shape[1], budget.hidden)
        terms = {"risk": (Prediction(), Constant(1.0))}
        if method.penalty is not None:
            terms |= {"penalty": (method.penalty(), method.schedule(weight, budget.steps))}
        fit(
            model,
            Objective(terms, scaling=LargestWeight()),
            RowBatches(rows, size=budget.batch, seed=seed),
            Recipe(budget.steps, rate=budget.rate, log_every=budget.steps),
        )
    return model


@torch.no_grad()
def _accuracy(model: nn.Module, rows: Batch) -> float:
    logit = model(rows).prediction
    return float(((logit > 0) == (rows.label == 1)).float().mean())
