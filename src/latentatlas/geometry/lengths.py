"""Lengths and products of vectors along the last axis, which stays."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["product", "size"]


def product(a: Tensor, b: Tensor) -> Tensor:
    """⟨a, b⟩, `(..., 1)`."""
    return (a * b).sum(dim=-1, keepdim=True)


def size(vector: Tensor) -> Tensor:
    """The norm, `(..., 1)`, at least the smallest number, so that one may divide by it; gradient 0 at 0."""
    return torch.linalg.vector_norm(vector, dim=-1, keepdim=True).clamp(min=torch.finfo(vector.dtype).tiny)
