"""The error family. Every message says who wanted what, what came, and what to do."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable
from types import ModuleType

__all__ = [
    "AtlasError",
    "DataError",
    "MissingInput",
    "ShapeError",
    "SpecError",
    "StoreError",
    "did_you_mean",
    "require_extra",
]


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


def require_extra(package: str, extra: str, *, who: str) -> ModuleType:
    """The module of a package that only an extra installs.

    Args:
        package: name of the distribution; the module has the same name with `_` for `-`.
        extra: the extra of latentatlas that installs it.
        who: named in the error message.

    Raises:
        SpecError: with the install line, if the package is not there.

    >>> require_extra("numpy", "text", who="SentenceEncoder").__name__
    'numpy'
    >>> require_extra("no-such-package", "text", who="SentenceEncoder")
    Traceback (most recent call last):
    latentatlas.core.errors.SpecError: SentenceEncoder wants the package no-such-package; it is not installed. ...
    """
    module = package.replace("-", "_")
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise SpecError(
            f"{who} wants the package {package}; it is not installed. Install it: pip install 'latentatlas[{extra}]'."
        ) from error
