"""Trials of parts: what held-out rows gain where a part is cut in two, or lose where two are one."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from latentatlas.models.charts.parsimony import code_length, patch_residuals

__all__ = ["Cut", "Parts", "gain_of_cut", "gain_of_two"]

_LEAST = 16
"""Rows of a part below which there is no trial."""


class Parts(NamedTuple):
    """Rows in parts, those that trials are fitted to first, held-out ones second.

    Attributes:
        x: the rows.
        keys: in which a part is cut by a plane; often the rows themselves.
        part: number of the part of each row.
        dim: axes of the smooth patch that a part should be; 0 is a point.
        resolution: what may be left of each column, in the units of x.
    """

    x: tuple[Float[Tensor, "n features"], Float[Tensor, "m features"]]
    keys: tuple[Float[Tensor, "n axes"], Float[Tensor, "m axes"]]
    part: tuple[Int[Tensor, " n"], Int[Tensor, " m"]]
    dim: int
    resolution: float

    def share(self, *parts: int) -> float:
        """Of the held-out rows that these parts have."""
        return float(_in(self.part[1], *parts).double().mean())


class Cut(NamedTuple):
    """A plane through a part.

    Attributes:
        gain: nats per held-out row by which the halves do better than the whole.
        middle: a point of the plane, among the keys.
        offset: at right angles to it, to the middle of the half beyond.
    """

    gain: float
    middle: Float[Tensor, " axes"]
    offset: Float[Tensor, " axes"]


@torch.no_grad()
def gain_of_cut(parts: Parts, part: int) -> Cut | None:
    """The best cut of a part at right angles to one of its dim + 1 widest directions; None where it has too few rows.

    Whole and halves are smooth patches fitted to training rows (`patch_residuals`), judged by what they leave of
    held-out rows (`code_length`).

    >>> x = torch.tensor([-3.0, -1.0, 1.0, 3.0]).repeat(16)[:, None]
    >>> zeros = torch.zeros(64, dtype=torch.int64)
    >>> cut = gain_of_cut(Parts((x, x), (x, x), (zeros, zeros), dim=0, resolution=1.0), 0)
    >>> float(cut.middle), float(cut.offset.abs())  # halves about −2 and 2
    (0.0, 2.0)
    """
    own = [_in(numbers, part) for numbers in parts.part]
    if min(int(rows.sum()) for rows in own) < 2 * _LEAST:
        return None
    x, keys = ([values[rows] for values, rows in zip(both, own, strict=True)] for both in (parts.x, parts.keys))
    whole, middle = _nats(x, parts), keys[0].mean(dim=0)
    cuts = []
    for axis in torch.linalg.eigh((keys[0] - middle).T @ (keys[0] - middle)).eigenvectors.T.flip(0)[: parts.dim + 1]:
        beyond = [(each - middle) @ axis >= 0 for each in keys]
        halves = [[rows[side] for rows, side in zip(x, sides, strict=True)] for sides in (beyond, [~b for b in beyond])]
        if min(len(rows) for half in halves for rows in half) < _LEAST:
            continue
        offset = axis * ((keys[0] - middle) @ axis).abs().mean()
        cuts.append(Cut((whole - sum(_nats(half, parts) for half in halves)) / len(parts.x[1]), middle, offset))
    return max(cuts, key=lambda cut: cut.gain, default=None)


@torch.no_grad()
def gain_of_two(parts: Parts, first: int, second: int) -> float | None:
    """Nats per held-out row by which two parts do better than one patch for the rows of both; None for too few rows.

    A part with too few rows for a patch of its own gains nothing by itself: it is left to be closed.
    """
    two = [_both(parts, number) for number in (first, second)]
    if min(len(rows) for each in two for rows in each) < _LEAST:
        return None
    joined = [torch.cat(rows) for rows in zip(*two, strict=True)]
    return (_nats(joined, parts) - sum(_nats(each, parts) for each in two)) / len(parts.x[1])


def _both(parts: Parts, number: int) -> list[Tensor]:
    return [values[_in(numbers, number)] for values, numbers in zip(parts.x, parts.part, strict=True)]


def _nats(x: list[Tensor], parts: Parts) -> float:
    """Nats of all held-out rows of one patch together."""
    left = patch_residuals(x[0], x[1], parts.dim)
    return len(x[1]) * float(code_length(*left, resolution=parts.resolution))


def _in(part: Int[Tensor, " n"], *numbers: int) -> Tensor:
    return torch.isin(part, torch.tensor(numbers, device=part.device))
