"""Stacks of models: grown block by block until a block explains too little, and what each of them explains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentatlas.core import Batch, ShapeError, SpecError
from latentatlas.models import ScaleStem, StackedAutoencoder
from latentatlas.models.stacked import adapted, residual_size
from latentatlas.terms import Objective, Reconstruction
from latentatlas.train.batches import RowBatches
from latentatlas.train.callbacks import History
from latentatlas.train.fit import Recipe, fit

__all__ = ["BlockReport", "StackFit", "fit_stack", "stack_report"]


class StackFit(NamedTuple):
    """A stack that was grown, and how.

    Attributes:
        stack: the blocks that were kept, in evaluation mode.
        explained: 1 − σ_ℓ² of every block on the judging rows, in order; the last may be of a block that was not kept.
        histories: of the fit of each of them.
    """

    stack: StackedAutoencoder
    explained: tuple[float, ...]
    histories: tuple[History, ...]


class BlockReport(NamedTuple):
    """What one block of a stack does with given rows.

    Attributes:
        explained: share of what it reads, 1 − mean (x^ℓ − x̂^ℓ)²/mean (x^ℓ)²; below 0 it does harm.
        left: share of the variance of the data that it and those before leave.
        scale: its σ_ℓ.
        condition: median over rows of σ_max/σ_min of the Jacobian of x^ℓ ↦ x^{ℓ+1}.
        spectrum: variances of what it leaves along its principal axes, in shares that sum to 1, largest first.
    """

    explained: float
    left: float
    scale: float
    condition: float
    spectrum: Float[np.ndarray, " features"]


def fit_stack(
    make: Callable[[], nn.Module],
    x: Float[Tensor, "n features"],
    recipe: Recipe,
    *,
    held_out: Float[Tensor, "m features"] | None = None,
    objective: Callable[[], Objective] | None = None,
    least: float = 0.05,
    most: int = 8,
) -> StackFit:
    """Grow a stack: each new block learns what those before left, until one explains less than `least` of it.

    σ_ℓ² is the share of its input that block ℓ leaves; it rises towards 1 with depth, and the first block with
    1 − σ_ℓ² < least is not kept, unless it is the first of all. Blocks that are there do not change.
    Cost: `most` fits at most.

    Args:
        make: a fresh block `Batch -> Latents` that decodes all columns; seeded by the generator of torch.
        x: training rows, in units of the data.
        recipe: of each block's fit; batches have 512 rows.
        held_out: rows that decide when to stop; None takes the training rows, which stops later.
        objective: terms of a block, which reads x^ℓ and decodes it; None is `Reconstruction`.
        least: δ, in [0, 1).
        most: blocks.

    Raises:
        SpecError: for `least` outside of [0, 1) or no blocks.
        ShapeError: without rows to train on or to judge by.
    """
    if not (0 <= least < 1 and most >= 1):
        raise SpecError(f"fit_stack wants 0 ≤ least < 1 and most ≥ 1; got {least}, {most}. 0.05 and 8 are usual.")
    if not len(x) or (held_out is not None and not len(held_out)):
        raise ShapeError(
            f"fit_stack wants rows to train on and to judge by; got {len(x)} and "
            f"{'the same' if held_out is None else len(held_out)}. Pass one row or more of each."
        )
    objective = objective or _reconstruction
    stem = ScaleStem(x.shape[1]).fit(x)
    h, judged = stem(x), stem(x if held_out is None else held_out)
    blocks, scales, explained, histories = [], [], [], []
    while len(blocks) < most:
        block = make()
        adapted(block, h)
        histories.append(fit(block, objective(), RowBatches(Batch(h), seed=len(blocks)), recipe))
        left, judged_left = _left(block, h), _left(block, judged)
        explained.append(_explained(judged, judged_left))
        if blocks and explained[-1] < least:
            break
        scales.append(residual_size(left))
        blocks.append(block)
        h, judged = left / scales[-1], judged_left / scales[-1]
    return StackFit(_assembled(blocks, stem, torch.stack(scales)), tuple(explained), tuple(histories))


def stack_report(
    stack: StackedAutoencoder, x: Float[Tensor, "n features"], *, jacobians: int = 16
) -> tuple[BlockReport, ...]:
    """What each block explains of given rows, what it leaves, and how its way on distorts.

    Args:
        stack: in the mode of evaluation while it is judged.
        x: rows, in units of the data.
        jacobians: evenly spaced rows whose Jacobians are taken, at `features` backward passes for each block.

    Raises:
        ShapeError: without rows.
    """
    if not len(x):
        raise ShapeError("stack_report wants rows to judge a stack by; got none. Pass one row or more.")
    training = stack.training
    stack.eval()
    with torch.no_grad():
        peeled = stack.peel(x)
    total = float(peeled.inputs[0].square().mean())
    chosen = torch.linspace(0, len(x) - 1, min(jacobians, len(x)), dtype=torch.float64).long()
    reports = []
    for number, block in enumerate(stack.blocks):
        read, left = peeled.inputs[number], peeled.inputs[number] - peeled.explained[number]
        remains = float(peeled.factors[number].square() * left.square().mean())
        reports.append(
            BlockReport(
                explained=_explained(read, left),
                left=remains / total if total > 0 else 0.0,
                scale=float(stack.scales[number]),
                condition=_condition(block, read[chosen]),
                spectrum=_spectrum(left),
            )
        )
    stack.train(training)
    return tuple(reports)


def _reconstruction() -> Objective:
    return Objective({"recon": Reconstruction()})


@torch.no_grad()
def _left(block: nn.Module, h: Tensor) -> Tensor:
    return h - block.eval()(Batch(h)).recon


def _explained(read: Tensor, left: Tensor) -> float:
    """1 − mean left²/mean read²; 0 where there is nothing to explain."""
    before = float(read.square().mean())
    return 1 - float(left.square().mean()) / before if before > 0 else 0.0


def _assembled(blocks: Sequence[nn.Module], stem: ScaleStem, scales: Tensor) -> StackedAutoencoder:
    stack = StackedAutoencoder(blocks, stem.features)
    stack.stem.load_state_dict(stem.state_dict())
    stack.scales.copy_(scales)
    stack.started.fill_(True)
    return stack.eval()


def _condition(block: nn.Module, h: Tensor) -> float:
    """Of the way x^ℓ ↦ x^ℓ − x̂^ℓ; a scale does not change it."""
    h = h.detach().requires_grad_()
    left = h - block(Batch(h)).recon
    rows = [torch.autograd.grad(column.sum(), h, retain_graph=True)[0] for column in left.T]
    sizes = torch.linalg.svdvals(torch.stack(rows, dim=1).double())
    return float((sizes[:, 0] / sizes[:, -1].clamp(min=torch.finfo(torch.float64).tiny)).median())


def _spectrum(left: Tensor) -> Float[np.ndarray, " features"]:
    centred = left.double() - left.double().mean(dim=0)
    sizes = torch.linalg.eigvalsh(centred.T @ centred / len(left)).flip(0).clamp(min=0)
    return (sizes / sizes.sum().clamp(min=torch.finfo(torch.float64).tiny)).numpy()
