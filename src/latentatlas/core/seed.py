"""Seeds and threads: explicit, recorded, and put back afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from latentatlas.core.errors import SpecError

__all__ = ["available_threads", "reproducible"]


def available_threads() -> int:
    """Number of processor cores this process may use (not the number the machine has)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def reproducible(seed: int, *, threads: int | None = None) -> Iterator[int]:
    """Within the block torch's generators start from `seed` and use `threads` threads; both are restored after.

    Results are bit-identical for equal seed, thread count, machine and library versions. The thread count
    matters because floating-point sums are split between threads.

    Args:
        seed: any integer ≥ 0.
        threads: intra-operation threads; None takes what this process may use.

    Yields:
        The thread count in force.
    """
    if seed < 0:
        raise SpecError(f"reproducible wants a seed ≥ 0; got {seed}. Any non-negative integer will do.")
    count = available_threads() if threads is None else int(threads)
    if count < 1:
        raise SpecError(f"reproducible wants at least one thread; got {threads}. Pass threads=1 or None.")
    before = torch.get_num_threads()
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    try:
        torch.set_num_threads(count)
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(seed)
            yield count
    finally:
        torch.set_num_threads(before)
