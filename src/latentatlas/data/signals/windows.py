"""Continuous records to a table of windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, final

import numpy as np
from jaxtyping import Float

from latentatlas.core import DataError, SpecError
from latentatlas.data.signals.flat import FlatWindows, RefuseFlat
from latentatlas.data.signals.gaps import Gaps, SplitAtGaps, runs
from latentatlas.data.signals.placement import Cut, Placed, Placement, Sliding
from latentatlas.data.signals.recording import Recording
from latentatlas.data.table import Table

__all__ = ["Windows"]


class _Cuts(NamedTuple):
    """The windows of one record: their samples, and where they were."""

    samples: Float[np.ndarray, "windows channels time"]
    placed: Placed


@final
@dataclass(frozen=True)
class Windows:
    """Cuts records into windows of one length, each a row: channel after channel.

    The table has the columns `record`, `sample` (of the record, at which the window starts), `subject` where it is
    known, and the facts of the records; ids are "record:sample". No window crosses a gap.

    With room a row holds more of the record than the window: `before` samples, the window, `after` samples, so that a
    window that slides (`transformations.WindowSlide`) reads what really came then, where a circular shift would glue
    its end to its start. Rows with room are for training on views; for a map cut them without.

    Attributes:
        length: samples of a window.
        stride: from the start of one window to that of the next; the length if None, so that none overlap.
        room: samples kept before and after the window.
        placement: where windows lie and what labels them.
        gaps: what becomes of missing samples.
        flat: what becomes of windows with a constant channel.

    Cost: O(windows · channels · samples), the size of the table.

    >>> record = Recording(np.arange(10.0)[None], rate=1, name="a")
    >>> table = Windows(4, 3)([record])
    >>> table.x[1].tolist(), table.ids.tolist(), table.item_shape
    ([3.0, 4.0, 5.0, 6.0], ['a:0', 'a:3', 'a:6'], (1, 4))

    Raises:
        SpecError: if length or stride is below 1, or the room below 0.
    """

    length: int
    stride: int | None = None
    room: tuple[int, int] = (0, 0)
    placement: Placement = field(default_factory=Sliding)
    gaps: Gaps = field(default_factory=SplitAtGaps)
    flat: FlatWindows = field(default_factory=RefuseFlat)

    def __post_init__(self) -> None:
        object.__setattr__(self, "room", tuple(self.room))
        if self.length < 1 or (self.stride is not None and self.stride < 1) or min(self.room) < 0:
            raise SpecError(
                f"Windows wants length and stride of 1 sample or more and room of 0 or more; got {self.length}, "
                f"{self.stride} and {self.room}. Pass samples, not seconds."
            )

    @property
    def cut(self) -> Cut:
        """The form of a window."""
        return Cut(self.length, self.stride or self.length, *self.room)

    def __call__(self, recordings: Sequence[Recording]) -> Table:
        """The windows of all records, record after record.

        Raises:
            DataError: if there is no record, two have one name, rates or channels differ, a record is shorter than a
                window, none has a window, or a channel of a window is constant (see `flat`).
        """
        _require_alike(recordings)
        parts = [self._of(recording) for recording in recordings]
        counts = [len(part.placed.start) for part in parts]
        if not sum(counts):
            raise DataError(
                f"Windows wants a place for {self._reach} samples; the {len(recordings)} records have none "
                f"({type(self.placement).__name__}, {type(self.gaps).__name__}). Shorten the window, bridge gaps with "
                "InterpolatedGaps, or look at the events."
            )
        samples = np.concatenate([part.samples for part in parts])
        start = np.concatenate([part.placed.start for part in parts])
        labels = [part.placed.label for part in parts]
        record = np.repeat(np.array([recording.name for recording in recordings]), counts)
        table = Table(
            samples.reshape(len(samples), -1),
            columns=tuple(f"{name}_{time}" for name in recordings[0].channels for time in range(samples.shape[2])),
            ids=np.char.add(np.char.add(record, ":"), start.astype(str)),
            label=None if labels[0] is None else np.concatenate([label for label in labels if label is not None]),
            metadata={"record": record, "sample": start, **_known(recordings, counts)},
            name=recordings[0].name if len(recordings) == 1 else f"{len(recordings)} records",
            item_shape=samples.shape[1:],
            item_axes=("channel", "time"),
        )
        return self.flat(table)

    @property
    def _reach(self) -> int:
        return self.length + sum(self.room)

    def _of(self, recording: Recording) -> _Cuts:
        if len(recording) < self._reach:
            room = f" with its room of {sum(self.room)}" if any(self.room) else ""
            raise DataError(
                f"Windows wants records of at least {self._reach} samples (a window of {self.length}{room}); record "
                f"{recording.name!r} has {len(recording)} ({recording.seconds:.3g} s at {recording.rate:g} Hz). "
                "Shorten the window, or leave the record out."
            )
        signal = self.gaps.bridged(recording.signal)
        placed = self.placement.place(recording.events, runs(signal), self.cut)
        views = np.lib.stride_tricks.sliding_window_view(signal, self._reach, axis=1)
        return _Cuts(views[:, placed.start - self.room[0]].transpose(1, 0, 2), placed)


def _require_alike(recordings: Sequence[Recording]) -> None:
    if not recordings:
        raise DataError("Windows wants at least one record; got none. Check the selection that made them.")
    first, names = recordings[0], set[str]()
    for recording in recordings:
        if recording.rate != first.rate:
            raise DataError(
                f"Windows wants records of one rate; {first.name!r} has {first.rate:g} Hz, {recording.name!r} has "
                f"{recording.rate:g} Hz. Bring them to one: [record.resampled({min(first.rate, recording.rate):g}) for "
                "record in records]."
            )
        if recording.channels != first.channels:
            raise DataError(
                f"Windows wants records with the same channels; {first.name!r} has {', '.join(first.channels)}, "
                f"{recording.name!r} has {', '.join(recording.channels)}. Choose with record.pick([...]) (or "
                "Signals(windows, channels=[...])), or give them the same names."
            )
        if recording.name in names:
            raise DataError(
                f"Windows wants a different name for every record; {recording.name!r} occurs more than once. Rename "
                "one: dataclasses.replace(record, name=...)."
            )
        names.add(recording.name)


def _known(recordings: Sequence[Recording], counts: Sequence[int]) -> dict[str, np.ndarray]:
    """What all records know of themselves, one entry per window."""
    return {name: np.repeat(np.array(values), counts) for name, values in _columns(recordings)}


def _columns(recordings: Sequence[Recording]) -> Iterator[tuple[str, list]]:
    subjects = [recording.subject for recording in recordings]
    if None not in subjects:
        yield "subject", subjects
    for name in recordings[0].facts:
        if all(name in recording.facts for recording in recordings):
            yield name, [recording.facts[name] for recording in recordings]
