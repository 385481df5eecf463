"""What all makers share: checked arguments, uniform samples of surfaces, the lift into more dimensions, noise."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from numbers import Integral

import numpy as np
from jaxtyping import Float, Float32

from latentatlas.core import SpecError
from latentatlas.data.synthetic.truth import Synthetic, Truth
from latentatlas.data.table import Table

__all__ = ["draw_by_density", "generator", "noisy", "observe", "orthonormal", "require", "unit_rows", "wrapped"]


def require(met: bool, who: str, wanted: str, came: object) -> None:
    """Raise a `SpecError` that says who wanted what and what came, unless the condition is met."""
    if not met:
        raise SpecError(f"{who} wants {wanted}; got {came}. Change that argument.")


def generator(who: str, rows: int, *, least: int, seed: int) -> np.random.Generator:
    """The random numbers of a maker, once rows and seed are found to be sensible."""
    require(isinstance(rows, Integral) and rows >= least, who, f"rows as an integer ≥ {least}", repr(rows))
    require(isinstance(seed, Integral) and seed >= 0, who, "seed as an integer ≥ 0", repr(seed))
    return np.random.default_rng(seed)


def unit_rows(x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """Rows divided by their lengths; normal rows become uniform on the sphere."""
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def orthonormal(rng: np.random.Generator, rows: int, columns: int) -> Float[np.ndarray, "rows columns"]:
    """A matrix with orthonormal rows (rows ≤ columns), uniform among them."""
    q, r = np.linalg.qr(rng.standard_normal((columns, rows)))
    return (q * np.sign(np.diag(r))).T


def draw_by_density(
    rng: np.random.Generator,
    rows: int,
    density: Callable[[Float[np.ndarray, "m p"]], Float[np.ndarray, " m"]],
    *,
    highest: float,
    box: tuple[tuple[float, float], ...],
) -> Float[np.ndarray, "rows p"]:
    """Points of a box, drawn in proportion to a density that is nowhere above `highest` (rejection sampling).

    With the area element of a surface as density, the points are uniform on the surface.
    """
    low, high = np.array(box).T
    kept = np.empty((0, len(low)))
    while len(kept) < rows:
        proposed = rng.uniform(low, high, (2 * rows, len(low)))
        kept = np.concatenate([kept, proposed[rng.uniform(0, highest, 2 * rows) < density(proposed)]])
    return kept[:rows]


def wrapped(angle: Float[np.ndarray, "*axes"]) -> Float[np.ndarray, "*axes"]:
    """Size of an angle on the circle, 0 … π."""
    return np.abs((angle + np.pi) % (2 * np.pi) - np.pi)


def noisy(
    who: str, x: Float[np.ndarray, "n d"], *, noise: float, rng: np.random.Generator
) -> Float32[np.ndarray, "n d"]:
    """Float32 rows with normal noise of standard deviation `noise` on every feature."""
    require(math.isfinite(noise) and noise >= 0, who, "a finite noise ≥ 0", noise)
    return np.ascontiguousarray(x + noise * rng.standard_normal(x.shape) if noise else x, dtype=np.float32)


def observe(
    name: str,
    points: Float[np.ndarray, "n d"],
    truth: Truth,
    *,
    noise: float,
    ambient: int | None,
    rng: np.random.Generator,
) -> Synthetic:
    """Exact points as rows: lifted into `ambient` dimensions by a random isometry that keeps 0, then noise.

    Distances between points do not change by the lift, so neither does the truth, except that centres move with it.
    """
    features = points.shape[1]
    require(
        ambient is None or (isinstance(ambient, Integral) and ambient >= features),
        name,
        f"ambient as None or an integer ≥ {features}",
        repr(ambient),
    )
    if ambient is not None:
        lift = orthonormal(rng, features, ambient)
        points = points @ lift
        truth = replace(truth, centres=None if truth.centres is None else truth.centres @ lift)
    known = {} if truth.parameters is None else dict(zip(truth.parameter_names, truth.parameters.T, strict=True))
    table = Table(noisy(name, points, noise=noise, rng=rng), label=truth.labels, metadata=known, name=name)
    return Synthetic(table, truth)
