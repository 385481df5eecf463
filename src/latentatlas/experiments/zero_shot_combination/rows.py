"""The rows of the study: coloured shapes, some combinations of which are kept from training."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import NamedTuple, final

import numpy as np
import torch
from torch import Tensor

from latentatlas.core import Batch

__all__ = [
    "COLOURS",
    "DEGREES",
    "EVERYTHING",
    "PIXELS",
    "SHAPES",
    "Degree",
    "Pairs",
    "code_of",
    "colour_of",
    "draw",
    "gray",
    "label_of",
    "pair",
    "permuted",
]

SHAPES = ("square", "circle", "triangle")
COLOURS = ("red", "blue", "green")
PIXELS = 12

# Equal sums, so that gray images do not tell them apart; six different orders each, and none is an order of another.
_CODES = np.array([[0.9, 0.2, 0.1], [0.1, 0.25, 0.85], [0.3, 0.8, 0.1]], np.float32)
_COMBINATIONS = frozenset((shape, colour) for shape in range(3) for colour in range(3))
_PLACES, _RADII, _LIGHTS = (0.4, 0.6), (0.26, 0.38), (0.6, 1.0)


@final
@dataclass(frozen=True)
class Degree:
    """Which combinations of a shape and a colour are kept from training.

    Attributes:
        title: for the page.
        unseen: numbers of shape and colour.
    """

    title: str
    unseen: frozenset[tuple[int, int]]

    @property
    def seen(self) -> list[tuple[int, int]]:
        """The others."""
        return sorted(_COMBINATIONS - self.unseen)

    @staticmethod
    def named(combinations: list[tuple[int, int]]) -> list[str]:
        """Combinations in words.

        >>> Degree.named([(1, 0)])
        ['red circle']
        """
        return [f"{COLOURS[colour]} {SHAPES[shape]}" for shape, colour in combinations]


_OWN = frozenset((which, which) for which in range(3))
DEGREES = {
    "confounded": Degree("Each colour with one shape", _COMBINATIONS - _OWN),
    "one left out": Degree("Each colour with two of three shapes", frozenset((((c + 1) % 3), c) for c in range(3))),
}
EVERYTHING = Degree("All combinations", frozenset())


class Pairs(NamedTuple):
    """Rows to combine, and what should come out.

    Attributes:
        source: has the shape, place, size and light that are wanted, in a seen colour.
        donor: has the colour that is wanted, on a seen shape.
        target: the image of both, an unseen combination.
    """

    source: Batch
    donor: Batch
    target: Batch


def draw(combinations: list[tuple[int, int]], each: int, rng: np.random.Generator) -> Batch:
    """So many images of each combination; place, size and light are drawn evenly.

    Images are flattened, channels last, in [0, 1]. The nuisance `colour` is a number, `code` its three channels.

    >>> rows = draw([(0, 0), (1, 2)], 2, np.random.default_rng(0))
    >>> tuple(rows.x.shape), rows.label.tolist(), colour_of(rows).tolist()
    ((4, 432), [0, 0, 1, 1], [0, 0, 2, 2])
    """
    shape, colour = np.repeat(np.array(combinations), each, axis=0).T
    return _batch(shape, colour, _layouts(len(shape), rng))


def pair(degree: Degree, each: int, rng: np.random.Generator) -> Pairs:
    """So many pairs for every unseen combination of a degree."""
    shape, colour = np.repeat(np.array(sorted(degree.unseen)), each, axis=0).T
    layouts = _layouts(len(shape), rng)
    before = np.array([rng.choice([c for s, c in degree.seen if s == wanted]) for wanted in shape])
    lender = np.array([rng.choice([s for s, c in degree.seen if c == wanted]) for wanted in colour])
    return Pairs(
        source=_batch(shape, before, layouts),
        donor=_batch(lender, colour, _layouts(len(shape), rng)),
        target=_batch(shape, colour, layouts),
    )


def permuted(rows: Batch) -> Batch:
    """Every row with its channels in all six orders; each order of a colour is a colour of its own."""
    orders = [list(order) for order in permutations(range(3))]
    images, codes, count = rows.x.reshape(len(rows.x), -1, 3), code_of(rows), len(orders)
    number = torch.cat([colour_of(rows) * count + which for which in range(count)])
    return Batch(
        x=torch.cat([images[..., order].flatten(1) for order in orders]),
        label=label_of(rows).repeat(count),
        nuisance={"colour": number, "code": torch.cat([codes[:, order] for order in orders])},
    )


def gray(rows: Batch) -> Batch:
    """Every channel the mean of all three: the colour is gone."""
    images = rows.x.reshape(len(rows.x), -1, 3)
    return rows._replace(x=images.mean(dim=2, keepdim=True).expand_as(images).flatten(1))


def label_of(rows: Batch) -> Tensor:
    """The number of the shape."""
    assert rows.label is not None
    return rows.label


def colour_of(rows: Batch) -> Tensor:
    """The number of the colour."""
    assert isinstance(rows.nuisance, dict)
    return rows.nuisance["colour"]


def code_of(rows: Batch) -> Tensor:
    """The channels of the colour."""
    assert isinstance(rows.nuisance, dict)
    return rows.nuisance["code"]


def _layouts(rows: int, rng: np.random.Generator) -> np.ndarray:
    """Place across and down, size, light."""
    low, high = np.array([_PLACES, _PLACES, _RADII, _LIGHTS]).T
    return rng.uniform(low, high, (rows, 4))


def _batch(shape: np.ndarray, colour: np.ndarray, layouts: np.ndarray) -> Batch:
    painted = _covered(shape, layouts)[..., None] * _CODES[colour][:, None, :]
    return Batch(
        x=torch.from_numpy(painted.reshape(len(shape), -1).astype(np.float32)),
        label=torch.from_numpy(shape.astype(np.int64)),
        nuisance={"colour": torch.from_numpy(colour.astype(np.int64)), "code": torch.from_numpy(_CODES[colour])},
    )


def _covered(shape: np.ndarray, layouts: np.ndarray) -> np.ndarray:
    """Light times the covered part of each pixel: ½ − its distance from the outline in pixels, cut to 0 … 1."""
    middle = (np.arange(PIXELS) + 0.5) / PIXELS
    across, down = (axis.ravel() for axis in np.meshgrid(middle, middle))
    x, y, radius, light = layouts.T[:, :, None]
    right, up = (across - x) / radius, (y - down) / radius
    square = np.maximum(np.abs(right), np.abs(up)) - 0.8
    circle = np.hypot(right, up) - 0.9
    triangle = np.maximum(-0.6 - up, 0.5 * up + np.sqrt(0.75) * np.abs(right) - 0.6)
    outline = np.stack([square, circle, triangle])[shape, np.arange(len(shape))]
    return light * np.clip(0.5 - outline * radius * PIXELS, 0, 1)
