"""The contract of a term: its signature names what it reads."""

from __future__ import annotations

import inspect
from abc import ABC
from collections.abc import Mapping
from typing import Any, NamedTuple, final

from torch import Tensor, nn

from latentatlas.core import MissingInput, SpecError, did_you_mean

__all__ = ["Rebind", "Term", "TermInput"]


class TermInput(NamedTuple):
    """One field that a term reads: the parameter of `forward`, the field bound to it, and whether it must be there."""

    parameter: str
    field: str
    required: bool


class Term(nn.Module, ABC):
    """One differentiable part of an objective.

    A subclass writes `forward` with the NAMES of the fields it reads (of `Batch`, `Latents` and `Reach`) and returns
    one unweighted scalar, a mean over the batch unless its docstring says otherwise. A parameter with a default is
    optional. A term may own parameters and buffers.
    """

    def inputs(self) -> tuple[TermInput, ...]:
        """What `forward` reads, in its order."""
        parameters = inspect.signature(self.forward).parameters.values()
        return tuple(TermInput(p.name, p.name, p.default is p.empty) for p in parameters)

    def bind(self, fields: Mapping[str, Any], *, name: str | None = None) -> dict[str, Any]:
        """The arguments of `forward`, taken from the fields that are there.

        Raises:
            MissingInput: if a required field is absent or None.
        """
        present = [field for field, value in fields.items() if value is not None]
        arguments = {}
        for parameter, field, required in self.inputs():
            if field in present:
                arguments[parameter] = fields[field]
            elif required:
                title = f"Term {name!r} ({type(self).__name__})" if name else f"Term {type(self).__name__}"
                raise MissingInput(
                    f"{title} reads `{field}`, but the batch has none (there are: {', '.join(present)}). "
                    f"Pass {field}=..., or drop the term."
                )
        return arguments


@final
class Rebind(Term):
    """A term that reads other fields than its signature says, for example the map in place of the latent.

    >>> from latentatlas.terms import Covariance
    >>> [entry.field for entry in Rebind(Covariance(), {"z": "map"}).inputs()]
    ['map']
    """

    def __init__(self, term: Term, fields: Mapping[str, str]):
        super().__init__()
        known = [entry.parameter for entry in term.inputs()]
        for parameter in fields:
            if parameter not in known:
                raise SpecError(
                    f"Rebind wants inputs of {type(term).__name__}; got {parameter!r}. {did_you_mean(parameter, known)}"
                )
        self.term = term
        self.fields = dict(fields)

    def inputs(self) -> tuple[TermInput, ...]:
        """The inputs of the inner term, read from the fields named here."""
        return tuple(
            entry._replace(field=self.fields.get(entry.parameter, entry.field)) for entry in self.term.inputs()
        )

    def forward(self, *arguments: Any, **named: Any) -> Tensor:
        """The inner term."""
        return self.term(*arguments, **named)
