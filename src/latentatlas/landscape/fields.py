"""Energies over points: what a field is, and fields made of prototypes, memories, autoencoders and other fields."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import DataError, Map, ShapeError, SpecError
from latentatlas.landscape.prototypes import PrototypeBank

__all__ = [
    "Blend",
    "Field",
    "HopfieldField",
    "MinMaxScale",
    "PrototypeField",
    "RankScale",
    "ReconstructionDynamics",
    "Scale",
    "SlopedField",
    "blend",
    "energies",
    "gradient",
]

_BLOCK_ROWS = 4096


@runtime_checkable
class Field(Protocol):
    """Any callable that gives every point of a batch an energy; low is good, or dense. No class needs to name it."""

    def __call__(self, z: Float[Tensor, "n dim"], /) -> Float[Tensor, " n"]:
        """Energy of every row."""
        ...


@runtime_checkable
class SlopedField(Field, Protocol):
    """A field that knows its gradient without autograd; `gradient` asks it."""

    def with_slope(self, z: Float[Tensor, "n dim"], /) -> tuple[Float[Tensor, " n"], Float[Tensor, "n dim"]]:
        """Energy and gradient of every row, both detached."""
        ...


def energies(field: Callable[[Tensor], Tensor], x: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, " n"]:
    """The energy of every row of an array, taken in blocks of 4,096 rows without gradients, as float64.

    Raises:
        ShapeError: if the field does not give one number per row.
        DataError: if an energy is not finite.

    >>> energies(lambda z: z.square().sum(dim=1), np.array([[3.0, 4.0], [0.0, 1.0]])).tolist()
    [25.0, 1.0]
    """
    found = np.empty(len(x))
    with torch.no_grad():
        for start in range(0, len(x), _BLOCK_ROWS):
            part = torch.as_tensor(np.ascontiguousarray(x[start : start + _BLOCK_ROWS]))
            values = field(part)
            if tuple(values.shape) != (len(part),):
                raise ShapeError(
                    f"A field gives one energy per row, shape ({len(part)},); got {tuple(values.shape)}. "
                    "Reduce the other axes."
                )
            found[start : start + len(part)] = values.double().cpu().numpy()
    bad = np.flatnonzero(~np.isfinite(found))
    if len(bad):
        raise DataError(
            f"A landscape wants finite energies; the field gives {found[bad[0]]} for row {bad[0]} and {len(bad)} rows "
            "in all. Drop these rows, or correct the field."
        )
    return found


def gradient(field: Callable[[Tensor], Tensor], z: Float[Tensor, "n dim"]) -> tuple[Tensor, Float[Tensor, "n dim"]]:
    """Energy (n,) and gradient (n, dim) of every row, both detached.

    >>> energy, slope = gradient(lambda z: z.square().sum(dim=1), torch.tensor([[3.0, 4.0]]))
    >>> energy.tolist(), slope.tolist()
    ([25.0], [[6.0, 8.0]])
    """
    if isinstance(field, SlopedField):
        return field.with_slope(z)
    with torch.enable_grad():
        leaf = z.detach().requires_grad_()
        energy = field(leaf)
        (slope,) = torch.autograd.grad(energy.sum(), leaf)
    return energy.detach(), slope


@final
class PrototypeField:
    """The energy of a bank of prototypes, E(z) = −(1/β) logsumexp_k(β s_k(z)) + confinement.

    Cost: O(n K dim).
    """

    def __init__(self, bank: PrototypeBank):
        self.bank = bank

    def __call__(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """Energy in the units of the bank's score."""
        return self.bank.energy(z)


@final
@dataclass(frozen=True, eq=False)
class HopfieldField:
    r"""Energy of a modern Hopfield network that stores patterns p_1 … p_N.

    E(z) = −β⁻¹ log Σ_i exp(β⟨z, p_i⟩) + ½‖z‖² + β⁻¹ log N + ½ max_i ‖p_i‖² ≥ 0. A gradient step of length 1 is
    `retrieve`, z ← Σ_i softmax_i(β⟨z, p_i⟩) p_i, which never raises E.

    Cost: O(n N dim).

    Attributes:
        patterns: what is stored.
        beta: sharpness; large keeps patterns apart, small gives their mean.

    >>> field = HopfieldField(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), beta=100.0)
    >>> field.retrieve(torch.tensor([[0.6, 0.3]])).round(decimals=6).tolist()
    [[1.0, 0.0]]

    Raises:
        SpecError: if beta is not positive and finite, or there is no pattern.

    References:
        Ramsauer et al., *Hopfield Networks is All You Need*, 2021.
    """

    patterns: Float[Tensor, "count dim"]
    beta: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.beta) and self.beta > 0) or not len(self.patterns):
            raise SpecError(
                f"HopfieldField wants patterns and a finite beta > 0; got {len(self.patterns)} patterns and beta "
                f"{self.beta}. 1/mean squared norm is smooth, ten times that sharp."
            )

    def __call__(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """Energy, at least 0."""
        soft_max = torch.logsumexp(self.beta * z @ self.patterns.T, dim=1) / self.beta
        floor = math.log(len(self.patterns)) / self.beta + self.patterns.square().sum(dim=1).max() / 2
        return z.square().sum(dim=1) / 2 - soft_max + floor

    def retrieve(self, z: Float[Tensor, "n dim"], *, steps: int = 1) -> Float[Tensor, "n dim"]:
        """Recall: z ← softmax(β z Pᵀ) P, `steps` times."""
        for _ in range(steps):
            z = torch.softmax(self.beta * z @ self.patterns.T, dim=1) @ self.patterns
        return z


@final
class ReconstructionDynamics:
    """The map z ← f(g(z)) of an autoencoder, as a vector field f(g(z)) − z with the energy ‖f(g(z)) − z‖².

    Fixed points (attractors among them) have energy 0. The energy need not fall along the map; where
    encoder and decoder are trained with noise, the vector field points to denser places.

    Args:
        encode: f, rows to latents.
        decode: g, latents to rows.

    References:
        Alain, Bengio, *What Regularized Auto-Encoders Learn from the Data-Generating Distribution*, 2014;
        Radhakrishnan, Belkin, Uhler, *Overparameterized neural networks implement associative memory*, 2020.

    >>> dynamics = ReconstructionDynamics(lambda x: x / 2, lambda z: z)
    >>> dynamics(torch.tensor([[4.0]])).tolist(), dynamics.iterate(torch.tensor([[4.0]]), steps=2).tolist()
    ([4.0], [[1.0]])
    """

    def __init__(self, encode: Map, decode: Map):
        self.encode = encode
        self.decode = decode

    def __call__(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """‖f(g(z)) − z‖², in squared units of the latent."""
        return self.velocity(z).square().sum(dim=1)

    def velocity(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, "n dim"]:
        """f(g(z)) − z."""
        return self.encode(self.decode(z)) - z

    def iterate(self, z: Float[Tensor, "n dim"], *, steps: int) -> Float[Tensor, "n dim"]:
        """Where the map leads in `steps` steps."""
        for _ in range(steps):
            z = self.encode(self.decode(z))
        return z


class Scale(ABC):
    """Brings a field to a common range; what is low stays low. Made by `fit` from the energies of reference rows."""

    @classmethod
    @abstractmethod
    def fit(cls, reference: Float[np.ndarray, " n"]) -> Scale:
        """The scale on which these energies lie between 0 and 1."""

    @abstractmethod
    def __call__(self, energy: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        """Energies on the common range."""


@final
@dataclass(frozen=True)
class MinMaxScale(Scale):
    """(E − low)/(high − low): 0 to 1 on the reference rows, linear beyond.

    >>> MinMaxScale.fit(np.array([2.0, 6.0]))(torch.tensor([2.0, 3.0, 8.0])).tolist()
    [0.0, 0.25, 1.5]
    """

    low: float
    high: float

    @classmethod
    def fit(cls, reference: Float[np.ndarray, " n"]) -> MinMaxScale:
        """From the least and the largest energy.

        Raises:
            DataError: if all are equal.
        """
        _require_variation(reference)
        return cls(float(reference.min()), float(reference.max()))

    def __call__(self, energy: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        """Linear."""
        return (energy - self.low) / (self.high - self.low)


@final
@dataclass(frozen=True, eq=False)
class RankScale(Scale):
    """Share of the reference rows that are lower, linear between them: outliers do not squeeze the rest.

    Equal energies get the middle of their ranks. Beyond the reference rows it is constant, so gradients are 0 there.

    Attributes:
        values: the distinct energies of the reference rows, ascending.
        ranks: of each, from 0 to 1.

    >>> RankScale.fit(np.array([1.0, 2.0, 100.0]))(torch.tensor([0.0, 1.5, 100.0])).tolist()
    [0.0, 0.25, 1.0]
    """

    values: Float[np.ndarray, " distinct"]
    ranks: Float[np.ndarray, " distinct"]

    @classmethod
    def fit(cls, reference: Float[np.ndarray, " n"]) -> RankScale:
        """From the order of the energies.

        Raises:
            DataError: if all are equal.
        """
        _require_variation(reference)
        values, counts = np.unique(reference, return_counts=True)
        middle = np.cumsum(counts) - (counts + 1) / 2
        return cls(values.astype(np.float64), (middle - middle[0]) / (middle[-1] - middle[0]))

    def __call__(self, energy: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        """Piecewise linear."""
        values = torch.as_tensor(self.values).to(energy)
        ranks = torch.as_tensor(self.ranks).to(energy)
        inside = energy.clamp(values[0], values[-1])
        upper = torch.searchsorted(values, inside.detach().contiguous()).clamp(1, len(values) - 1)
        low, high = values[upper - 1], values[upper]
        share = (inside - low) / (high - low).clamp(min=torch.finfo(energy.dtype).tiny)
        return ranks[upper - 1] + share * (ranks[upper] - ranks[upper - 1])


@final
@dataclass(frozen=True, eq=False)
class Blend:
    """α·first + (1 − α)·second, each brought to a common range; made by `blend`."""

    first: Callable[[Tensor], Tensor]
    second: Callable[[Tensor], Tensor]
    alpha: float
    first_scale: Scale
    second_scale: Scale

    def __call__(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """Between 0 and 1 on the reference rows."""
        return self.alpha * self.first_scale(self.first(z)) + (1 - self.alpha) * self.second_scale(self.second(z))


def blend(
    first: Callable[[Tensor], Tensor],
    second: Callable[[Tensor], Tensor],
    alpha: float,
    *,
    reference: Float[np.ndarray, "n dim"],
    scale: type[Scale] = MinMaxScale,
) -> Blend:
    """A mixture of two fields, α·s₁ + (1 − α)·s₂, each scaled by its energies on reference rows.

    A sweep over α shows what the second field adds: α = 1 is the first alone.

    Args:
        first: a field.
        second: another.
        alpha: weight of the first, from 0 to 1.
        reference: rows on which both lie between 0 and 1; usually those of the map.
        scale: `MinMaxScale` or `RankScale`.

    Raises:
        SpecError: if alpha is not between 0 and 1.
        DataError: if a field is flat, or not finite, on the reference rows.

    >>> mixed = blend(lambda z: z[:, 0], lambda z: 10 * z[:, 1], 0.25, reference=np.array([[0.0, 0.0], [2.0, 4.0]]))
    >>> mixed(torch.tensor([[2.0, 2.0]])).tolist()
    [0.625]
    """
    if not 0 <= alpha <= 1:
        raise SpecError(f"blend wants 0 ≤ alpha ≤ 1; got {alpha}. 1 is the first field alone.")
    scales = [scale.fit(energies(field, reference)) for field in (first, second)]
    return Blend(first, second, alpha, *scales)


def _require_variation(reference: np.ndarray) -> None:
    if not len(reference) or not np.ptp(reference) > 0:
        raise DataError(
            f"A scale wants a field that varies; it is the same on all {len(reference)} reference rows. "
            "Use other rows, or leave this field out."
        )
