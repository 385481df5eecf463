"""Which chart does a row belong to? Routers behind one contract, and a gate from soft to hard."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import cast, final

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from latentatlas.core import ShapeError, SpecError
from latentatlas.landscape import PrototypeBank
from latentatlas.models.charts.codebook import weighted_kmeans
from latentatlas.models.layers import check_columns, perceptron, positive_ints

__all__ = ["AttentiveRouter", "Gate", "LinearKey", "MLPRouter", "Router"]

_APART = 4.0
"""Difference of the scores of two charts that were one, at the middle of either."""


class Router(nn.Module, ABC):
    """Features to memberships. Permuting the charts of any router permutes its memberships alike."""

    in_features: int
    charts: int

    @abstractmethod
    def logits(self, h: Float[Tensor, "n features"]) -> Float[Tensor, "n charts"]:
        """Scores whose softmax are the memberships."""

    def forward(self, h: Float[Tensor, "n features"]) -> Float[Tensor, "n charts"]:
        """Memberships; rows sum to 1."""
        return torch.softmax(self.logits(h), dim=1)

    @property
    def active(self) -> Bool[Tensor, " charts"] | None:
        """Which charts there are, where their number changes; None where all are."""
        return None

    @property
    def in_use(self) -> int:
        """How many charts there are."""
        return self.charts if self.active is None else int(self.active.sum())

    def seat(self, h: Float[Tensor, "n features"], *, count: int | None = None) -> None:
        """Begin from training rows, the first `count` charts or all; nothing to do by default."""

    def keys(self, h: Float[Tensor, "n features"]) -> Float[Tensor, "n dim"]:
        """What the scores of the charts are linear or distances in."""
        raise self._rigid()

    def slots(self) -> list[Tensor]:
        """Tensors whose first axis are the charts: what one chart can leave to another."""
        raise self._rigid()

    def lean(self, first: int, second: int, *, middle: Float[Tensor, " dim"], offset: Float[Tensor, " dim"]) -> None:
        """Two charts with equal scores become those of rows about middle + offset and middle − offset of the keys."""
        raise self._rigid()

    def _rigid(self) -> SpecError:
        return SpecError(
            f"{type(self).__name__} wants to stay as it is: its charts cannot be split or merged. Use an MLPRouter or "
            "an AttentiveRouter."
        )


@final
class LinearKey(nn.Module):
    """κ = W h, a learned projection of the features; begins as the first axes.

    Args:
        in_features: columns of h.
        dim: axes of the key.
    """

    def __init__(self, in_features: int, dim: int):
        super().__init__()
        positive_ints("LinearKey", in_features=in_features, dim=dim)
        self.in_features = in_features
        self.dim = dim
        self.projection = nn.Linear(in_features, dim, bias=False)
        with torch.no_grad():
            self.projection.weight.copy_(torch.eye(dim, in_features))

    def forward(self, h: Float[Tensor, "n features"]) -> Float[Tensor, "n dim"]:
        """The keys."""
        check_columns("LinearKey", h, self.in_features)
        return self.projection(h)


@final
class AttentiveRouter(Router):
    """w = softmax(β s(κ)): the memberships of a bank of prototypes, κ = h or a learned projection of it.

    Energy and recall of the same bank are there too, and charts can be added and removed with its prototypes. Cost
    O(n K dim).

    Args:
        bank: one prototype for each chart, in the space of the keys.
        key: from features to keys; None routes on the features themselves.

    >>> router = AttentiveRouter(PrototypeBank.at(torch.tensor([[0.0], [2.0]])))
    >>> router(torch.tensor([[1.0]])).tolist()
    [[0.5, 0.5]]

    Raises:
        ShapeError: if keys and prototypes differ in their axes.
    """

    def __init__(self, bank: PrototypeBank, *, key: LinearKey | None = None):
        super().__init__()
        if key is not None and key.dim != bank.dim:
            raise ShapeError(
                f"AttentiveRouter wants keys with the {bank.dim} axes of the bank; got {key.dim}. Make the two equal."
            )
        self.bank = bank
        self.key = key
        self.in_features = bank.dim if key is None else key.in_features
        self.charts = bank.count

    def logits(self, h: Float[Tensor, "n features"]) -> Float[Tensor, "n charts"]:
        """β (s_k − max s)."""
        check_columns("AttentiveRouter", h, self.in_features)
        return self.bank.logits(self.keys(h))

    @torch.no_grad()
    def seat(self, h: Float[Tensor, "n features"], *, count: int | None = None) -> None:
        """Prototypes at the k-means centres of the keys."""
        centres, _ = _cells(self.keys(h), count or self.charts)
        self.bank.prototypes[: len(centres)] = centres

    def keys(self, h: Float[Tensor, "n features"]) -> Float[Tensor, "n dim"]:
        """κ."""
        return h if self.key is None else self.key(h)

    def slots(self) -> list[Tensor]:
        """The prototypes."""
        return [self.bank.prototypes]

    @torch.no_grad()
    def lean(self, first: int, second: int, *, middle: Float[Tensor, " dim"], offset: Float[Tensor, " dim"]) -> None:
        """Q ± offset; where q is does not depend on the middle."""
        self.bank.prototypes[first] += offset
        self.bank.prototypes[second] -= offset


@final
class MLPRouter(Router):
    """w = softmax(net(h)): a perceptron; linear without hidden layers.

    Args:
        in_features: columns of h.
        charts: K.
        hidden: widths of the hidden layers.
    """

    def __init__(self, in_features: int, charts: int, *, hidden: Sequence[int] = ()):
        super().__init__()
        positive_ints("MLPRouter", in_features=in_features, charts=charts, hidden=tuple(hidden))
        self.in_features = in_features
        self.charts = charts
        self.hidden = tuple(hidden)
        self.net = perceptron([in_features, *hidden, charts])

    def logits(self, h: Float[Tensor, "n features"]) -> Float[Tensor, "n charts"]:
        """The outputs of the perceptron."""
        check_columns("MLPRouter", h, self.in_features)
        return self.net(h)

    @torch.no_grad()
    def seat(self, h: Float[Tensor, "n features"], *, count: int | None = None) -> None:
        """Without hidden layers the posteriors of equal Gaussians at the k-means centres q_k of the rows.

        −‖h − q_k‖²/2σ² is linear in h but for a part that all charts share. With hidden layers nothing is done.
        """
        if self.hidden:
            return
        centres, spread = _cells(h, count or self.charts)
        weight, bias = self.slots()
        weight[: len(centres)] = centres / spread
        bias[: len(centres)] = -centres.square().sum(dim=1) / (2 * spread)

    def keys(self, h: Float[Tensor, "n features"]) -> Float[Tensor, "n dim"]:
        """What the last layer reads."""
        return self.net[:-1](h)

    def slots(self) -> list[Tensor]:
        """Weights and bias of the last layer."""
        last = cast(nn.Linear, self.net[-1])
        return [last.weight, last.bias]

    @torch.no_grad()
    def lean(self, first: int, second: int, *, middle: Float[Tensor, " dim"], offset: Float[Tensor, " dim"]) -> None:
        """Scores become ± 2 ⟨offset, κ − middle⟩/‖offset‖² apart from what they were, ±2 at middle ± offset."""
        weight, bias = self.slots()
        slope = _APART / 2 * offset / offset.square().sum().clamp(min=torch.finfo(offset.dtype).tiny)
        for chart, sign in ((first, 1.0), (second, -1.0)):
            weight[chart] += sign * slope
            bias[chart] -= sign * slope @ middle


def _cells(h: Tensor, count: int) -> tuple[Float[Tensor, "charts features"], Float[Tensor, ""]]:
    """k-means centres of rows, and the mean square of the distance to them; 1 where all rows lie on centres."""
    centres = weighted_kmeans(h[:, None], h.new_ones(len(h), 1), count)[0][0]
    spread = torch.cdist(h, centres).amin(dim=1).square().mean()
    return centres, torch.where(spread > 0, spread, 1.0)


@final
class Gate(nn.Module):
    r"""w = (1 − hardness) p + hardness · 1[k = argmax p], p = softmax(logits / temperature); gradients are those of p.

    Straight through: what comes out may be a hard choice, what it learns by is the soft one. `train.AnnealGate` lets
    both numbers follow schedules; the specification holds their values of the moment.

    Args:
        temperature: above 0; 1 leaves the memberships of the router.
        hardness: 0 is soft, 1 a hard choice.

    >>> Gate(hardness=0.5)(torch.tensor([[0.0, math.log(3.0)]])).tolist()  # halfway from ¼, ¾ to 0, 1
    [[0.125, 0.875]]

    Raises:
        SpecError: if temperature or hardness is not allowed.

    References:
        Bengio, Léonard, Courville, *Estimating or propagating gradients through stochastic neurons*, 2013.
    """

    def __init__(self, temperature: float = 1.0, *, hardness: float = 0.0):
        super().__init__()
        self.set(temperature=temperature, hardness=hardness)

    def set(self, *, temperature: float, hardness: float) -> None:
        """Another temperature and hardness.

        Raises:
            SpecError: unless 1e-6 ≤ temperature < ∞ and 0 ≤ hardness ≤ 1.
        """
        if not 1e-6 <= temperature < math.inf:
            raise SpecError(f"Gate wants a finite temperature ≥ 1e-6; got {temperature}. 1 is that of the router.")
        if not 0 <= hardness <= 1:
            raise SpecError(f"Gate wants 0 ≤ hardness ≤ 1; got {hardness}. 0 is soft, 1 hard.")
        self.temperature = temperature
        self.hardness = hardness

    def forward(self, logits: Float[Tensor, "n charts"]) -> Float[Tensor, "n charts"]:
        """The memberships; rows sum to 1."""
        soft = torch.softmax(logits / self.temperature, dim=1)
        if self.hardness == 0:
            return soft
        hard = F.one_hot(soft.argmax(dim=1), soft.shape[1]).to(soft.dtype)
        return soft + self.hardness * (hard - soft).detach()
