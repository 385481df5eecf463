"""How a candidate is trained: a network in one go, or a head on what two rounds of training have found."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from latentatlas.core import Batch, Constant, Geometric, Latents, Schedule, reproducible
from latentatlas.terms import LargestWeight, Objective, Prediction, Term
from latentatlas.train import Recipe, RowBatches, fit

__all__ = ["DIM", "Budget", "Head", "InOneGo", "Penalty", "Predictor", "Rounds", "Training", "late"]

DIM = 16
_BEGINS = 0.3
Predictor = Callable[[Batch], Tensor]
"""The logit of every row."""


@final
@dataclass(frozen=True)
class Budget:
    """How long every candidate is trained."""

    steps: int = 400
    batch: int = 1024
    hidden: int = 64
    rate: float = 3e-3
    decay: float = 1.0
    head_steps: int = 300
    head_rate: float = 0.05

    @classmethod
    def of(cls, *, quick: bool) -> Budget:
        """Small where it is only to run."""
        return cls(steps=30, batch=256, hidden=32, head_steps=30) if quick else cls()


@final
@dataclass(frozen=True)
class Penalty:
    """A term beside the risk, and how its weight rises over so many steps."""

    term: Term
    weight: float
    schedule: Callable[[float, int], Schedule]


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

    def __init__(self, members: Sequence[Predictor], spread: Tensor):
        self.members = tuple(members)
        self.spread = spread

    @classmethod
    def on(cls, rows: Batch, budget: Budget, *, seed: int) -> Rounds:
        """Trained on these rows."""
        training = InOneGo()
        first = training(rows, None, budget, seed=seed)
        assert rows.label is not None
        right = ((first(rows) > 0) == (rows.label == 1)).float()
        share = right.mean().clamp(1 / len(right), 1 - 1 / len(right))
        balanced = torch.where(right > 0, 0.5 / share, 0.5 / (1 - share))
        second = training(rows._replace(weight=balanced), None, budget, seed=seed + 1)
        logits = torch.stack([first(rows), second(rows)], dim=1)
        return cls((first, second), logits.std(dim=0))

    def __call__(self, rows: Batch) -> Batch:
        """The logits of both rounds, each divided by its spread, in the place of x."""
        return rows._replace(x=torch.stack([member(rows) for member in self.members], dim=1) / self.spread)


@final
class Head(Training):
    """A linear head on the logits of the rounds, all rows in every step.

    Args:
        rounds: makes or remembers the rounds of these rows.
    """

    def __init__(self, rounds: Callable[[Batch], Rounds]):
        self.rounds = rounds

    def __call__(self, rows: Batch, penalty: Penalty | None, budget: Budget, *, seed: int) -> Predictor:
        """Rounds and head."""
        found = self.rounds(rows)
        seen = found(rows)
        with reproducible(seed):
            model = _Linear(seen.x.shape[1])
            recipe = Recipe(budget.head_steps, rate=budget.head_rate, decay=0.0, log_every=budget.head_steps)
            head = _fitted(model, seen, penalty, recipe, size=len(seen.x), seed=seed)
        return lambda others: head(found(others))


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

    def forward(self, batch: Batch) -> Latents:
        return Latents(batch.x, prediction=self.head(batch.x))


def _fitted(
    model: nn.Module, rows: Batch, penalty: Penalty | None, recipe: Recipe, *, size: int, seed: int
) -> Predictor:
    terms: dict[str, tuple[Term, Schedule]] = {"risk": (Prediction(), Constant(1.0))}
    if penalty is not None:
        terms["penalty"] = (penalty.term, penalty.schedule(penalty.weight, recipe.steps))
    fit(model, Objective(terms, scaling=LargestWeight()), RowBatches(rows, size=size, seed=seed), recipe)

    @torch.no_grad()
    def logit(others: Batch) -> Tensor:
        return model(others).prediction[:, 0]

    return logit
