"""The error family. Every message says who wanted what, what came, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["AtlasError", "DataError", "MissingInput", "ShapeError", "SpecError", "StoreError", "did_you_mean"]


class AtlasError(ValueError):
    """Base of all errors that latentatlas raises on purpose; also a `ValueError`."""


class ShapeError(AtlasError):
    """An array has the wrong number of rows, columns or axes."""


class MissingInput(AtlasError):
    """A term, metric or check needs a field that was not given."""


class DataError(AtlasError):
    """The data cannot be used as they are: NaN, text where numbers belong, an unknown column or corpus."""


class SpecError(AtlasError):
    """A specification (plain data) names something that does not exist or has a wrong argument."""


class StoreError(AtlasError):
    """A run folder is missing, damaged, in the way, or of another version."""


def did_you_mean(name: object, choices: Iterable[object]) -> str:
    """One sentence that names the closest choice, or lists what there is.

    >>> did_you_mean("lable", ["label", "text"])
    "Did you mean 'label'?"
    >>> did_you_mean("zzz", ["label", "text"])
    'There are: label, text.'
    """
    names = [str(choice) for choice in choices]
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]!r}?"
    if not names:
        return "There are none."
    shown = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    return f"There are: {shown}."
