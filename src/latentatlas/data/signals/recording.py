"""One continuous record: its samples, how fast they came, whose they are, and what happened when."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, NamedTuple, final

import numpy as np
from jaxtyping import Float, Int

from latentatlas.core import DataError, ShapeError, SpecError, did_you_mean
from latentatlas.data.signals.gaps import interpolated

__all__ = ["Events", "Recording"]

_FINEST = 10_000  # largest denominator of a ratio of rates


class Events(NamedTuple):
    """What happened when: segments with a label, or marks that are one sample long.

    Attributes:
        start: first sample of each.
        end: the sample after its last.
        label: what it is.

    >>> Events.marks([10, 50], ["N", "V"]).end.tolist()
    [11, 51]
    """

    start: Int[np.ndarray, " events"]
    end: Int[np.ndarray, " events"]
    label: np.ndarray

    @classmethod
    def none(cls) -> Events:
        """No events."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, "U1"))

    @classmethod
    def marks(cls, positions: Sequence[int] | np.ndarray, label: Sequence[Any] | np.ndarray) -> Events:
        """Events of one sample each."""
        start = np.asarray(positions, np.int64)
        return cls(start, start + 1, np.asarray(label))

    @classmethod
    def segments(cls, label: np.ndarray) -> Events:
        """The runs of equal labels in a column that has one for each sample; None and "" are no label.

        >>> Events.segments(np.array(["sit", "sit", "walk"]))
        Events(start=array([0, 2]), end=array([2, 3]), label=array(['sit', 'walk'], dtype='<U4'))
        """
        column = np.array(["" if each is None else str(each) for each in label.tolist()])
        if not len(column):
            return cls.none()
        start = np.flatnonzero(np.append(True, column[1:] != column[:-1]))
        end = np.append(start[1:], len(column))
        kept = column[start] != ""
        return cls(start[kept], end[kept], column[start[kept]])


@final
@dataclass(frozen=True, eq=False)
class Recording:
    """A continuous record of one or more channels. NaN marks samples that are missing.

    Attributes:
        signal: (channels, time), stored as float32.
        rate: samples per second, in Hz.
        name: of the record, different for each; errors and row ids name it.
        subject: whose record it is; None where that is not known.
        channels: their names; `channel0`, `channel1`, … if none are given.
        events: what happened when.
        facts: what else is known of the whole record; becomes columns of a table.

    >>> record = Recording(np.zeros((1, 720)), rate=360, name="a")
    >>> record.channels, record.seconds
    (('channel0',), 2.0)

    Raises:
        ShapeError: if the signal is not (channels, time), or names or events do not match it.
        DataError: if it holds infinite numbers, a channel name occurs twice, or an event lies outside.
        SpecError: if the rate is not positive.
    """

    signal: Float[np.ndarray, "channels time"]
    rate: float
    name: str
    subject: str | None = None
    channels: tuple[str, ...] = ()
    events: Events = field(default_factory=Events.none)
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        signal = np.asarray(self.signal)
        if signal.ndim != 2 or not signal.size or signal.dtype.kind not in "biuf":
            raise ShapeError(
                f"Recording {self.name!r} wants numbers as (channels, time), at least one of each; got "
                f"{signal.dtype} of shape {signal.shape}. Pass signal[None] for one channel, signal.T if time runs "
                "down."
            )
        if not (self.rate > 0 and math.isfinite(self.rate)):
            raise SpecError(
                f"Recording {self.name!r} wants a rate above 0 Hz; got {self.rate}. Pass samples per second."
            )
        object.__setattr__(self, "signal", np.ascontiguousarray(signal, np.float32))
        object.__setattr__(self, "channels", tuple(self.channels) or tuple(f"channel{i}" for i in range(len(signal))))
        if np.isinf(self.signal).any():
            channel, sample = (int(each) for each in np.argwhere(np.isinf(self.signal))[0])
            raise DataError(
                f"Recording {self.name!r} wants finite numbers, or NaN where samples are missing; channel "
                f"{self.channels[channel]!r} is infinite at sample {sample}. Set it to NaN."
            )
        self._check_names()
        self._check_events()

    def __len__(self) -> int:
        return self.signal.shape[1]

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self) / self.rate

    def pick(self, channels: Sequence[str]) -> Recording:
        """The record with these channels in this order.

        >>> Recording(np.eye(2), rate=1, name="a", channels=("x", "y")).pick(["y"]).signal.tolist()
        [[0.0, 1.0]]

        Raises:
            DataError: if it lacks one.
        """
        for name in channels:
            if name not in self.channels:
                raise DataError(f"Recording {self.name!r} has no channel {name!r}. {did_you_mean(name, self.channels)}")
        rows = [self.channels.index(name) for name in channels]
        return replace(self, signal=self.signal[rows], channels=tuple(channels))

    def relabelled(self, classes: Mapping[str, str]) -> Recording:
        """The record with the labels of its events put into classes; events of other labels are left out.

        >>> record = Recording(np.zeros((1, 9)), rate=1, name="a", events=Events.marks([2, 4], ["N", "+"]))
        >>> record.relabelled({"N": "normal"}).events.label.tolist()
        ['normal']
        """
        kept = np.array([label in classes for label in self.events.label.tolist()], bool)
        start, end, label = (column[kept] for column in self.events)
        return replace(self, events=Events(start, end, np.array([classes[each] for each in label.tolist()], dtype=str)))

    def resampled(self, rate: float) -> Recording:
        """The record at another rate: up, low-pass, down (polyphase), with the events moved along.

        Missing samples are bridged for the filter and are missing again afterwards. The filter has no delay. Cost:
        O(channels · time · taps).

        >>> Recording(np.ones((1, 100)), rate=50, name="a").resampled(25).signal.shape
        (1, 50)

        Raises:
            SpecError: if the rate is not positive, or no ratio of whole numbers up to 10,000 leads to it.
        """
        from scipy.signal import resample_poly

        if not (rate > 0 and math.isfinite(rate)):
            raise SpecError(
                f"Recording {self.name!r} wants a new rate above 0 Hz; got {rate}. Pass samples per second."
            )
        ratio = Fraction(rate / self.rate).limit_denominator(_FINEST)
        if not ratio or abs(float(ratio) * self.rate / rate - 1) > 1e-6:
            raise SpecError(
                f"Recording {self.name!r} cannot go from {self.rate:g} to {rate:g} Hz: the ratio is too uneven. Take a "
                "rate nearer to its own."
            )
        missing = np.isnan(self.signal)
        whole = np.stack([interpolated(channel) for channel in self.signal])
        signal = resample_poly(whole, ratio.numerator, ratio.denominator, axis=1, padtype="line").astype(np.float32)
        if missing.any():
            nearest = np.minimum(np.round(np.arange(signal.shape[1]) / float(ratio)), len(self) - 1).astype(np.int64)
            signal[missing[:, nearest]] = np.nan
        return replace(self, signal=signal, rate=float(rate), events=_moved(self.events, ratio, signal.shape[1]))

    def scaled(self) -> Recording:
        """Each channel as (signal − median) / (99th − 1st percentile) of the whole record, without units.

        An artefact cannot set the scale. A channel that does not vary so much becomes 0.

        >>> bool(np.abs(Recording(np.arange(101.0)[None], rate=1, name="a").scaled().signal).max() < 0.52)
        True
        """
        low, middle, high = np.nanpercentile(self.signal, (1, 50, 99), axis=1, keepdims=True)
        spread = high - low
        return replace(self, signal=(self.signal - middle) / np.where(spread > 0, spread, np.inf))

    def _check_names(self) -> None:
        if len(self.channels) != len(self.signal):
            raise ShapeError(
                f"Recording {self.name!r} wants one name per channel; the signal has {len(self.signal)} channels, "
                f"{len(self.channels)} names came ({', '.join(self.channels)}). Pass matching names, or none."
            )
        if len(set(self.channels)) < len(self.channels):
            raise DataError(
                f"Recording {self.name!r} wants channel names that differ; got {', '.join(self.channels)}. Rename one."
            )

    def _check_events(self) -> None:
        if len({len(column) for column in self.events}) > 1:
            raise ShapeError(
                f"Recording {self.name!r} wants a start, an end and a label for every event; got "
                f"{', '.join(str(len(column)) for column in self.events)}. Pass matching columns."
            )
        outside = (self.events.start < 0) | (self.events.end > len(self)) | (self.events.start >= self.events.end)
        if outside.any():
            first = int(outside.argmax())
            raise DataError(
                f"Recording {self.name!r} wants events inside its {len(self)} samples, each with an end after its "
                f"start; event {first} goes from {self.events.start[first]} to {self.events.end[first]}. Correct it."
            )


def _moved(events: Events, ratio: Fraction, length: int) -> Events:
    """Events at their new samples, at least one sample long."""
    start = np.minimum(np.round(events.start * float(ratio)).astype(np.int64), length - 1)
    end = np.clip(np.round(events.end * float(ratio)).astype(np.int64), start + 1, length)
    return Events(start, end, events.label)
