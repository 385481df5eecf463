"""What is trained: an autoencoder with a head for the shape, and what is done about the colour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import final

import torch
from torch import Tensor, nn

from latentatlas.core import Batch, Constant, Latents, Logistic, Ramp, Schedule, reproducible
from latentatlas.experiments.zero_shot_combination.rows import code_of, gray, label_of, permuted
from latentatlas.models import MLPDecoder, MLPEncoder
from latentatlas.terms import (
    HSIC,
    ConditionalAdversarial,
    ConditionalHSIC,
    LargestWeight,
    Objective,
    Prediction,
    Rebind,
    Reconstruction,
    Term,
)
from latentatlas.train import Recipe, RowBatches, fit

__all__ = ["CHANNELS", "ERM", "GRAY", "METHODS", "ORACLE", "Budget", "Method", "Parted", "accuracy", "trained"]

CHANNELS = 3
_AXES, _FREE, _CLASSES = 10, 4, 3


@final
@dataclass(frozen=True)
class Budget:
    """How many rows there are, and how long is trained on them.

    Attributes:
        rows: to train on, shared evenly by the combinations that are seen.
        aside: of each combination, to choose by or to judge by.
        steps: of the optimiser.
        batch: rows of a step.
        hidden: widths of the encoder; those of the decoder are the same in reverse.
    """

    rows: int = 1800
    aside: int = 100
    steps: int = 400
    batch: int = 64
    hidden: Sequence[int] = (128, 64)

    @classmethod
    def of(cls, *, quick: bool) -> Budget:
        """Small where it is only to run."""
        return cls(rows=90, aside=10, steps=20, batch=32, hidden=(16,)) if quick else cls()


@final
class Parted(nn.Module):
    """z for the head and the penalty, free axes beside it for the decoder, which is also told some of the colour.

    Args:
        features: values of an image.
        free: axes beside z that only the decoder reads.
        told: channels of the colour that the decoder is given, none or all three.
        hidden: widths of the encoder.
    """

    def __init__(self, features: int, *, free: int, told: int, hidden: Sequence[int]):
        super().__init__()
        self.told = told
        self.encoder = MLPEncoder(features, _AXES + free, hidden=hidden, spread=1.0, noise=0.0)
        self.decoder = MLPDecoder(_AXES + free + told, features, hidden=tuple(hidden)[::-1], spread=1.0)
        self.head = nn.Linear(_AXES, _CLASSES)

    def forward(self, batch: Batch) -> Latents:
        """The latent that terms read is z alone."""
        both = self.encoder(batch.x)
        z = both[:, :_AXES]
        return Latents(z, recon=self.render(both, code_of(batch)), prediction=self.head(z))

    def render(self, both: Tensor, code: Tensor) -> Tensor:
        """Images of z with the free axes, in the colour that is told."""
        return self.decoder(torch.cat([both, code[:, : self.told]], dim=1))

    def mixed(self, source: Batch, donor: Batch) -> Tensor:
        """Images of the z of the sources with the free axes and the colour of the donors."""
        z, free = self.encoder(source.x)[:, :_AXES], self.encoder(donor.x)[:, _AXES:]
        return self.render(torch.cat([z, free], dim=1), code_of(donor))

    def adapt(self, x: Tensor) -> None:
        """Fixed scales from training rows."""
        self.encoder.adapt(x)
        self.decoder.adapt(x)


@final
@dataclass(frozen=True)
class Method:
    """A way to train.

    Attributes:
        free: axes that only the decoder reads.
        told: channels of the colour that the decoder is given.
        penalty: makes the term beside reconstruction and risk; None has none.
        weights: of the penalty, in rising order; which one is taken, rows of seen combinations decide.
        schedule: the weight over so many steps.
        prepare: changes the training rows first.
    """

    free: int = 0
    told: int = 0
    penalty: Callable[[], Term] | None = None
    weights: tuple[float, ...] = (0.0,)
    schedule: Callable[[float, int], Schedule] = field(default=lambda weight, steps: _rising(weight, steps))
    prepare: Callable[[Batch], Batch] = field(default=lambda rows: rows)


def _rising(weight: float, steps: int) -> Schedule:
    return Ramp(start=0, stop=max(1, steps // 4), high=weight)


def _fought_in(weight: float, steps: int) -> Schedule:
    return Logistic(start=0, stop=steps, high=weight)


def _of_colour(term: Term) -> Term:
    return Rebind(term, {"nuisance": "nuisance.colour"})


def _conditional() -> Term:
    return _of_colour(ConditionalHSIC())


def _conditional_of_codes() -> Term:
    """For eighteen colours: too few rows of each in a batch to compare them as mere names."""
    return Rebind(ConditionalHSIC(), {"nuisance": "nuisance.code"})


_HSIC_WEIGHTS = (30.0, 100.0)

ERM, GRAY, ORACLE = Method(), Method(prepare=gray), Method(told=CHANNELS, penalty=_conditional, weights=_HSIC_WEIGHTS)

METHODS = {
    "HSIC on a block": Method(free=_FREE, penalty=lambda: _of_colour(HSIC()), weights=_HSIC_WEIGHTS),
    "conditional HSIC on a block": Method(free=_FREE, penalty=_conditional, weights=_HSIC_WEIGHTS),
    "colour told": Method(told=CHANNELS),
    "colour told, conditional HSIC": ORACLE,
    "colour told, conditional adversarial": Method(
        told=CHANNELS,
        penalty=lambda: _of_colour(ConditionalAdversarial(_AXES, 3, _CLASSES)),
        weights=(0.3, 1.0),
        schedule=_fought_in,
    ),
    "channels permuted, colour told": Method(told=CHANNELS, prepare=permuted),
    "channels permuted, colour told, conditional HSIC": Method(
        told=CHANNELS, prepare=permuted, penalty=_conditional_of_codes, weights=_HSIC_WEIGHTS
    ),
}
"""Rows of the study that are trained with the colour as a named nuisance."""


def trained(method: Method, weight: float, rows: Batch, budget: Budget, *, seed: int) -> Parted:
    """The autoencoder, with the colour kept out as the method has it."""
    rows = method.prepare(rows)
    with reproducible(seed):
        model = Parted(rows.x.shape[1], free=method.free, told=method.told, hidden=budget.hidden)
        model.adapt(rows.x)
        scale = float(rows.x.var(dim=0).mean().sqrt())
        terms: dict[str, tuple[Term, Schedule]] = {
            "recon": (Reconstruction(scale), Constant(1.0)),
            "risk": (Prediction(), Constant(1.0)),
        }
        if method.penalty is not None:
            terms["penalty"] = (method.penalty(), method.schedule(weight, budget.steps))
        objective = Objective(terms, scaling=LargestWeight())
        recipe = Recipe(budget.steps, rate=3e-3, log_every=budget.steps)
        fit(model, objective, RowBatches(rows, size=budget.batch, seed=seed), recipe)
    return model


@torch.no_grad()
def accuracy(model: Parted, rows: Batch) -> float:
    """Share of the rows whose shape the head tells."""
    return float((model(rows).prediction.argmax(dim=1) == label_of(rows)).float().mean())
