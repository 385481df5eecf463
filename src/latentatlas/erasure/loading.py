"""The way back from a saved eraser."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from latentatlas.core import StoreError, did_you_mean
from latentatlas.erasure.base import Erasure
from latentatlas.erasure.kernel import KernelErasure
from latentatlas.erasure.linear import LinearErasure
from latentatlas.erasure.saving import read_erasure

__all__ = ["load_erasure"]

_KINDS: dict[str, type[Erasure]] = {cls.__name__: cls for cls in (LinearErasure, KernelErasure)}


def load_erasure(path: str | PathLike[str]) -> Erasure:
    """The erasure that `save` wrote; its transforms are bit-equal to those before.

    >>> import tempfile
    >>> from latentatlas.erasure import LinearEraser
    >>> e = LinearEraser().fit([[0.0, 1.0], [0.0, -1.0], [2.0, 1.0], [2.0, -1.0]], ["a", "a", "b", "b"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     load_erasure(e.save(f"{folder}/e.safetensors"))([[0.0, 3.0]]).round(12).tolist()
    [[1.0, 3.0]]

    Raises:
        StoreError: if the file is missing, damaged, no eraser, or of a newer version.
    """
    kind, arrays, plain = read_erasure(Path(path))
    if kind not in _KINDS:
        raise StoreError(f"load_erasure has no kind {kind!r}. {did_you_mean(kind, _KINDS)}")
    try:
        return _KINDS[kind].of_parts(arrays, plain)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise StoreError(
            f"load_erasure wants all parts of an erasure in {Path(path)}; some are missing: {error!r}. Save it again."
        ) from error
