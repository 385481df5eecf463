"""Small pictures of one shape each, of which everything that varies is known."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from jaxtyping import Float, Float32, Int

from latentatlas.data.synthetic.drawing import generator, noisy, require
from latentatlas.data.synthetic.truth import Synthetic, Truth
from latentatlas.data.table import Table

__all__ = ["factor_images"]

_SHAPES = np.array(["triangle", "ell", "half_disc"])
_SCALES = np.array([0.55, 0.7, 0.85, 1.0])
_ORIENTATIONS = 2 * np.pi / 16 * np.arange(16)
_PLACES = np.linspace(0.28, 0.72, 8)
_GRID = (len(_SHAPES), len(_SCALES), len(_ORIENTATIONS), len(_PLACES), len(_PLACES))
_REACH = 0.2  # radius of the largest shape, in widths of the picture
_BLOCK = 512


def factor_images(rows: int = 4096, *, pixels: int = 32, noise: float = 0.0, seed: int = 0) -> Synthetic:
    """Pictures of one white shape on black, with shape, scale, orientation and place declared.

    All combinations of 3 shapes × 4 scales × 16 orientations × 8 × 8 places are 12,288 pictures, of which `rows` are
    drawn without repetition and kept in the order of the grid. No shape looks the same after less than a full turn, so
    different factors always give different pictures. Values are the covered part of each pixel, 0 … 1.

    Scale, orientation, x and y could vary continuously: the pictures of one shape lie on a four-dimensional set.

    Args:
        rows: number of pictures, 1 to 12,288.
        pixels: height and width of a picture, at least 16.
        noise: standard deviation of normal noise on every pixel.
        seed: of the random numbers; equal seeds give equal bits.

    Returns:
        The table has the shape as label and all factors as metadata: scale (1 is the largest), orientation (radians,
        counterclockwise), x and y (widths of the picture from its left and upper edge). The same are `truth.factors`.

    Cost: O(rows · pixels²).

    Raises:
        SpecError: if `rows` is not in 1 … 12,288, `pixels` < 16, `noise` < 0 or `seed` < 0.

    References:
        L. Matthey, I. Higgins, D. Hassabis, A. Lerchner, dSprites, 2017: the idea; shapes and numbers are our own.

    >>> made = factor_images(12_288)
    >>> made.table.x.shape, made.truth.dimension, [len(set(values)) for values in made.truth.factors.values()]
    ((12288, 1024), 4, [3, 4, 16, 8, 8])
    """
    rng = generator("factor_images", rows, least=1, seed=seed)
    combinations = int(np.prod(_GRID))
    require(rows <= combinations, "factor_images", f"at most {combinations} rows, all combinations", rows)
    require(isinstance(pixels, Integral) and pixels >= 16, "factor_images", "pixels as an integer ≥ 16", repr(pixels))
    shape, scale, orientation, x, y = np.unravel_index(np.sort(rng.choice(combinations, rows, replace=False)), _GRID)
    parameters = np.column_stack([_SCALES[scale], _ORIENTATIONS[orientation], _PLACES[x], _PLACES[y]])
    names = ("scale", "orientation", "x", "y")
    factors = {"shape": _SHAPES[shape], **dict(zip(names, parameters.T, strict=True))}
    table = Table(
        noisy("factor_images", _drawn(shape, parameters, pixels), noise=noise, rng=rng),
        label=factors["shape"],
        metadata={name: factors[name] for name in names},
        name="factor_images",
        item_shape=(pixels, pixels),
    )
    truth = Truth(
        dimension=4, parameters=parameters, parameter_names=names, labels=shape.astype(np.int64), factors=factors
    )
    return Synthetic(table, truth)


def _drawn(
    shape: Int[np.ndarray, " n"], parameters: Float[np.ndarray, "n 4"], pixels: int
) -> Float32[np.ndarray, "n values"]:
    """Flattened pictures: a pixel is covered by ½ − its signed distance from the outline (in pixels), cut to 0 … 1."""
    drawn = np.empty((len(shape), pixels**2), np.float32)
    middle = (np.arange(pixels) + 0.5) / pixels
    across, down = (axis.ravel() for axis in np.meshgrid(middle, middle))
    for start in range(0, len(shape), _BLOCK):
        block = slice(start, start + _BLOCK)
        scale, orientation, x, y = parameters[block, :, None].transpose(1, 0, 2)
        right, up = across - x, y - down
        along = (right * np.cos(orientation) + up * np.sin(orientation)) / (_REACH * scale)
        beside = (up * np.cos(orientation) - right * np.sin(orientation)) / (_REACH * scale)
        outlines = np.stack([_triangle(along, beside), _ell(along, beside), _half_disc(along, beside)])
        distance = outlines[shape[block], np.arange(len(along))] * _REACH * scale * pixels
        drawn[block] = np.clip(0.5 - distance, 0, 1)
    return drawn


# Signed distance to the outline of a shape within the unit circle, in its own axes; below 0 inside.


def _triangle(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A long triangle that points along x."""
    sides = (0.6 * x + 1.6 * np.abs(y) - 0.6) / np.hypot(0.6, 1.6)
    return np.maximum(sides, -0.6 - x)


def _ell(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The letter L."""
    upright = np.maximum(np.abs(x + 0.35) - 0.25, np.abs(y) - 0.8)
    foot = np.maximum(np.abs(x) - 0.6, np.abs(y + 0.55) - 0.25)
    return np.minimum(upright, foot)


def _half_disc(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The half of a disc on the side of x."""
    return np.maximum(np.hypot(x, y) - 0.9, -x)
