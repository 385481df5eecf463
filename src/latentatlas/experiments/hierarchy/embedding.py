"""Nodes embedded by their links, as Nickel and Kiela do it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from latentatlas.geometry import Geometry
from latentatlas.train import RiemannianAdam

__all__ = ["Embedded", "Protocol", "embed", "matrix_of"]

_BETAS = (0.0, 0.99)
_START = 1e-3
_LAST = 100


class Protocol(NamedTuple):
    """How an embedding is trained.

    Attributes:
        steps: of the optimiser.
        burn: of them at a tenth of the rate, in which directions settle near the centre.
        batch: links of a step.
        negatives: random nodes against each of them.
    """

    steps: int = 4_000
    burn: int = 400
    batch: int = 512
    negatives: int = 20

    @classmethod
    def of(cls, *, quick: bool) -> Protocol:
        """The full one, or one of a second."""
        return cls(steps=60, burn=10, batch=128, negatives=5) if quick else cls()


class Embedded(NamedTuple):
    """Where the nodes are, and the mean loss of the last steps."""

    points: Float[np.ndarray, "n dim"]
    loss: float


def embed(
    links: Bool[np.ndarray, "n n"], space: Geometry, dim: int, protocol: Protocol, *, rate: float, seed: int
) -> Embedded:
    r"""Points with a small mean of −log(e^{−d(u, v)}/(e^{−d(u, v)} + Σ_w e^{−d(u, w)})) over links u → v.

    w are random nodes that u has no link to. Double precision, from within 1e-3 of the centre; the rate is a tenth at
    first, then falls along a cosine. No average of gradients: with one, points run to the rim before they are ordered.
    """
    generator = torch.Generator().manual_seed(seed)
    draw = torch.rand(len(links), dim, dtype=torch.float64, generator=generator)
    points = nn.Parameter(_START * (2 * draw - 1))
    adam = RiemannianAdam([points], {points: space}, lr=rate, betas=_BETAS)
    ends, known = torch.from_numpy(np.argwhere(links)), torch.from_numpy(links | np.eye(len(links), dtype=bool))
    losses = []
    for step in range(protocol.steps):
        adam.param_groups[0]["lr"] = rate * _share(step, protocol)
        adam.zero_grad()
        loss = _loss(points, space, *_drawn(ends, known, protocol, generator))
        loss.backward()
        adam.step()
        losses.append(float(loss.detach()))
    return Embedded(points.detach().numpy(), float(np.mean(losses[-_LAST:])))


def matrix_of(points: Float[np.ndarray, "n dim"], space: Geometry) -> Float[np.ndarray, "n n"]:
    """All distances; symmetric, with zeros on the diagonal."""
    distances = space.distances(torch.from_numpy(points).double()).numpy()
    np.fill_diagonal(distances, 0)
    return (distances + distances.T) / 2


def _share(step: int, protocol: Protocol) -> float:
    """Of the rate."""
    if step < protocol.burn:
        return 0.1
    return max(1e-3, (1 + math.cos(math.pi * (step - protocol.burn) / (protocol.steps - protocol.burn))) / 2)


def _drawn(
    ends: Int[Tensor, "links 2"], known: Bool[Tensor, "n n"], protocol: Protocol, generator: torch.Generator
) -> tuple[Int[Tensor, " batch"], Int[Tensor, "batch others"], Bool[Tensor, "batch others"]]:
    """Nodes, for each its partner and random nodes, and which of these do not count."""
    node, partner = ends[torch.randint(len(ends), (protocol.batch,), generator=generator)].T
    random = torch.randint(len(known), (protocol.batch, protocol.negatives), generator=generator)
    others = torch.cat([partner[:, None], random], dim=1)
    barred = known[node[:, None], others]
    barred[:, 0] = False
    return node, others, barred


def _loss(points: Tensor, space: Geometry, node: Tensor, others: Tensor, barred: Tensor) -> Tensor:
    apart = space.dist(points[node][:, None], points[others]).masked_fill(barred, math.inf)
    return torch.nn.functional.cross_entropy(-apart, torch.zeros(len(node), dtype=torch.int64))
