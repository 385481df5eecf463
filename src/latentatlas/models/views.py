"""Rows and their view in one pass through an encoder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import Batch, Latents, ShapeError

__all__ = ["of_rows_and_view"]


def of_rows_and_view(latents: Callable[[Float[Tensor, "m *features"]], Latents], batch: Batch) -> Latents:
    """The latents of the rows, with those of the view as `z_view` (and `prediction_view`) where the batch has one.

    Rows and view go through the encoder together, which costs less than two passes.

    Raises:
        ShapeError: if the view is shaped otherwise than the rows.
    """
    if batch.view is None:
        return latents(batch.x)
    if batch.view.shape != batch.x.shape:
        raise ShapeError(
            f"A model wants a view shaped like the rows {tuple(batch.x.shape)}; got {tuple(batch.view.shape)}. Let the "
            "transformation keep the shape, or cut the rows as it does."
        )
    both, n = latents(torch.cat([batch.x, batch.view])), len(batch.x)
    view = None if both.prediction is None else both.prediction[n:]
    return _first(both, n)._replace(z_view=both.z[n:], prediction_view=view)


def _first(value: Any, n: int) -> Any:
    """The first n rows of every tensor."""
    if isinstance(value, Tensor):
        return value[:n]
    if isinstance(value, Mapping):
        return {name: _first(entry, n) for name, entry in value.items()}
    return type(value)(*(_first(entry, n) for entry in value)) if isinstance(value, tuple) else value
