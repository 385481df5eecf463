"""Layers that encoders and decoders are made of."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from numbers import Integral
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from latentatlas.core import ShapeError, SpecError

__all__ = [
    "axis_sizes",
    "channels_last",
    "check_columns",
    "half_whitening",
    "orthogonal_linear",
    "orthogonal_matrices",
    "perceptron",
    "positive_ints",
    "positive_number",
    "spectral_linear",
]


def perceptron(sizes: Sequence[int], *, last_gain: float = 1.0) -> nn.Sequential:
    """Linear layers of the given sizes with ReLU between them, none after the last, whose weights are scaled.

    >>> [tuple(p.shape) for p in perceptron([2, 3, 1]).parameters()]
    [(3, 2), (3,), (1, 3), (1,)]
    """
    layers: list[nn.Module] = []
    for size_in, size_out in itertools.pairwise(sizes[:-1]):
        layers += [nn.Linear(size_in, size_out), nn.ReLU()]
    last = nn.Linear(sizes[-2], sizes[-1])
    with torch.no_grad():
        last.weight.mul_(last_gain)
    return nn.Sequential(*layers, last)


def orthogonal_linear(size_in: int, size_out: int) -> nn.Linear:
    """A linear layer whose weight W is an isometry whatever the optimiser does: the smaller of WWᵀ and WᵀW is I.

    >>> weight = orthogonal_linear(3, 2).weight
    >>> torch.allclose(weight @ weight.T, torch.eye(2), atol=1e-6)
    True

    References:
        Lezcano-Casado, *Trivializations for gradient-based optimization on manifolds*, 2019.
    """
    return cast(nn.Linear, parametrizations.orthogonal(nn.Linear(size_in, size_out)))


def spectral_linear(size_in: int, size_out: int) -> nn.Linear:
    """A linear layer divided by its largest singular value, which is kept up to date by power iteration in training.

    ‖W‖₂ is 1 once the iteration has settled, so that the layer lengthens nothing.

    References:
        Miyato et al., *Spectral normalization for generative adversarial networks*, 2018.
    """
    return cast(nn.Linear, parametrizations.spectral_norm(nn.Linear(size_in, size_out)))


class _Stack(nn.Module):
    """Nothing but a weight, for a parametrization to work on."""

    def __init__(self, weight: Tensor):
        super().__init__()
        self.weight = nn.Parameter(weight)


def orthogonal_matrices(count: int, size: int) -> nn.Module:
    """A module whose `weight` are `count` orthogonal matrices, which begin as I and stay orthogonal.

    >>> orthogonal_matrices(3, 2).weight.shape
    torch.Size([3, 2, 2])
    """
    return parametrizations.orthogonal(_Stack(torch.eye(size).repeat(count, 1, 1)), orthogonal_map="cayley")


def half_whitening(x: Tensor) -> Tensor:
    """Factors s_f ∝ var_f^(−1/4) per column, with mean_f s_f² var_f = 1; 0 for constant columns.

    Full whitening would raise the noise of the last principal components to the level of the first, none would hide
    all but the first: the square root is between them.
    """
    variance = x.var(dim=0, unbiased=False)
    alive = variance > 1e-6 * variance.max()
    factor = torch.where(alive, variance.clamp(min=torch.finfo(x.dtype).tiny) ** -0.25, 0.0)
    power = (factor.square() * variance).sum() / alive.sum().clamp(min=1)
    return factor / power.clamp(min=torch.finfo(x.dtype).tiny).sqrt()


def positive_ints(who: str, **values: int | Sequence[int]) -> None:
    """Check sizes.

    Raises:
        SpecError: if one is not a positive integer.
    """
    for name, value in values.items():
        for size in value if isinstance(value, Sequence) else (value,):
            if not isinstance(size, Integral) or isinstance(size, bool) or size < 1:
                raise SpecError(
                    f"{who} wants {name} made of integers ≥ 1; got {value!r}. Use sizes such as 16 or (256,)."
                )


def positive_number(who: str, **values: float) -> None:
    """Check scales.

    Raises:
        SpecError: if one is not a finite number > 0.
    """
    for name, value in values.items():
        if not (math.isfinite(value) and value > 0):
            raise SpecError(f"{who} wants a finite {name} > 0; got {value!r}. The default is a good start.")


def axis_sizes(who: str, shape: Sequence[int], *, names: str, count: int) -> tuple[int, ...]:
    """The shape of one row as a tuple.

    Raises:
        ShapeError: if the number of axes is wrong.
        SpecError: if a size is not a positive integer.
    """
    positive_ints(who, shape=tuple(shape))
    if len(shape) != count:
        raise ShapeError(f"{who} wants shape {names}; got {tuple(shape)}. Add or drop an axis.")
    return tuple(shape)


def check_columns(who: str, x: Tensor, count: int) -> None:
    """Check the last axis.

    Raises:
        ShapeError: if it has another size.
    """
    if x.shape[-1] != count:
        raise ShapeError(f"{who} wants {count} columns; got {x.shape[-1]}. Pass the columns it was built for.")


def channels_last(shape: Sequence[int]) -> bool:
    """Whether an image shape is (height, width, channels): 1 or 3 at the end and not in front.

    >>> channels_last((32, 32, 3)), channels_last((3, 32, 32)), channels_last((1, 8, 8))
    (True, False, False)
    """
    return shape[-1] in (1, 3) and shape[0] not in (1, 3)
