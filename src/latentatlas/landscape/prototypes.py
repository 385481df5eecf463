"""One bank of prototypes read in three ways: router, energy and associative memory."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from latentatlas.core import ShapeError, SpecError
from latentatlas.geometry import Euclidean, Geometry

__all__ = ["DistanceScore", "DotScore", "PrototypeBank", "Score"]

_SHARPEST = 1e18


class Score(ABC):
    """How well a key fits each prototype, and the part of the energy that does not depend on the prototype.

    Attributes:
        geometry: where keys and prototypes live; flat space unless a score says otherwise.
    """

    geometry: Geometry = Euclidean()

    @abstractmethod
    def scores(self, key: Float[Tensor, "n dim"], prototypes: Float[Tensor, "charts dim"]) -> Float[Tensor, "n charts"]:
        """s_k(κ); larger is nearer."""

    @abstractmethod
    def confinement(self, key: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """What must be added to −(1/β) logsumexp(β s) so that the energy is bounded below."""


@final
class DotScore(Score):
    """s_k = ⟨q_k, κ⟩/√d, with confinement ‖κ‖²/(2√d): a modern Hopfield network, or attention."""

    def scores(self, key: Float[Tensor, "n dim"], prototypes: Float[Tensor, "charts dim"]) -> Float[Tensor, "n charts"]:
        """⟨q_k, κ⟩/√d."""
        return key @ prototypes.T / math.sqrt(key.shape[-1])

    def confinement(self, key: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """‖κ‖²/(2√d)."""
        return key.square().sum(dim=-1) / (2 * math.sqrt(key.shape[-1]))


@final
class DistanceScore(Score):
    """s_k = −d(κ, q_k)²/(2τ²): the negative exponent of a Gaussian of width τ around each prototype."""

    def __init__(self, tau: float = 1.0, *, geometry: Geometry | None = None):
        if not (math.isfinite(tau) and tau > 0):
            raise SpecError(
                f"DistanceScore wants a finite width tau > 0; got {tau}. The spread of a basin is a good one."
            )
        self.tau = tau
        self.geometry = geometry or Euclidean()

    def scores(self, key: Float[Tensor, "n dim"], prototypes: Float[Tensor, "charts dim"]) -> Float[Tensor, "n charts"]:
        """−d(κ, q_k)²/(2τ²)."""
        return -self.geometry.dist(key[:, None, :], prototypes[None, :, :]).square() / (2 * self.tau**2)

    def confinement(self, key: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """0: distances confine by themselves."""
        return key.new_zeros(len(key))


@final
class PrototypeBank(nn.Module):
    r"""K prototypes q_k in the space of keys κ.

    w = softmax(β s) routes, E = −(1/β) logsumexp(β s) + confinement is an energy with ∂E/∂s_k = −w_k, and
    κ⁺ = Σ_k w_k q_k, one step of recall, is one gradient step on E (of size √d for dot scores, τ² for distances).
    β → ∞ is the nearest prototype, β → 0 the mean of all. In a curved space, `DistanceScore(geometry=...)`, κ⁺ is the
    same gradient step there, exp_κ(Σ_k w_k log_κ q_k), and the optimiser of `train.Recipe` moves the prototypes along
    the space.

    Finite, with finite gradients, in float32 for every allowed β and for keys up to 1e18 away. β is a number that may
    change (`sharpen`, `train.Anneal`); the specification holds its value of the moment. Cost of every read: O(n K dim).

    Args:
        count: number of prototypes, K.
        dim: axes of a key.
        beta: sharpness β, between 1e-18 and 1e18.
        score: how well a key fits a prototype; None is `DistanceScore()`.

    >>> bank = PrototypeBank(2, 1)
    >>> _ = bank.prototypes.data.copy_(torch.tensor([[-1.0], [1.0]]))
    >>> bank.nearest(torch.tensor([[-3.0], [0.5]])).tolist()
    [0, 1]

    Raises:
        SpecError: for no prototypes, no axes, or a β that is not allowed.

    References:
        Ramsauer et al., *Hopfield Networks is All You Need*, 2021.
    """

    def __init__(self, count: int, dim: int, *, beta: float = 1.0, score: Score | None = None):
        super().__init__()
        if count < 1 or dim < 1:
            raise SpecError(f"PrototypeBank wants at least 1 prototype and 1 axis; got {count} × {dim}. Raise them.")
        self.count = count
        self.dim = dim
        self.sharpen(beta)
        self.score = score or DistanceScore()
        self.prototypes = nn.Parameter(self.score.geometry.exp(torch.zeros(count, dim), torch.randn(count, dim)))

    def manifolds(self) -> Mapping[str, Geometry]:
        """Where the prototypes live."""
        return {"prototypes": self.score.geometry}

    @classmethod
    def at(cls, places: Float[Tensor, "charts dim"], *, beta: float = 1.0, score: Score | None = None) -> PrototypeBank:
        """A bank with its prototypes at these places, on their device and in their precision.

        >>> PrototypeBank.at(torch.tensor([[0.0], [2.0]])).count
        2
        """
        bank = cls(*places.shape, beta=beta, score=score).to(places)
        with torch.no_grad():
            bank.prototypes.copy_(places)
        return bank

    def sharpen(self, beta: float) -> None:
        """Set the sharpness β.

        Raises:
            SpecError: if it is not between 1e-18 and 1e18, where float32 is still finite.
        """
        if not 1 / _SHARPEST <= beta <= _SHARPEST:
            raise SpecError(
                f"PrototypeBank wants a sharpness beta > 0, from 1e-18 to 1e18; got {beta}. 1 is smooth, 10 is sharp; "
                "`lowest` is the limit of a large one."
            )
        self.beta = beta

    def scores(self, key: Float[Tensor, "n dim"]) -> Float[Tensor, "n charts"]:
        """s_k(κ) for every prototype."""
        if key.shape[-1] != self.dim:
            raise ShapeError(
                f"PrototypeBank wants keys with {self.dim} axes; got {key.shape[-1]}. Encode the rows first."
            )
        return self.score.scores(key, self.prototypes)

    def logits(self, key: Float[Tensor, "n dim"]) -> Float[Tensor, "n charts"]:
        """β (s_k − max s), whose softmax are the memberships; 0 for the best prototype."""
        scores = self.scores(key)
        return self.beta * (scores - _best(scores))

    def weights(self, key: Float[Tensor, "n dim"]) -> Float[Tensor, "n charts"]:
        """Soft membership w = softmax(β s); rows sum to 1."""
        return torch.softmax(self.logits(key), dim=-1)

    def energy(self, key: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """E(κ) = −(1/β) logsumexp_k(β s_k) + confinement, a soft minimum; low near prototypes.

        Between `lowest` − log(K)/β and `lowest`.
        """
        scores = self.scores(key)
        best = _best(scores)
        above = torch.logsumexp(self.beta * (scores - best), dim=-1) / self.beta
        return self.score.confinement(key) - (best[:, 0] + above)

    def lowest(self, key: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """min_k −s_k(κ) + confinement: the energy in the limit β → ∞, that of the nearest prototype alone.

        >>> bank = PrototypeBank.at(torch.tensor([[0.0], [2.0]]))
        >>> bank.lowest(torch.tensor([[3.0]])).tolist()  # (3 − 2)²/2
        [0.5]
        """
        return self.score.confinement(key) - self.scores(key).amax(dim=-1)

    def nearest(self, key: Float[Tensor, "n dim"]) -> Int[Tensor, " n"]:
        """Number of the best-fitting prototype."""
        return self.scores(key).argmax(dim=-1)

    def retrieve(self, key: Float[Tensor, "n dim"], *, steps: int = 1) -> Float[Tensor, "n dim"]:
        """Recall: κ ← Σ_k w_k(κ) q_k, `steps` times. Never raises the energy in flat space."""
        for _ in range(steps):
            key = self.score.geometry.mean_step(key, self.prototypes, self.weights(key))
        return key

    @torch.no_grad()
    def split(self, index: int, offset: Float[Tensor, " dim"]) -> PrototypeBank:
        """A bank in which prototype k became q_k + offset, and q_k − offset was appended; `exp` is the sum."""
        self._check_index(index)
        old, exp = self.prototypes[index], self.score.geometry.exp
        places = torch.cat([self.prototypes, exp(old, -offset)[None]])
        places[index] = exp(old, offset)
        return PrototypeBank.at(places, beta=self.beta, score=self.score)

    @torch.no_grad()
    def merge(self, first: int, second: int, *, shares: tuple[float, float] = (1.0, 1.0)) -> PrototypeBank:
        """A bank in which two prototypes became their mean, weighted by `shares` of usage, in place of `first`."""
        self._check_index(first)
        self._check_index(second)
        if first == second or min(shares) < 0 or sum(shares) <= 0:
            raise SpecError(
                f"merge wants two prototypes and shares ≥ 0, not both 0; got {first}, {second}, {shares}. Pick two."
            )
        ends = self.prototypes[first], self.prototypes[second]
        mean = self.score.geometry.geodesic(*ends, shares[1] / sum(shares))
        keep = [k for k in range(self.count) if k != second]
        places = self.prototypes.clone()
        places[first] = mean
        return PrototypeBank.at(places[keep], beta=self.beta, score=self.score)

    def _check_index(self, index: int) -> None:
        if not 0 <= index < self.count:
            raise SpecError(f"PrototypeBank has prototypes 0 to {self.count - 1}; got {index}. Pick one of them.")


def _best(scores: Float[Tensor, "n charts"]) -> Float[Tensor, "n 1"]:
    """The largest score of each row, without gradient; taken off before scores are multiplied by a large β."""
    return scores.detach().amax(dim=-1, keepdim=True)
