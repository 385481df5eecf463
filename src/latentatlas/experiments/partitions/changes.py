"""Changes of flat rows, with angles told as points of a circle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from latentatlas.data.transformations import Chain

__all__ = ["Changes"]

_ANGLE = ".angle"


@final
@dataclass(frozen=True)
class Changes:
    """A chain of changes of items, for rows that are flat; an angle among the parameters becomes cosine and sine.

    A head that is to read an angle is misled where the number jumps, at the half turn.

    Attributes:
        chain: the changes.
        shape: of one item.

    >>> from latentatlas.data.transformations import ImageRotation
    >>> turn = Changes(Chain({"turn": ImageRotation()}), (1, 2, 2))
    >>> turn.columns
    {'turn': (0, 1)}
    >>> turn.apply(torch.tensor([[1.0, 2.0, 3.0, 4.0]]), torch.tensor([[0.0, 1.0]])).round().tolist()
    [[2.0, 4.0, 1.0, 3.0]]
    """

    chain: Chain
    shape: Sequence[int]

    @property
    def columns(self) -> Mapping[str, tuple[int, ...]]:
        """Name of a change → its columns of the parameters."""
        found: dict[str, tuple[int, ...]] = {}
        place = 0
        for name, block in self.chain.blocks.items():
            width = sum(1 + each.endswith(_ANGLE) for each in self.chain.parameter_names[block])
            found[name] = tuple(range(place, place + width))
            place += width
        return found

    def sample(self, n: int, generator: Generator) -> Float[Tensor, "n parameters"]:
        """Parameters of n changes."""
        return self.told(self.chain.sample(n, generator))

    def told(self, plain: Float[Tensor, "n _"]) -> Float[Tensor, "n parameters"]:
        """Parameters of the chain with the cosine and the sine of each angle in its place."""
        columns = []
        for name, column in zip(self.chain.parameter_names, plain.unbind(dim=1), strict=True):
            columns += [column.cos(), column.sin()] if name.endswith(_ANGLE) else [column]
        return torch.stack(columns, dim=1)

    def apply(
        self, x: Float[Tensor, "n features"], parameters: Float[Tensor, "n parameters"]
    ) -> Float[Tensor, "n features"]:
        """The rows, each changed by its parameters."""
        left, columns = list(parameters.unbind(dim=1)), []
        for name in self.chain.parameter_names:
            first = left.pop(0)
            columns.append(torch.atan2(left.pop(0), first) if name.endswith(_ANGLE) else first)
        items = x.reshape(-1, *self.shape)
        return self.chain.apply(items, torch.stack(columns, dim=1)).flatten(1)
