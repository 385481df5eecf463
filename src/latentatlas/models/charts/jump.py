"""Jumps: the coordinates of a row in one chart from those in another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple, final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from latentatlas.core import SpecError
from latentatlas.models.charts.placements import Placements
from latentatlas.models.layers import positive_ints

__all__ = ["FactorizedJumps", "Jumps", "TiedJumps", "carry_all"]


class Jumps(nn.Module, ABC):
    """L_{i→j} for every ordered pair of K charts."""

    charts: int
    dim: int

    @abstractmethod
    def forward(self, local: Float[Tensor, "n charts dim"]) -> Float[Tensor, "n charts charts dim"]:
        """The coordinates in every chart i (second axis) taken to every chart j (third axis)."""

    @abstractmethod
    def pair(
        self, z: Float[Tensor, "n dim"], source: Int[Tensor, " n"], target: Int[Tensor, " n"]
    ) -> Float[Tensor, "n dim"]:
        """Each row from its own source chart to its own target chart."""

    def twice(self, local: Float[Tensor, "n charts dim"]) -> Float[Tensor, "n charts charts charts dim"]:
        """L_{j→k} L_{i→j} z^(i), the axes being i, j, k: what cocycle and inverse errors are read from. O(n K³)."""
        once = self(local)
        return self(once.flatten(0, 1)).unflatten(0, once.shape[:2])


class _Affine(NamedTuple):
    """u = B_i z + c_i into a shared frame, A_j u + d_j out of it."""

    into: Float[Tensor, "charts rank dim"]
    shift: Float[Tensor, "charts rank"]
    out: Float[Tensor, "charts dim rank"]
    offset: Float[Tensor, "charts dim"]

    def all_pairs(self, local: Tensor) -> Tensor:
        """One product into the frame, one out of it for all targets at once."""
        frame = torch.einsum("nid,ird->nir", local, self.into) + self.shift
        charts, dim, rank = self.out.shape
        taken = frame.reshape(-1, rank) @ self.out.reshape(charts * dim, rank).T + self.offset.flatten()
        return taken.reshape(len(local), charts, charts, dim)

    def pair(self, z: Tensor, source: Tensor, target: Tensor) -> Tensor:
        """The maps of each row's own pair."""
        frame = torch.einsum("nd,nrd->nr", z, self.into[source]) + self.shift[source]
        return torch.einsum("nr,ndr->nd", frame, self.out[target]) + self.offset[target]


def carry_all(placements: Placements, local: Float[Tensor, "n charts dim"]) -> Float[Tensor, "n charts charts dim"]:
    """Every chart to every other through the common frame."""
    return _through(placements).all_pairs(local)


def _through(placements: Placements) -> _Affine:
    back = placements.back()
    offset = -torch.einsum("kdf,kf->kd", back, placements.centres)
    return _Affine(placements.frames, placements.centres, back, offset)


@final
class FactorizedJumps(Jumps):
    r"""L_{i→j}(z) = A_j (B_i z + c_i) + d_j through a shared frame of `rank` axes; begins as the first `rank` axes.

    Into and out of the frame are learned apart, so that there and back need not be the identity. With rank < dim the
    jump loses axes, and L_{i→i} is a projection at best. Cost O(n K² dim rank) for all pairs.

    Args:
        charts: K.
        dim: axes of a chart.
        rank: axes of the frame, 1 to dim; None is dim.

    >>> FactorizedJumps(2, 2, rank=1)(torch.tensor([[[3.0, 4.0], [5.0, 6.0]]]))[0, 0, 1].tolist()
    [3.0, 0.0]

    Raises:
        SpecError: if rank is not between 1 and dim.
    """

    def __init__(self, charts: int, dim: int, *, rank: int | None = None):
        super().__init__()
        positive_ints("FactorizedJumps", charts=charts, dim=dim)
        width = dim if rank is None else rank
        if not 1 <= width <= dim:
            raise SpecError(
                f"FactorizedJumps wants a rank from 1 to the {dim} axes of a chart; got {rank}. {dim} loses nothing."
            )
        self.charts = charts
        self.dim = dim
        self.rank = rank
        self.into = nn.Parameter(torch.eye(width, dim).repeat(charts, 1, 1))
        self.shift = nn.Parameter(torch.zeros(charts, width))
        self.out = nn.Parameter(torch.eye(dim, width).repeat(charts, 1, 1))
        self.offset = nn.Parameter(torch.zeros(charts, dim))

    def forward(self, local: Float[Tensor, "n charts dim"]) -> Float[Tensor, "n charts charts dim"]:
        """All pairs."""
        return self._maps().all_pairs(local)

    def pair(
        self, z: Float[Tensor, "n dim"], source: Int[Tensor, " n"], target: Int[Tensor, " n"]
    ) -> Float[Tensor, "n dim"]:
        """One pair a row."""
        return self._maps().pair(z, source, target)

    def _maps(self) -> _Affine:
        return _Affine(self.into, self.shift, self.out, self.offset)


@final
class TiedJumps(Jumps):
    r"""L_{i→j} = ψ_j⁻¹ ∘ ψ_i with ψ_k(z) = B_k z + c_k: out of the frame is the inverse of into it.

    A = B⁻¹ and d = −B⁻¹ c, so that L_{j→k} L_{i→j} = L_{i→k}, L_{i→i} is the identity and L_{j→i} the inverse, whatever
    the weights are. The price: a single frame cannot turn orientation round a loop. Begins as the identity, and steps
    of an optimiser do not mirror a chart, since B would pass through a singular matrix: `seat` turns and mirrors by
    rows. Cost O(n K² dim²) for all pairs.

    Args:
        charts: K.
        dim: axes of a chart.

    >>> jumps = TiedJumps(3, 2)
    >>> torch.equal(jumps(torch.ones(1, 3, 2)), torch.ones(1, 3, 3, 2))
    True
    """

    def __init__(self, charts: int, dim: int):
        super().__init__()
        self.charts = charts
        self.dim = dim
        self.placements = Placements(charts, dim)
        with torch.no_grad():
            self.placements.centres.zero_()

    def seat(self, local: Float[Tensor, "n charts dim"], weights: Float[Tensor, "n charts"]) -> None:
        """Begin where the charts of these rows agree as well as affine maps can."""
        self.placements.seat(local, weights)

    def forward(self, local: Float[Tensor, "n charts dim"]) -> Float[Tensor, "n charts charts dim"]:
        """All pairs."""
        return carry_all(self.placements, local)

    def pair(
        self, z: Float[Tensor, "n dim"], source: Int[Tensor, " n"], target: Int[Tensor, " n"]
    ) -> Float[Tensor, "n dim"]:
        """One pair a row."""
        return _through(self.placements).pair(z, source, target)
