"""A term within each label."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, final

import torch
from jaxtyping import Int
from torch import Tensor

from latentatlas.core import SpecError
from latentatlas.terms.base import Term, TermInput
from latentatlas.terms.invariance.columns import require_categories

__all__ = ["WithinStrata", "mean_over_strata"]


@final
class WithinStrata(Term):
    r"""Another term within each label: Σ_y (n_y/Σn) L(rows of label y); the conditional form of any term of rows.

    Labels with fewer than `rows` rows in the batch are left out; 0 without gradient where all are. Cost: that of the
    term, on the rows of each label.

    Args:
        term: reads fields with one entry for each row, and neither `label` nor `edges`.
        rows: fewest rows of a label.

    >>> from latentatlas.terms import Covariance
    >>> z = torch.tensor([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]])
    >>> term = WithinStrata(Covariance(), rows=2)
    >>> float(Covariance()(z)), float(term(z=z, label=torch.tensor([0, 0, 1, 1])))  # C_12 is 0, but ±2 within labels
    (0.0, 4.0)

    Raises:
        DataError: for labels that are no integers.
    """

    def __init__(self, term: Term, *, rows: int = 4):
        super().__init__()
        if rows < 1:
            raise SpecError(f"WithinStrata wants rows ≥ 1; got {rows}. 4 suit most terms.")
        fields = {entry.field for entry in term.inputs()} & {"label", "edges"}
        if fields:
            raise SpecError(
                f"WithinStrata wants a term of rows; {type(term).__name__} reads {', '.join(sorted(fields))}. "
                "Use it alone."
            )
        self.term = term
        self.rows = rows

    def inputs(self) -> tuple[TermInput, ...]:
        """The inputs of the inner term, and the label."""
        return (*self.term.inputs(), TermInput("label", "label", True))

    def forward(self, *, label: Int[Tensor, " n"], **fields: Any) -> Tensor:
        """The mean over the labels of one batch, weighted by their rows."""
        return mean_over_strata("WithinStrata", self.term, fields, label, least=self.rows)


def mean_over_strata(
    who: str, term: Term, fields: Mapping[str, Any], label: Int[Tensor, " n"], *, least: int
) -> Tensor:
    """Σ_y (n_y/Σn) of the term over labels of at least so many rows."""
    _, place, count = torch.unique(require_categories(who, "label", label), return_inverse=True, return_counts=True)
    order = torch.argsort(place, stable=True)
    parts = [rows for rows in order.split(count.tolist()) if len(rows) >= least]
    if not parts:
        return _nothing(fields)
    total = sum(len(rows) for rows in parts)
    values = [
        len(rows) / total * term(**{name: _taken(field, rows) for name, field in fields.items()}) for rows in parts
    ]
    return torch.stack(values).sum()


def _taken(field: Any, rows: Tensor) -> Any:
    """The rows of a field; callables stay."""
    if isinstance(field, Tensor):
        return field[rows]
    if isinstance(field, Mapping):
        return {name: column[rows] for name, column in field.items()}
    return type(field)(*(_taken(part, rows) for part in field)) if isinstance(field, tuple) else field


def _nothing(fields: Mapping[str, Any]) -> Tensor:
    """0, of the graph of the fields."""
    return 0 * torch.stack([tensor.sum() for tensor in _reals(tuple(fields.values()))]).sum()


def _reals(field: Any) -> Iterator[Tensor]:
    if isinstance(field, Tensor) and field.is_floating_point():
        yield field
    elif isinstance(field, tuple):
        for part in field:
            yield from _reals(part)
