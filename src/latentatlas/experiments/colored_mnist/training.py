"""How a candidate is trained: a network in one go, or a head on what two rounds of training have found."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from latentatlas.core import Batch, Constant, Geometric, Latents, Schedule, reproducible
from latentatlas.terms import LargestWeight, Objective, Prediction, Term, gather_fields
from latentatlas.train import Recipe, RowBatches, fit

__all__ = ["DIM", "Budget", "Head", "InOneGo", "Penalty", "Predictor", "Rounds", "Training", "late", "logit_of"]

DIM = 16
_BEGINS = 0.3
Predictor = Callable[[Batch], Latents]
"""A latent and a logit of every row, without gradient."""


@final
@dataclass(frozen=True)
class Budget:
    """How long every candidate is trained."""

    steps: int = 400
    batch: int = 1024
    hidden: int = 64
    rate: float = 3e-3
    decay: float = 1.0
    stages: int = 12
    iterations: int = 20

    @classmethod
    def of(cls, *, quick: bool) -> Budget:
        """Small where it is only to run."""
        return cls(steps=30, batch=256, hidden=32, stages=3) if quick else cls()


@final
@dataclass(frozen=True)
class Penalty:
    """A term beside the risk, and how its weight rises over so many steps."""

    term: Term
    weight: float
    schedule: Callable[[float, int], Schedule]


def logit_of(predictor: Predictor, rows: Batch) -> Tensor:
    """One number for each row; above 0 the label is 1."""
    prediction = predictor(rows).prediction
    assert isinstance(prediction, Tensor)
    return prediction[:, 0]


def late(weight: float, steps: int) -> Schedule:
    """From 1 at three tenths of the steps to its height at nine twentieths, by the same factor each step."""
    begins = int(_BEGINS * steps)
    return Geometric(start=begins, stop=int(1.5 * begins), low=min(1.0, weight), high=weight)


class Training(ABC):
    """From rows, and a penalty or none, to a predictor."""

    @abstractmethod
    def __call__(self, rows: Batch, penalty: Penalty | None, budget: Budget, *, seed: int) -> Predictor:
        """Trained on these rows alone."""


@final
class InOneGo(Training):
    """A perceptron from random weights, the penalty beside the risk.

    Args:
        batches: rows of a batch, in those of the budget.
    """

    def __init__(self, batches: int = 1):
        self.batches = batches

    def __call__(self, rows: Batch, penalty: Penalty | None, budget: Budget, *, seed: int) -> Predictor:
        """The network."""
        with reproducible(seed):
            model = _Classifier(rows.x.shape[1], budget.hidden)
            recipe = Recipe(budget.steps, rate=budget.rate, decay=budget.decay, log_every=budget.steps)
            return _fitted(model, rows, penalty, recipe, size=min(self.batches * budget.batch, len(rows.x)), seed=seed)


@final
class Rounds:
    """Predictors that lean on different things: one of the risk, and one on rows it gets wrong as much as on the rest.

    In the second round rows that the first has right, and those that it has wrong, weigh half of the sum each: what the
    first leans on most is of no use there, and what it left out must be found. Nobody says what either is.
    """

    def __init__(self, members: Sequence[Predictor]):
        self.members = tuple(members)

    @classmethod
    def on(cls, rows: Batch, budget: Budget, *, seed: int) -> Rounds:
        """Trained on these rows."""
        training = InOneGo()
        first = training(rows, None, budget, seed=seed)
        assert rows.label is not None
        right = ((logit_of(first, rows) > 0) == (rows.label == 1)).float()
        share = right.mean().clamp(1 / len(right), 1 - 1 / len(right))
        balanced = torch.where(right > 0, 0.5 / share, 0.5 / (1 - share))
        return cls((first, training(rows._replace(weight=balanced), None, budget, seed=seed + 1)))

    def logits(self, rows: Batch) -> Tensor:
        """One column for each round."""
        return torch.stack([logit_of(member, rows) for member in self.members], dim=1)

    def latents(self, rows: Batch) -> Tensor:
        """The axes of all rounds."""
        return torch.cat([member(rows).z for member in self.members], dim=1)


@final
class Head(Training):
    """A linear head on what the rounds have found, by L-BFGS on all rows, from 0; the weight rises from stage to stage.

    Under a large penalty the valley of so few numbers is narrow, which first-order steps do not follow.

    Args:
        rounds: makes or remembers the rounds of these rows.
        features: what the head sees, each divided by its spread.
    """

    def __init__(self, rounds: Callable[[Batch], Rounds], features: Callable[[Rounds, Batch], Tensor] = Rounds.logits):
        self.rounds = rounds
        self.features = features

    def __call__(self, rows: Batch, penalty: Penalty | None, budget: Budget, *, seed: int) -> Predictor:
        """Rounds and head."""
        found = self.rounds(rows)
        x = self.features(found, rows)
        spread = x.std(dim=0)
        spread = torch.where(spread > 0, spread, 1.0)
        model = _Linear(x.shape[1])
        objective = _objective(penalty, budget.stages)
        for stage in range(budget.stages):
            _settle(model, objective, rows._replace(x=x / spread), stage, budget.iterations)
        head = _frozen(model)
        return lambda others: head(others._replace(x=self.features(found, others) / spread))


@final
class _Classifier(nn.Module):
    """A perceptron to a latent, and a logit that is linear in it."""

    def __init__(self, features: int, hidden: int):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, DIM), nn.ReLU())
        self.head = nn.Linear(DIM, 1)

    def forward(self, batch: Batch) -> Latents:
        z = self.body(batch.x)
        return Latents(z, prediction=self.head(z))


@final
class _Linear(nn.Module):
    """A logit that is linear in x."""

    def __init__(self, features: int):
        super().__init__()
        self.head = nn.Linear(features, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, batch: Batch) -> Latents:
        return Latents(batch.x, prediction=self.head(batch.x))


def _objective(penalty: Penalty | None, steps: int) -> Objective:
    terms: dict[str, tuple[Term, Schedule]] = {"risk": (Prediction(), Constant(1.0))}
    if penalty is not None:
        terms["penalty"] = (penalty.term, penalty.schedule(penalty.weight, steps))
    return Objective(terms, scaling=LargestWeight())


def _fitted(
    model: nn.Module, rows: Batch, penalty: Penalty | None, recipe: Recipe, *, size: int, seed: int
) -> Predictor:
    fit(model, _objective(penalty, recipe.steps), RowBatches(rows, size=size, seed=seed), recipe)
    return _frozen(model)


def _settle(model: nn.Module, objective: Objective, rows: Batch, stage: int, iterations: int) -> None:
    """To the nearest minimum of the objective of this stage."""
    optimiser = torch.optim.LBFGS(
        model.parameters(), max_iter=iterations, tolerance_grad=0, tolerance_change=1e-12, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimiser.zero_grad()
        report = objective(gather_fields(rows, model(rows)), step=stage)
        total = report.total * objective.scaling(report.weights)  # L-BFGS wants the sum itself, not the shape of it
        total.backward()
        return total

    optimiser.step(closure)


def _frozen(model: nn.Module) -> Predictor:
    @torch.no_grad()
    def latents(rows: Batch) -> Latents:
        return model(rows)

    return latents
