"""What a study may be told about images, each said in its table: strokes have edges, slant and place mean nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol, final

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

__all__ = ["AsIs", "Look", "OrientedEdges", "grey", "moved", "upright"]

_BLOCK_ROWS = 2_048
_BINS, _POOL, _STRIDE = 8, 6, 3
_SHARPNESS = 4
_TINY = 1e-6


class Look(Protocol):
    """How rows are looked at before neighbours are sought; nothing is fitted."""

    def __call__(self, x: Float[np.ndarray, "n features"]) -> Float[np.ndarray, "n seen"]:
        """Other columns of the same rows."""
        ...


@final
class AsIs:
    """No prior: the rows themselves."""

    def __call__(self, x: Float[np.ndarray, "n features"]) -> Float[np.ndarray, "n features"]:
        """The same rows."""
        return x


@final
class OrientedEdges:
    """Where an image has edges, and which way they run: a histogram of eight directions in overlapping windows.

    Blurred grey values have a gradient g at every pixel. Direction u_b takes ‖g‖ · max(0, cos∠(g, u_b))⁴ of it; windows
    of 6 × 6 pixels, 3 apart, take the mean, and rows are divided by their norm, then rooted. Small shifts
    matter little.

    Args:
        shape: (height, width) or (height, width, channels) of a row.
        straighten: make strokes upright and central first (`upright`), which a photograph does not want.

    Cost: O(n pixels).

    An image that is brighter to the right has edges that look to the right, direction 0:

    >>> ramp = np.tile(np.arange(12, dtype=np.float32), 12)[None]
    >>> seen = OrientedEdges((12, 12))(ramp).reshape(8, 3, 3)
    >>> int(seen[:, 1, 1].argmax()), round(float(np.square(seen).sum(axis=(1, 2)).argmax()), 1)
    (0, 0.0)

    References:
        Dalal & Triggs, Histograms of oriented gradients for human detection, CVPR 2005.
    """

    def __init__(self, shape: Sequence[int], *, straighten: bool = False):
        self.shape = tuple(shape)
        self.straighten = straighten

    def __call__(self, x: Float[np.ndarray, "n features"]) -> Float[np.ndarray, "n seen"]:
        """The histograms."""
        blocks = torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32)).split(_BLOCK_ROWS)
        return torch.cat([self._seen(grey(block, self.shape)) for block in blocks]).numpy()

    def _seen(self, images: Float[Tensor, "n 1 height width"]) -> Float[Tensor, "n seen"]:
        if self.straighten:
            images = upright(images)
        blurred = F.avg_pool2d(F.pad(images, (2, 2, 2, 2)), 3, 1)
        across = blurred[:, :, 1:-1, 2:] - blurred[:, :, 1:-1, :-2]
        down = blurred[:, :, 2:, 1:-1] - blurred[:, :, :-2, 1:-1]
        angle = torch.arange(_BINS).mul(2 * math.pi / _BINS)[:, None, None]
        length = (across.square() + down.square()).sqrt() + _TINY
        share = ((across * angle.cos() + down * angle.sin()) / length).clamp(min=0) ** _SHARPNESS
        pooled = F.avg_pool2d(share * length, _POOL, _STRIDE).flatten(1)
        return (pooled / pooled.norm(dim=1, keepdim=True).clamp(min=_TINY)).sqrt()


def grey(x: Float[Tensor, "n features"], shape: Sequence[int]) -> Float[Tensor, "n 1 height width"]:
    """Flattened images as one channel, colours averaged."""
    images = x.reshape(len(x), *shape)
    return (images.mean(dim=3) if images.ndim == 4 else images)[:, None]


def upright(images: Float[Tensor, "n 1 height width"]) -> Float[Tensor, "n 1 height width"]:
    """Images sheared until ink has no slant (covariance of columns and rows 0) and moved until its mean is central.

    >>> slanted = torch.eye(5)[None, None]
    >>> upright(slanted)[0, 0].sum(dim=0).argmax().item()  # a diagonal becomes the middle column
    2
    """
    n, _, height, width = images.shape
    row = torch.linspace(-1, 1, height) * (1 - 1 / height)
    column = torch.linspace(-1, 1, width) * (1 - 1 / width)
    ink = images[:, 0]
    mass = ink.sum(dim=(1, 2)).clamp(min=_TINY)
    down, across = ink.sum(dim=2) @ row / mass, ink.sum(dim=1) @ column / mass
    dy, dx = row - down[:, None], column - across[:, None]
    together = torch.einsum("nij,ni,nj->n", ink, dy, dx) / mass
    tall = (ink.sum(dim=2) * dy.square()).sum(dim=1) / mass
    maps = images.new_zeros(n, 2, 3)
    maps[:, 0, 0] = maps[:, 1, 1] = 1
    maps[:, 0, 1] = together / tall.clamp(min=_TINY)
    maps[:, 0, 2], maps[:, 1, 2] = across, down
    return _warped(images, maps)


def moved(images: Float[Tensor, "n channels height width"]) -> Float[Tensor, "n channels height width"]:
    """Each image seen anew: turned by up to 12°, sheared by .15, scaled by .1 and shifted by a fourteenth of its side.

    Draws from torch's generator. Nothing is mirrored: a mirrored digit is none.
    """
    n = len(images)
    angle, scale, shear = (_between(n, most) for most in (math.radians(12), 0.1, 0.15))
    maps = images.new_zeros(n, 2, 3)
    maps[:, 0, 0] = maps[:, 1, 1] = angle.cos() * (1 + scale)
    maps[:, 0, 1] = shear - angle.sin() * (1 + scale)
    maps[:, 1, 0] = angle.sin() * (1 + scale)
    maps[:, 0, 2], maps[:, 1, 2] = _between(n, 1 / 7), _between(n, 1 / 7)
    return _warped(images, maps)


def _between(n: int, most: float) -> Tensor:
    return (2 * torch.rand(n) - 1) * most


def _warped(images: Tensor, maps: Float[Tensor, "n 2 3"]) -> Tensor:
    grid = F.affine_grid(maps, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)
