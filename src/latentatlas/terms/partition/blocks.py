"""Any term on one block of the latent, and dependence between two blocks."""

from __future__ import annotations

from typing import Any, final

from jaxtyping import Float
from torch import Tensor

from latentatlas.core import LatentLayout, SpecError
from latentatlas.terms.base import Term, TermInput

__all__ = ["BetweenBlocks", "OnBlock"]

_LATENT = ("z", "z_view", "mean", "log_variance")


@final
class OnBlock(Term):
    """A term that sees one block of the latent in place of all of it.

    Args:
        term: reads `z`, or another of `z_view`, `mean`, `log_variance`.
        layout: the blocks.
        block: the name of one.

    >>> import torch
    >>> from latentatlas.terms import Covariance
    >>> z = torch.tensor([[1.0, 1.0, 5.0], [-1.0, -1.0, 5.0]])
    >>> float(OnBlock(Covariance(), LatentLayout(invariant=2, free=1), "invariant")(z=z))  # covariance 2 of two axes
    4.0

    Raises:
        SpecError: for a block that there is not, an empty one, or a term that reads no latent.
        ShapeError: for latents with other axes than those of the layout.
    """

    def __init__(self, term: Term, layout: LatentLayout, block: str):
        super().__init__()
        _require_axes("OnBlock", layout, block)
        self.latent = [entry.parameter for entry in term.inputs() if entry.field in _LATENT]
        if not self.latent:
            raise SpecError(
                f"OnBlock wants a term that reads one of {', '.join(_LATENT)}; {type(term).__name__} reads none. Use "
                "it as it is."
            )
        self.term = term
        self.layout = layout
        self.block = block

    def inputs(self) -> tuple[TermInput, ...]:
        """The inputs of the inner term."""
        return self.term.inputs()

    def forward(self, **named: Any) -> Tensor:
        """The inner term."""
        cut = {name: self.layout.block(value, self.block) for name, value in named.items() if name in self.latent}
        return self.term(**{**named, **cut})


@final
class BetweenBlocks(Term):
    """A term of dependence between the latent and a nuisance, with another block in the place of the nuisance.

    `BetweenBlocks(HSIC(), layout, "invariant", "variant")` makes the two independent; both get a gradient. Range and
    cost are those of the term.

    Args:
        term: reads `z` and a `nuisance` of numbers, such as `HSIC`.
        layout: the blocks.
        block: the name of one.
        other: the name of another.

    Raises:
        SpecError: for a block that there is not, or an empty one, or a term that reads no nuisance.
        ShapeError: for latents with other axes than those of the layout.
    """

    def __init__(self, term: Term, layout: LatentLayout, block: str, other: str):
        super().__init__()
        for name in (block, other):
            _require_axes("BetweenBlocks", layout, name)
        if {"z", "nuisance"} - {entry.field for entry in term.inputs()}:
            raise SpecError(
                f"BetweenBlocks wants a term that reads `z` and `nuisance`; {type(term).__name__} does not. Take "
                "HSIC()."
            )
        self.term = term
        self.layout = layout
        self.block = block
        self.other = other

    def forward(self, z: Float[Tensor, "n dim"]) -> Tensor:
        """The dependence in one batch."""
        return self.term(z=self.layout.block(z, self.block), nuisance=self.layout.block(z, self.other))


def _require_axes(who: str, layout: LatentLayout, block: str) -> None:
    if not layout.size(block):
        raise SpecError(f"{who} wants a block with an axis; {block!r} is empty in {layout}. Name another.")
