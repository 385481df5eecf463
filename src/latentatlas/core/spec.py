"""Objects to plain data. The constructor is the configuration; `latentatlas.build` is the way back."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from latentatlas.core.errors import SpecError

__all__ = ["constructor_arguments", "constructor_parameters", "to_spec", "type_name"]


def to_spec(obj: Any) -> Any:
    """Plain data (dict, list, str, number, bool, None) from which `build` makes an equal object.

    An object becomes `{"type": "family.Name", argument: value, ...}` with every constructor argument, read from
    the attribute of the same name.

    >>> from latentatlas.core import Ramp
    >>> to_spec(Ramp(start=0, stop=5))
    {'type': 'core.Ramp', 'start': 0, 'stop': 5, 'low': 0.0, 'high': 1.0}

    Raises:
        SpecError: if an object of a foreign library, or one that does not keep its arguments, is inside.
    """
    if isinstance(obj, np.generic):  # before float: numpy's float64 is one
        return obj.item()
    if obj is None or isinstance(obj, bool | int | float | str):
        return obj
    if isinstance(obj, Path):
        return str(obj)
    if isinstance(obj, Mapping):
        return {str(key): to_spec(value) for key, value in obj.items()}
    if isinstance(obj, list | tuple):
        return [to_spec(value) for value in obj]
    if type(obj).__module__.split(".")[0] != "latentatlas":
        raise SpecError(
            f"to_spec wants plain data or objects of latentatlas; got {type(obj).__module__}.{type(obj).__qualname__}. "
            "Pass numbers, strings, lists, dicts or a public class of latentatlas."
        )
    return {
        "type": type_name(type(obj)),
        **{name: to_spec(value) for name, value in constructor_arguments(obj).items()},
    }


def type_name(cls: type) -> str:
    """`family.Name` of a public class, for example `terms.Reconstruction`."""
    parts = cls.__module__.split(".")
    return f"{parts[1]}.{cls.__name__}" if len(parts) > 1 else cls.__name__


def constructor_parameters(cls: type) -> dict[str, inspect.Parameter]:
    """Parameters of the constructor that a class of this package defines; none where it only inherits a foreign one."""
    owner = next(base for base in cls.__mro__ if "__init__" in vars(base))
    if owner.__module__.split(".")[0] != "latentatlas":
        return {}
    return dict(inspect.signature(cls).parameters)


def constructor_arguments(obj: Any) -> dict[str, Any]:
    """The constructor arguments of an object, read from its attributes of the same names."""
    arguments = {}
    for name, parameter in constructor_parameters(type(obj)).items():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            raise SpecError(f"{type(obj).__name__} takes *{name}; a public class must name its arguments.")
        if not hasattr(obj, name):
            raise SpecError(f"{type(obj).__name__} does not keep its argument {name!r}. Store it as self.{name}.")
        arguments[name] = getattr(obj, name)
    return arguments
