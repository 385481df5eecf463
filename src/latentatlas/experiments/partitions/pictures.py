"""Images of the study, channels first, and what happens to them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from latentatlas.core import Batch
from latentatlas.data import Table, read_table
from latentatlas.data.transformations import BrightnessContrast, Chain, CropResize, ImageRotation
from latentatlas.experiments.partitions.changes import Changes

__all__ = ["Pictures", "cifar", "mnist"]

_BRIGHTEST = 255


@final
@dataclass(frozen=True)
class Pictures:
    """Rows to train on and rows to judge by.

    Attributes:
        title: heading of its part of the page.
        shape: (channels, height, width).
        train: flat pixels from 0 to 1, and classes.
        test: the same of images that are never trained on.
        changes: what happens to them.
        told: what happens to them, in words.
    """

    title: str
    shape: tuple[int, int, int]
    train: Batch
    test: Batch
    changes: Changes
    told: str


@lru_cache(maxsize=1)
def mnist(*, quick: bool) -> Pictures:
    """Digits, turned to any side."""
    rows = read_table("mnist")
    train, test = (300, 80) if quick else (10_000, 2_000)
    shape = (1, 28, 28)
    turn = Chain({"turn": ImageRotation(math.pi)})
    return Pictures(
        "Digits, turned to any side",
        shape,
        _drawn(rows, "train", train, shape),
        _drawn(rows, "test", test, shape),
        Changes(turn, shape),
        "angles uniform on the whole circle",
    )


@lru_cache(maxsize=1)
def cifar(*, quick: bool) -> Pictures:
    """Photographs, tilted, cropped and in other light."""
    rows = read_table("cifar10")
    train, test = (300, 80) if quick else (8_000, 2_000)
    shape = (3, 32, 32)
    changes = Chain(
        {
            "turn": ImageRotation(math.pi / 6),
            "crop": CropResize(0.6),
            "light": BrightnessContrast(0.2, 1.5, colour=1.3, channels=3),
        }
    )
    chosen = np.random.default_rng(0).permutation(len(rows))
    known, new = (_batch(rows.take(part), shape) for part in (chosen[:train], chosen[-test:]))
    return Pictures(
        "Photographs, tilted, cropped and in other light",
        shape,
        known,
        new,
        Changes(changes, shape),
        "angles up to 30°, crops with a side of .6 to 1, brightness ± .2, contrast up to 1.5, each channel up to 1.3",
    )


def _drawn(rows: Table, split: str, count: int, shape: tuple[int, int, int]) -> Batch:
    there = np.flatnonzero(rows.metadata["split"] == split)
    return _batch(rows.take(np.random.default_rng(0).choice(there, count, replace=False)), shape)


def _batch(rows: Table, shape: tuple[int, int, int]) -> Batch:
    """Channels first: so do changes of images want them."""
    assert rows.item_shape is not None
    assert rows.label is not None
    return Batch(_channels_first(rows.x, rows.item_shape, shape), label=_codes(rows.label))


def _channels_first(
    x: Float[np.ndarray, "n features"], read: tuple[int, ...], shape: tuple[int, int, int]
) -> Float[Tensor, "n features"]:
    items = x.reshape(-1, *read) / _BRIGHTEST
    items = np.moveaxis(items, -1, 1) if read[-1] == shape[0] and len(read) == len(shape) else items
    return torch.from_numpy(np.ascontiguousarray(items.reshape(len(items), -1), dtype=np.float32))


def _codes(label: np.ndarray) -> Int[Tensor, " n"]:
    return torch.from_numpy(np.unique(label, return_inverse=True)[1].astype(np.int64))
