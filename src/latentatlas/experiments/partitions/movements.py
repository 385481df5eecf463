"""Windows of movements as two modalities: what the accelerometer says and what the gyroscope says."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import final

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from latentatlas.core import Batch
from latentatlas.data import Table, read_table

__all__ = ["ACTIVITIES", "CHANNELS", "LENGTH", "MODALITIES", "Movements", "movements"]

MODALITIES = ("accelerometer", "gyroscope")
CHANNELS, LENGTH = 3, 128
ACTIVITIES = ("WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS", "SITTING", "STANDING", "LAYING")


@final
@dataclass(frozen=True)
class Movements:
    """Rows of people that are trained on, and of others.

    Attributes:
        train: flat windows, three channels of the accelerometer and then three of the gyroscope; activities.
        test: the same of people that are never trained on.
        subject: of each test row.
    """

    train: Batch
    test: Batch
    subject: Int[np.ndarray, " n"]

    @property
    def scale(self) -> float:
        """Root mean square deviation of a value of a window."""
        return float(self.train.x.var(dim=0).mean().sqrt())


@lru_cache(maxsize=1)
def movements(*, quick: bool) -> Movements:
    """The six activities of HAPT, its own split by subject; each sensor in units of its spread in training."""
    rows = read_table("hapt")
    rows = rows.take(np.flatnonzero(np.isin(np.asarray(rows.label), ACTIVITIES)))
    parts = [rows.take(np.flatnonzero(rows.metadata["split"] == split)) for split in ("train", "test")]
    if quick:
        rng = np.random.default_rng(0)
        parts = [
            part.take(np.sort(rng.choice(len(part), count, replace=False)))
            for part, count in zip(parts, (200, 60), strict=True)
        ]
    sensors = parts[0].x.reshape(-1, len(MODALITIES), CHANNELS * LENGTH)
    spread = np.sqrt(sensors.var(axis=0).mean(axis=1)).repeat(CHANNELS * LENGTH)
    return Movements(*(_batch(part, spread) for part in parts), subject=np.asarray(parts[1].metadata["user"]))


def _batch(rows: Table, spread: np.ndarray) -> Batch:
    return Batch(torch.from_numpy((rows.x / spread).astype(np.float32)), label=_codes(rows.label))


def _codes(label: np.ndarray | None) -> Int[Tensor, " n"]:
    return torch.tensor([ACTIVITIES.index(each) for each in np.asarray(label).tolist()])
