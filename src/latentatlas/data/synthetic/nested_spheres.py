"""Ten small spheres inside a large one, in 101 dimensions."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from latentatlas.data.synthetic.drawing import generator, observe, unit_rows
from latentatlas.data.synthetic.truth import Synthetic, Truth

__all__ = ["nested_spheres"]

_SMALL, _DIMENSION = 10, 100
_RADII = np.array([5.0] * _SMALL + [25.0])


def nested_spheres(rows: int = 10_000, *, noise: float = 0.0, ambient: int | None = None, seed: int = 0) -> Synthetic:
    """Ten spheres inside a large one in 101 dimensions (SPHERES of Topological Autoencoders).

    All are 100-dimensional: ten of radius 5 whose centres are normal with standard deviation 10/√100 = 1 on every
    axis (so about 10 from 0), and one of radius 25 around 0. Half of the rows lie on the large sphere (label 10), the
    others in equal parts on the small ones (labels 0 to 9), in random order. No two spheres touch: centres for which
    they would are drawn again.

    Args:
        rows: number of points, at least 20; the reference has 10,000.
        noise: standard deviation of the normal noise on every feature.
        ambient: features after a random lift that keeps all distances; None stays at 101.
        seed: of the random numbers; equal seeds give equal bits. (The reference draws with another generator, so its
            points are not these; all its numbers are.)

    Cost: O(rows · features).

    Raises:
        SpecError: if `rows` < 20, `noise` < 0, `ambient` < 101 or `seed` < 0.

    References:
        M. Moor, M. Horn, B. Rieck, K. Borgwardt, Topological Autoencoders, ICML 2020, section 5.1 and its code.

    >>> np.bincount(nested_spheres(40).table.label).tolist()
    [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 20]
    """
    rng = generator("nested_spheres", rows, least=2 * _SMALL, seed=seed)
    centres = np.vstack([_apart(rng), np.zeros(_DIMENSION + 1)])
    each = rows // (2 * _SMALL)
    labels = rng.permutation(np.repeat(np.arange(_SMALL + 1), [each] * _SMALL + [rows - _SMALL * each]))
    directions = unit_rows(rng.standard_normal((rows, _DIMENSION + 1)))
    betti = (_SMALL + 1, *[0] * (_DIMENSION - 1), _SMALL + 1)
    truth = Truth(
        dimension=_DIMENSION,
        betti={2: betti, 3: betti},
        orientable=True,
        charts=2 * (_SMALL + 1),
        labels=labels,
        centres=centres,
    )
    points = centres[labels] + _RADII[labels, None] * directions
    return observe("nested_spheres", points, truth, noise=noise, ambient=ambient, rng=rng)


def _apart(rng: np.random.Generator) -> Float[np.ndarray, "small features"]:
    """Centres of small spheres that touch neither each other nor the large one."""
    while True:
        centres = rng.standard_normal((_SMALL, _DIMENSION + 1))
        between = np.linalg.norm(centres[:, None] - centres, axis=2)[np.triu_indices(_SMALL, 1)]
        if between.min() > 2 * _RADII[0] and np.linalg.norm(centres, axis=1).max() < _RADII[-1] - _RADII[0]:
            return centres
