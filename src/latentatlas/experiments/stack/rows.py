"""The rows of the study, in their principal coordinates."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from latentatlas.data import Table, load_corpus
from latentatlas.models import PCAStem

__all__ = ["COLUMNS", "SOURCES", "Rows", "rows_of"]

COLUMNS = 64
_TRAINING, _QUICK_TRAINING = 8_000, 400
_OTHERS, _QUICK_OTHERS = 2_000, 100
_KEPT_RECORDS = 10


class Rows(NamedTuple):
    """Three sets of rows, and what the coordinates keep of them.

    Attributes:
        train: for the weights.
        aside: for the stop rule.
        test: for the tables.
        kept: share of the variance of the test rows in their coordinates.
    """

    train: Float[Tensor, "n features"]
    aside: Float[Tensor, "m features"]
    test: Float[Tensor, "k features"]
    kept: float


@lru_cache(maxsize=2)
def rows_of(source: str, *, quick: bool) -> Rows:
    """The first principal coordinates of a sample; heartbeats of whole records stay together."""
    table = load_corpus(source)
    counts = (_QUICK_TRAINING, _QUICK_OTHERS) if quick else (_TRAINING, _OTHERS)
    parts = SOURCES[source].split(table, *counts)
    train, aside, test = (torch.from_numpy(np.ascontiguousarray(table.x[part], np.float32)) for part in parts)
    stem = PCAStem(train.shape[1], COLUMNS).fit(train)
    left = (test - stem.inverse(stem(test))).square().sum() / (test - stem.mean).square().sum()
    return Rows(stem(train), stem(aside), stem(test), 1 - float(left))


def _at_random(table: Table, training: int, others: int) -> tuple[Int[np.ndarray, " n"], ...]:
    """The other two share what training leaves of a small table."""
    others = min(others, (len(table) - training) // 2)
    order = np.random.default_rng(0).permutation(len(table))
    return order[:training], order[training : training + others], order[training + others : training + 2 * others]


def _by_record(table: Table, training: int, others: int) -> tuple[Int[np.ndarray, " n"], ...]:
    """Some records for the stop rule, some for the tables, the rest for training."""
    rng = np.random.default_rng(0)
    record = table.metadata["record"]
    names = rng.permutation(np.unique(record))
    groups = names[2 * _KEPT_RECORDS :], names[:_KEPT_RECORDS], names[_KEPT_RECORDS : 2 * _KEPT_RECORDS]
    sizes = (training, others, others)
    return tuple(
        rng.choice(np.flatnonzero(np.isin(record, group)), size, replace=False)
        for group, size in zip(groups, sizes, strict=True)
    )


class Source(NamedTuple):
    """What rows are called, and how they are divided."""

    title: str
    split: Callable[[Table, int, int], tuple[Int[np.ndarray, " n"], ...]]


SOURCES = {
    "mnist": Source("MNIST digits", _at_random),
    "cifar10": Source("CIFAR-10 photographs", _at_random),
    "mitbih": Source("MIT-BIH heartbeats, other records", _by_record),
}
