"""Memories of a fitted atlas: what recall falls back to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from latentatlas.core import SpecError
from latentatlas.landscape import DistanceScore, PrototypeBank

if TYPE_CHECKING:
    from latentatlas.estimator.atlas import Atlas

__all__ = ["Memory", "memory_of"]


@runtime_checkable
class Memory(Protocol):
    """Anything that moves latents to what is remembered: a `PrototypeBank`, a `HopfieldField`, or one's own."""

    def retrieve(self, z: Tensor, /, *, steps: int = 1) -> Tensor:
        """Latents after some steps of recall."""
        ...


def memory_of(atlas: Atlas, *, rows: int, seed: int) -> PrototypeBank:
    """See `Atlas.memory`."""
    if rows < 1:
        raise SpecError(f"Atlas.memory wants rows ≥ 1; got {rows}. 2000 are usual.")
    chosen = _seen_rows(atlas, rows, seed)
    distances = atlas.latent_graph_.distances[:, -1].astype(np.float64)
    thinner = (len(distances) / len(chosen)) ** (1 / atlas.dim)  # neighbours are further apart among fewer rows
    width = float(np.median(distances) * thinner / np.sqrt(atlas.dim)) or 1.0
    return PrototypeBank.at(
        torch.from_numpy(atlas.latent_[chosen]), score=DistanceScore(width, geometry=atlas.model_.geometry)
    )


def _seen_rows(atlas: Atlas, count: int, seed: int) -> np.ndarray:
    """Some of the rows that training saw, ascending."""
    seen = np.flatnonzero(~atlas.held_out_)
    return np.sort(np.random.default_rng(seed).choice(seen, min(count, len(seen)), replace=False))
