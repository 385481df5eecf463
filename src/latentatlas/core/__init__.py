"""Types, schedules, errors, seeds and specifications: what every other part stands on."""

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
from latentatlas.core.latent_layout import LatentLayout
from latentatlas.core.schedule import Constant, Cosine, Geometric, Logistic, OnPlateau, Ramp, Schedule
from latentatlas.core.seed import available_threads, reproducible
from latentatlas.core.spec import constructor_arguments, constructor_parameters, to_spec, type_name
from latentatlas.core.types import Batch, Charts, Edges, Latents, Map, Nuisance, Reach, ScalarField, Transformation

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
