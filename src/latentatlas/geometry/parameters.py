"""Which parameters of a model are points of a curved space, so that an optimiser may move them along it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from torch import nn

from latentatlas.geometry.base import Geometry
from latentatlas.geometry.euclidean import Euclidean

__all__ = ["OnManifolds", "curved_parameters"]


@runtime_checkable
class OnManifolds(Protocol):
    """A module some of whose own parameters are points of a geometry, in their last axis."""

    def manifolds(self) -> Mapping[str, Geometry]:
        """By name of the parameter: where it lives."""
        ...


def curved_parameters(module: nn.Module) -> dict[nn.Parameter, Geometry]:
    """Every parameter inside that lives in a curved space, with that space.

    >>> from latentatlas.landscape import DistanceScore, PrototypeBank
    >>> from latentatlas.geometry import PoincareBall
    >>> bank = PrototypeBank(3, 2, score=DistanceScore(geometry=PoincareBall()))
    >>> [type(space).__name__ for space in curved_parameters(nn.Sequential(bank)).values()]
    ['PoincareBall']
    >>> curved_parameters(PrototypeBank(3, 2))
    {}
    """
    found: dict[nn.Parameter, Geometry] = {}
    for part in module.modules():
        if isinstance(part, OnManifolds):
            found |= {getattr(part, name): space for name, space in part.manifolds().items()}
    return {parameter: space for parameter, space in found.items() if not isinstance(space, Euclidean)}
