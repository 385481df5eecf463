"""The rows of the study: two environments to train on, and one that is only tested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import torch

from latentatlas.core import Batch
from latentatlas.data import Table, encode_labels, read_table
from latentatlas.data.synthetic import coloured_digits
from latentatlas.models import PCAStem

__all__ = ["AXES", "TRACKS", "Drawn", "Track", "draw"]

AXES = 64
_ROWS = 60_000


@final
@dataclass(frozen=True)
class Track:
    """How rows are made.

    Attributes:
        title: for the page.
        label_noise: share of flipped labels; shape is right in the others, everywhere.
        agreement: of colour and label, in the two training environments and the tested one.
    """

    title: str
    label_noise: float
    agreement: tuple[float, float, float]


TRACKS = {
    "colored": Track("Colored MNIST: shape 75 %, colour 90 and 80 % in training, 10 % in test", 0.25, (0.9, 0.8, 0.1)),
    "inverse": Track("Inverse: shape 85 %, colour 80 and 70 % in training, 10 % in test", 0.15, (0.8, 0.7, 0.1)),
}


@final
@dataclass(frozen=True, eq=False)
class Drawn:
    """Training rows, and rows of the tested environment; images of two channels in [0, 1], flattened."""

    train: Batch
    test: Batch

    def gray(self) -> Drawn:
        """Both channels added up: the colour is gone."""
        return Drawn(_without_colour(self.train), _without_colour(self.test))

    def stemmed(self, axes: int = AXES) -> Drawn:
        """Principal components of the training images, all scaled alike; nothing of it is trained."""
        stem = PCAStem(self.train.x.shape[1], axes).fit(self.train.x)
        return Drawn(*(rows._replace(x=stem(rows.x)) for rows in (self.train, self.test)))

    @property
    def environment(self) -> np.ndarray:
        """Of each training row."""
        assert self.train.environment is not None
        return self.train.environment.numpy()


def draw(track: Track, *, seed: int, quick: bool) -> Drawn:
    """Rows of a track: MNIST at half the resolution, 50,000 to train on and 10,000 to test; quick, bundled digits."""
    source = None if quick else _halved(read_table("mnist"))
    made = coloured_digits(
        None if quick else _ROWS,
        source=source,
        label_noise=track.label_noise,
        agreement=track.agreement,
        seed=seed,
    ).table
    assert made.environment is not None
    tested = made.environment == made.environment.max()
    return Drawn(_batch(made, np.flatnonzero(~tested)), _batch(made, np.flatnonzero(tested)))


def _without_colour(rows: Batch) -> Batch:
    return rows._replace(x=rows.x.reshape(len(rows.x), -1, 2).sum(dim=2))


def _halved(digits: Table) -> Table:
    """Every second pixel of every second line, as in the source."""
    height, width = digits.item_shape or (0, 0)
    x = digits.x.reshape(-1, height, width)[:, ::2, ::2]
    return Table(
        np.ascontiguousarray(x.reshape(len(x), -1)), label=digits.label, name=digits.name, item_shape=x.shape[1:]
    )


def _batch(made: Table, rows: np.ndarray) -> Batch:
    assert made.label is not None
    assert made.environment is not None
    height, width, _ = made.item_shape or (0, 0, 0)
    painted = made.x[rows].reshape(len(rows), height, width, 3)[..., :2]  # blue is always 0
    return Batch(
        x=torch.from_numpy(np.ascontiguousarray(painted.reshape(len(rows), -1) / made.x.max())),
        label=torch.from_numpy(made.label[rows].astype(np.int64)),
        nuisance=torch.from_numpy(encode_labels(made.nuisance["colour"])[0][rows]),
        environment=torch.from_numpy(made.environment[rows].astype(np.int64)),
    )
