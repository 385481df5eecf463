"""The parameters of a transformation, read from what it did to the variant block."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentatlas.core import LatentLayout, ShapeError, SpecError
from latentatlas.terms.base import Term

__all__ = ["Concatenation", "Difference", "OuterProduct", "Pairing", "ReadableTransformation"]


class Pairing(ABC):
    """What a head sees of a row's block and that of its view."""

    @abstractmethod
    def width(self, axes: int) -> int:
        """Columns for a block of so many axes."""

    @abstractmethod
    def __call__(self, block: Float[Tensor, "n axes"], of_view: Float[Tensor, "n axes"]) -> Float[Tensor, "n width"]:
        """The columns."""


@final
class Difference(Pairing):
    """var_T − var: the block must change alike wherever it starts, as for parameters that add up (scale, shift)."""

    def width(self, axes: int) -> int:
        """That of the block."""
        return axes

    def __call__(self, block: Float[Tensor, "n axes"], of_view: Float[Tensor, "n axes"]) -> Float[Tensor, "n axes"]:
        """The difference."""
        return of_view - block


@final
class Concatenation(Pairing):
    """[var, var_T]: the change may depend on where the block starts, as for rotations, which no difference can tell."""

    def width(self, axes: int) -> int:
        """Twice that of the block."""
        return 2 * axes

    def __call__(self, block: Float[Tensor, "n axes"], of_view: Float[Tensor, "n axes"]) -> Float[Tensor, "n width"]:
        """Both."""
        return torch.cat([block, of_view], dim=1)


@final
class OuterProduct(Pairing):
    """[var, var_T] and all products var_i var_T,j: what turns a block by a matrix is linear in them.

    Where var_T = R var and the block is spread evenly, the mean of var_T varᵀ is R itself, up to a factor; and a shift
    of a wave, from (cos φ, sin φ) to (cos (φ + s), sin (φ + s)), has its cosine and sine among sums of products: a head
    need not learn to multiply. Cost O(n axes²).

    >>> OuterProduct()(torch.tensor([[2.0, 3.0]]), torch.tensor([[5.0, 7.0]])).tolist()
    [[2.0, 3.0, 5.0, 7.0, 10.0, 14.0, 15.0, 21.0]]
    """

    def width(self, axes: int) -> int:
        """Twice that of the block, and its square."""
        return 2 * axes + axes**2

    def __call__(self, block: Float[Tensor, "n axes"], of_view: Float[Tensor, "n axes"]) -> Float[Tensor, "n width"]:
        """Both and their products."""
        products = (block[:, :, None] * of_view[:, None, :]).flatten(1)
        return torch.cat([block, of_view, products], dim=1)


@final
class ReadableTransformation(Term):
    r"""A head reads the transformation from the variant blocks of row and view: mean (head(pair) − t)².

    t are the parameters less their mean over their spread in the batch, so the value is the share of their variance
    that is not read, a mean over rows and parameters: 0 where all is read, 1 where nothing is; range [0, ∞). Pass
    rotations as the first two columns of their matrix (6 numbers) and angles as sine and cosine: angles jump where they
    wrap. The head is a perceptron that belongs to the term. It sees the block divided by its spread in the batch, so
    that the size of the latent does not matter. Cost O(n · number of weights).

    Of several transformations each has a term of its own, with its part of `variant` and its columns of `transform`.

    Args:
        layout: the blocks.
        columns: numbers of the columns of `transform` that are to be read.
        block: where they are to be read from.
        pairing: what the head sees; `Difference()` by default.
        hidden: widths of the hidden layers.

    Raises:
        SpecError: for a block that there is not, or without an axis, no columns, or sizes below 1.
        ShapeError: for parameters with fewer columns, or latents with other axes than those of the layout.

    References:
        *Structured Contrastive Learning*, arXiv 2511.14920; Zhou et al., *On
        the continuity of rotation representations in neural networks*, 2019 (six numbers for a rotation).
    """

    def __init__(
        self,
        layout: LatentLayout,
        columns: Sequence[int],
        *,
        block: str = "variant",
        pairing: Pairing | None = None,
        hidden: Sequence[int] = (64,),
    ):
        super().__init__()
        axes = layout.size(block)
        if not columns or min(axes, 1 + min(columns), *hidden, 1) < 1:
            raise SpecError(
                f"ReadableTransformation wants axes in {block!r}, columns from 0 on and hidden sizes ≥ 1; got {axes}, "
                f"{tuple(columns)} and {tuple(hidden)}. Mend the one that is not."
            )
        self.layout = layout
        self.columns = tuple(columns)
        self.block = block
        self.pairing = pairing or Difference()
        self.hidden = tuple(hidden)
        sizes = [self.pairing.width(axes), *self.hidden, len(self.columns)]
        layers = [layer for pair in itertools.pairwise(sizes) for layer in (nn.Linear(*pair), nn.ReLU())]
        self.head = nn.Sequential(*layers[:-1])

    def forward(
        self,
        z: Float[Tensor, "n dim"],
        z_view: Float[Tensor, "n dim"],
        transform: Float[Tensor, "n parameters"],
    ) -> Tensor:
        """The mean over rows and parameters."""
        if transform.shape[1] <= max(self.columns):
            raise ShapeError(
                f"ReadableTransformation wants columns {self.columns} of `transform`; it has {transform.shape[1]}. "
                "Mend columns, or pass all parameters."
            )
        wanted = transform[:, self.columns]
        spread, mean = torch.std_mean(wanted, dim=0, unbiased=False)
        standard = (wanted - mean) / torch.where(spread > 0, spread, 1.0)
        return (self.read(z, z_view) - standard).square().mean()

    def read(self, z: Float[Tensor, "n dim"], z_view: Float[Tensor, "n dim"]) -> Float[Tensor, "n columns"]:
        """The parameters that the head reads, in units of their spread, around 0."""
        block, of_view = (self.layout.block(each, self.block) for each in (z, z_view))
        spread = torch.cat([block, of_view]).detach().std(dim=0, unbiased=False).mean()
        pair = self.pairing(block, of_view) / torch.where(spread > 0, spread, 1.0)
        return self.head(pair.to(next(self.head.parameters()).dtype)).to(z.dtype)
