"""The rows of the table: what is trained, with which penalties, and what it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

from latentatlas.core import Batch, Logistic, Schedule
from latentatlas.experiments.colored_mnist.training import DIM, Head, InOneGo, Rounds, Training, late
from latentatlas.terms import (
    HSIC,
    ConditionalAdversarial,
    ConditionalHSIC,
    Fishr,
    IRMv1,
    Rebind,
    Term,
    VREx,
    reweighting,
)

__all__ = ["METHODS", "Method"]


@final
@dataclass(frozen=True)
class Method:
    """A way to train.

    Attributes:
        title: for the table.
        knows: what it is told of the training rows beside their labels.
        penalty: makes the term beside the risk; None has none.
        weights: of the penalty; the one to take is chosen by training environments.
        schedule: the weight over so many steps.
        training: how, given where to find the rounds.
        prepare: changes the training rows first.
        gray: whether images have lost their colour, those of the test too.
    """

    title: str
    knows: str = "environments"
    penalty: Callable[[], Term] | None = None
    weights: tuple[float, ...] = (0.0,)
    schedule: Callable[[float, int], Schedule] = late
    training: Callable[[Callable[[Batch], Rounds]], Training] = field(default=lambda rounds: InOneGo())
    prepare: Callable[[Batch], Batch] = field(default=lambda rows: rows)
    gray: bool = False


def _fought_in(weight: float, steps: int) -> Schedule:
    return Logistic(start=0, stop=steps, high=weight)


def _weighted(rows: Batch) -> Batch:
    assert rows.label is not None
    assert rows.nuisance is not None
    return reweighting(rows.label, rows.nuisance).fill(rows)


def _of_prediction(term: Term) -> Term:
    """The term on the logit in the place of the latent: what must not tell the colour is the answer."""
    return Rebind(term, {"z": "prediction"})


def _large(rounds: Callable[[Batch], Rounds]) -> Training:
    return InOneGo(batches=2)


def _on_latents(rounds: Callable[[Batch], Rounds]) -> Training:
    return Head(rounds, Rounds.latents)


_FEATURES = 32
_RISING = (1e2, 1e3, 1e4, 1e5)
_FEW = (1e2, 1e4)
_BETWEEN = {"IRMv1": IRMv1, "V-REx": VREx, "Fishr": Fishr}

METHODS = (
    Method("ERM", knows="nothing"),
    *(Method(f"{name}, in one go", penalty=term, weights=_FEW, training=_large) for name, term in _BETWEEN.items()),
    *(
        Method(f"{name}, after two rounds", penalty=term, weights=_RISING, training=Head)
        for name, term in _BETWEEN.items()
    ),
    Method("V-REx, after two rounds, on latents", penalty=VREx, weights=_RISING, training=_on_latents),
    Method(
        "conditional HSIC",
        knows="colour",
        penalty=lambda: _of_prediction(ConditionalHSIC(HSIC(exact_rows=0, features=_FEATURES))),
        weights=(100.0, 1000.0),
        training=lambda rounds: InOneGo(batches=4),
    ),
    Method(
        "conditional adversarial",
        knows="colour",
        penalty=lambda: ConditionalAdversarial(DIM, 2, 2),
        weights=(1.0, 3.0),
        schedule=_fought_in,
    ),
    Method("reweighting", knows="colour", prepare=_weighted),
    Method("marginal HSIC", knows="colour", penalty=lambda: _of_prediction(HSIC()), weights=(1000.0,)),
    Method("ERM on gray images (oracle)", knows="gray images", gray=True),
)
