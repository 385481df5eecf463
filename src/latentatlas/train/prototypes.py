"""What happens to the prototypes of a bank beside the optimiser: a sharpness that changes, and moving averages."""

from __future__ import annotations

from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import Batch, Latents, Schedule, SpecError
from latentatlas.landscape import PrototypeBank
from latentatlas.train.callbacks import Callback

__all__ = ["Anneal", "MovingAverage"]


@final
class Anneal(Callback):
    """The sharpness β of a bank follows a schedule: smooth while basins form, sharp at the end.

    Args:
        bank: whose sharpness is set, before every step.
        beta: step → β, above 0.

    >>> from latentatlas.core import Ramp
    >>> bank = PrototypeBank(2, 2)
    >>> Anneal(bank, Ramp(start=0, stop=100, low=1.0, high=9.0)).on_step(50)
    >>> bank.beta
    5.0
    """

    def __init__(self, bank: PrototypeBank, beta: Schedule):
        self.bank = bank
        self.beta = beta

    def on_step(self, step: int) -> None:
        """Set the sharpness of the step."""
        self.bank.sharpen(self.beta(step))

    def state_dict(self) -> dict[str, Any]:
        """The sharpness of the moment."""
        return {"beta": self.bank.beta}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a sharpness."""
        self.bank.sharpen(state["beta"])


@final
class MovingAverage(Callback):
    r"""Prototypes are moving averages of their rows, q_k = m_k / u_k, and no gradient moves them.

    u_k ← decay · u_k + (1 − decay) · mean_i w_ik and m_k ← decay · m_k + (1 − decay) · mean_i w_ik z_i for every batch,
    w the memberships in the bank: one step of expectation and maximisation on a stream. In other words, q_k goes the
    share (1 − decay) · mean_i w_ik / u_k of the way to the mean of its rows; in a curved space along it, towards
    `Geometry.mean_step`. With decay 0 and all rows in the batch it is EM for a mixture of equal Gaussians, and k-means
    where the bank is sharp; the mean energy of a bank with distance scores then never rises. A prototype whose use
    falls below `dead`/K moves to a random row among the quarter of the batch that is farthest from all prototypes,
    drawn by the generator of torch. Rows that lie `reach` times as far from their nearest prototype as nine tenths of
    the batch do are outliers: they have no weight, since a single one would drag one prototype after another away from
    its rows.

    As a callback of `fit` it freezes the prototypes for the time of the fit and takes the latents of every batch, with
    its weights; in a loop of one's own call `update`. Cost O(n K dim) for n rows.

    Args:
        bank: whose prototypes are moved.
        decay: what is kept of the past, 0 ≤ decay < 1.
        dead: use below which a prototype is moved elsewhere, in shares of the even one; 0 never does.
        reach: how far a row may lie, > 1, in units of the distance that nine tenths of a batch keep; where these lie on
            their prototypes every row counts.

    >>> bank = PrototypeBank.at(torch.tensor([[0.0], [9.0]]), beta=50.0)
    >>> MovingAverage(bank, decay=0.5).update(torch.tensor([[-1.0], [1.0], [10.0], [12.0]]))
    >>> bank.prototypes.flatten().tolist()  # halfway to the means 0 and 11
    [0.0, 10.0]

    Raises:
        SpecError: for a bad decay or `dead`; when a fit starts on several devices.

    References:
        Cappé, Moulines, *On-line expectation-maximization*, 2009; van den Oord et al., *Neural discrete representation
        learning*, 2017, appendix A.
    """

    def __init__(self, bank: PrototypeBank, *, decay: float = 0.99, dead: float = 0.02, reach: float = 100.0):
        if not (0 <= decay < 1 and 0 <= dead < 1):
            raise SpecError(
                f"MovingAverage wants 0 ≤ decay < 1 and 0 ≤ dead < 1; got {decay}, {dead}. 0.99 and 0.02 are usual."
            )
        if not reach > 1:
            raise SpecError(f"MovingAverage wants reach > 1; got {reach}. 100 is usual, math.inf trusts every row.")
        self.bank = bank
        self.decay = decay
        self.dead = dead
        self.reach = reach
        self._trained = bank.prototypes.requires_grad
        self._begin()

    @property
    def usage(self) -> Float[Tensor, " charts"]:
        """Share of the rows that each prototype had lately; sums to 1. What `PrototypeBank.merge` wants as shares."""
        return self._usage / self._usage.sum()

    def on_start(self, steps: int) -> None:
        """Begin with the prototypes as they are, and keep the optimiser away from them."""
        if _processes() > 1:
            raise SpecError(
                "MovingAverage wants a fit on one device; this one runs on several. "
                "Let gradients move the prototypes, or use one device."
            )
        self._begin()
        self._trained = self.bank.prototypes.requires_grad
        self.bank.prototypes.requires_grad_(False)

    def on_batch(self, step: int, batch: Batch, latents: Latents) -> None:
        """Move the prototypes."""
        self.update(latents.z, batch.weight)

    def on_end(self) -> None:
        """Leave the prototypes to the optimiser again."""
        self.bank.prototypes.requires_grad_(self._trained)

    @torch.no_grad()
    def update(self, z: Float[Tensor, "n dim"], weight: Float[Tensor, " n"] | None = None) -> None:
        """Take in one batch of latents, with sample weights."""
        self._usage, space = self._usage.to(self.bank.prototypes), self.bank.score.geometry
        z = z.to(self.bank.prototypes)
        share = torch.ones_like(z[:, 0]) if weight is None else weight.to(z)
        apart = self._apart(z)
        usual = self.reach * apart.quantile(0.9)
        if usual > 0:
            z, share = z[apart <= usual], share[apart <= usual]
        members = (self.bank.weights(z) * (share / share.sum())[:, None]).T
        use = members.sum(dim=1)
        self._usage.lerp_(use, 1 - self.decay)
        moved = use > torch.finfo(z.dtype).tiny
        old, parts = self.bank.prototypes[moved], members[moved] / use[moved, None]
        way = ((1 - self.decay) * use / self._usage)[moved, None]
        self.bank.prototypes[moved] = space.geodesic(old, space.mean_step(old, z, parts), way)
        for number in torch.nonzero(self._usage < self.dead / self.bank.count).flatten().tolist():
            self._revive(number, z)

    def state_dict(self) -> dict[str, Any]:
        """The averages."""
        return {"usage": self._usage}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with these averages."""
        self._usage = state["usage"]

    def _begin(self) -> None:
        """Even use, with the rows of each prototype around it."""
        self._usage = torch.full_like(self.bank.prototypes.detach()[:, 0], 1 / self.bank.count)

    def _revive(self, number: int, z: Tensor) -> None:
        apart = self._apart(z)
        far = torch.nonzero(apart >= apart.quantile(0.75)).flatten()
        chosen = far[torch.randint(len(far), (1,), device=z.device)]
        self.bank.prototypes[number] = z[chosen[0]]
        self._usage[number] = 1 / self.bank.count

    def _apart(self, z: Tensor) -> Float[Tensor, " n"]:
        """Of each row to its nearest prototype."""
        return self.bank.score.geometry.dist(z[:, None], self.bank.prototypes[None]).amin(dim=1)


def _processes() -> int:
    ready = torch.distributed.is_available() and torch.distributed.is_initialized()
    return torch.distributed.get_world_size() if ready else 1
