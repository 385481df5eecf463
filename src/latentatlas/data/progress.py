"""Long readings report how far they are to whoever listens; by default nobody does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["listening", "tell"]

Listener = Callable[[str, int, int], None]
"""Takes what is being done ("Decoding images"), how many are done, and of how many."""


def _silent(what: str, done: int, total: int) -> None:
    pass


_listener: ContextVar[Listener] = ContextVar("latentatlas.data.progress", default=_silent)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """While the block runs, readings of this thread call `listener(what, done, total)`.

    >>> with listening(print):
    ...     tell("Decoding images", 3, 10)
    Decoding images 3 10
    """
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def tell(what: str, done: int, total: int) -> None:
    """Report to the listener; for readers."""
    _listener.get()(what, done, total)
