"""Trials of parts: what held-out rows gain where a part is cut in two, or lose where two are one."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from latentatlas.models.charts.parsimony import code_length, patch_residuals, valley_depth

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


class Cut(NamedTuple):
    """A plane through a part.

    Attributes:
        gain: nats per held-out row of the part by which the halves do better than the whole.
        middle: a point of the plane, among the keys.
        offset: at right angles to it, to the middle of the half beyond.
    """

    gain: float
    middle: Float[Tensor, " axes"]
    offset: Float[Tensor, " axes"]


@torch.no_grad()
def gain_of_cut(parts: Parts, part: int) -> Cut | None:
    """The best cut of a part at right angles to one of its dim + 1 widest directions; None where it has too few rows.

    Halves are judged as `gain_of_two` judges two parts.

    >>> x = torch.tensor([-6.0, -5.0, 5.0, 6.0]).repeat(16)[:, None]
    >>> zeros = torch.zeros(64, dtype=torch.int64)
    >>> cut = gain_of_cut(Parts((x, x), (x, x), (zeros, zeros), dim=0, resolution=1.0), 0)
    >>> float(cut.middle), float(cut.offset.abs())  # halves about −5.5 and 5.5
    (0.0, 5.5)
    """
    own = [_in(numbers, part) for numbers in parts.part]
    x, keys = ([values[rows] for values, rows in zip(both, own, strict=True)] for both in (parts.x, parts.keys))
    if min(len(rows) for rows in x) < 2 * _LEAST:
        return None
    middle = keys[0].mean(dim=0)
    cuts = []
    for axis in torch.linalg.eigh((keys[0] - middle).T @ (keys[0] - middle)).eigenvectors.T.flip(0)[: parts.dim + 1]:
        beyond = [(each - middle) @ axis >= 0 for each in keys]
        halves = [[rows[side] for rows, side in zip(x, sides, strict=True)] for sides in (beyond, [~b for b in beyond])]
        gain = _gain(halves[0], halves[1], parts)
        if gain is not None:
            cuts.append(Cut(gain, middle, axis * ((keys[0] - middle) @ axis).abs().mean()))
    return max(cuts, key=lambda cut: cut.gain, default=None)


@torch.no_grad()
def gain_of_two(parts: Parts, first: int, second: int) -> float | None:
    """Nats per held-out row by which two parts do better than one for the rows of both; None for too few rows.

    Parts with axes are smooth patches fitted to training rows (`patch_residuals`), judged by what they leave of
    held-out rows (`code_length`). Points are judged by the valley between them, on the line through their means
    (`valley_depth`).
    """
    own = [
        [values[_in(numbers, number)] for values, numbers in zip(parts.x, parts.part, strict=True)]
        for number in (first, second)
    ]
    return _gain(own[0], own[1], parts)


def _gain(first: list[Tensor], second: list[Tensor], parts: Parts) -> float | None:
    if min(len(rows) for half in (first, second) for rows in half) < _LEAST:
        return None
    joined = [torch.cat(rows) for rows in zip(first, second, strict=True)]
    if parts.dim:
        nats = [_nats(rows, parts) for rows in (joined, first, second)]
        return (nats[0] - nats[1] - nats[2]) / len(joined[1])
    line = first[0].mean(dim=0) - second[0].mean(dim=0)
    line = line / line.norm().clamp(min=torch.finfo(line.dtype).tiny)
    return valley_depth(joined[0] @ line, joined[1] @ line, resolution=parts.resolution)


def _nats(x: list[Tensor], parts: Parts) -> float:
    """Nats of all held-out rows of one patch together."""
    left = patch_residuals(x[0], x[1], parts.dim)
    return len(x[1]) * float(code_length(*left, resolution=parts.resolution))


def _in(part: Int[Tensor, " n"], *numbers: int) -> Tensor:
    return torch.isin(part, torch.tensor(numbers, device=part.device))
