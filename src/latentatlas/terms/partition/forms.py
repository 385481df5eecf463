"""How the three distances of a partition make one number."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import SpecError

__all__ = ["LogForm", "PartitionForm", "RatioForm"]


class PartitionForm(ABC):
    """From p (invariant blocks of a row and its view), far = 1 + βq (variant blocks) and n (other rows) to a loss."""

    @abstractmethod
    def __call__(
        self,
        p: Float[Tensor, " n"] | None,
        far: Float[Tensor, " n"],
        n: Float[Tensor, " n"] | None,
    ) -> Float[Tensor, " n"]:
        """The loss of each row; p and n are None where there is no invariant block, and then drop out."""


@final
class RatioForm(PartitionForm):
    """p / ((1 + βq)(n + ε)), the form of the paper; 1 / (1 + βq) without an invariant block.

    Range [0, 2/ε]. Its slope in q is −β p / ((1 + βq)² (n + ε)): once p is 0, nothing moves `variant` any more.

    Args:
        epsilon: ε > 0, which bounds the loss where all rows coincide.
    """

    def __init__(self, epsilon: float = 0.01):
        self.epsilon = _positive("RatioForm", epsilon)

    def __call__(
        self,
        p: Float[Tensor, " n"] | None,
        far: Float[Tensor, " n"],
        n: Float[Tensor, " n"] | None,
    ) -> Float[Tensor, " n"]:
        """The ratio."""
        return 1 / far if p is None or n is None else p / (far * (n + self.epsilon))


@final
class LogForm(PartitionForm):
    """log(p + ε) − log(1 + βq) − log(n + ε): the logarithm of the ratio, up to ε in p.

    Three parts that do not scale each other: the slope in q is −β / (1 + βq) whatever p is. In nats; between
    log ε − log(1 + 2β) − log(2 + ε) and log(2 + ε) − log ε. −log(1 + βq) without an invariant block.

    Args:
        epsilon: ε > 0: distances well below it count as 0. It bounds the slope at p = 0.
    """

    def __init__(self, epsilon: float = 0.01):
        self.epsilon = _positive("LogForm", epsilon)

    def __call__(
        self,
        p: Float[Tensor, " n"] | None,
        far: Float[Tensor, " n"],
        n: Float[Tensor, " n"] | None,
    ) -> Float[Tensor, " n"]:
        """The sum of logarithms."""
        if p is None or n is None:
            return -torch.log(far)
        return torch.log(p + self.epsilon) - torch.log(far) - torch.log(n + self.epsilon)


def _positive(who: str, epsilon: float) -> float:
    if not (math.isfinite(epsilon) and epsilon > 0):
        raise SpecError(f"{who} wants a finite epsilon > 0; got {epsilon}. .01 is usual.")
    return epsilon
