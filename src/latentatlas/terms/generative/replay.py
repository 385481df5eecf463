"""Where the chains of earlier steps are, so that later ones go on from there."""

from __future__ import annotations

from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from latentatlas.core import ShapeError, SpecError

__all__ = ["ReplayBuffer"]


@final
class ReplayBuffer(nn.Module):
    r"""States of `size` chains; every step some of them go on, and a share of these begins anew.

    Chains that go on for many steps forget where they began and find modes that no data lie in; chains that begin anew
    keep up with latents that move. Chains that were left behind are stale: whoever is farther from the mean of the
    codes than `reach` times the farthest code begins anew as well. The states are buffers, saved with the term.

    Args:
        size: number of chains, at least the rows of a batch.
        dim: axes of the latent.
        fresh: share of the drawn chains that begin anew; 1 remembers nothing.
        reach: in units of the largest distance of a code from the mean of the batch.

    >>> buffer = ReplayBuffer(4, 1)
    >>> slots, begin = buffer.draw(torch.zeros(4, 1))
    >>> begin.all().item()  # no chain has begun yet
    True
    >>> buffer.keep(slots, torch.zeros(4, 1))
    >>> len(buffer.chains())
    4

    Raises:
        ShapeError: for codes with another number of axes, or more rows than chains.

    References:
        Tieleman, *Training restricted Boltzmann machines using approximations to the likelihood gradient*, 2008; Du,
        Mordatch, *Implicit generation and modeling with energy-based models*, 2019.
    """

    states: Tensor
    started: Tensor

    def __init__(self, size: int, dim: int, *, fresh: float = 0.05, reach: float = 2.0):
        super().__init__()
        if size < 1 or dim < 1:
            raise SpecError(f"ReplayBuffer wants size ≥ 1 and dim ≥ 1; got {size} and {dim}. 4,096 chains are usual.")
        if not 0 <= fresh <= 1 or not reach > 0:
            raise SpecError(f"ReplayBuffer wants 0 ≤ fresh ≤ 1 and reach > 0; got {fresh} and {reach}. .05 and 2 do.")
        self.size = size
        self.dim = dim
        self.fresh = fresh
        self.reach = reach
        self.register_buffer("states", torch.zeros(size, dim))
        self.register_buffer("started", torch.zeros(size, dtype=torch.bool))

    @torch.no_grad()
    def draw(self, codes: Float[Tensor, "n dim"]) -> tuple[Int[Tensor, " n"], Tensor]:
        """As many chains as codes: their numbers, and which of them must begin anew."""
        if codes.shape[1] != self.dim:
            raise ShapeError(f"ReplayBuffer wants codes of {self.dim} axes; got {codes.shape[1]}. Build it for them.")
        if len(codes) > self.size:
            raise ShapeError(
                f"ReplayBuffer wants at most {self.size} rows in a batch, one per chain; got {len(codes)}. Build it "
                f"with size={2 * len(codes)} or more."
            )
        slots = torch.randperm(self.size, device=self.states.device)[: len(codes)]
        centre = codes.mean(dim=0)
        limit = self.reach * (codes - centre).norm(dim=1).max()
        stale = (self.states[slots].to(codes) - centre).norm(dim=1) > limit
        anew = torch.rand(len(codes), device=codes.device) < self.fresh
        return slots, anew | stale | ~self.started[slots]

    @torch.no_grad()
    def keep(self, slots: Int[Tensor, " n"], states: Float[Tensor, "n dim"]) -> None:
        """Where these chains are now."""
        self.states[slots] = states.to(self.states)
        self.started[slots] = True

    def chains(self) -> Float[Tensor, "started dim"]:
        """The states of all chains that have begun."""
        return self.states[self.started]
