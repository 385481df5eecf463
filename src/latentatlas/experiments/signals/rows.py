"""Windows of hearts and of movements, split by person, and what is done to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple, final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from latentatlas.data import DropFlat, InsideSegments, NearestEvent, Table, Windows, hold_out_groups, load_recordings
from latentatlas.data.corpora import BEAT_CLASSES
from latentatlas.data.transformations import Transformation, UniformRotation, WindowSlide

__all__ = ["Part", "Setting", "hearts", "movements"]

BEAT, SLIDE = 1080, 300  # samples at 360 Hz: 3 s, and the farthest slide
STEP = 128  # samples at 50 Hz: 2.56 s
_LEAD = "MLII"
_ACTIVITIES = ("WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS", "SITTING", "STANDING", "LAYING")
_ASIDE = 0.2  # of the people that may be trained on
_SPARSER, _FEWER = 20, 4  # steps from window to window, and from record to record, where it is only to run


class Part(NamedTuple):
    """Windows, and what is known of each.

    Attributes:
        x: with the room that the transformation needs.
        label: number of the class.
        record: which record, or person, a window is of.
    """

    x: Float[Tensor, "n channels time"]
    label: Int[Tensor, " n"]
    record: np.ndarray

    def at(self, rows: np.ndarray) -> Part:
        """Some of the windows."""
        return Part(self.x[rows], self.label[rows], self.record[rows])

    def spaced(self, per_record: int) -> Part:
        """At most so many windows of each record, evenly spaced in it."""
        own = (np.flatnonzero(self.record == name) for name in np.unique(self.record))
        return self.at(np.concatenate([rows[:: -(-len(rows) // per_record)] for rows in own]))

    def beside(self, other: Part) -> Part:
        """The windows of both."""
        joined = np.concatenate([self.record, other.record])
        return Part(torch.cat([self.x, other.x]), torch.cat([self.label, other.label]), joined)


@final
@dataclass(frozen=True, eq=False)
class Setting:
    """A task on signals, and the transformation that must not matter to it.

    Attributes:
        train: windows to learn from.
        validation: of other people of the training split; they choose, and nothing is reported of them.
        test: of the people of the test split.
        classes: names of the labels.
        transformation: of the windows.
    """

    train: Part
    validation: Part
    test: Part
    classes: tuple[str, ...]
    transformation: Transformation

    @property
    def shape(self) -> tuple[int, int]:
        """(channels, length) of a window as a model sees it."""
        one = self.train.x[:1]
        channels, length = self.transformation.apply(one, self.transformation.identity(1)).shape[1:]
        return channels, length

    def joined(self) -> Setting:
        """The same, trained on the windows that chose too: for figures, when all is chosen."""
        return replace(self, train=self.train.beside(self.validation))


@cache
def hearts(*, quick: bool = False) -> Setting:
    """MIT-BIH, lead MLII: windows of 3 s and the class of the beat in their middle; slides of up to 300 samples.

    DS1 is for training (a fifth of its people chooses), DS2 for testing. Windows of training overlap, those of testing
    share no sample even when slid. Units: (signal − median) / (99th − 1st percentile) of the whole record. The 10
    windows around a beat of class Q and windows without any signal are left out.
    """
    parts = {}
    for split, stride in (("train", BEAT // 3), ("test", BEAT + SLIDE)):
        records = load_recordings("mitbih", split)[:: _FEWER if quick else 1]
        scaled = [record.pick([_LEAD]).scaled().relabelled(BEAT_CLASSES) for record in records]
        step = _SPARSER * stride if quick else stride
        windows = Windows(BEAT, step, room=(0, SLIDE), placement=NearestEvent(), flat=DropFlat())
        table = windows(scaled)
        parts[split] = table.take(_labels(table) != "Q")
    return _setting(parts, ("N", "S", "V", "F"), WindowSlide(BEAT, after=SLIDE), by="record")


@cache
def movements(*, quick: bool = False) -> Setting:
    """HAPT: windows of 128 samples inside six activities, half of each shared with the next; turns drawn from SO(3).

    The split is its own, by person; a fifth of the people of training chooses. Acceleration in g, rotation in rad/s.
    """
    windows = Windows(STEP, STEP // 2 * (_SPARSER if quick else 1), placement=InsideSegments())
    parts = {split: windows(load_recordings("hapt", split)) for split in ("train", "test")}
    parts = {split: table.take(np.isin(_labels(table), _ACTIVITIES)) for split, table in parts.items()}
    return _setting(parts, _ACTIVITIES, UniformRotation(), by="subject")


def _setting(parts: dict[str, Table], classes: Sequence[str], transformation: Transformation, *, by: str) -> Setting:
    train, validation = hold_out_groups(parts["train"], "subject", share=_ASIDE)
    each = [_part(table, classes, by) for table in (train, validation, parts["test"])]
    return Setting(*each, classes=tuple(classes), transformation=transformation)


def _part(table: Table, classes: Sequence[str], by: str) -> Part:
    number = {name: code for code, name in enumerate(classes)}
    assert table.item_shape is not None
    return Part(
        torch.from_numpy(table.x.reshape(-1, *table.item_shape)),
        torch.tensor([number[label] for label in _labels(table).tolist()]),
        np.asarray(table.metadata[by]),
    )


def _labels(table: Table) -> np.ndarray:
    assert table.label is not None
    return table.label
