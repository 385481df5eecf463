"""What an atlas in a curved space wants of its settings and encoder."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import SpecError, to_spec
from latentatlas.geometry import Euclidean, Geometry, PoincareBall, frechet_mean
from latentatlas.graph import Neighbours
from latentatlas.models import AtlasAutoencoder, Autoencoder, CurvedEncoder, VariationalEncoder
from latentatlas.terms import Term

__all__ = [
    "check_geometry",
    "curved_centres",
    "flattened",
    "require_flat",
    "require_room",
    "spread_in",
    "told",
]

_FLAT_SPREAD = 10.0
_JUDGED = 2_048
_ROUNDS = 20


def check_geometry(atlas: Any) -> None:
    """Check that the settings of an `Atlas` go with its geometry.

    Raises:
        SpecError: for another space than a ball, or a setting that knows flat space only.
    """
    space = atlas.geometry
    if space is None or isinstance(space, Euclidean):
        return
    if not isinstance(space, PoincareBall):
        raise SpecError(
            f"Atlas wants geometry as None, Euclidean() or PoincareBall(); got {space!r}. Train other spaces with "
            "train.fit and terms that take a geometry."
        )
    for name, instead in (("layout", "blocks are of flat axes"), ("charts", "their frame is flat")):
        if getattr(atlas, name) is not None:
            raise SpecError(f"Atlas wants {name} or a geometry; got both, and {instead}. Leave one of the two out.")
    if isinstance(atlas.encoder, VariationalEncoder):
        raise SpecError(
            "Atlas wants a plain encoder in a ball; got a VariationalEncoder, whose draws are flat. Pass its encoder."
        )
    for name in ("neighbour_term", "basin_term"):
        _check_term(name, getattr(atlas, name), space)


def _check_term(name: str, choice: Any, space: Geometry) -> None:
    term = choice[0] if isinstance(choice, tuple | list) and choice else choice
    measured = getattr(term, "geometry", None) if isinstance(term, Term) else None
    if measured is not None and to_spec(measured) != to_spec(space):
        raise SpecError(
            f"Atlas wants {name} in the geometry of the atlas, {told(space)}; got {type(term).__name__} in "
            f"{told(measured)}. Pass the same geometry to both."
        )


@torch.no_grad()
def require_room(model: Autoencoder | AtlasAutoencoder, x: Float[Tensor, "n features"]) -> None:
    """Before training rows must lie inside of what the precision of a curved space can hold.

    Raises:
        SpecError: for an encoder that puts most rows at its end.
    """
    encoder = model.encoder
    if not isinstance(encoder, CurvedEncoder):
        return
    v = encoder.encoder(x[:_JUDGED])
    kept = encoder.geometry.vector(encoder.geometry.point(v))
    beyond = float(((v - kept).norm(dim=1) > 0.1 * v.norm(dim=1)).double().mean())
    if beyond > 0.5:
        raise SpecError(
            f"Atlas wants an encoder that starts inside of the ball; {type(encoder.encoder).__name__} puts "
            f"{beyond:.0%} of the rows at the rim, where all directions look alike. Give it "
            f"spread={spread_in(encoder.geometry):.3g}."
        )


def require_flat(space: Geometry, *, who: str, instead: str) -> None:
    """For what is defined in flat space alone.

    Raises:
        SpecError: in a curved one.
    """
    if not isinstance(space, Euclidean):
        raise SpecError(f"{who} wants a flat latent; this atlas lies in {told(space)}. {instead}")


def spread_in(space: Geometry) -> float:
    """The scale at which encoders start: in a ball rows then lie some two radii of curvature from the centre."""
    return space.curvature**-0.5 if isinstance(space, PoincareBall) else _FLAT_SPREAD


def flattened(near: Neighbours, space: Geometry) -> Neighbours:
    """With the radii of flat circles that have the areas of those of the plane: density is rows by area.

    A circle of radius r has the area 4π/c sinh²(√c r/2) in the hyperbolic plane, that of a flat one of radius
    2/√c sinh(√c r/2).
    """
    if not isinstance(space, PoincareBall):
        return near
    root = np.sqrt(space.curvature)
    return replace(near, distances=(2 / root * np.sinh(root / 2 * near.distances)).astype(np.float32))


def curved_centres(z: np.ndarray, groups: np.ndarray, count: int, seed: int, space: Geometry) -> np.ndarray:
    """k-means of a curved space, from the means of groups, or from random rows where these are not `count`.

    A centre whose rows have all gone to others stays where it was. O(rounds n count dim).
    """
    rows = torch.from_numpy(z).double()
    if groups.max() + 1 == count:
        centres = _means(rows, torch.from_numpy(groups.astype(np.int64)), rows[:count], space)
    else:
        chosen = np.random.default_rng(seed).choice(len(z), count, replace=False)
        centres = rows[torch.from_numpy(chosen)]
    group = torch.full((len(rows),), -1)
    for _ in range(_ROUNDS):
        nearest = space.dist(rows[:, None], centres[None]).argmin(dim=1)
        if torch.equal(nearest, group):
            break
        group, centres = nearest, _means(rows, nearest, centres, space)
    return centres.float().numpy()


def _means(rows: Tensor, group: Tensor, otherwise: Tensor, space: Geometry) -> Tensor:
    """Of the rows of each group; for a group without rows `otherwise`."""
    groups = [rows[group == number] for number in range(len(otherwise))]
    return torch.stack(
        [frechet_mean(inside, space) if len(inside) else kept for inside, kept in zip(groups, otherwise, strict=True)]
    )


def told(space: Geometry) -> str:
    """A geometry in words."""
    if isinstance(space, PoincareBall):
        return f"a Poincaré ball of curvature −{space.curvature:g}"
    return "flat space" if isinstance(space, Euclidean) else type(space).__name__
