"""Where in a record windows lie, and which label each gets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np
from jaxtyping import Int

from latentatlas.core import SpecError
from latentatlas.data.signals.recording import Events

__all__ = ["AroundEvents", "Cut", "InsideSegments", "NearestEvent", "Placed", "Placement", "Sliding"]


class Cut(NamedTuple):
    """The form of a window, in samples.

    Attributes:
        length: of the window.
        stride: from the start of one window to that of the next.
        before: samples of the record that are kept before the window.
        after: and after it.
    """

    length: int
    stride: int
    before: int = 0
    after: int = 0

    def starts(self, first: int, end: int) -> Int[np.ndarray, " windows"]:
        """Starts of the windows between two samples, at every stride from the first on."""
        return np.arange(first, end - self.length + 1, self.stride, dtype=np.int64)

    def fits(self, start: Int[np.ndarray, " windows"], runs: Int[np.ndarray, "runs 2"]) -> np.ndarray:
        """Whether each window and its room lie inside one run."""
        if not len(runs):
            return np.zeros(len(start), bool)
        run = runs[np.maximum(np.searchsorted(runs[:, 0], start - self.before, side="right") - 1, 0)]
        return (start - self.before >= run[:, 0]) & (start + self.length + self.after <= run[:, 1])


class Placed(NamedTuple):
    """Windows of one record.

    Attributes:
        start: first sample of each.
        label: of each; None where they have none.
    """

    start: Int[np.ndarray, " windows"]
    label: np.ndarray | None


class Placement(ABC):
    """Where windows lie."""

    @abstractmethod
    def place(self, events: Events, runs: Int[np.ndarray, "runs 2"], cut: Cut) -> Placed:
        """The windows of a record with these events and these stretches without missing samples."""


@final
@dataclass(frozen=True)
class Sliding(Placement):
    """At every stride of every stretch without missing samples, whatever happens there; without labels.

    >>> Sliding().place(Events.none(), np.array([[0, 10]]), Cut(length=4, stride=3)).start.tolist()
    [0, 3, 6]
    """

    def place(self, events: Events, runs: Int[np.ndarray, "runs 2"], cut: Cut) -> Placed:
        """All windows."""
        starts = [cut.starts(first + cut.before, end - cut.after) for first, end in runs.tolist()]
        return Placed(np.concatenate([np.empty(0, np.int64), *starts]), None)


@final
@dataclass(frozen=True)
class NearestEvent(Placement):
    """Like `Sliding`, each labelled by the event whose middle is nearest to the middle of the window.

    >>> events = Events.marks([1, 8], ["N", "V"])
    >>> NearestEvent().place(events, np.array([[0, 10]]), Cut(length=4, stride=3)).label.tolist()
    ['N', 'N', 'V']
    """

    def place(self, events: Events, runs: Int[np.ndarray, "runs 2"], cut: Cut) -> Placed:
        """All windows of a record that has events; none of another."""
        start, _ = Sliding().place(events, runs, cut)
        if not len(events.start):
            return Placed(start[:0], events.label[:0])
        order = np.argsort(events.start + events.end, kind="stable")
        middle = (events.start + events.end)[order]
        wanted = 2 * start + cut.length
        right = np.clip(np.searchsorted(middle, wanted), 1, max(1, len(middle) - 1))
        left = right - 1
        right = np.minimum(right, len(middle) - 1)
        nearest = np.where(wanted - middle[left] <= middle[right] - wanted, left, right)
        return Placed(start, events.label[order[nearest]])


@final
@dataclass(frozen=True)
class InsideSegments(Placement):
    """At every stride from the start of a labelled segment, wholly inside it; the room around may reach beyond.

    >>> events = Events(np.array([2]), np.array([9]), np.array(["walk"]))
    >>> InsideSegments().place(events, np.array([[0, 10]]), Cut(length=4, stride=3))
    Placed(start=array([2, 5]), label=array(['walk', 'walk'], dtype='<U4'))
    """

    def place(self, events: Events, runs: Int[np.ndarray, "runs 2"], cut: Cut) -> Placed:
        """The windows of each segment in order."""
        starts, numbers = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for number, (begin, stop) in enumerate(zip(events.start.tolist(), events.end.tolist(), strict=True)):
            for first, end in runs.tolist():
                found = cut.starts(max(begin, first + cut.before), stop)
                found = found[found + cut.length + cut.after <= end]
                starts.append(found)
                numbers.append(np.full(len(found), number))
        return Placed(np.concatenate(starts), events.label[np.concatenate(numbers)])


@final
@dataclass(frozen=True)
class AroundEvents(Placement):
    """One window for each event, which begins at sample `at` of it; events too near to an end or a gap have none.

    Attributes:
        at: where in the window the event begins.

    >>> events = Events.marks([1, 5], ["N", "V"])
    >>> AroundEvents(at=2).place(events, np.array([[0, 10]]), Cut(length=4, stride=1))
    Placed(start=array([3]), label=array(['V'], dtype='<U1'))
    """

    at: int

    def __post_init__(self) -> None:
        if self.at < 0:
            raise SpecError(
                f"AroundEvents wants the event at sample 0 or later of the window; got {self.at}. Raise it."
            )

    def place(self, events: Events, runs: Int[np.ndarray, "runs 2"], cut: Cut) -> Placed:
        """The windows of the events in order; the stride is not used."""
        start = events.start.astype(np.int64) - self.at
        kept = cut.fits(start, runs)
        return Placed(start[kept], events.label[kept])
