"""Random numbers that are a function of a key and a place, so that noise is the same wherever it is made again."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from latentatlas.data.transformations.base import Transformation, uniform

__all__ = ["Keyed", "draw_keys", "keyed_normal", "keyed_uniform"]

_KEYS = 2**24  # whole numbers that float32 holds exactly
_WORD = 0xFFFFFFFF
_GOLDEN = 0x9E3779B9


class Keyed(Transformation):
    """An amount, uniform from 0 to `largest`, and a key of what is drawn; the amount can be read from the item."""

    largest: float

    @property
    def readable(self) -> tuple[int, ...]:
        """The amount."""
        return (0,)

    def sample(self, n: int, generator: Generator | None = None) -> Float[Tensor, "n 2"]:
        """Amounts and keys."""
        return torch.cat([uniform(n, 0.0, self.largest, generator), draw_keys(n, generator)], dim=1)

    def identity(self, n: int) -> Float[Tensor, "n 2"]:
        """An amount of 0."""
        return torch.zeros(n, 2)


def draw_keys(n: int, generator: Generator | None) -> Float[Tensor, "n 1"]:
    """A column of keys: whole numbers below 2²⁴."""
    device = "cpu" if generator is None else generator.device
    return torch.randint(_KEYS, (n, 1), generator=generator, device=device).float()


def keyed_uniform(keys: Float[Tensor, "n"], count: int, *, stream: int = 0) -> Float[Tensor, "n count"]:
    """`count` numbers in (0, 1] for each key. Streams are independent. Cost: O(n · count).

    >>> first = keyed_uniform(torch.tensor([3.0, 4.0]), 5)
    >>> bool((first[1:] == keyed_uniform(torch.tensor([4.0]), 5)).all())
    True
    """
    places = torch.arange(count, device=keys.device) * 2 + stream
    seeds = _mixed(keys.round().long() + 1)
    words = _mixed((places * _GOLDEN & _WORD)[None] ^ seeds[:, None])
    return ((words >> 8).float() + 0.5) / _KEYS


def keyed_normal(keys: Float[Tensor, "n"], count: int) -> Float[Tensor, "n count"]:
    """`count` standard normal numbers for each key (Box and Muller). Cost: O(n · count)."""
    half = -(-count // 2)
    radius = keyed_uniform(keys, half).log_().mul_(-2).sqrt_()
    angle = keyed_uniform(keys, half, stream=1).mul_(2 * math.pi)
    return torch.cat([radius * angle.cos(), radius * angle.sin()], dim=1)[:, :count]


def _mixed(words: Tensor) -> Tensor:
    """The last steps of MurmurHash3 on 32-bit words (held in 64 bits): every bit depends on every other."""
    words = words & _WORD
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        words.bitwise_xor_(words >> shift).mul_(factor).bitwise_and_(_WORD)
    return words.bitwise_xor_(words >> 16)
