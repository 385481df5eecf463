"""Sample weights under which label and nuisance are independent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from latentatlas.core import Batch, DataError, MissingInput, Nuisance
from latentatlas.terms.invariance.columns import columns_of, require_categories

__all__ = ["Reweighting", "reweighting"]

_WHO = "reweighting"


@final
@dataclass(frozen=True, eq=False)
class Reweighting:
    """Weights w(y, v) = p(y) p(v)/p(y, v) of training rows: what `reweighting` returns.

    Attributes:
        labels: values of the label, ascending.
        cells: values of the nuisances that occurred together, one row each, ascending.
        weights: w for each label and cell; NaN where the two never occurred together.
        names: of the nuisances, in the order of the columns of `cells`.
        coverage: Σ p(y) p(v) over pairs that occurred. 1 if all did; what is missing no weights can replace.
        effective: (Σw)²/(n Σw²): the share of the rows that a weighted mean is worth.
    """

    labels: Int[Tensor, " labels"]
    cells: Int[Tensor, "cells nuisances"]
    weights: Float[Tensor, "labels cells"]
    names: tuple[str, ...]
    coverage: float
    effective: float

    def __call__(self, label: Int[Tensor, " n"], nuisance: Nuisance) -> Float[Tensor, " n"]:
        """The weight of each row, of mean 1 over the training rows where the coverage is 1.

        Raises:
            DataError: for a label, or a combination with a nuisance, that the training rows did not have.
        """
        label = require_categories(_WHO, "label", label)
        values = _matrix(nuisance)
        if set(values) != set(self.names):
            raise MissingInput(f"{_WHO} wants the nuisances {', '.join(self.names)}; got {', '.join(values)}.")
        table = torch.stack([values[name] for name in self.names], dim=1)
        row = _places(self.labels[:, None], label[:, None])
        column = _places(self.cells, table)
        weights = self.weights[row, column]
        new = (row < 0) | (column < 0) | weights.isnan()
        if bool(new.any()):
            first = int(new.to(torch.int8).argmax())
            shown = ", ".join(f"{name} {int(value)}" for name, value in zip(self.names, table[first], strict=True))
            raise DataError(
                f"{_WHO} has no weight for label {int(label[first])} with {shown} (row {first}, counted from 0), which "
                "the training rows never had together. Weight training rows only, or make it again with such rows."
            )
        return weights.to(label.device)

    def fill(self, batch: Batch) -> Batch:
        """The batch with these weights, on top of its own where it has some.

        Raises:
            MissingInput: if it has no label or no nuisance.
        """
        if batch.label is None or batch.nuisance is None:
            raise MissingInput(f"{_WHO} wants a batch with label and nuisance; one is missing. Fill both.")
        weight = self(batch.label, batch.nuisance)
        return batch._replace(weight=weight if batch.weight is None else weight * batch.weight)


def reweighting(label: Int[Tensor, " n"], nuisance: Nuisance) -> Reweighting:
    """Weights p(y) p(v)/p(y, v), from counts, under which label and nuisance are independent.

    Under them a mean over rows, such as `Prediction` or `Reconstruction`, is one over rows whose label tells nothing of
    the nuisance. Several nuisances are taken together, as the cells of their table. Cost O(n log n).

    Args:
        label: class of each training row.
        nuisance: integer codes; one column, or several by name.

    Raises:
        DataError: for numbers, which have to be cut into bins, or a nuisance that decides the label, or is decided by
            it: then no weights separate the two.

    >>> label, colour = torch.tensor([0, 0, 0, 1]), torch.tensor([0, 0, 1, 1])
    >>> found = reweighting(label, colour)
    >>> [round(weight, 4) for weight in found(label, colour).tolist()]
    [0.75, 0.75, 1.5, 0.5]
    >>> found.coverage  # green ones with label 0 never occurred
    0.875

    References:
        Kamiran, Calders, *Data preprocessing techniques for classification without discrimination*, 2012.
    """
    label = require_categories(_WHO, "label", label)
    values = _matrix(nuisance)
    labels, row = torch.unique(label, return_inverse=True)
    cells, column = torch.unique(torch.stack(list(values.values()), dim=1), dim=0, return_inverse=True)
    counts = torch.zeros(len(labels), len(cells), dtype=torch.float64).index_put_(
        (row.cpu(), column.cpu()), torch.ones(len(label), dtype=torch.float64), accumulate=True
    )
    _require_separable(counts, tuple(values))
    share = counts / counts.sum()
    expected = share.sum(dim=1, keepdim=True) * share.sum(dim=0)
    seen = share > 0
    weights = torch.where(seen, expected / share, torch.nan)
    total, squares = expected[seen].sum(), (expected[seen].square() / share[seen]).sum()
    return Reweighting(
        labels.cpu(),
        cells.cpu(),
        weights.to(torch.get_default_dtype()),
        tuple(values),
        coverage=float(total),
        effective=float(total.square() / squares),
    )


def _matrix(nuisance: Nuisance) -> dict[str, Tensor]:
    return {name: require_categories(_WHO, name, column) for name, column in columns_of(_WHO, nuisance).items()}


def _require_separable(counts: Float[Tensor, "labels cells"], names: tuple[str, ...]) -> None:
    """Some value of the nuisance must come with two labels, unless one of the two is constant anyway."""
    seen = counts > 0
    if min(seen.shape) > 1 and not bool((seen.sum(dim=0) > 1).any()):
        raise DataError(
            f"{_WHO} wants rows that differ in the label and agree in {', '.join(names)}; there are none: the nuisance "
            "decides the label, and no weights can separate the two. Collect such rows, or coarsen the nuisance."
        )


def _places(known: Int[Tensor, "m columns"], rows: Int[Tensor, "n columns"]) -> Int[Tensor, " n"]:
    """The place of each row among the known ones, −1 where it is none of them."""
    both, inverse = torch.unique(torch.cat([known, rows.to(known.device)]), dim=0, return_inverse=True)
    place = torch.full((len(both),), -1)
    place[inverse[: len(known)]] = torch.arange(len(known))
    return place[inverse[len(known) :]]
