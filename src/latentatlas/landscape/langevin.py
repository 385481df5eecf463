"""Sampling exp(−E/T) by Langevin dynamics, plain and Metropolis-adjusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import DataError, SpecError
from latentatlas.landscape.fields import gradient

__all__ = ["Samples", "adjusted_langevin", "langevin"]


@final
@dataclass(frozen=True, eq=False)
class Samples:
    """States of several chains.

    Attributes:
        z: the kept states of every chain, in order.
        acceptance: share of proposals that were accepted; 1 without adjustment.
    """

    z: Float[Tensor, "kept n dim"]
    acceptance: float

    @property
    def last(self) -> Float[Tensor, "n dim"]:
        """Where the chains are now."""
        return self.z[-1]


def langevin(
    field: Callable[[Tensor], Tensor],
    starts: Float[Tensor, "n dim"],
    *,
    step: float,
    steps: int = 1000,
    temperature: float = 1.0,
    keep_every: int = 1,
    seed: int = 0,
) -> Samples:
    """Unadjusted Langevin dynamics z ← z − (η/2T)∇E + √η ξ, one chain per start.

    Its stationary law is exp(−E/T) up to an error that falls with η: on E = ½z² the variance is T/(1 − η/4T) instead of
    T. Short runs from data with a small step and temperature move points only a little.

    Args:
        field: differentiable, bounded below.
        starts: where the chains begin.
        step: η, in squared units of the space: the noise of a step has a standard deviation of √η per axis.
        steps: number of steps.
        temperature: T, in units of the energy.
        keep_every: keep every this many-th state.
        seed: of the noise; equal seeds give equal chains on one machine.

    Cost: O(steps) gradients of the field; memory O(steps/keep_every · n · dim).

    Raises:
        SpecError: unless step, temperature > 0 and steps ≥ keep_every ≥ 1.
        DataError: if the energy stops being finite; the step is then too large.

    References:
        Roberts, Tweedie, *Exponential convergence of Langevin distributions and their discrete approximations*, 1996.
    """
    generator = _checked(starts, step, steps, temperature, keep_every, seed)
    z, kept = starts.detach().clone(), []
    for number in range(1, steps + 1):
        _, slope = gradient(field, z)
        z = z - step / (2 * temperature) * slope + step**0.5 * _noise(z, generator)
        if number % keep_every == 0:
            _require_finite(z, step)
            kept.append(z)
    return Samples(torch.stack(kept), 1.0)


def adjusted_langevin(
    field: Callable[[Tensor], Tensor],
    starts: Float[Tensor, "n dim"],
    *,
    step: float,
    steps: int = 1000,
    temperature: float = 1.0,
    keep_every: int = 1,
    seed: int = 0,
) -> Samples:
    """Metropolis-adjusted Langevin (MALA): the proposals of `langevin`, accepted so that exp(−E/T) is exact.

    A proposal z' is accepted with probability min(1, exp((E(z) − E(z'))/T) q(z'→z)/q(z→z')), where q(z→z') is normal
    around z − (η/2T)∇E with variance η. An acceptance near .6 mixes best; below .3 lower the step.

    Args:
        field: differentiable.
        starts: where the chains begin.
        step: η, in squared units of the space.
        steps: number of proposals.
        temperature: T, in units of the energy.
        keep_every: keep every this many-th state.
        seed: of the noise; equal seeds give equal chains on one machine.

    Cost: O(steps) gradients of the field; memory O(steps/keep_every · n · dim).

    Raises:
        SpecError: unless step, temperature > 0 and steps ≥ keep_every ≥ 1.
        DataError: if the energy is not finite at a start.

    References:
        Roberts, Rosenthal, *Optimal scaling of discrete approximations to Langevin diffusions*, 1998.
    """
    generator = _checked(starts, step, steps, temperature, keep_every, seed)
    z, kept, accepted = starts.detach().clone(), [], 0
    energy, slope = gradient(field, z)
    if not torch.isfinite(energy).all():
        raise DataError("adjusted_langevin wants a finite energy at every start; it is not. Move the starts.")
    for number in range(1, steps + 1):
        trial = z - step / (2 * temperature) * slope + step**0.5 * _noise(z, generator)
        energy_there, slope_there = gradient(field, trial)
        there = _log_move(z, trial, slope, step, temperature)
        back = _log_move(trial, z, slope_there, step, temperature)
        chance = (energy - energy_there) / temperature + back - there
        draw = torch.rand(len(z), generator=generator, dtype=torch.float64).to(z.device).log()
        move = draw < chance  # NaN is never accepted
        z = torch.where(move[:, None], trial, z)
        energy, slope = torch.where(move, energy_there, energy), torch.where(move[:, None], slope_there, slope)
        accepted += int(move.sum())
        if number % keep_every == 0:
            kept.append(z)
    return Samples(torch.stack(kept), accepted / (steps * max(1, len(z))))


def _log_move(start: Tensor, end: Tensor, slope: Tensor, step: float, temperature: float) -> Tensor:
    return -(end - start + step / (2 * temperature) * slope).square().sum(dim=1) / (2 * step)


def _noise(z: Tensor, generator: torch.Generator) -> Tensor:
    """Normal numbers drawn on the CPU, so that a seed means the same on every device."""
    return torch.randn(z.shape, generator=generator, dtype=z.dtype).to(z.device)


def _checked(
    starts: Tensor, step: float, steps: int, temperature: float, keep_every: int, seed: int
) -> torch.Generator:
    if not (step > 0 and temperature > 0 and steps >= keep_every >= 1 and len(starts)):
        raise SpecError(
            f"Langevin dynamics want starts, step > 0, temperature > 0 and steps ≥ keep_every ≥ 1; got {len(starts)} "
            f"starts, {step}, {temperature}, {steps}, {keep_every}. Correct them."
        )
    return torch.Generator().manual_seed(seed)


def _require_finite(z: Tensor, step: float) -> None:
    if not torch.isfinite(z).all():
        raise DataError(f"langevin left the finite numbers with step {step}. Lower the step, or use adjusted_langevin.")
