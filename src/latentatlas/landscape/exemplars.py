"""A memory of rows for each basin, read as a bank with one prototype per remembered row."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from latentatlas.core import ShapeError, SpecError
from latentatlas.landscape.prototypes import PrototypeBank, Score

__all__ = ["ExemplarMemory", "Keep", "NearestRows", "UniformRows"]


class Keep(nn.Module, ABC):
    """Which rows of a basin a memory keeps: those of the highest priority."""

    @abstractmethod
    def priority(self, key: Float[Tensor, "n dim"], basin: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
        """The priority of each row when it arrives."""


@final
class UniformRows(Keep):
    """Every row seen so far is kept with the same chance, whenever it came (reservoir sampling).

    Draws from the generator of torch.
    """

    def priority(self, key: Float[Tensor, "n dim"], basin: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
        """Random, alike for all rows: those of the highest numbers are a uniform sample."""
        return torch.rand(len(key), dtype=key.dtype, device=key.device)


@final
class NearestRows(Keep):
    """The rows that fit the prototype of their basin best, as the prototypes are when a row arrives.

    Args:
        bank: prototypes; basin k is that of prototype k.
    """

    def __init__(self, bank: PrototypeBank):
        super().__init__()
        self.bank = bank

    def priority(self, key: Float[Tensor, "n dim"], basin: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
        """The score of the row's own prototype."""
        return self.bank.scores(key).gather(1, basin[:, None])[:, 0]


@final
class ExemplarMemory(nn.Module):
    r"""Up to `size` remembered rows e_j for each of some basins or classes.

    `bank` gives them as prototypes, so that energy, retrieval κ⁺ = Σ_j w_j e_j and weights are those of a modern
    Hopfield network over all exemplars; `memberships` adds the weights of each basin up, which is a kernel classifier
    where the basins are labelled classes.

    Cost of a read: O(n basins size dim); of `add`: O(n log size), one sort for every basin that is in the batch.

    Args:
        basins: number of basins or classes.
        size: rows remembered of each.
        dim: axes of a key.
        beta: sharpness of the weights.
        score: how well a key fits an exemplar; None is `DistanceScore()`.
        keep: which rows stay where more have been seen; None is `UniformRows()`.

    >>> memory = ExemplarMemory(2, 3, 1, beta=4.0)
    >>> memory.add(torch.tensor([[-1.0], [1.0], [1.2]]), torch.tensor([0, 1, 1]))
    >>> memory.counts.tolist()
    [1, 2]
    >>> memory.memberships(torch.tensor([[1.1]])).round(decimals=2).tolist()
    [[0.0, 1.0]]

    Raises:
        SpecError: for no basins, rows or axes; from `bank` while nothing is remembered.

    References:
        Ramsauer et al., *Hopfield Networks is All You Need*, 2021; Vitter, *Random sampling with a reservoir*, 1985.
    """

    keys: Tensor
    rows: Tensor
    priorities: Tensor

    def __init__(
        self,
        basins: int,
        size: int,
        dim: int,
        *,
        beta: float = 1.0,
        score: Score | None = None,
        keep: Keep | None = None,
    ):
        super().__init__()
        if min(basins, size, dim) < 1:
            given = f"{basins}, {size}, {dim}"
            raise SpecError(f"ExemplarMemory wants basins, size and dim of at least 1; got {given}. Raise them.")
        self.basins = basins
        self.size = size
        self.dim = dim
        self.beta = beta
        self.score = score
        self.keep = keep or UniformRows()
        self.register_buffer("keys", torch.zeros(basins, size, dim))
        self.register_buffer("rows", torch.full((basins, size), -1))
        self.register_buffer("priorities", torch.full((basins, size), -torch.inf))

    @property
    def counts(self) -> Int[Tensor, " basins"]:
        """Number of exemplars of each basin."""
        return self._filled().sum(dim=1)

    @property
    def basin(self) -> Int[Tensor, " exemplars"]:
        """The basin of each exemplar, in the order of `bank`."""
        return torch.nonzero(self._filled())[:, 0]

    @property
    def row(self) -> Int[Tensor, " exemplars"]:
        """The row number that each exemplar came with, in the order of `bank`; −1 where it came without."""
        return self.rows[self._filled()]

    @torch.no_grad()
    def add(
        self, key: Float[Tensor, "n dim"], basin: Int[Tensor, " n"], *, row: Int[Tensor, " n"] | None = None
    ) -> None:
        """Offer rows to their basins, with row numbers to remember them by.

        Raises:
            ShapeError: for keys of other axes, or a basin that does not exist.
        """
        if key.shape[-1] != self.dim:
            raise ShapeError(f"ExemplarMemory wants keys with {self.dim} axes; got {key.shape[-1]}. Encode the rows.")
        if len(basin) and not 0 <= int(basin.min()) <= int(basin.max()) < self.basins:
            found = f"{int(basin.min())} to {int(basin.max())}"
            raise ShapeError(f"ExemplarMemory wants basins 0 to {self.basins - 1}; got {found}. Number them from 0.")
        row = torch.full_like(basin, -1) if row is None else row
        priority = self.keep.priority(key, basin)
        for number in basin.unique().tolist():
            own = basin == number
            self._offer(number, key[own], row[own], priority[own])

    def bank(self) -> PrototypeBank:
        """All exemplars as one bank, basin after basin."""
        if not bool(self._filled().any()):
            raise SpecError("ExemplarMemory wants rows before it is read; it has none. Call `add` first.")
        return PrototypeBank.at(self.keys[self._filled()], beta=self.beta, score=self.score)

    def memberships(self, key: Float[Tensor, "n dim"]) -> Float[Tensor, "n basins"]:
        """Weight of the exemplars of each basin; rows sum to 1, and a basin without exemplars has 0."""
        weights = self.bank().weights(key)
        return weights.new_zeros(len(key), self.basins).index_add(1, self.basin, weights)

    def _filled(self) -> Tensor:
        return self.priorities > -torch.inf

    def _offer(self, number: int, key: Tensor, row: Tensor, priority: Tensor) -> None:
        """Keep the highest priorities among those remembered and those that come."""
        priority = torch.cat([self.priorities[number], priority.to(self.priorities)])
        chosen = torch.sort(priority, descending=True, stable=True).indices[: self.size]
        self.priorities[number] = priority[chosen]
        self.keys[number] = torch.cat([self.keys[number], key.to(self.keys)])[chosen]
        self.rows[number] = torch.cat([self.rows[number], row.to(self.rows)])[chosen]
