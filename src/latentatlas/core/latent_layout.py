"""Which axes of a latent belong to which block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from numbers import Integral
from typing import TypeVar, final

import numpy as np
from torch import Tensor

from latentatlas.core.errors import ShapeError, SpecError, did_you_mean

__all__ = ["LatentLayout"]

_Rows = TypeVar("_Rows", Tensor, np.ndarray)


@final
@dataclass(frozen=True)
class LatentLayout:
    """A latent cut into blocks, in this order: `invariant`, `variant`, `free`.

    `invariant` is to ignore a transformation of the rows, `variant` to tell which one it was, `free` serves whatever
    else is learned. `variant` may have one part for each of several transformations; a part is the block
    `variant.NAME`, and `variant` all of them. A block of size 0 is legal: it is there, and empty.

    Args:
        invariant: axes of the invariant block.
        variant: axes of the variant block, or of each of its parts by name.
        free: axes of the free block.

    >>> layout = LatentLayout(invariant=2, variant={"turn": 1, "scale": 1}, free=1)
    >>> layout.dim, layout.sizes
    (5, {'invariant': 2, 'variant.turn': 1, 'variant.scale': 1, 'free': 1})
    >>> layout.block(np.array([[1, 2, 3, 4, 5]]), "variant")
    array([[3, 4]])
    >>> layout.axes()
    ('invariant0', 'invariant1', 'variant.turn0', 'variant.scale0', 'free0')

    Raises:
        SpecError: for a size that is no integer ≥ 0, a part without a name or with a dot in it, or no axes at all.
    """

    invariant: int = 0
    variant: int | Mapping[str, int] = 0
    free: int = 0

    def __post_init__(self) -> None:
        parts = self.variant if isinstance(self.variant, Mapping) else {}
        for part in parts:
            if not part or "." in part:
                raise SpecError(f"LatentLayout wants parts of `variant` with names free of dots; got {part!r}. Rename.")
        for name, size in self.sizes.items():
            if not isinstance(size, Integral) or isinstance(size, bool) or size < 0:
                raise SpecError(f"LatentLayout wants {name} as an integer ≥ 0; got {size!r}. Pass a number of axes.")
        if self.dim < 1:
            raise SpecError("LatentLayout wants at least one axis; all blocks are empty. Give one a size.")

    @property
    def sizes(self) -> dict[str, int]:
        """Axes of each block, parts of `variant` by themselves, in the order of the axes."""
        parts = self.variant if isinstance(self.variant, Mapping) else None
        inner = {"variant": self.variant} if parts is None else {f"variant.{k}": size for k, size in parts.items()}
        return {"invariant": self.invariant, **inner, "free": self.free}  # type: ignore[dict-item]

    @property
    def dim(self) -> int:
        """Axes of the whole latent."""
        return sum(self.sizes.values())

    @property
    def parts(self) -> tuple[str, ...]:
        """The blocks that tell transformations, by full name, without empty ones."""
        return tuple(name for name, size in self.sizes.items() if name.startswith("variant") and size)

    def slice(self, name: str) -> slice:
        """Where a block lies among the axes; `variant` spans its parts.

        Raises:
            SpecError: for a block that there is not.
        """
        sizes = self.sizes
        ends = dict(zip(sizes, accumulate(sizes.values()), strict=True))
        if name == "variant":
            return slice(self.invariant, self.dim - self.free)
        if name not in sizes:
            raise SpecError(f"LatentLayout has no block {name!r}. {did_you_mean(name, {**sizes, 'variant': 0})}")
        return slice(ends[name] - sizes[name], ends[name])

    def size(self, name: str) -> int:
        """Axes of a block.

        Raises:
            SpecError: for a block that there is not.
        """
        return len(range(self.dim)[self.slice(name)])

    def block(self, z: _Rows, name: str) -> _Rows:
        """The axes of one block, (n, size).

        Raises:
            ShapeError: if the latent has another number of axes.
            SpecError: for a block that there is not.
        """
        self.require(z.shape[-1], who="LatentLayout.block")
        return z[..., self.slice(name)]

    def blocks(self, z: _Rows) -> dict[str, _Rows]:
        """Every block by name, parts of `variant` by themselves.

        Raises:
            ShapeError: if the latent has another number of axes.
        """
        self.require(z.shape[-1], who="LatentLayout.blocks")
        sizes = self.sizes
        widths = list(sizes.values())
        ends = list(accumulate(widths))[:-1]
        parts = z.split(widths, dim=-1) if isinstance(z, Tensor) else np.split(z, ends, axis=-1)
        return dict(zip(sizes, parts, strict=True))  # type: ignore[arg-type]

    def axes(self) -> tuple[str, ...]:
        """A name for every axis."""
        return tuple(f"{name}{axis}" for name, size in self.sizes.items() for axis in range(size))

    def require(self, dim: int, *, who: str) -> None:
        """Check that the blocks make up a latent of so many axes.

        Raises:
            ShapeError: if they do not.
        """
        if dim != self.dim:
            raise ShapeError(
                f"{who} wants blocks that sum to the {dim} axes of the latent; {self} sums to {self.dim}. Change a "
                f"block, or take a latent of {self.dim} axes."
            )

    def __str__(self) -> str:
        """Names and sizes on one line."""
        return ", ".join(f"{name} {size}" for name, size in self.sizes.items())
