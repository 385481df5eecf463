"""Synthetic sets: rows whose shape, clusters or factors are declared, so that a map can be held against the truth."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from latentatlas.data.synthetic.coloured_digits import coloured_digits
from latentatlas.data.synthetic.factor_images import factor_images
from latentatlas.data.synthetic.gaussians import blobs, three_gaussians
from latentatlas.data.synthetic.klein_bottle import flat_klein_bottle, klein_bottle
from latentatlas.data.synthetic.linked_circles import linked_circles
from latentatlas.data.synthetic.mobius_band import mobius_band
from latentatlas.data.synthetic.nested_spheres import nested_spheres
from latentatlas.data.synthetic.projective_plane import projective_plane
from latentatlas.data.synthetic.sphere import sphere
from latentatlas.data.synthetic.swiss_roll import swiss_roll, swiss_roll_hole
from latentatlas.data.synthetic.torus import flat_torus, three_torus, torus
from latentatlas.data.synthetic.truth import Geodesic, Synthetic, Truth

__all__ = [
    "Geodesic",
    "Synthetic",
    "Truth",
    "blobs",
    "coloured_digits",
    "factor_images",
    "flat_klein_bottle",
    "flat_torus",
    "klein_bottle",
    "linked_circles",
    "mobius_band",
    "nested_spheres",
    "projective_plane",
    "sphere",
    "swiss_roll",
    "swiss_roll_hole",
    "synthetic_sets",
    "three_gaussians",
    "three_torus",
    "torus",
]

_MAKERS = (
    blobs,
    three_gaussians,
    swiss_roll,
    swiss_roll_hole,
    sphere,
    torus,
    flat_torus,
    three_torus,
    mobius_band,
    klein_bottle,
    flat_klein_bottle,
    projective_plane,
    linked_circles,
    nested_spheres,
    coloured_digits,
    factor_images,
)


def synthetic_sets() -> Mapping[str, Callable[..., Synthetic]]:
    """All makers by name; each takes `rows=…` and `seed=…`, and the first line of its docstring is a title.

    >>> synthetic_sets()["torus"](rows=50, seed=1).table.x.shape
    (50, 3)
    """
    return MappingProxyType({maker.__name__: maker for maker in _MAKERS})
