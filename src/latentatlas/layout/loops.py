"""The forces of a layout as loops over rows, for the compiler."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import no_type_check

import numpy as np
import torch

from latentatlas.core import compiled

__all__ = ["attract", "compiles_on", "corners", "gather", "in_parts", "scatter", "whole"]


def compiles_on(y: torch.Tensor) -> bool:
    """Whether the loops can be run on these places."""
    return y.device.type == "cpu" and y.dtype == torch.float32 and compiled(attract) is not None


def whole(loop: Callable[..., None], *arguments: object) -> None:
    """The loop as machine code."""
    fast = compiled(loop)
    assert fast is not None
    fast(*arguments)


def in_parts(loop: Callable[..., None], n: int, *arguments: object) -> None:
    """`loop(start, stop, *arguments)` over n rows, a part for each thread."""
    threads = torch.get_num_threads()
    first, *others = itertools.pairwise(np.linspace(0, n, threads + 1).astype(np.int64))
    waiting = [_pool(os.getpid(), threads).submit(whole, loop, *part, *arguments) for part in others]
    whole(loop, *first, *arguments)
    for part in waiting:
        part.result()


@functools.cache
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """Threads that stay: starting them for every call would take as long as the loops. A forked process has its own."""
    return ThreadPoolExecutor(max(1, threads - 1))


@no_type_check
def attract(start, stop, offsets, heads, weights, y, out):
    """Σ_j p_ij q_ij (y_i − y_j) for the rows of a part."""
    dim = y.shape[1]
    for i in range(start, stop):
        for axis in range(dim):
            out[i, axis] = 0
        for edge in range(offsets[i], offsets[i + 1]):
            j = heads[edge]
            squared = np.float32(0)
            for axis in range(dim):
                gap = y[i, axis] - y[j, axis]
                squared += gap * gap
            pull = weights[edge] / (np.float32(1) + squared)
            for axis in range(dim):
                out[i, axis] += pull * (y[i, axis] - y[j, axis])


@no_type_check
def corners(start, stop, position, boxes, corner, share):
    """First node of the box of each row of a part, and the shares of its three lines and columns."""
    for i in range(start, stop):
        for axis in range(2):
            box = min(max(int(np.floor(position[i, axis])), 0), boxes - 1)
            t = (position[i, axis] - np.float32(box)) * np.float32(3) - np.float32(0.5)
            corner[i, axis] = 3 * box
            share[i, axis, 0] = (t - np.float32(1)) * (t - np.float32(2)) * np.float32(0.5)
            share[i, axis, 1] = t * (np.float32(2) - t)
            share[i, axis, 2] = t * (t - np.float32(1)) * np.float32(0.5)


@no_type_check
def scatter(corner, share, y, grid):
    """Charges 1, y and ‖y‖² of every row, shared out among the nine nodes of its box."""
    for i in range(len(y)):
        squared = y[i, 0] * y[i, 0] + y[i, 1] * y[i, 1]
        for a in range(3):
            for b in range(3):
                part = share[i, 0, a] * share[i, 1, b]
                line, column = corner[i, 0] + a, corner[i, 1] + b
                grid[0, line, column] += part
                grid[1, line, column] += part * y[i, 0]
                grid[2, line, column] += part * y[i, 1]
                grid[3, line, column] += part * squared


@no_type_check
def gather(start, stop, corner, share, field, out):
    """The potentials at the rows of a part, from the nine nodes of the box of each."""
    for i in range(start, stop):
        for channel in range(4):
            total = np.float32(0)
            for a in range(3):
                for b in range(3):
                    value = field[channel, corner[i, 0] + a, corner[i, 1] + b]
                    total += share[i, 0, a] * share[i, 1, b] * value
            out[i, channel] = total
