"""A term that learns from fields without moving them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

from torch import Tensor

from latentatlas.terms.base import Term, TermInput

__all__ = ["Detached"]


@final
class Detached(Term):
    """A term whose own parameters are trained while the fields it reads get no gradient from it.

    With it the energy of a latent is learned beside everything else, and leaves the latent as it is.

    >>> import torch
    >>> from latentatlas.terms import Covariance
    >>> z = torch.randn(5, 2, requires_grad=True)
    >>> Covariance()(z).requires_grad, Detached(Covariance())(z).requires_grad
    (True, False)
    """

    def __init__(self, term: Term):
        super().__init__()
        self.term = term

    def inputs(self) -> tuple[TermInput, ...]:
        """The inputs of the inner term."""
        return self.term.inputs()

    def forward(self, *arguments: Any, **named: Any) -> Tensor:
        """The inner term."""
        still = {name: _still(value) for name, value in named.items()}
        return self.term(*[_still(value) for value in arguments], **still)


def _still(value: Any) -> Any:
    """The same without gradient; containers of tensors too, callables as they are."""
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, Mapping):
        return {name: _still(entry) for name, entry in value.items()}
    return type(value)(*map(_still, value)) if isinstance(value, tuple) else value
