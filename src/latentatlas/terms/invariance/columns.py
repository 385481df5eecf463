"""Nuisances and environments as terms read them: one column or several, none with a missing value."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float, Int
from torch import Tensor

from latentatlas.core import DataError, MissingInput, Nuisance

__all__ = ["columns_of", "indicators", "require_categories"]


def columns_of(who: str, nuisance: Nuisance, *, name: str = "nuisance") -> dict[str, Tensor]:
    """The columns by name; a single one is called `name`.

    Raises:
        MissingInput: if there is no column.
        DataError: if a value is missing (NaN) or infinite.
    """
    columns = dict(nuisance) if isinstance(nuisance, Mapping) else {name: nuisance}
    if not columns:
        raise MissingInput(f"{who} wants one nuisance or more; got an empty mapping. Name one, or drop the term.")
    for title, column in columns.items():
        if column.is_floating_point() and not bool(torch.isfinite(column).all()):
            missing = (~torch.isfinite(column.flatten(1) if column.ndim > 1 else column[:, None])).any(dim=1)
            raise DataError(
                f"{who} wants a value of {title!r} in every row; {int(missing.sum())} of {len(column)} are NaN or "
                "infinite. Drop these rows, or make the numbers categories and give missing ones a code of their own."
            )
    return columns


def require_categories(who: str, name: str, column: Tensor) -> Int[Tensor, " n"]:
    """The column, if it holds one integer code for each row.

    Raises:
        DataError: for real numbers or several columns.
    """
    if column.is_floating_point() or column.is_complex():
        raise DataError(
            f"{who} wants integer codes in {name!r}; got {str(column.dtype).removeprefix('torch.')}. Cut numbers into "
            "bins (torch.bucketize)."
        )
    if column.ndim != 1:
        raise DataError(f"{who} wants one code for each row in {name!r}; got {tuple(column.shape)}. Pass one column.")
    return column.long()


def indicators(codes: Int[Tensor, " n"], least: int, dtype: torch.dtype) -> Float[Tensor, "n values"]:
    """One column for each value that at least so many rows have, 1 in these."""
    _, place, count = torch.unique(codes, return_inverse=True, return_counts=True)
    return torch.nn.functional.one_hot(place, len(count)).to(dtype)[:, count >= least]
