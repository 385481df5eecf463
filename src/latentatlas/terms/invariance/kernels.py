"""Similarities between rows, as whole matrices and as random features, and one out of those of several columns."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, final

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor
from torch.autograd.function import once_differentiable

from latentatlas.core import SpecError

__all__ = [
    "Combination",
    "DeltaKernel",
    "GaussianKernel",
    "Jointly",
    "Kernel",
    "MultiscaleKernel",
    "Separately",
]

_ALL_PAIRS = 128
_SOME_PAIRS = 8192
_FEW_CATEGORIES = 64
_GOLDEN = (math.sqrt(5) - 1) / 2


class Kernel(ABC):
    """A positive-definite similarity between rows."""

    @abstractmethod
    def __call__(self, rows: Shaped[Tensor, "n *features"]) -> Float[Tensor, "n n"]:
        """The symmetric kernel matrix."""

    def weighed(self, rows: Shaped[Tensor, "n *features"], weight: Float[Tensor, "n n"]) -> Tensor:
        """Σ_ab k(a, b) M_ab for a symmetric M."""
        return torch.dot(self(rows).flatten(), weight.flatten())

    def columns(self, rows: Shaped[Tensor, "n *features"]) -> Float[Tensor, "n wide"] | None:
        """Columns φ with φ_a · φ_b = k(a, b), not drawn; None where there are none, or many."""
        return None

    def phases(self, rows: Shaped[Tensor, "n *features"], count: int) -> Float[Tensor, "n count"] | None:
        """Random angles θ with mean cos(θ_a − θ_b) = k(a, b); None where the kernel has none.

        Angles of several kernels drawn one after the other add up to those of their product.
        """
        return None

    def features(self, rows: Shaped[Tensor, "n *features"], count: int) -> Float[Tensor, "n wide"] | None:
        """Columns φ with mean φ_a · φ_b = k(a, b), by 2 `count` random ones; None where the kernel has none."""
        angles = self.phases(rows, count)
        return None if angles is None else torch.cat([angles.cos(), angles.sin()], dim=1) / math.sqrt(count)


@final
class GaussianKernel(Kernel):
    """exp(−‖a − b‖²/(2 σ²)); σ² is half the median squared distance of the batch where no bandwidth is given.

    Where more than half of the pairs coincide, the mean takes the place of the median; where all do, every value is 1.
    Above 128 rows the median is that of about 8,000 pairs in which every row has an equal share. It has no gradient.

    References:
        Rahimi, Recht, *Random features for large-scale kernel machines*, 2007.
    """

    def __init__(self, bandwidth: float | None = None):
        if bandwidth is not None and not (math.isfinite(bandwidth) and bandwidth > 0):
            raise SpecError(f"GaussianKernel wants a bandwidth > 0 or None (median); got {bandwidth}.")
        self.bandwidth = bandwidth

    def __call__(self, rows: Shaped[Tensor, "n *features"]) -> Float[Tensor, "n n"]:
        """Values in (0, 1]."""
        rows = _as_reals(rows)
        return _exponents(rows, _doubled_variance(rows, self.bandwidth)).exp_()

    def weighed(self, rows: Shaped[Tensor, "n *features"], weight: Float[Tensor, "n n"]) -> Tensor:
        """Σ_ab k(a, b) M_ab; in place, and with one product of matrices backwards, where M has no gradient."""
        if weight.requires_grad:
            return super().weighed(rows, weight)
        rows = _as_reals(rows)
        return _Weighed.apply(rows, _doubled_variance(rows, self.bandwidth), weight)  # pyright: ignore[reportReturnType]

    def phases(self, rows: Shaped[Tensor, "n *features"], count: int) -> Float[Tensor, "n count"]:
        """⟨a, ω⟩ with normal frequencies ω of spread 1/σ; O(n features count)."""
        rows = _as_reals(rows)
        return rows @ (_normal(rows, count) * (2 / _doubled_variance(rows, self.bandwidth)).sqrt())


@final
class MultiscaleKernel(Kernel):
    """The mean of Gaussian kernels, exp(−‖a − b‖²/(2 f σ²)) over the factors f; σ² is half the median squared distance.

    Sees differences of several sizes at once.

    Args:
        factors: of the median squared distance.
    """

    def __init__(self, factors: Sequence[float] = (0.25, 0.5, 1.0, 2.0, 4.0)):
        if not factors or not all(math.isfinite(factor) and factor > 0 for factor in factors):
            raise SpecError(f"MultiscaleKernel wants one or more finite factors > 0; got {factors}. Try .25 to 4.")
        self.factors = tuple(factors)

    def __call__(self, rows: Shaped[Tensor, "n *features"]) -> Float[Tensor, "n n"]:
        """Values in (0, 1]."""
        rows = _as_reals(rows)
        relative = _exponents(rows, _doubled_variance(rows, None))
        first, *others = (torch.exp(relative / factor) for factor in self.factors)
        return sum(others, start=first) / len(self.factors)

    def phases(self, rows: Shaped[Tensor, "n *features"], count: int) -> Float[Tensor, "n count"]:
        """Those of the Gaussians in turn."""
        rows = _as_reals(rows)
        factor = torch.tensor([self.factors[i % len(self.factors)] for i in range(count)], dtype=rows.dtype)
        variance = _doubled_variance(rows, None) * factor.to(rows.device)
        return rows @ (_normal(rows, count) * (2 / variance).sqrt())


@final
class DeltaKernel(Kernel):
    """1 where two rows are equal, else 0; for categories."""

    def __call__(self, rows: Shaped[Tensor, "n *features"]) -> Float[Tensor, "n n"]:
        """Values 0 and 1."""
        code, categories = _codes(rows)
        if categories <= _FEW_CATEGORIES:  # a product is faster than comparing
            member = _indicators(code, categories)
            return member @ member.T
        return (code[:, None] == code[None, :]).to(_default())

    def columns(self, rows: Shaped[Tensor, "n *features"]) -> Float[Tensor, "n wide"] | None:
        """One indicator for each category, where these are few."""
        code, categories = _codes(rows)
        return _indicators(code, categories) if categories <= _FEW_CATEGORIES else None

    def phases(self, rows: Shaped[Tensor, "n *features"], count: int) -> Float[Tensor, "n count"]:
        """A uniform angle for every category."""
        code, categories = _codes(rows)
        return 2 * math.pi * torch.rand(categories, count, device=rows.device)[code]

    def features(self, rows: Shaped[Tensor, "n *features"], count: int) -> Float[Tensor, "n wide"] | None:
        """Exact indicators, one for each category, where these are not more columns than random ones."""
        code, categories = _codes(rows)
        if categories <= 2 * count:
            return _indicators(code, categories)
        return super().features(rows, count)


class Combination(ABC):
    """One kernel of several nuisances out of the kernels of each; no columns are joined into one matrix."""

    @abstractmethod
    def matrix(self, kernels: Sequence[Kernel], columns: Sequence[Tensor]) -> Float[Tensor, "n n"]:
        """The kernel matrix."""

    def columns(self, kernels: Sequence[Kernel], columns: Sequence[Tensor]) -> Float[Tensor, "n wide"] | None:
        """Columns whose products are its values, not drawn; None where there are none, or many."""
        return kernels[0].columns(columns[0]) if len(kernels) == 1 else None

    @abstractmethod
    def features(self, kernels: Sequence[Kernel], columns: Sequence[Tensor], count: int) -> Tensor | None:
        """Random features of it; None where a kernel has none."""


@final
class Separately(Combination):
    """k = Σ_j k_j: the dependence on each nuisance alone, summed, since HSIC is linear in the kernel.

    Blind to what only several tell together: z = v₁ XOR v₂ depends on neither alone.

    >>> one = torch.tensor([0, 0, 1])
    >>> Separately().matrix([DeltaKernel(), DeltaKernel()], [one, one]).tolist()
    [[2.0, 2.0, 0.0], [2.0, 2.0, 0.0], [0.0, 0.0, 2.0]]
    """

    def matrix(self, kernels: Sequence[Kernel], columns: Sequence[Tensor]) -> Float[Tensor, "n n"]:
        """The sum."""
        first, *others = (kernel(column) for kernel, column in zip(kernels, columns, strict=True))
        return sum(others, start=first)

    def features(self, kernels: Sequence[Kernel], columns: Sequence[Tensor], count: int) -> Tensor | None:
        """Side by side."""
        parts = [kernel.features(column, count) for kernel, column in zip(kernels, columns, strict=True)]
        return (
            None if any(part is None for part in parts) else torch.cat([part for part in parts if part is not None], 1)
        )


@final
class Jointly(Combination):
    """k = Π_j k_j: the dependence on all nuisances together, combinations included.

    Of categories these are the cells of their table: it needs cells with several rows, and of nested ones it sees the
    finest only.

    >>> scanner, site = torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1])
    >>> Jointly().matrix([DeltaKernel(), DeltaKernel()], [scanner, site]).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """

    def matrix(self, kernels: Sequence[Kernel], columns: Sequence[Tensor]) -> Float[Tensor, "n n"]:
        """The product."""
        first, *others = (kernel(column) for kernel, column in zip(kernels, columns, strict=True))
        for other in others:
            first = first * other
        return first

    def features(self, kernels: Sequence[Kernel], columns: Sequence[Tensor], count: int) -> Tensor | None:
        """Of the sums of the angles."""
        if len(kernels) == 1:
            return kernels[0].features(columns[0], count)
        parts = [kernel.phases(column, count) for kernel, column in zip(kernels, columns, strict=True)]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        angles = sum(known[1:], start=known[0])
        return torch.cat([angles.cos(), angles.sin()], dim=1) / math.sqrt(count)


def _default() -> torch.dtype:
    return torch.get_default_dtype()


def _codes(rows: Tensor) -> tuple[Int[Tensor, " n"], int]:
    """The number of its category for each row, and how many there are."""
    if rows.ndim == 1:  # many times faster than by rows
        known, code = torch.unique(rows, return_inverse=True)
    else:
        known, code = torch.unique(rows.flatten(1), dim=0, return_inverse=True)
    return code, len(known)


def _indicators(code: Int[Tensor, " n"], categories: int) -> Float[Tensor, "n categories"]:
    return torch.nn.functional.one_hot(code, categories).to(_default())


def _as_reals(rows: Tensor) -> Float[Tensor, "n features"]:
    """Columns around 0, where expanded squares cancel less."""
    rows = rows.reshape(len(rows), -1)
    rows = rows if rows.is_floating_point() else rows.to(_default())
    return rows - rows.mean(dim=0)


class _Exponents(torch.autograd.Function):
    """−‖a − b‖²/s for all pairs of rows, in one product of matrices; four passes over such a matrix backwards."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, variance: Tensor) -> Tensor:
        ctx.save_for_backward(rows, variance)
        return _negative_squares(rows, variance)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        rows, variance = ctx.saved_tensors
        (pull,) = grads
        beside = torch.cat([rows, torch.ones_like(rows[:, :1])], dim=1)
        both = pull @ beside + pull.T @ beside
        return 2 / variance * (both[:, :-1] - both[:, -1:] * rows), None


class _Weighed(torch.autograd.Function):
    """Σ_ab exp(−‖a − b‖²/s) M_ab for a symmetric M: the matrix of summands is kept, and no other."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, variance: Tensor, weight: Tensor) -> Tensor:
        summands = _negative_squares(rows, variance).exp_().mul_(weight)
        ctx.save_for_backward(rows, variance, summands)
        return summands.sum()

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]  the decorator hides the names
        ctx: Any, *grads: Tensor
    ) -> tuple[Tensor, None, None]:
        rows, variance, summands = ctx.saved_tensors
        both = summands @ torch.cat([rows, torch.ones_like(rows[:, :1])], dim=1)
        return 4 * grads[0] / variance * (both[:, :-1] - both[:, -1:] * rows), None, None


def _negative_squares(rows: Tensor, variance: Tensor) -> Float[Tensor, "n n"]:
    """−‖a − b‖²/s, in one product of matrices."""
    half = -rows.square().sum(dim=1, keepdim=True) / variance
    one = torch.ones_like(half)
    return (torch.cat([2 / variance * rows, half, one], dim=1) @ torch.cat([rows, one, half], dim=1).T).clamp_(max=0)


def _exponents(rows: Float[Tensor, "n features"], variance: Tensor) -> Float[Tensor, "n n"]:
    return _Exponents.apply(rows, variance)  # pyright: ignore[reportReturnType]


def _normal(rows: Tensor, count: int) -> Tensor:
    return torch.randn(rows.shape[1], count, device=rows.device).to(rows.dtype)


def _doubled_variance(rows: Float[Tensor, "n features"], bandwidth: float | None) -> Tensor:
    """2 σ²: the median squared distance, the mean where the median is 0, 1 where all rows are equal."""
    if bandwidth is not None:
        return rows.new_tensor(2 * bandwidth**2)
    squared = _squares_of_pairs(rows.detach())
    median = squared.median()
    scale = torch.where(median > 0, median, squared.mean())
    return torch.where(scale > 0, scale, 1.0)


def _squares_of_pairs(rows: Float[Tensor, "n features"]) -> Float[Tensor, " pairs"]:
    """Of all pairs where there are few rows; else of each row with those so many places on, at no common period."""
    n = len(rows)
    if n <= _ALL_PAIRS:
        first, second = torch.triu_indices(n, n, offset=1, device=rows.device)
        return (rows[first] - rows[second]).square().sum(dim=1)
    ways = max(2, _SOME_PAIRS // n)
    steps = torch.tensor([1 + int((way + 1) * _GOLDEN % 1 * (n - 1)) for way in range(ways)], device=rows.device)
    other = (torch.arange(n, device=rows.device) - steps[:, None]) % n
    gaps = rows.index_select(0, other.flatten()).view(ways, *rows.shape).sub_(rows)
    return (gaps.square_() @ rows.new_ones(rows.shape[1])).flatten()  # a product adds up faster than a sum
