"""Types, schedules, errors, seeds and specifications: what every other part stands on.

What needs torch is loaded when it is first used: a run folder is read and served without it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from latentatlas.core.compiled import compiled
from latentatlas.core.errors import (
    AtlasError,
    DataError,
    MissingInput,
    ShapeError,
    SpecError,
    StoreError,
    did_you_mean,
    require_extra,
)
from latentatlas.core.schedule import Constant, Cosine, Geometric, Logistic, OnPlateau, Ramp, Schedule
from latentatlas.core.spec import constructor_arguments, constructor_parameters, to_spec, type_name

if TYPE_CHECKING:
    from latentatlas.core.latent_layout import LatentLayout
    from latentatlas.core.seed import available_threads, reproducible
    from latentatlas.core.types import Batch, Charts, Edges, Latents, Map, Nuisance, Reach, ScalarField, Transformation

_LAZY = {
    "LatentLayout": "latent_layout",
    "available_threads": "seed",
    "reproducible": "seed",
    **dict.fromkeys(
        ("Batch", "Charts", "Edges", "Latents", "Map", "Nuisance", "Reach", "ScalarField", "Transformation"), "types"
    ),
}

__all__ = [
    "AtlasError",
    "Batch",
    "Charts",
    "Constant",
    "Cosine",
    "DataError",
    "Edges",
    "Geometric",
    "LatentLayout",
    "Latents",
    "Logistic",
    "Map",
    "MissingInput",
    "Nuisance",
    "OnPlateau",
    "Ramp",
    "Reach",
    "ScalarField",
    "Schedule",
    "ShapeError",
    "SpecError",
    "StoreError",
    "Transformation",
    "available_threads",
    "compiled",
    "constructor_arguments",
    "constructor_parameters",
    "did_you_mean",
    "reproducible",
    "require_extra",
    "to_spec",
    "type_name",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"latentatlas.core.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'latentatlas.core' has no attribute {name!r}")
