"""The constant that makes exp(−E) a density, by importance sampling."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from latentatlas.core import DataError, SpecError
from latentatlas.landscape.mixture import MixtureDensity

__all__ = ["LogPartition", "log_partition"]


@final
@dataclass(frozen=True)
class LogPartition:
    """log Z of a field, Z = ∫ exp(−E(z)) dz, so that −log p(z) = E(z) + value.

    Attributes:
        value: in nats.
        effective: effective number of draws, (Σw)²/Σw²; of few draws the value is too small and not to be trusted.
    """

    value: float
    effective: float


def log_partition(
    field: Callable[[Tensor], Tensor], proposal: MixtureDensity, *, samples: int = 10_000, seed: int = 0
) -> LogPartition:
    r"""Log Z ≈ log mean_m exp(−E(z_m) − log p_α(z_m)), z_m drawn from the proposal p_α.

    The likelihood of an energy is then −log p(z) ≈ E(z) + log Z. Without log p_α, the density of the draws, it would be
    another quantity. The proposal must reach wherever exp(−E) has mass: one fitted to the data does for an energy that
    was trained on them.

    Args:
        field: exp(−E) must be integrable.
        proposal: density to draw from.
        samples: number of draws.
        seed: of the draws.

    Cost: O(samples) energies.

    Raises:
        SpecError: for no draws.
        DataError: if an energy is NaN or −∞ at a draw, or +∞ at all.

    >>> found = log_partition(lambda z: z.square().sum(dim=1) / 2, MixtureDensity(1, 1), samples=100)  # the density
    >>> round(found.value, 4), round(found.effective)  # itself: log √2π, and every draw weighs the same
    (0.9189, 100)

    References:
        Hui, *Atlasing Pattern Space*, section 3.3, which leaves the density of the proposal out.
    """
    if samples < 1:
        raise SpecError(f"log_partition wants samples ≥ 1; got {samples}. 10,000 are usual.")
    device = proposal.means.device
    with torch.no_grad():
        z = proposal.sample(samples, generator=torch.Generator(device).manual_seed(seed)).double()
        log_weight = -field(z) - proposal.log_density(z)
    total = float(torch.logsumexp(log_weight, dim=0))
    if not math.isfinite(total):
        raise DataError("log_partition wants finite energies at the draws; they are not. Fit the proposal to the data.")
    effective = math.exp(2 * total - float(torch.logsumexp(2 * log_weight, dim=0)))
    return LogPartition(total - math.log(samples), effective)
