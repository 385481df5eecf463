"""One network, trained in one way on one setting."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import Batch, LatentLayout, Schedule, reproducible
from latentatlas.experiments.signals.rows import Part, Setting
from latentatlas.models import Encoder, Predictor, ResidualSignalEncoder, TaskHead
from latentatlas.terms import Objective, Term
from latentatlas.train import Recipe, RowBatches, ViewBatches, at_rest, fit

__all__ = ["Budget", "Method", "Terms", "Trained", "latents", "predictions", "trained"]

_AT_ONCE = 1024

Terms = Mapping[str, tuple[Term, Schedule]]
"""Terms of an objective with their weights, by name."""


def usual_encoder(shape: tuple[int, int], dim: int) -> Encoder:
    """Residual convolutions of unit scale, for windows of a few seconds of movement."""
    return ResidualSignalEncoder(shape, dim, channels=(24, 32, 48), spread=1.0)


@final
@dataclass(frozen=True)
class Budget:
    """How long is trained.

    Attributes:
        steps: of the optimiser.
        batch: windows of a step, each with its view.
        rate: highest learning rate.
        mixed: whether networks multiply in bfloat16 where the processor is fast at it.
    """

    steps: int
    batch: int = 256
    rate: float = 3e-3
    mixed: bool = False


@final
@dataclass(frozen=True)
class Method:
    """A way to train.

    Attributes:
        layout: the blocks.
        terms: given layout and number of classes.
        reads: blocks that the task is told from.
        encoder: given the shape of a window and the axes of the latent.
        hidden: widths of hidden layers of the head.
    """

    layout: LatentLayout
    terms: Callable[[LatentLayout], Terms]
    reads: tuple[str, ...] = ("free",)
    encoder: Callable[[tuple[int, int], int], Encoder] = usual_encoder
    hidden: tuple[int, ...] = ()


class Trained(NamedTuple):
    """A network, and what it took.

    Attributes:
        model: in evaluation mode.
        terms: as trained, with the heads that belong to them.
        seconds: of the processor, for training.
    """

    model: Predictor
    terms: dict[str, Term]
    seconds: float


def trained(method: Method, setting: Setting, budget: Budget, *, seed: int) -> Trained:
    """The network of a method after its steps; on one thread, so that the seed decides."""
    started = time.process_time()
    rows = Batch(x=setting.train.x, label=setting.train.label)
    with reproducible(seed, threads=1):
        encoder = method.encoder(setting.shape, method.layout.dim)
        head = TaskHead(method.layout, len(setting.classes), reads=method.reads, hidden=method.hidden, spread=1.0)
        model = Predictor(encoder, head)
        model.adapt(at_rest(rows.x, setting.transformation))
        terms = dict(method.terms(method.layout))
        batches = ViewBatches(RowBatches(rows, size=budget.batch, seed=seed), setting.transformation, seed=seed)
        fit(model, Objective(terms), batches, _recipe(budget))
    return Trained(model, {name: term for name, (term, _) in terms.items()}, time.process_time() - started)


def _recipe(budget: Budget) -> Recipe:
    return Recipe(budget.steps, rate=budget.rate, log_every=budget.steps, mixed=budget.mixed)


@torch.no_grad()
def latents(model: Predictor, part: Part, setting: Setting, parameters: Tensor | None = None) -> Float[Tensor, "n dim"]:
    """Of the windows, changed with these parameters, or as they are."""
    return torch.cat([model.encode(x) for x in _changed(part, setting, parameters)])


@torch.no_grad()
def predictions(
    model: Predictor, part: Part, setting: Setting, parameters: Tensor | None = None
) -> Float[Tensor, "n classes"]:
    """Logits of the windows, changed with these parameters, or as they are."""
    return torch.cat([model.predict(x) for x in _changed(part, setting, parameters)])


def _changed(part: Part, setting: Setting, parameters: Tensor | None) -> list[Tensor]:
    """The windows in pieces."""
    if parameters is None:
        parameters = setting.transformation.identity(len(part.x))
    pieces = zip(part.x.split(_AT_ONCE), parameters.split(_AT_ONCE), strict=True)
    return [setting.transformation.apply(x, drawn) for x, drawn in pieces]
