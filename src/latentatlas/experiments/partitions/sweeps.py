"""One network of the ablation: movements whose phone turns, and one setting of the partition changed at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import final

import numpy as np
import torch
from torch import Tensor

from latentatlas.core import Constant, Geometric, LatentLayout
from latentatlas.experiments.signals import Budget, Method, Setting, Terms, Trained, latents, trained
from latentatlas.experiments.signals.judging import answers, found_again, judged_block, right
from latentatlas.experiments.signals.methods import PARTED, methods, risk_of_both
from latentatlas.experiments.signals.training import usual_encoder
from latentatlas.metrics import similarity_curve
from latentatlas.terms import (
    BlockAllocation,
    HardestNegative,
    MeanNegative,
    MemoryBank,
    OuterProduct,
    Partition,
    PartitionNegatives,
    ReadableTransformation,
    SoftNegative,
)

__all__ = ["AUTOMATIC", "BETA", "COLUMNS", "INVARIANT", "METHODS", "NEGATIVES", "Cell", "aside", "judged", "made"]

_READS = ("invariant", "free")
_GALLERY = 10
_REMEMBERED = 1_024
_WEIGHT = 0.3  # of what stands beside the task, as in the study of turning phones

COLUMNS = (
    "accuracy",
    "accuracy changed",
    "consistency",
    "similarity",
    "other people",
    "recall@1",
    "R² of the turn",
)


@final
@dataclass(frozen=True)
class Cell:
    """A setting of the partition.

    Attributes:
        layout: the blocks.
        beta: weight of the variant block.
        negatives: makes the strategy.
    """

    layout: LatentLayout = PARTED
    beta: float = 1.0
    negatives: Callable[[], PartitionNegatives] = field(default=SoftNegative)

    def terms(self, columns: tuple[int, ...]) -> Callable[[LatentLayout], Terms]:
        """Task, partition, and a head for the turn where a block can tell it."""
        return lambda layout: {
            **risk_of_both(),
            "partition": (Partition(layout, negatives=self.negatives(), beta=Constant(self.beta)), Constant(_WEIGHT)),
            **_readable(layout, columns),
        }


def _split(invariant: int) -> LatentLayout:
    """What is left of the axes goes to the other two blocks evenly."""
    rest = (PARTED.dim - invariant) // 2
    return LatentLayout(invariant, rest, rest)


INVARIANT = {str(axes): Cell(_split(axes)) for axes in (0, 32, 64, 96, 128)}
BETA = {f"{beta:g}": Cell(beta=beta) for beta in (0.0, 0.5, 1.0, 100.0)}
NEGATIVES = {
    "mean of the batch": Cell(negatives=MeanNegative),
    "nearest": Cell(negatives=HardestNegative),
    "soft nearest, τ = .1": Cell(),
    f"soft nearest, memory of {_REMEMBERED:,}": Cell(
        negatives=lambda: MemoryBank(_REMEMBERED, PARTED.invariant, reads=SoftNegative())
    ),
}
_BASELINES = ("augmentation", "NT-Xent")  # of those that the studies of signals compare


def made(title: str, cell: Cell | None, setting: Setting, budget: Budget, *, seed: int) -> tuple[Trained, LatentLayout]:
    """The network of a cell, or of a method by its title."""
    columns = tuple(setting.transformation.readable)
    if title in AUTOMATIC:
        return AUTOMATIC[title](setting, budget, seed=seed)
    if cell is None:
        method = methods(columns, usual_encoder, reads=_READS, weight=_WEIGHT)[title]
    else:
        method = Method(cell.layout, cell.terms(columns), _READS)
    return trained(method, setting, budget, seed=seed), method.layout


def _sizes_of_gates(setting: Setting, budget: Budget, *, seed: int) -> tuple[Trained, LatentLayout]:
    """A fresh encoder with blocks of the sizes that gates, hardening in half the steps, chose beside another one."""
    half = budget.steps // 2
    gates = BlockAllocation(PARTED, price=0.0, temperature=Geometric(start=0, stop=half, low=0.1, high=0.01))
    soft = Method(PARTED, lambda _: {**risk_of_both(), "blocks": (gates, Constant(_WEIGHT))}, tuple(PARTED.sizes))
    trained(soft, setting, replace(budget, steps=half), seed=seed)
    return made("", Cell(gates.allocation().layout), setting, budget, seed=seed)


AUTOMATIC: dict[str, Callable[..., tuple[Trained, LatentLayout]]] = {"sizes of gates, trained anew": _sizes_of_gates}
"""Ways to find the sizes of the blocks in training."""

METHODS = (*_BASELINES, *AUTOMATIC)


def _readable(layout: LatentLayout, columns: tuple[int, ...]) -> Terms:
    if not layout.size("variant"):
        return {}
    head = ReadableTransformation(layout, columns, pairing=OuterProduct(), hidden=(128,))
    return {"readable": (head, Constant(_WEIGHT))}


def aside(found: Trained, setting: Setting, *, seed: int) -> float:
    """Share of the turned windows of people kept aside in training that are told right."""
    part = setting.validation
    turns = setting.transformation.sample(len(part.x), torch.Generator().manual_seed(20_000 + seed))
    told = answers(found, part, setting, turns).argmax(axis=1)
    return float((told == part.label.numpy()).mean())


def judged(found: Trained, layout: LatentLayout, setting: Setting, *, seed: int) -> dict[str, float]:
    """Figures on people that were not trained on, each window turned once at random."""
    part = setting.test
    turns = setting.transformation.sample(len(part.x), torch.Generator().manual_seed(10_000 + seed))
    plain, turned = (latents(found.model, part, setting, each) for each in (None, turns))
    before, after = (layout.block(z, judged_block(layout)).numpy().astype(np.float64) for z in (plain, turned))
    curve = similarity_curve(before, {0.0: after}, part.record)
    told, told_turned = (answers(found, part, setting, each) for each in (None, turns))
    figures = right(told, told_turned, part.label.numpy(), len(setting.classes))
    return {
        **{name: figures[name] for name in ("accuracy", "accuracy changed", "consistency")},
        "similarity": float(curve.similarity[0]),
        "other people": curve.other_records,
        "recall@1": found_again(before, after, part.record, (_GALLERY,), seed=seed)[str(_GALLERY)]["recall@1"],
        "R² of the turn": _read(found, plain, turned, turns),
    }


@torch.no_grad()
def _read(found: Trained, plain: Tensor, turned: Tensor, turns: Tensor) -> float:
    """What the head of the network itself reads from the variant block; NaN without one."""
    head = found.terms.get("readable")
    return float("nan") if head is None else 1 - float(head(plain, turned, turns))
