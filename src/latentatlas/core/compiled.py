"""Loops over numbers as machine code, where numba is installed (extra `fast`)."""

from __future__ import annotations

import functools
import importlib.util
import inspect
from collections.abc import Callable
from typing import Any

__all__ = ["compiled"]


@functools.cache
def compiled(loop: Callable[..., Any]) -> Callable[..., Any] | None:
    """A loop as machine code, compiled when first called, that other threads run beside; None without numba.

    NaN must not reach it: without them minima are found in vectors.
    """
    if importlib.util.find_spec("numba") is None:
        return None
    from numba import njit

    numbers = {"nnan", "nsz", "contract"}
    try:
        return njit(cache=True, nogil=True, fastmath=numbers)(inspect.unwrap(loop))
    except RuntimeError:  # there is no folder in which compiled code may be kept
        return njit(nogil=True, fastmath=numbers)(inspect.unwrap(loop))
