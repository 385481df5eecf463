"""Small perceptrons that stand beside ours, or judge it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from latentatlas.core import reproducible

__all__ = ["trained"]

_STEPS, _QUICK_STEPS, _BATCH, _RATE = 2_500, 40, 256, 2e-3


def trained(
    sizes: Sequence[int], loss: Callable[[nn.Module, Tensor], Tensor], *, rows: int, quick: bool
) -> nn.Sequential:
    """A perceptron with ReLU between its layers, after 2,500 steps of AdamW under a one-cycle rate; seed 0.

    Args:
        sizes: of its layers, from input to output.
        loss: of the network for the numbers of the rows of a batch.
        rows: how many rows there are.
        quick: whether 40 steps will do.
    """
    steps = _QUICK_STEPS if quick else _STEPS
    with reproducible(0):
        layers = [layer for pair in pairwise(sizes) for layer in (nn.Linear(*pair), nn.ReLU())]
        network = nn.Sequential(*layers[:-1])
        optimiser = torch.optim.AdamW(network.parameters(), _RATE)
        rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, total_steps=steps)
        for _ in range(steps):
            value = loss(network, torch.randint(rows, (_BATCH,)))
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
            rate.step()
    return network.eval()
